//! Streams of JSON lines, cut into lines.

use bytes::Bytes;
use wire::ndjson::{Framer, LineTooLong, lines};

use crate::input::Input;

const UNBOUNDED: usize = 1 << 24;

fn framed(pieces: Vec<Bytes>, limit: usize) -> Result<Vec<Vec<u8>>, LineTooLong> {
    let mut framer = Framer::new(limit);
    let mut found = Vec::new();
    for piece in pieces {
        found.extend(lines(&framer.push(piece)?).map(<[u8]>::to_vec));
    }
    let last = framer.finish().unwrap_or_default();
    found.extend(lines(&last).map(<[u8]>::to_vec));
    assert_eq!(framer.finish(), None, "a stream ends once");
    Ok(found)
}

pub(crate) fn check(input: &Input<'_>) {
    let whole = framed(input.whole(), UNBOUNDED);
    assert!(whole.is_ok(), "nothing is longer than what has no bound");
    assert_eq!(whole, framed(input.pieces(), UNBOUNDED));

    let bare = input
        .data
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(input.data);
    let expected = bare.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let expected: Vec<_> = expected.filter(|line| !line.is_empty()).collect();
    assert_eq!(whole.unwrap_or_default(), expected);

    let limit = usize::from(input.knob);
    if let Ok(bounded) = framed(input.pieces(), limit) {
        assert_eq!(bounded, expected);
        assert!(bounded.iter().all(|line| line.len() <= limit));
    } else {
        let longest = input.data.split(|byte| *byte == b'\n').map(<[u8]>::len);
        assert!(
            longest.max() > Some(limit),
            "a line within the bound was refused"
        );
    }
}
