use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::testing::{damage, damaged, json_text};

#[test]
fn every_vendors_spelling_is_read() {
    let read = |json: &str| Usage::read(json).unwrap_or_else(|| panic!("{json}"));
    let plain = Usage {
        input: 9,
        output: 2,
        ..Usage::default()
    };
    let cached = Usage { cached: 4, ..plain };
    for (json, expected) in [
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":3}}"#,
            Usage {
                cache_write: 3,
                writes_within: true,
                ..cached
            },
        ),
        (
            r#"{"input_tokens":9,"output_tokens":2,"cache_creation_input_tokens":7,"service_tier":"priority",
                "cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4},
                "server_tool_use":{"web_search_requests":2}}"#,
            Usage {
                cache_write: 7,
                cache_write_1h: 4,
                web_searches: 2,
                service: ServiceTier::Priority,
                ..plain
            },
        ),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"num_search_queries":3,
                "prompt_tokens_details":{"image_tokens":5},"completion_tokens_details":{"image_tokens":1}}"#,
            Usage {
                image_in: 5,
                image_out: 1,
                web_searches: 3,
                ..plain
            },
        ),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}"#,
            plain,
        ),
        (r#"{"prompt_tokens":9.0,"completion_tokens":"2"}"#, plain),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":null,"cost":{"a":1}}"#,
            plain,
        ),
        (r#"{"input_tokens":9,"output_tokens":2}"#, plain),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}"#,
            cached,
        ),
        (
            r#"{"input_tokens":9,"output_tokens":2,"input_tokens_details":{"cached_tokens":4}}"#,
            cached,
        ),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5}"#,
            cached,
        ),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"cached_tokens":4}"#,
            cached,
        ),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"cache_read_tokens":4,"cached_tokens":0}"#,
            cached,
        ),
        (
            r#"{"input_tokens":5,"output_tokens":2,"cache_read_input_tokens":4,"cache_creation_input_tokens":3}"#,
            Usage {
                cache_write: 3,
                ..cached
            },
        ),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"cache_read_input_tokens":4,"cache_creation_input_tokens":3}"#,
            Usage {
                cache_write: 3,
                ..cached
            },
        ),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":3},
               "completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":1}}"#,
            Usage {
                reasoning: 1,
                audio_in: 3,
                audio_out: 1,
                ..cached
            },
        ),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"reasoning_tokens":1}"#,
            Usage {
                reasoning: 1,
                ..plain
            },
        ),
        (
            r#"{"prompt_tokens":9,"completion_tokens":2,"total_tokens":18,"completion_tokens_details":{"reasoning_tokens":7}}"#,
            Usage {
                reasoning: 7,
                output: 9,
                ..plain
            },
        ),
        (
            r#"{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18,"completion_tokens_details":{"reasoning_tokens":7}}"#,
            Usage {
                reasoning: 7,
                output: 9,
                ..plain
            },
        ),
        (
            r#"{"prompt_tokens":9,"total_tokens":9}"#,
            Usage { output: 0, ..plain },
        ),
        (r#"{"total_tokens":9}"#, Usage { output: 0, ..plain }),
        (
            r#"{"prompt_tokens":-9,"completion_tokens":2}"#,
            Usage { input: 0, ..plain },
        ),
        (
            r#"{"prompt_tokens":1e300,"completion_tokens":2}"#,
            Usage {
                input: COUNT_MAX,
                ..plain
            },
        ),
        (
            r#"{"prompt_tokens":99999999999999999999,"completion_tokens":2}"#,
            Usage {
                input: COUNT_MAX,
                ..plain
            },
        ),
        (
            r#"{"prompt_tokens":"inf","completion_tokens":2}"#,
            Usage { input: 0, ..plain },
        ),
        (
            r#"{"prompt_tokens":null,"completion_tokens":0}"#,
            Usage::default(),
        ),
    ] {
        assert_eq!(read(json), expected, "{json}");
    }
}

#[test]
fn what_counts_nothing_is_no_usage() {
    for json in [
        "",
        "null",
        "7",
        "[]",
        "{}",
        r#"{"prompt_tokens":null}"#,
        r#"{"prompt_tokens":[1]}"#,
        r#"{"prompt_tokens":1"#,
    ] {
        assert_eq!(Usage::read(json), None, "{json}");
    }
}

#[test]
fn the_total_saturates() {
    assert_eq!(
        Usage {
            input: u64::MAX,
            output: 1,
            ..Usage::default()
        }
        .total(),
        u64::MAX
    );
}

/// The counters one by one, each looked for in the whole object.
mod searched {
    use super::super::{Usage, add, count, most};
    use crate::json::pick;

