use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::testing::chunked;

/// A block as it is understood: data, event, whether there is any field.
type Understood = (Option<Vec<u8>>, Option<Vec<u8>>, bool);

fn understood(block: &Block<'_>) -> Understood {
    (
        block.data().map(Cow::into_owned),
        block.event().map(<[u8]>::to_vec),
        !block.is_comment_only(),
    )
}

/// The standard's parser, a byte at a time, which also keeps a last block without its blank line.
fn reference(stream: &[u8]) -> Vec<Understood> {
    let mut lines = vec![Vec::new()];
    let mut after_return = false;
    for &byte in stream.strip_prefix(BOM).unwrap_or(stream) {
        let joins = after_return && byte == b'\n';
        after_return = byte == b'\r';
        match byte {
            _ if joins => {}
            b'\n' | b'\r' => lines.push(Vec::new()),
            _ => lines.last_mut().unwrap().push(byte),
        }
    }
    let groups = lines.split(Vec::is_empty).filter(|group| !group.is_empty());
    groups.map(group_of).collect()
}

fn group_of(lines: &[Vec<u8>]) -> Understood {
    let mut data: Option<Vec<u8>> = None;
    let mut event = None;
    let mut fields = false;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':');
        let name = &line[..colon.unwrap_or(line.len())];
        let mut value = colon.map_or(&[][..], |colon| &line[colon + 1..]);
        if value.first() == Some(&b' ') {
            value = &value[1..];
        }
        fields |= !name.is_empty();
        if name == b"event" {
            event = Some(value.to_vec());
        } else if name == b"data" {
            data = Some(match data {
                Some(earlier) => [&earlier[..], b"\n", value].concat(),
                None => value.to_vec(),
            });
        }
    }
    (data, event, fields)
}

const LINES: [&str; 16] = [
    "data: {\"a\":1}",
    "data:x",
    "data:  two spaces",
    "data",
    "data:",
    "data: [DONE]",
    "event: error",
    "event",
    ": comment",
    ":",
    "id: 7",
    "retry: 10",
    "nonsense",
    "datax: no",
    "data: é",
    "",
];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![4 => select(&LINES[..]), 3 => Just("")];
    let ended = (line, select(vec!["\n", "\n", "\r\n", "\r"]))
        .prop_map(|(line, end)| format!("{line}{end}"));
    (
        any::<bool>(),
        vec(ended, 0..20),
        select(vec!["", "", "data: tail", ": tail"]),
    )
        .prop_map(|(bom, lines, tail)| {
            let bom = if bom { BOM } else { b"" };
            [bom, lines.concat().as_bytes(), tail.as_bytes()].concat()
        })
}

/// Where the last blank line ends, if it is known where it ends.
fn complete(text: &[u8]) -> usize {
    let text = if text.ends_with(b"\n\r") {
        &text[..text.len() - 1]
    } else {
        text
    };
    let mut end = 0;
    let mut line = 0;
    while let Some(length) = text[line..].iter().position(|byte| is_line_end(*byte)) {
        let behind = line
            + length
            + if text[line + length..].starts_with(b"\r\n") {
                2
            } else {
                1
            };
        if length == 0 {
            end = behind;
        }
        line = behind;
    }
    end
}

