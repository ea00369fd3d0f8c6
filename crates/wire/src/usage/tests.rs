use proptest::prelude::*;

use super::*;
use crate::testing::json_text;

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

proptest! {
    #[test]
    fn odd_values_never_panic(value in json_text(), other in json_text()) {
        for name in COUNTERS.iter().chain(&INPUT_DETAILS).chain(&OUTPUT_DETAILS) {
            let usage = Usage::read(&format!("{{\"{name}\":{value},\"total_tokens\":{other}}}"));
            prop_assert!(usage.is_none_or(|usage| usage.total() <= 2 * COUNT_MAX));
        }
    }
}
