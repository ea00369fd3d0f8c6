use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::sse::Framer;
use crate::testing::{chunked, damage, damaged, json_like, json_text, string_inside};

const ROLE: &str = r#"{"id":"c","model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
const HELLO: &str = r#"{"id":"c","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"Hel\nlo"},"finish_reason":null}],"usage":null}"#;
const STOP: &str =
    r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const USED: &str = r#"{"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;

fn run_of(datas: &[&str]) -> String {
    let events: Vec<_> = datas
        .iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect();
    events.concat()
}

/// A stream in which content has been seen.
fn started() -> Tap {
    let mut tap = Tap::new();
    tap.observe(run_of(&[HELLO]).as_bytes());
    assert!(tap.started());
    tap
}

fn used(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        ..Usage::default()
    }
}

#[test]
fn a_stream_is_followed_to_its_end() {
    let mut tap = Tap::new();
    let seen = tap.observe(run_of(&[ROLE]).as_bytes());
    assert!(!seen.first_content && !tap.started() && tap.model() == Some("gpt-4o"));

    let seen = tap.observe(run_of(&[ROLE, HELLO, HELLO]).as_bytes());
    assert!(seen.first_content && tap.started() && !tap.finished());
    assert_eq!((tap.events(), tap.content_bytes()), (2, 12));

    let run = run_of(&[HELLO, STOP, USED, "[DONE]", "not read"]);
    let seen = tap.observe(run.as_bytes());
    assert!(!seen.first_content && seen.fault.is_none());
    assert_eq!(&run[seen.usage_only.unwrap()], run_of(&[USED]));
    assert_eq!(
        &run[seen.done_at.unwrap()..],
        run_of(&["[DONE]", "not read"])
    );
    assert!(tap.finished() && tap.done());
    assert_eq!(tap.usage(), Some(used(9, 2)));
    assert_eq!((tap.events(), tap.content_bytes()), (3, 18));

    let after = tap.observe(b"data: {broken\n\n");
    assert!(after.fault.is_none() && after.done_at.is_none());
}

