//! What the fuzz targets found, each as a case: streams of vendors that do not keep their own
//! protocol, and what a client gets all the same.
#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use bytes::Bytes;
use wire::fault::{Fault, Kind};
use wire::ir::{Break, Face, Reader, Recall, Translation, Writer};
use wire::{anthropic, cohere, converse, eventstream, gemini, openai};

const MAX: usize = 1 << 16;

fn to_openai(reader: impl Reader + 'static) -> Translation {
    translation(reader, openai::ChunkWriter::new(Face::default()))
}

fn to_messages(reader: impl Reader + 'static) -> Translation {
    translation(reader, anthropic::MessageWriter::new(Face::default()))
}

fn translation(reader: impl Reader + 'static, writer: impl Writer + 'static) -> Translation {
    Translation::new(Box::new(reader), Box::new(writer))
}

/// What the client gets of a stream that comes in these pieces, and how it ended.
fn told(mut stream: Translation, pieces: &[&[u8]]) -> (Result<(), Break>, String) {
    let mut out = Vec::new();
    let ended = pieces
        .iter()
        .try_for_each(|piece| stream.push(Bytes::copy_from_slice(piece), &mut out))
        .and_then(|()| stream.end(&mut out));
    if ended.is_err() {
        stream.fail(&Fault::new(Kind::UpstreamError), &mut out);
    }
    (ended, String::from_utf8(out).unwrap())
}

/// An event stream of these names and payloads.
fn frames(events: &[(&str, &str)]) -> Vec<u8> {
    let mut frames = Vec::new();
    for (name, payload) in events {
        let headers = [
            (":message-type", eventstream::Value::Text("event")),
            (":event-type", eventstream::Value::Text(name)),
        ];
        eventstream::encode(&mut frames, &headers, payload.as_bytes()).unwrap();
    }
    frames
}

const BLOCK: &str = "event: content_block_start\n\
    data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"a\"}}\n\n";
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const ERROR: &str = "event: error\n\
    data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n";

#[test]
fn an_error_behind_the_last_event_comes_too_late_however_it_is_cut() {
    let whole = [STOP, ERROR].concat();
    for pieces in [
        &[whole.as_bytes()][..],
        &[STOP.as_bytes(), ERROR.as_bytes()],
    ] {
        let reader = anthropic::reader(Recall::default(), MAX);
        let (ended, out) = told(to_messages(reader), pieces);
        assert_eq!(ended, Ok(()));
        assert_eq!(out.matches("event: message_stop").count(), 1, "{out}");
        assert!(!out.contains("event: error"), "{out}");
    }
}

#[test]
fn a_stream_that_failed_is_told_so_once() {
    let mut stream = to_openai(openai::reader(MAX));
    let mut out = Vec::new();
    let fault = Fault::new(Kind::UpstreamError);
    stream.fail(&fault, &mut out);
    stream.fail(&fault, &mut out);
    assert_eq!(String::from_utf8(out).unwrap().matches("data:").count(), 1);
}

