use proptest::prelude::*;

use super::*;
use crate::chat::{flatten_content_blocks, mend_types};
use crate::sse::Framer;

const FILTERED: Oddities = Oddities {
    rewrite: None,
    findings: true,
    open_end: false,
};
const LOOSE: Oddities = Oddities {
    rewrite: Some(mend_types),
    findings: false,
    open_end: true,
};

const PROMPT: &str = "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{\"hate\":{\"filtered\":false,\"severity\":\"safe\"}}}]}\n\n";
const ROLE: &str = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const HELLO: &str = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null,\"content_filter_results\":{}}]}\n\n";
const FOUND: &str = "data: {\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[{\"index\":0,\"finish_reason\":null,\"content_filter_results\":{},\"content_filter_offsets\":{\"end_offset\":9}}],\"usage\":null}\n\n";
const STOP: &str = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"gpt-4o\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn mended(odd: Oddities, run: &str) -> String {
    let mended = Mender::new(odd).mend(run.as_bytes());
    mended.map_or_else(|| run.to_owned(), |out| String::from_utf8(out).unwrap())
}

/// The events' data.
fn events(text: &str) -> Vec<String> {
    let blocks = sse::blocks(text.as_bytes());
    blocks
        .map(|block| String::from_utf8(block.data().unwrap().into_owned()).unwrap())
        .collect()
}

#[test]
fn d24_what_a_filter_found_stands_in_the_next_event() {
    let run = [PROMPT, ROLE, HELLO, STOP, DONE].concat();
    let out = mended(FILTERED, &run);
    assert!(out.ends_with(&[HELLO, STOP, DONE].concat()), "{out}");
    let first: serde_json::Value = serde_json::from_str(&events(&out)[0]).unwrap();
    assert_eq!(first["id"], "c1");
    assert_eq!(first["choices"][0]["delta"]["role"], "assistant");
    let found = &first["provider_metadata"]["prompt_filter_results"][0];
    assert_eq!(found["content_filter_results"]["hate"]["severity"], "safe");
}

#[test]
fn d24_what_is_found_after_the_fact_is_told_before_the_last_word() {
    let run = [ROLE, FOUND, HELLO, STOP, FOUND, DONE].concat();
    let events = events(&mended(FILTERED, &run));
    assert_eq!(events.len(), 5);
    for (at, reason) in [(1, "null"), (3, "null")] {
        let event: serde_json::Value = serde_json::from_str(&events[at]).unwrap();
        let found = &event["provider_metadata"]["content_filter"][0];
        assert_eq!(found["content_filter_offsets"]["end_offset"], 9, "{event}");
        assert_eq!(event["id"], "c1");
        assert_eq!(event["choices"][0]["finish_reason"].to_string(), reason);
    }
    assert_eq!(events[4], "[DONE]");
}

#[test]
fn a_stream_without_oddities_keeps_its_bytes() {
    let run = [ROLE, HELLO, STOP, USAGE, DONE].concat();
    let blocks = Oddities {
        rewrite: Some(flatten_content_blocks),
        ..Oddities::default()
    };
    for odd in [FILTERED, LOOSE, blocks] {
        assert!(Mender::new(odd).mend(run.as_bytes()).is_none(), "{odd:?}");
    }
}

/// A reason to finish that never came is said once: before the count of tokens, else before the end.
#[test]
fn d23_a_stream_that_ends_without_a_reason_gets_its_own() {
    const CALL: &str = "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n";
    for (run, at, reason) in [
        ([ROLE, HELLO, USAGE, DONE].concat(), 2, "stop"),
        ([ROLE, HELLO, DONE].concat(), 2, "stop"),
        ([ROLE, CALL, USAGE, DONE].concat(), 2, "tool_calls"),
    ] {
        let before = events(&run).len();
        let events = events(&mended(LOOSE, &run));
        assert_eq!(events.len(), before + 1);
        let event: serde_json::Value = serde_json::from_str(&events[at]).unwrap();
        assert_eq!(event["choices"][0]["finish_reason"], reason);
        assert_eq!(
            (&event["id"], &event["model"]),
            (&"c1".into(), &"gpt-4o".into())
        );
    }
    assert_eq!(mended(LOOSE, DONE), DONE, "nothing was said");
}

proptest! {
    /// However a stream is cut into runs, it is mended alike.
    #[test]
    fn a02_runs_are_mended_as_the_whole_is(
        order in proptest::collection::vec(0_usize..7, 0..12),
        cuts in proptest::collection::vec(0_usize..2000, 0..6),
    ) {
        let all = [PROMPT, ROLE, HELLO, FOUND, STOP, USAGE, "data: {\"choices\":[{\"delta\":{\"content\":{\"a\":1}}}]}\r\n\r\n"];
        let mut run: String = order.iter().map(|at| all[*at]).collect();
        run.push_str(DONE);
        for odd in [FILTERED, LOOSE] {
            let whole = mended(odd, &run);
            let (mut framer, mut mender) = (Framer::new(4096), Mender::new(odd));
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % run.len()).collect();
            cuts.sort_unstable();
            let (mut out, mut from) = (Vec::new(), 0);
            for to in cuts.iter().copied().chain([run.len()]) {
                let piece = bytes::Bytes::copy_from_slice(&run.as_bytes()[from..to]);
                let complete = framer.push(piece).unwrap();
                out.extend(mender.mend(&complete).unwrap_or_else(|| complete.to_vec()));
                from = to;
            }
            prop_assert_eq!(String::from_utf8(out).unwrap(), whole);
        }
    }
}
