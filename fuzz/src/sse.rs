//! Event streams, cut into blocks.

use std::borrow::Cow;

use bytes::Bytes;
use wire::sse::{Block, FrameTooLong, Framer, blocks, encode_data};

use crate::input::Input;

/// A bound that no input reaches.
const UNBOUNDED: usize = 1 << 24;

/// What a block says: its data, its name, whether it says anything.
type Said = (Option<Vec<u8>>, Option<Vec<u8>>, bool);

/// What a stream comes to.
#[derive(Debug, Default, PartialEq)]
struct Framed {
    said: Vec<Said>,
    bytes: usize,
    longest: usize,
}

fn said(block: &Block<'_>) -> Said {
    (
        block.data().map(Cow::into_owned),
        block.event().map(<[u8]>::to_vec),
        !block.is_comment_only(),
    )
}

fn framed(pieces: Vec<Bytes>, limit: usize) -> Result<Framed, FrameTooLong> {
    let mut framer = Framer::new(limit);
    let mut all = Framed::default();
    let mut pushed = 0;
    for piece in pieces {
        pushed += piece.len();
        let run = framer.push(piece)?;
        assert!(framer.pending() <= limit, "more is kept than the bound");
        all.take(&run);
        assert!(
            all.bytes + framer.pending() + 3 >= pushed,
            "bytes were lost"
        );
    }
    if let Some(last) = framer.finish() {
        all.take(&last);
    }
    Ok(all)
}

impl Framed {
    fn take(&mut self, run: &[u8]) {
        self.bytes += run.len();
        let mut behind = 0;
        for block in blocks(run) {
            let between = &run[behind..block.start];
            assert!(between.iter().all(|byte| b"\r\n".contains(byte)));
            behind = block.start + block.raw.len();
            assert_eq!(&run[block.start..behind], block.raw);
            self.longest = self.longest.max(block.raw.len());
            self.said.push(said(&block));
        }
        assert!(run[behind..].iter().all(|byte| b"\r\n".contains(byte)));
    }
}

pub(crate) fn check(input: &Input<'_>) {
    let whole = framed(input.whole(), UNBOUNDED);
    let cut = framed(input.pieces(), UNBOUNDED);
    let (Ok(whole), Ok(cut)) = (whole, cut) else {
        unreachable!("nothing is longer than what has no bound");
    };
    assert_eq!(whole.said, cut.said);
    assert!(whole.bytes <= input.data.len() + 2, "bytes were made");

    let limit = usize::from(input.knob);
    if let Ok(bounded) = framed(input.pieces(), limit) {
        assert_eq!(bounded.said, whole.said);
        // Its last block may be ended for it.
        assert!(
            bounded.longest <= limit + 2,
            "a block is longer than the bound"
        );
    }
    written(input.data);
}

/// What is written as an event's data is read as that, but for how its lines end.
fn written(data: &[u8]) {
    let mut out = Vec::new();
    encode_data(&mut out, data);
    let mut read = blocks(&out);
    let block = read
        .next()
        .and_then(|block| block.data().map(Cow::into_owned));
    let mut lines = Vec::with_capacity(data.len());
    let mut after_return = false;
    for byte in data {
        if !(after_return && *byte == b'\n') {
            lines.push(if *byte == b'\r' { b'\n' } else { *byte });
        }
        after_return = *byte == b'\r';
    }
    assert_eq!(block, Some(lines));
    assert!(read.next().is_none(), "one event became several");
}