/// Every run that a framer gives, its last block included, and what was pending before that.
fn framed(chunks: Vec<Vec<u8>>) -> (Vec<Bytes>, Vec<u8>) {
    let mut framer = Framer::new(1 << 20);
    let mut runs: Vec<Bytes> = chunks
        .into_iter()
        .map(|chunk| framer.push(chunk.into()).unwrap())
        .collect();
    let given = runs.concat();
    runs.extend(framer.finish());
    (runs, given)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a02_any_chunking_gives_the_same_bytes_and_the_same_blocks(stream in stream(), cuts in vec(any::<u16>(), 0..8)) {
        let (runs, given) = framed(chunked(&stream, &cuts));
        let bare = stream.strip_prefix(BOM).unwrap_or(&stream);
        prop_assert!(bare.starts_with(&given));
        let whole = runs.concat();
        // All but blank lines that end nothing, and perhaps a terminator more.
        let (short, long) = if whole.len() < bare.len() { (&whole[..], bare) } else { (bare, &whole[..]) };
        prop_assert!(long.starts_with(short) && long[short.len()..].iter().all(|byte| is_line_end(*byte)));

        let seen: Vec<_> = runs.iter().flat_map(|run| blocks(run)).map(|block| understood(&block)).collect();
        prop_assert_eq!(seen, reference(&stream));
    }

    #[test]
    fn nothing_complete_is_held_back(stream in stream(), cuts in vec(any::<u16>(), 0..8)) {
        let stream = stream.strip_prefix(BOM).unwrap_or(&stream);
        let mut framer = Framer::new(1 << 20);
        let (mut pushed, mut given, mut expected) = (0, 0, 0);
        for chunk in chunked(stream, &cuts) {
            pushed += chunk.len();
            given += framer.push(chunk.into()).unwrap().len();
            expected += complete(&stream[expected..pushed]);
            prop_assert_eq!(given, expected);
            prop_assert_eq!(framer.pending(), pushed - given);
        }
        if let Some(last) = framer.finish() {
            let extended = [&last[..], b"x"].concat();
            prop_assert_eq!(complete(&extended), last.len());
        }
    }

    #[test]
    fn chunks_of_one_byte_give_the_same_blocks(stream in stream()) {
        let (runs, _) = framed(stream.iter().map(|byte| vec![*byte]).collect());
        let seen: Vec<_> = runs.iter().flat_map(|run| blocks(run)).map(|block| understood(&block)).collect();
        prop_assert_eq!(seen, reference(&stream));
    }

    #[test]
    fn blocks_tile_their_run(stream in stream()) {
        let mut behind = 0;
        for block in blocks(&stream) {
            prop_assert!(stream[behind..block.start].iter().all(|byte| is_line_end(*byte)));
            prop_assert_eq!(&stream[block.start..block.start + block.raw.len()], block.raw);
            behind = block.start + block.raw.len();
        }
        prop_assert!(stream[behind..].iter().all(|byte| is_line_end(*byte)));
    }

    #[test]
    fn any_bytes_are_framed_without_loss(bytes in vec(select(b"\n\r:ad \xef\xbb\xbf".to_vec()), 0..60), cuts in vec(any::<u16>(), 0..6)) {
        let (runs, given) = framed(chunked(&bytes, &cuts));
        prop_assert!(bytes.strip_prefix(BOM).unwrap_or(&bytes).starts_with(&given));
        let whole: Vec<_> = runs.iter().flat_map(|run| blocks(run)).map(|block| understood(&block)).collect();
        let (runs, _) = framed(vec![bytes]);
        let once: Vec<_> = runs.iter().flat_map(|run| blocks(run)).map(|block| understood(&block)).collect();
        prop_assert_eq!(whole, once);
    }

    #[test]
    fn what_is_encoded_is_read_back(data in "[a-z :\n\r]{0,20}") {
        let mut out = Vec::new();
        encode_data(&mut out, data.as_bytes());
        let read: Vec<_> = blocks(&out).map(|block| block.data().unwrap().into_owned()).collect();
        let lines = data.replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!(read, vec![lines.into_bytes()]);
        prop_assert!(out.ends_with(b"\n\n"));
    }
}

#[test]
fn complete_chunks_are_given_back_as_they_are() {
    let mut framer = Framer::new(1000);
    let chunk = Bytes::from(b"data: a\n\ndata: b\n\n".to_vec());
    let run = framer.push(chunk.clone()).unwrap();
    assert_eq!((run.as_ptr(), run.len()), (chunk.as_ptr(), chunk.len()));

    let chunk = Bytes::from(b"data: c\n\ndata: d".to_vec());
    let run = framer.push(chunk.clone()).unwrap();
    assert_eq!(
        (run.as_ptr(), &run[..]),
        (chunk.as_ptr(), &b"data: c\n\n"[..])
    );
    assert_eq!(framer.pending(), 7);
    assert_eq!(
        framer.push(Bytes::from_static(b"\n\ndata: e\n")).unwrap(),
        "data: d\n\n"
    );
    assert_eq!(framer.finish().unwrap(), "data: e\n\n");
    assert_eq!(framer.finish(), None);
}