#[test]
fn content_is_whatever_a_client_can_use() {
    for (delta, bytes) in [
        (r#"{"content":"a"}"#, 1),
        (r#"{"content":"\u00e9\ud83d\ude00"}"#, 6),
        (r#"{"content":[{"type":"text","text":"abc"}]}"#, 3),
        (
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"abcd"}]}]}"#,
            4,
        ),
        (
            r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]}"#,
            3,
        ),
        (r#"{"function_call":{"name":"f","arguments":""}}"#, 1),
        (r#"{"reasoning":"ab"}"#, 2),
        (r#"{"reasoning_content":"ab","reasoning":"ab"}"#, 2),
        (r#"{"refusal":"no"}"#, 2),
        (r#"{"audio":{"id":"a"}}"#, 0),
    ] {
        let whole = format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
        let mut tap = Tap::new();
        assert!(
            tap.observe(run_of(&[ROLE, &whole]).as_bytes())
                .first_content,
            "{delta}"
        );
        assert_eq!((tap.events(), tap.content_bytes()), (1, bytes), "{delta}");

        // And the same when it is only measured.
        tap.observe(run_of(&[&whole]).as_bytes());
        assert_eq!(
            (tap.events(), tap.content_bytes()),
            (2, 2 * bytes),
            "{delta}"
        );
    }
    for choice in [
        r#"{"delta":{}}"#,
        r#"{"delta":null}"#,
        r#"{"delta":{"role":"assistant","content":""}}"#,
        r#"{"delta":{"content":null,"reasoning_content":null,"refusal":null,"audio":null}}"#,
        r#"{"delta":{"content":[],"tool_calls":[ ],"function_call":null}}"#,
        r#"{"text":""}"#,
        r#"{"finish_reason":null}"#,
        r#"{"finish_reason":""}"#,
    ] {
        let mut tap = Tap::new();
        let seen = tap.observe(run_of(&[&format!(r#"{{"choices":[{choice}]}}"#)]).as_bytes());
        assert!(
            !seen.first_content && seen.fault.is_none() && tap.events() == 0 && !tap.finished(),
            "{choice}"
        );
    }
}

#[test]
fn a_legacy_completion_has_texts() {
    let mut tap = Tap::new();
    let event =
        r#"{"object":"text_completion","choices":[{"text":"abc","index":0,"finish_reason":null}]}"#;
    assert!(tap.observe(run_of(&[event]).as_bytes()).first_content);
    tap.observe(run_of(&[event, event]).as_bytes());
    assert_eq!((tap.events(), tap.content_bytes()), (3, 9));
}

#[test]
fn a_finish_reason_without_content_begins_and_ends_a_stream() {
    let mut tap = Tap::new();
    let seen = tap.observe(run_of(&[ROLE, STOP]).as_bytes());
    assert!(seen.first_content && tap.started() && tap.finished() && !tap.done());
    assert_eq!(tap.events(), 0);
}

#[test]
fn usage_is_found_where_vendors_put_it() {
    for (event, expected, alone) in [
        (
            r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            used(1, 2),
            true,
        ),
        (
            r#"{"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            used(1, 2),
            true,
        ),
        (
            r#"{"choices": null, "usage" : {"prompt_tokens":1,"completion_tokens":2}}"#,
            used(1, 2),
            true,
        ),
        (
            r#"{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            used(1, 2),
            false,
        ),
        (
            r#"{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":2}}]}"#,
            used(1, 2),
            false,
        ),
        (
            r#"{"choices":[{"delta":{}}],"x_groq":{"id":"r","usage":{"prompt_tokens":1,"completion_tokens":2}}}"#,
            used(1, 2),
            false,
        ),
    ] {
        let mut tap = started();
        let run = run_of(&[HELLO, event]);
        let seen = tap.observe(run.as_bytes());
        assert_eq!(tap.usage(), Some(expected), "{event}");
        assert_eq!(seen.usage_only.is_some(), alone, "{event}");
    }
}

#[test]
fn the_last_count_that_is_not_nothing_stands() {
    let mut tap = started();
    for counts in [
        "1,\"completion_tokens\":1",
        "5,\"completion_tokens\":2",
        "0,\"completion_tokens\":0",
    ] {
        tap.observe(run_of(&[&format!(r#"{{"choices":[{{"delta":{{"content":"x"}}}}],"usage":{{"prompt_tokens":{counts}}}}}"#)]).as_bytes());
    }
    assert_eq!(tap.usage(), Some(used(5, 2)));
}

#[test]
fn texts_that_look_like_members_fool_no_one() {
    for text in [
        r#"\"error\": {\"message\":\"x\"}"#,
        r#"{\"usage\":{\"prompt_tokens\":5}}"#,
        r#"\"finish_reason\":\"stop\""#,
        "error",
        "usage",
        "finish_reason",
        "[DONE]",
        "data: [DONE]",
        "delta",
    ] {
        let event = format!(
            r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#
        );
        for mut tap in [Tap::new(), started()] {
            let (events, model) = (tap.events(), tap.model().map(str::to_owned));
            let seen = tap.observe(run_of(&[&event, &event]).as_bytes());
            assert!(
                seen.fault.is_none() && seen.done_at.is_none() && seen.usage_only.is_none(),
                "{text}"
            );
            assert!(!tap.finished() && tap.usage().is_none(), "{text}");
            assert_eq!(
                (tap.events(), tap.model()),
                (events + 2, model.as_deref()),
                "{text}"
            );
        }
    }
}

#[test]
fn a_vendors_failure_is_a_fault_at_its_block() {
    for (block, message) in [
        (
            "event: error\ndata: {\"error\":{\"message\":\"m\"}}\n\n",
            Some("m"),
        ),
        ("event: error\ndata: {\"message\":\"m\"}\n\n", Some("m")),
        ("event: error\ndata: it broke\n\n", None),
        ("event: error\n\n", None),
        (
            "data: {\"error\":{\"message\":\"m\",\"code\":500}}\n\n",
            Some("m"),
        ),
        ("data: { \"error\" : \"m\" }\n\n", Some("m")),
        ("data: {\"error\":{\"code\":500}}\n\n", None),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}],\"error\":{\"message\":\"m\"}}\n\n",
            Some("m"),
        ),
        (
            "data: {\"object\":\"error\",\"message\":\"m\"}\n\n",
            Some("m"),
        ),
        (
            "data: {\"object\":\"error\",\"message\":\"m\",\"text\":null}\n\n",
            Some("m"),
        ),
        (
            "data: {\"x_groq\":{\"error\":\"m\"},\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
            Some("m"),
        ),
        ("data: {\"error\":\ndata: \"m\"}\n\n", Some("m")),
    ] {
        for mut tap in [Tap::new(), started()] {
            let events = tap.events();
            let before = run_of(&[HELLO]);
            let seen = tap.observe(format!("{before}{block}{before}").as_bytes());
            let (at, fault) = seen.fault.unwrap_or_else(|| panic!("{block}"));
            let StreamFault::Error(error) = fault else {
                panic!("{block}: {fault:?}")
            };
            assert_eq!(
                (at, error.message.as_deref()),
                (before.len(), message),
                "{block}"
            );
            assert_eq!(tap.events(), events + 1, "nothing behind it is read");
        }
    }
}

#[test]
fn what_is_no_error_is_none() {
    for event in [
        r#"{"choices":[{"delta":{"content":"x"}}],"error":null}"#,
        r#"{"choices":[{"delta":{"content":"x"}}],"error":{}}"#,
        r#"{"choices":[{"delta":{"content":"x"}}],"error":{ }}"#,
        r#"{"choices":[{"delta":{"content":"x"}}],"error":""}"#,
        r#"{"choices":[{"delta":{"content":"x"},"error":{"message":"inside"}}]}"#,
        r#"{"choices":[],"prompt_filter_results":[{"error":{"code":1}}]}"#,
        r#"{"type":"ping"}"#,
        "{}",
    ] {
        for mut tap in [Tap::new(), started()] {
            let seen = tap.observe(run_of(&[event]).as_bytes());
            assert!(seen.fault.is_none(), "{event}: {:?}", seen.fault);
        }
    }
}

#[test]
fn data_that_is_no_json_is_a_fault() {
    let long = "x".repeat(500);
    for (data, excerpt_len) in [
        ("oops", 4),
        ("{\"choices\":[", 12),
        ("{oops}", 6),
        ("<html>", 6),
        ("[DONE", 5),
        (&*long, 200),
    ] {
        for mut tap in [Tap::new(), started()] {
            let seen = tap.observe(format!(": c\n\ndata: {data}\n\n").as_bytes());
            assert_eq!(
                seen.fault,
                Some((5, StreamFault::Malformed { excerpt_len })),
                "{data}"
            );
        }
    }
    for harmless in [
        ": comment\n\n",
        "data\n\n",
        "data: \n\n",
        "data: null\n\n",
        "event: ping\n\n",
        "id: 1\n\n",
        "data: \"hi\"\n\n",
    ] {
        let seen = started().observe(harmless.as_bytes());
        assert!(seen.fault.is_none(), "{harmless:?}");
    }
}

#[test]
fn cut_strings_in_deltas_are_a_fault() {
    let seen = started().observe(b"data: {\"choices\":[{\"delta\":{\"content\":\"a}\n\n");
    assert!(matches!(
        seen.fault,
        Some((0, StreamFault::Malformed { .. }))
    ));
}

/// Events as vendors write them, and as they do not.
const EVENTS: [&str; 12] = [
    ROLE,
    HELLO,
    HELLO,
    HELLO,
    STOP,
    USED,
    r#"{"choices": [{"delta": {"content": "a b", "role": null}, "finish_reason": ""}], "usage": null}"#,
    r#"{"choices":[{"delta":{"content":"a"}},{"index":1,"delta":{"content":"bc"}}],"model":"other"}"#,
    r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"delta\":1}"}}]}}]}"#,
    r#"{"choices":[{"text":"legacy"}]}"#,
    r#"{"choices":[{"delta":{"reasoning":"hm"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
    r#"{"choices":[],"prompt_filter_results":[]}"#,
];

/// Ways to write an event around a text `@`, and where there is one, a padding `~`. Some say more
/// than the text; some are no events at all.
const MOULDS: [&str; 40] = [
    "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"@\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"model\":\"n\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"@\"},\"finish_reason\":null}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}],\"usage\":null,\"obfuscation\":\"~\"}\n\n",
    "data: {\"obfuscation\":\"~\",\"choices\":[{\"delta\":{\"content\":\"@\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"},\"finish_reason\":\"\"}],\"obfuscation\":null}\r\n\r\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}]}\r\r",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}]}\n\r\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}]}\n\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}]}\n",
    ": c\nevent: message\nid: 1\ndata:{ \"choices\" : [ { \"delta\" : { \"content\" : \"@\" } } ] } \nretry: 1\n\n",
    "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"@\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}]}\nevent: error\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}]}\nid: \"usage\"\n\n",
    ": {}\n\n",
    "\u{feff}data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":\"@\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"reasoning\":\"@\",\"reasoning_content\":\"@\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"reasoning\":\"abc\",\"reasoning_content\":\"@\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\",\"audio\":{\"id\":1}}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"@\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"@\"}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}},{\"index\":1,\"delta\":{\"content\":\"\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}},{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n\n",
    "data: {\"choices\":[{\"text\":\"@\"}]}\n\n",
    "data: {\"choices\":[{\"text\":\"\"},{\"text\":\"@\"}]}\n\n",
    "data: {\"choices\":[{\"message\":{\"content\":\"@\"}}]}\n\n",
    "data: {\"delta\":{\"content\":\"abc\"},\"choices\":[{\"text\":\"@\"}]}\n\n",
    "data: {\"delta\":{\"content\":\"@\"},\"choices\":[]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}],\"usage\":{}}\n\n",
    "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"@\"}}],\"usage\":{\"total_tokens\":0}}\n\n",
    "data: {\"model\":\"n\",\"choices\":[{\"delta\":{\"content\":\"@\"}}],\"usage\":{\"total_tokens\":5}}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"total_tokens\":7}}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}],\"error\":{ }}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}],\"error\":\"@\"}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}],\"object\":\"error\"}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}],\"bad\":x}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"@\"}}]\n\n",
    "data: [DONE]\n\n",
    "\r\n",
];