    pub(super) const COUNTERS: [&str; 12] = [
        "prompt_tokens",
        "input_tokens",
        "completion_tokens",
        "output_tokens",
        "total_tokens",
        "cached_tokens",
        "cache_read_tokens",
        "prompt_cache_hit_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
    ];
    pub(super) const INPUT_DETAILS: [&str; 2] = ["prompt_tokens_details", "input_tokens_details"];
    const INPUT_PARTS: [&str; 5] = [
        "cached_tokens",
        "audio_tokens",
        "image_tokens",
        "cache_write_tokens",
        "cache_creation_tokens",
    ];
    pub(super) const OUTPUT_DETAILS: [&str; 2] =
        ["completion_tokens_details", "output_tokens_details"];
    const OUTPUT_PARTS: [&str; 3] = ["reasoning_tokens", "audio_tokens", "image_tokens"];
    pub(super) const PARTS: [&str; 6] = [
        "cached_tokens",
        "audio_tokens",
        "image_tokens",
        "cache_write_tokens",
        "cache_creation_tokens",
        "reasoning_tokens",
    ];

    pub(super) fn usage(object: &[u8]) -> Option<Usage> {
        let counters = pick(object, COUNTERS)?.map(|raw| raw.and_then(count));
        let [
            prompt,
            input,
            completion,
            output,
            total,
            cached,
            cache_read,
            cache_hit,
            read_beside,
            written_beside,
            cache_write,
            reasoning,
        ] = counters;
        counters[..5].iter().find(|count| count.is_some())?;
        let [
            cached_within,
            audio_in,
            image_in,
            write_within,
            creation_within,
        ] = details(object, INPUT_DETAILS, INPUT_PARTS);
        let [reasoning_within, audio_out, image_out] =
            details(object, OUTPUT_DETAILS, OUTPUT_PARTS);
        let mut usage = Usage {
            input: most([prompt, input]),
            output: most([completion, output]),
            cached: most([cached, cache_read, cache_hit, read_beside, cached_within]),
            cache_write: most([cache_write, written_beside, write_within, creation_within]),
            reasoning: most([reasoning, reasoning_within]),
            audio_in: audio_in.unwrap_or(0),
            audio_out: audio_out.unwrap_or(0),
            image_in: image_in.unwrap_or(0),
            image_out: image_out.unwrap_or(0),
            writes_within: most([cache_write, written_beside]) == 0
                && most([write_within, creation_within]) > 0,
            ..Usage::default()
        };
        if prompt.is_none() {
            usage.input = add(usage.input, read_beside.unwrap_or(0));
        }
        usage.heed_total(total.unwrap_or(0));
        Some(usage)
    }

    fn details<const N: usize>(
        object: &[u8],
        names: [&str; 2],
        within: [&str; N],
    ) -> [Option<u64>; N] {
        let found = pick(object, names).unwrap_or_default();
        let parts = found
            .into_iter()
            .flatten()
            .find_map(|raw| pick(raw, within));
        parts.unwrap_or([None; N]).map(|raw| raw.and_then(count))
    }
}

/// Some numbers in every spelling, and what is none.
const VALUES: [&str; 14] = [
    "0",
    "1",
    "2",
    "30",
    "400",
    "123456789012345",
    "1234567890123456",
    "99999999999999999999",
    "-5",
    "7.9",
    "1e3",
    "\"12\"",
    "null",
    "[1]",
];

fn counters(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let member = (select(names), select(&VALUES[..]), any::<bool>());
    vec(member, 0..8).prop_map(|members| {
        let members = members.iter().map(|(name, value, escaped)| {
            let name = if *escaped {
                name.replace('t', "\\u0074")
            } else {
                (*name).to_owned()
            };
            format!("\"{name}\": {value}")
        });
        members.collect::<Vec<_>>().join(", ")
    })
}

fn usage_object() -> impl Strategy<Value = String> {
    let names = searched::INPUT_DETAILS
        .into_iter()
        .chain(searched::OUTPUT_DETAILS);
    let parts = counters(&searched::PARTS).prop_map(|parts| format!("{{{parts}}}"));
    let details = (
        select(names.collect::<Vec<_>>()),
        prop_oneof![4 => parts, 1 => select(&VALUES[..]).prop_map(str::to_owned)],
    );
    let details = details.prop_map(|(name, parts)| format!("\"{name}\":{parts}"));
    let counters = counters(&searched::COUNTERS);
    let parts = vec(prop_oneof![counters, details], 0..6);
    parts.prop_map(|mut parts| {
        parts.retain(|part| !part.is_empty());
        format!("{{{}}}", parts.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn one_pass_finds_what_searching_does(object in usage_object(), damages in damage()) {
        prop_assert_eq!(Usage::read(&object), searched::usage(object.as_bytes()));
        let broken = damaged(&object, &damages);
        prop_assert_eq!(Usage::of(&broken), searched::usage(&broken));
    }
}

proptest! {
    #[test]
    fn odd_values_never_panic(value in json_text(), other in json_text()) {
        for name in searched::COUNTERS.iter().chain(&searched::INPUT_DETAILS).chain(&searched::OUTPUT_DETAILS) {
            let usage = Usage::read(&format!("{{\"{name}\":{value},\"total_tokens\":{other}}}"));
            prop_assert!(usage.is_none_or(|usage| usage.total() <= 2 * COUNT_MAX));
        }
    }
}