#[test]
fn a02_a_border_inside_the_line_ends_changes_nothing() {
    let stream = b"data: a\r\n\r\ndata: b\r\n\r\n";
    for cut in 0..stream.len() {
        let mut framer = Framer::new(1000);
        let first = framer.push(Bytes::copy_from_slice(&stream[..cut])).unwrap();
        let second = framer.push(Bytes::copy_from_slice(&stream[cut..])).unwrap();
        assert_eq!([&first[..], &second[..]].concat(), stream, "{cut}");
        assert_eq!(framer.pending(), 0);
        let datas: Vec<_> = [first, second]
            .iter()
            .flat_map(|run| {
                blocks(run)
                    .map(|b| b.data().unwrap().into_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(datas, [b"a", b"b"], "{cut}");
    }
}

#[test]
fn streams_of_carriage_returns_are_not_held_back() {
    let mut framer = Framer::new(1000);
    assert_eq!(
        framer.push(Bytes::from_static(b"data: a\r\r")).unwrap(),
        "data: a\r\r"
    );
    assert_eq!(framer.push(Bytes::from_static(b"data: b\n\r")).unwrap(), "");
    assert_eq!(
        framer.push(Bytes::from_static(b"data: c\n")).unwrap(),
        "data: b\n\r"
    );
}

#[test]
fn a02_the_mark_at_the_start_is_dropped_in_any_chunking() {
    let stream = b"\xef\xbb\xbfdata: a\n\n";
    for cut in 0..stream.len() {
        let (runs, _) = framed(vec![stream[..cut].to_vec(), stream[cut..].to_vec()]);
        assert_eq!(runs.concat(), b"data: a\n\n", "{cut}");
    }
    assert_eq!(framed(vec![b"\xef\xbb\xbf".to_vec()]).0.concat(), b"");
    let later = b"data: a\n\n\xef\xbb\xbfdata: b\n\n";
    let chunks = vec![later[..9].to_vec(), later[9..].to_vec()];
    assert_eq!(framed(chunks).0.concat(), later);
}

#[test]
fn an_event_over_the_bound_is_an_error_however_it_comes() {
    let event = b"data: 0123456789\n\n";
    let stream = [&event[..], event].concat();
    for size in 1..=stream.len() {
        let push_all = |limit| {
            let mut framer = Framer::new(limit);
            stream.chunks(size).try_fold(0, |sum, chunk| {
                Ok(sum + framer.push(Bytes::copy_from_slice(chunk))?.len())
            })
        };
        assert_eq!(push_all(event.len()), Ok(stream.len()), "{size}");
        let error: FrameTooLong = push_all(event.len() - 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "an event of the stream is larger than the limit of 17 bytes"
        );
    }
}

#[test]
fn an_event_over_the_bound_is_not_waited_for() {
    let mut framer = Framer::new(10);
    assert_eq!(framer.push(Bytes::from_static(b"data: 0123")).unwrap(), "");
    assert_eq!(
        framer.push(Bytes::from_static(b"4")),
        Err(FrameTooLong { limit: 10 })
    );
}

#[test]
fn blocks_know_what_they_are() {
    let run = b": hi\n\nevent: error\ndata: {}\n\ndata: [DONE]\n\ndata: a\ndata: [DONE]\n\ndata:[DONE] \r\n\r\n";
    let seen: Vec<_> = blocks(run)
        .map(|b| {
            (
                b.is_comment_only(),
                b.is_done(),
                b.event() == Some(b"error"),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (true, false, false),
            (false, false, true),
            (false, true, false),
            (false, false, false),
            (false, true, false)
        ]
    );
    assert!(blocks(b"data: [DONE]\ndata: a\n\n").all(|block| !block.is_done()));
    assert!(blocks(HEARTBEAT).all(|block| block.is_comment_only()));
    assert!(blocks(DONE).all(|block| block.is_done()));
}