#[test]
fn a_stream_without_its_beginning_has_one_for_the_client() {
    let stream = [BLOCK, STOP].concat();
    let reader = anthropic::reader(Recall::default(), MAX);
    let (ended, out) = told(to_messages(reader), &[stream.as_bytes()]);
    assert_eq!(ended, Ok(()));
    assert!(out.starts_with("event: message_start\n"), "{out}");

    let (ended, out) = told(to_messages(openai::reader(MAX)), &[b"data: [DONE]\n\n"]);
    assert_eq!(ended, Ok(()));
    assert!(out.starts_with("event: message_start\n"), "{out}");

    let stream = "data: {\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":\
        {\"content\":{\"type\":\"text\",\"text\":\"a\"}}}}\n\n\
        data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\"}}\n\n";
    let reader = cohere::reader(Recall::default(), MAX);
    let (ended, out) = told(to_messages(reader), &[stream.as_bytes()]);
    assert_eq!(ended, Ok(()));
    assert!(out.starts_with("event: message_start\n"), "{out}");
}

/// A block that was opened again under its number, or behind the end of the message.
#[test]
fn what_a_vendor_leaves_open_is_closed_for_the_client() {
    let stream = [BLOCK, BLOCK, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n", STOP].concat();
    let reader = anthropic::reader(Recall::default(), MAX);
    assert_closed(&told(to_messages(reader), &[stream.as_bytes()]), 2);

    let frames = frames(&[
        ("messageStart", r#"{"role":"assistant"}"#),
        ("messageStop", r#"{"stopReason":"end_turn"}"#),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":5,"delta":{"text":"late"}}"#,
        ),
        (
            "metadata",
            r#"{"usage":{"inputTokens":1,"outputTokens":1}}"#,
        ),
    ]);
    let reader = converse::reader(Recall::default(), MAX);
    assert_closed(&told(to_messages(reader), &[&frames]), 1);
}

fn assert_closed((ended, out): &(Result<(), Break>, String), blocks: usize) {
    assert_eq!(*ended, Ok(()));
    let count = |name: &str| out.matches(&format!("event: {name}\n")).count();
    assert_eq!(
        (count("content_block_start"), count("content_block_stop")),
        (blocks, blocks),
        "{out}"
    );
}

#[test]
fn blanks_before_a_stream_change_nothing_however_they_are_cut() {
    let read = |pieces: &[&[u8]]| {
        let reader = gemini::reader(Recall::default(), MAX);
        told(to_openai(reader), pieces)
    };
    let event =
        r#"data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#;
    for (body, good) in [
        ("[{\"candidates\": nonsense}]", false),
        (event, true),
        ("data: nonsense", false),
    ] {
        let body = format!(" \t\n{body}\n\n");
        let (blanks, rest) = body.as_bytes().split_at(3);
        let whole = read(&[body.as_bytes()]);
        assert_eq!(whole, read(&[blanks, rest]));
        assert_eq!(whole.0.is_ok(), good, "{body}: {whole:?}");
    }
}

#[test]
fn an_event_is_one_line_whatever_blanks_a_vendors_members_hold() {
    let frames = frames(&[
        (
            "contentBlockDelta",
            "{\"contentBlockIndex\":0,\"delta\":{\"citation\":\r{\"title\":\"Doc\",\n\n\"source\":\r\"d\"}}}",
        ),
        ("messageStop", r#"{"stopReason":"end_turn"}"#),
        ("metadata", "{\"metrics\":{\n\n\"latencyMs\":1}}"),
    ]);
    for door in [to_messages, to_openai] {
        let (ended, out) = told(door(converse::reader(Recall::default(), MAX)), &[&frames]);
        assert_eq!(ended, Ok(()));
        for block in wire::sse::blocks(out.as_bytes()).filter(|block| !block.is_done()) {
            let data = block.data().unwrap();
            assert_eq!(wire::json::check(&data), Ok(()), "{out}");
        }
    }
}

/// An answer with a hole in it must not pass for one that is whole.
#[test]
fn words_that_belong_to_no_block_break_the_stream() {
    let stray = "data: {\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"text_delta\",\"text\":\"b\"}}\n\n";
    let other = "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n";
    let claude = |delta: &str| {
        let stream = [BLOCK, delta, STOP].concat();
        told(
            to_openai(anthropic::reader(Recall::default(), MAX)),
            &[stream.as_bytes()],
        )
    };
    let cohere = "data: {\"type\":\"tool-call-delta\",\"index\":3,\"delta\":{\"message\":{\"tool_calls\":\
        {\"function\":{\"arguments\":\"{}\"}}}}}\n\n";
    let cohere = told(
        to_openai(cohere::reader(Recall::default(), MAX)),
        &[cohere.as_bytes()],
    );
    let converse = |events: &[(&str, &str)]| {
        let stream = frames(events);
        told(
            to_openai(converse::reader(Recall::default(), MAX)),
            &[&stream],
        )
    };
    let call = r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{}"}}}"#;
    let thought = r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}"#;
    let text = r#"{"contentBlockIndex":0,"delta":{"text":"a"}}"#;
    let own = r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{}"}}}"#;
    let hidden =
        r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"aGk="}}}"#;
    let openai = |delta: &str, choice: u32| {
        let chunk = format!(
            "data: {{\"choices\":[{{\"index\":{choice},\"delta\":{delta},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
        );
        told(to_messages(openai::reader(MAX)), &[chunk.as_bytes()])
    };
    let gemini = |call: &str| {
        let answer = format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"functionCall\":{call}}}]}},\"finishReason\":\"STOP\"}}]}}\n\n"
        );
        let reader = gemini::reader(Recall::default(), MAX);
        told(to_openai(reader), &[answer.as_bytes()])
    };
    for ((ended, out), expected) in [
        (claude(stray), "more of block 7, which is not open"),
        (claude(other), "arguments in a block of text"),
        (cohere, "arguments of call 3, which did not begin"),
        (
            converse(&[("contentBlockDelta", call)]),
            "more of block 2, a tool call that nobody named",
        ),
        (
            converse(&[("contentBlockDelta", thought), ("contentBlockDelta", text)]),
            "text in a block of reasoning",
        ),
        (
            converse(&[("contentBlockDelta", hidden), ("contentBlockDelta", text)]),
            "words in a block that holds none",
        ),
        (
            converse(&[
                ("contentBlockDelta", hidden),
                ("contentBlockDelta", thought),
            ]),
            "words in a block that holds none",
        ),
        (
            converse(&[("contentBlockDelta", hidden), ("contentBlockDelta", own)]),
            "arguments in a block that holds none",
        ),
        (
            openai(
                "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}",
                0,
            ),
            "a call names no tool",
        ),
        (
            openai("{\"content\":\"a\"}", 4000),
            "there is a choice 4000",
        ),
        (gemini("{\"args\":{\"a\":1}}"), "a call names no tool"),
        (
            gemini("{\"partialArgs\":[{\"jsonPath\":\"$.a\",\"stringValue\":\"b\"}]}"),
            "a call names no tool",
        ),
    ] {
        assert_eq!(ended, Err(Break::Malformed(expected.to_owned())), "{out}");
        assert!(!out.contains("[DONE]"), "{out}");
    }
}