/// Texts that break strings, lines and blocks, or look like what stands behind a text.
const ODD_TEXTS: [&str; 14] = [
    "",
    "",
    "abc",
    "usage",
    "delta",
    "text",
    "\"",
    "\\",
    "\n",
    "\r\r",
    "\\x",
    "\"}}]}\n\n",
    "\"}}]}\\n\\n",
    "\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![12 => string_inside(), 1 => select(&ODD_TEXTS[..]).prop_map(str::to_owned)]
}

/// A stream that stays with a few moulds for some events each.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let usual = vec((text(), text(), 0..8_usize), 0..12);
    vec((vec(0..MOULDS.len(), 1..3), usual), 1..6).prop_map(|phases| {
        let event = |moulds: &[usize], (text, padding, which): &(String, String, usize)| {
            let mould = MOULDS[moulds[usize::from(*which == 0) % moulds.len()]];
            mould.replace('@', text).replace('~', padding)
        };
        phases
            .iter()
            .flat_map(|(moulds, events)| events.iter().map(move |said| event(moulds, said)))
            .collect::<Vec<_>>()
            .concat()
            .into_bytes()
    })
}

/// Everything that can be known of a stream.
fn found(tap: &Tap, seen: &Seen) -> String {
    let counts = (tap.events(), tap.content_bytes(), tap.usage());
    let flags = (tap.started(), tap.finished(), tap.done());
    format!("{seen:?} {counts:?} {flags:?} {:?}", tap.model())
}

/// Runs as they come out of a stream that is read in pieces.
fn runs(chunks: &[&[u8]]) -> Vec<Bytes> {
    let mut framer = Framer::new(usize::MAX);
    let mut runs: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| framer.push(Bytes::copy_from_slice(chunk)).ok())
        .collect();
    runs.extend(framer.finish());
    runs
}

/// Observes with and without comparing events.
fn compare(runs: &[Bytes]) -> Result<(), TestCaseError> {
    let (mut tap, mut plain) = (Tap::new(), Tap::without_echo());
    for run in runs {
        let (seen, expected) = (tap.observe(run), plain.observe(run));
        prop_assert_eq!(found(&tap, &seen), found(&plain, &expected));
    }
    Ok(())
}

#[test]
fn usual_streams_are_recognised() {
    for mould in [0, 2, 4, 5, 7, 9, 14, 15, 19, 20, 21, 23, 25, 28, 29] {
        let mut tap = Tap::new();
        tap.observe(MOULDS[mould].replace('@', "first").as_bytes());
        let next = MOULDS[mould].replace('@', "a\\n\u{e9}").replace('~', "zz");
        assert_eq!(tap.pass_echoes(next.as_bytes(), 0), next.len(), "{next}");
        assert_eq!((tap.events(), tap.content_bytes()), (2, 9), "{next}");
    }
}