/// A piece without words leaves no hole, and none counts behind the end that was told.
#[test]
fn what_says_nothing_or_comes_behind_the_end_breaks_nothing() {
    const HIDDEN: &str = "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"x\"}}\n\n";
    const END: &str =
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n";
    let claude = |events: &[&str]| {
        let stream = events.concat();
        told(
            to_openai(anthropic::reader(Recall::default(), MAX)),
            &[stream.as_bytes()],
        )
    };
    let more = |index: u64, delta: &str| {
        format!(
            "data: {{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{delta}}}\n\n"
        )
    };
    for (delta, says) in [
        (r#"{"type":"text_delta","text":""}"#, false),
        (r#"{"type":"thinking_delta","thinking":""}"#, false),
        (r#"{"type":"input_json_delta","partial_json":""}"#, false),
        (r#"{"type":"signature_delta","signature":"s"}"#, false),
        (r#"{"type":"citations_delta","citation":null}"#, false),
        (r#"{"type":"invented_delta","invented":{"a":1}}"#, false),
        (r#"{"type":"text_delta","text":"b"}"#, true),
        (r#"{"type":"thinking_delta","thinking":"b"}"#, true),
        (r#"{"type":"input_json_delta","partial_json":"{"}"#, true),
        (
            r#"{"type":"citations_delta","citation":{"type":"char_location","cited_text":"b"}}"#,
            true,
        ),
    ] {
        for (index, why) in [(7, "not open"), (1, "hidden")] {
            let (ended, out) = claude(&[BLOCK, HIDDEN, &more(index, delta), END, STOP]);
            let what = format!("more of block {index}, which is {why}");
            let expected = if says {
                Err(Break::Malformed(what))
            } else {
                Ok(())
            };
            assert_eq!(ended, expected, "{delta}");
            assert_eq!(out.contains("[DONE]"), !says, "{out}");
        }
        for index in [0, 1, 7] {
            let (ended, out) = claude(&[BLOCK, HIDDEN, END, &more(index, delta), STOP]);
            assert_eq!(ended, Ok(()), "{delta}");
            assert!(out.contains("\"stop\"") && out.contains("[DONE]"), "{out}");
        }
    }
}

/// What a block of a kind invented later holds is the vendor's own.
#[test]
fn what_is_said_in_a_block_of_an_unknown_kind_breaks_nothing() {
    let stream = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"invented\"}}\n\n\
        data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"b\"}}\n\n\
        data: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
    let stream = [stream, BLOCK, STOP].concat();
    let reader = anthropic::reader(Recall::default(), MAX);
    let (ended, out) = told(to_openai(reader), &[stream.as_bytes()]);
    assert_eq!(ended, Ok(()));
    assert!(out.contains("\"content\":\"a\""), "{out}");
    // It is told as the vendor's own, with what came of it.
    let told = r#"{"type":"invented","deltas":[{"type":"text_delta","text":"b"}]}"#;
    assert!(out.contains(told), "{out}");
}

/// The piece of a kind invented later is the vendor's own as well.
#[test]
fn a_piece_of_an_unknown_kind_is_told_as_the_vendors_own() {
    let stream = frames(&[
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"invented":{"a":"b"}}}"#,
        ),
        ("messageStop", r#"{"stopReason":"end_turn"}"#),
        ("metadata", "{}"),
    ]);
    let reader = converse::reader(Recall::default(), MAX);
    let (ended, out) = told(to_openai(reader), &[&stream]);
    assert_eq!(ended, Ok(()));
    assert!(out.contains(r#"{"invented":{"a":"b"}}"#), "{out}");
}

/// What stands under another's number was complete, if nobody said so.
#[test]
fn a_block_whose_end_was_left_out_is_told_all_the_same() {
    let search = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"server_tool_use\",\"id\":\"s\"}}\n\n";
    let stream = [search, BLOCK, STOP].concat();
    let reader = anthropic::reader(Recall::default(), MAX);
    let (ended, out) = told(to_openai(reader), &[stream.as_bytes()]);
    assert_eq!(ended, Ok(()));
    assert!(out.contains("server_tool_use"), "{out}");
}

/// What a vendor of this dialect says beside words reaches a client of another one.
#[test]
fn pictures_and_pages_of_an_openai_stream_are_no_less_than_those_of_a_whole_answer() {
    let page = r#"{"type":"url_citation","url_citation":{"url":"https://x.example/","title":"t","start_index":0,"end_index":2}}"#;
    let picture =
        r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}"#;
    let chunk = |delta: &str, end: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{end}}}]}}\n\n"
        )
    };
    let stream = [
        chunk(r#"{"content":"hi"}"#, "null"),
        chunk(&format!("{{\"annotations\":[{page}]}}"), "null"),
        chunk(&format!("{{\"images\":[{picture}]}}"), "\"stop\""),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let (ended, out) = told(to_openai(openai::reader(MAX)), &[stream.as_bytes()]);
    assert_eq!(ended, Ok(()));
    assert!(out.contains(page) && out.contains(picture), "{out}");
}