#[test]
fn a_new_phase_of_a_stream_is_recognised() {
    let event = |mould: usize| MOULDS[mould].replace('@', "abc");
    let mut tap = Tap::new();
    tap.observe(event(15).repeat(20).as_bytes());
    tap.observe(event(19).as_bytes());
    assert_eq!(tap.pass_echoes(event(19).as_bytes(), 0), event(19).len());
}

#[test]
fn events_that_matter_by_more_than_their_text_are_always_read() {
    let mould = |mould: usize| MOULDS[mould].replace('@', "abc");
    // A value on its own line, which the colon of a comment behind the event makes a member.
    let telling = "data: {\"model\":\"n\",\"choices\":[{\"delta\":{\"content\":\"abc\"}}]}\nid: \"usage\"\n\n";
    for events in [
        [&*mould(30), &mould(32), &mould(30)],
        [&mould(29), &mould(1), &mould(29)],
        [
            &mould(0),
            &telling.repeat(2),
            &[telling, ": c\n\n"].concat(),
        ],
    ] {
        compare(&runs(&[events.concat().as_bytes()])).unwrap();
        compare(&runs(&events.map(str::as_bytes))).unwrap();
    }
}

#[test]
fn splitting_a_stream_anywhere_changes_nothing_that_is_heard() {
    let texts = [
        "first",
        "Hel",
        "\\\"}}]}\\n",
        "",
        "\u{e9}",
        "\\ud83d\\ude00",
    ];
    for mould in MOULDS {
        let events: Vec<_> = texts.iter().map(|text| mould.replace('@', text)).collect();
        let stream = [&*events.concat(), &run_of(&[STOP, USED, "[DONE]"])].concat();
        for at in 0..=stream.len() {
            let (left, right) = stream.as_bytes().split_at(at);
            compare(&runs(&[left, right])).unwrap_or_else(|error| panic!("{mould} {at}: {error}"));
        }
        let bytes: Vec<_> = stream.as_bytes().chunks(1).collect();
        compare(&runs(&bytes)).unwrap_or_else(|error| panic!("{mould}: {error}"));
    }
}

fn state(tap: &Tap) -> String {
    format!("{tap:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn it_does_not_matter_how_events_come_together(events in vec(select(&EVENTS[..]), 0..20), cuts in vec(any::<u16>(), 0..6)) {
        let mut whole = Tap::new();
        whole.observe(run_of(&events).as_bytes());
        let mut pieces = Tap::new();
        let indices: Vec<u8> = (0..events.len()).map(|index| u8::try_from(index).unwrap()).collect();
        for chunk in chunked(&indices, &cuts) {
            let run: Vec<_> = chunk.iter().map(|index| events[usize::from(*index)]).collect();
            pieces.observe(run_of(&run).as_bytes());
        }
        // The model is read only from events that are read in full, which depends on nothing else.
        prop_assert_eq!(state(&whole), state(&pieces));
    }

    #[test]
    fn comparing_events_finds_what_reading_them_does(stream in stream(), cuts in vec(any::<u16>(), 0..6), damages in damage()) {
        for stream in [damaged(&String::from_utf8_lossy(&stream), &damages), stream] {
            let chunks = chunked(&stream, &cuts);
            let chunks: Vec<_> = chunks.iter().map(Vec::as_slice).collect();
            compare(&runs(&chunks))?;
            // Runs that are no whole blocks are not refused.
            compare(&chunks.iter().map(|chunk| Bytes::copy_from_slice(chunk)).collect::<Vec<_>>())?;
        }
    }

    #[test]
    fn measuring_is_reading(event in select(&EVENTS[..])) {
        let said = Chunk::read(event.as_bytes()).unwrap().said;
        if let Some(measured) = measure(event.as_bytes()) {
            prop_assert_eq!((measured.any, measured.bytes), (said.any, said.bytes));
        }
    }

    #[test]
    fn any_event_is_observed_without_panic(json in json_text(), bytes in json_like()) {
        for mut tap in [Tap::new(), started()] {
            for name in ["choices", "usage", "error", "x_groq", "delta", "text", "finish_reason"] {
                let line = json.replace(['\n', '\r'], " ");
                tap.observe(format!("data: {{\"{name}\":{line}}}\n\ndata: {{\"choices\":[{{\"{name}\":{line}}}]}}\n\n").as_bytes());
            }
            tap.observe(&[b"data: ", &bytes[..]].concat());
            tap.observe(&bytes);
        }
    }
}
