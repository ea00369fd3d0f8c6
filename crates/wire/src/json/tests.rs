use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::testing::{buildable_json, damage, damaged, json_like, json_text, string_inside};

/// What `serde_json` takes as raw JSON.
fn oracle(json: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(json).is_ok()
}

fn assert_like_oracle(json: &[u8]) {
    let shown = String::from_utf8_lossy(json);
    assert_eq!(
        check(json).is_ok(),
        oracle(json),
        "{shown:?}: {:?}",
        check(json)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn valid_texts_are_accepted(json in json_text()) {
        prop_assert!(oracle(json.as_bytes()));
        prop_assert_eq!(check(json.as_bytes()), Ok(()));
    }

    #[test]
    fn damaged_texts_are_judged_as_serde_json_judges_them(json in json_text(), damages in damage()) {
        assert_like_oracle(&damaged(&json, &damages));
    }

    #[test]
    fn bytes_that_look_like_json_are_judged_as_serde_json_judges_them(bytes in json_like()) {
        assert_like_oracle(&bytes);
    }

    #[test]
    fn any_bytes_are_judged_as_serde_json_judges_them(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        assert_like_oracle(&bytes);
        let quoted = [b"\"", &bytes[..], b"\""].concat();
        assert_like_oracle(&quoted);
    }

    #[test]
    fn strings_decode_as_serde_json_decodes_them(inside in string_inside()) {
        let raw = format!("\"{inside}\"");
        let ours = string(&raw);
        prop_assert!(ours.is_some());
        if let Ok(theirs) = serde_json::from_str::<String>(&raw) {
            prop_assert_eq!(ours.as_deref(), Some(theirs.as_str()));
        }
    }

    #[test]
    fn what_is_quoted_decodes_to_itself(text in any::<String>()) {
        let quoted = quote(&text);
        let decoded = string(&quoted).map(Cow::into_owned);
        prop_assert_eq!(decoded, Some(text));
    }

    #[test]
    fn members_and_elements_are_serde_jsons(json in buildable_json()) {
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        if let Some(object) = value.as_object() {
            let ours: serde_json::Map<_, _> = members(&json)
                .unwrap()
                .into_iter()
                .map(|(name, raw)| (name.into_owned(), serde_json::from_str(raw).unwrap()))
                .collect();
            prop_assert_eq!(&ours, object);
        }
        if let Some(array) = value.as_array() {
            let ours: Vec<serde_json::Value> =
                elements(&json).unwrap().into_iter().map(|raw| serde_json::from_str(raw).unwrap()).collect();
            prop_assert_eq!(&ours, array);
        }
        prop_assert_eq!(members(&json).is_ok(), value.is_object());
        prop_assert_eq!(elements(&json).is_ok(), value.is_array());
    }
}

#[test]
fn every_place_of_a_special_byte_in_a_long_string_is_found() {
    for length in 0..200 {
        for place in 0..=length {
            for special in ["\"", "\\n", "\\", "\u{1f}", "é", "\u{0}", " ", "\u{7f}"] {
                let text = format!(
                    "\"{}{special}{}\"",
                    "x".repeat(place),
                    "y".repeat(length - place)
                );
                assert_like_oracle(text.as_bytes());
            }
            let mut broken = format!("\"{}\"", "x".repeat(length + 1)).into_bytes();
            broken[place + 1] = 0xff;
            assert_eq!(
                check(&broken),
                Err(JsonError::NotUtf8 { offset: place + 1 })
            );
        }
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let syntax = |offset, what| JsonError::Syntax { offset, what };
    for (json, expected) in [
        ("", syntax(0, "the text ends too early")),
        ("[1,]", syntax(3, "expected a value")),
        ("{\"a\":1,}", syntax(7, "expected a member name")),
        ("{\"a\" 1}", syntax(5, "expected a colon")),
        ("{a:1}", syntax(1, "expected a member name")),
        (
            "[1 2]",
            syntax(3, "expected a comma or the end of the container"),
        ),
        (
            "[1}",
            syntax(2, "expected a comma or the end of the container"),
        ),
        ("\"a\nb\"", syntax(2, "control character in a string")),
        ("\"a\\xb\"", syntax(2, "unknown escape in a string")),
        (
            "\"\\u12g4\"",
            syntax(1, "expected four hexadecimal digits after \\u"),
        ),
        ("\"abc", syntax(4, "the text ends too early")),
        ("-x", syntax(1, "expected a digit")),
        ("1.", syntax(2, "the text ends too early")),
        ("nul", syntax(0, "expected a value")),
        ("01", JsonError::Trailing { offset: 1 }),
        ("{} x", JsonError::Trailing { offset: 3 }),
    ] {
        let error = check(json.as_bytes()).unwrap_err();
        assert_eq!(error, expected, "{json}");
        assert!(
            error
                .to_string()
                .contains(&format!("byte {}", error.offset())),
            "{error}"
        );
    }
}

#[test]
fn depth_is_bounded_without_recursion() {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
    assert_eq!(
        check(&nested(MAX_DEPTH + 1)),
        Err(JsonError::TooDeep {
            limit: MAX_DEPTH,
            offset: MAX_DEPTH
        })
    );

    let mut mixed = String::new();
    for level in 0..300 {
        mixed.push_str(if level % 3 == 0 { "{\"a\":" } else { "[" });
    }
    mixed.push('1');
    for level in (0..300).rev() {
        mixed.push(if level % 3 == 0 { '}' } else { ']' });
    }
    let mut scan = Scanner::new(mixed.as_bytes(), 300);
    assert!(scan.skip().is_ok() && scan.end().is_ok());
    assert!(Scanner::new(mixed.as_bytes(), 299).skip().is_err());

    let wide_open = vec![b'['; 1_000_000];
    assert!(Scanner::new(&wide_open, usize::MAX).skip().is_err());
}

#[test]
fn half_a_surrogate_pair_is_kept_and_decodes_to_the_replacement_character() {
    assert_eq!(check(br#""\ud800""#), Ok(()));
    for (raw, text) in [
        (r#""\ud800""#, "\u{fffd}"),
        (r#""\udc00x""#, "\u{fffd}x"),
        (r#""\ud800\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\ud800\u0041""#, "\u{fffd}A"),
        (r#""\ud800\n""#, "\u{fffd}\n"),
    ] {
        assert_eq!(string(raw).as_deref(), Some(text), "{raw}");
    }
}

#[test]
fn only_strings_decode() {
    for raw in ["", "null", "1", "[\"a\"]", "\"a", "\"a\" b", "\"a\nb\""] {
        assert_eq!(string(raw), None, "{raw}");
    }
    assert_eq!(string(" \"a\" ").as_deref(), Some("a"));
}

#[test]
fn a_member_is_removed_and_the_others_keep_their_bytes() {
    for (object, expected) in [
        (r#"{"a":1,"x":2,"b":3}"#, Some(r#"{"a":1,"b":3}"#)),
        (r#"{"x":2}"#, Some("{}")),
        (r#"{ "x" : 2 , "b" : 3 }"#, Some(r#"{ "b" : 3 }"#)),
        (r#"{ "a" : 1 , "x" : {"y":[]} }"#, Some(r#"{ "a" : 1 }"#)),
        (r#"{"x":1,"a":1e2,"\u0078":3}"#, Some(r#"{"a":1e2}"#)),
        (r#"{"a":{"x":1}}"#, None),
        ("[1]", None),
        ("{", None),
    ] {
        assert_eq!(remove_member(object, "x").as_deref(), expected, "{object}");
    }
}

#[test]
fn a_member_is_set_in_its_place_or_at_the_end() {
    for (object, expected) in [
        (r#"{"a":1,"x":2 ,"b":3}"#, r#"{"a":1,"x":[0] ,"b":3}"#),
        ("{}", r#"{"x":[0]}"#),
        ("{ }", r#"{ "x":[0]}"#),
        (r#"{"a":1 }"#, r#"{"a":1,"x":[0] }"#),
        (r#"{"\u0078":1,"x":2}"#, r#"{"\u0078":[0]}"#),
        ("null", "null"),
    ] {
        assert_eq!(set_member(object, "x", "[0]"), expected, "{object}");
    }
}

#[test]
fn of_duplicates_the_last_is_picked() {
    let picked = pick(br#"{"a":1,"b":2,"a":3}"#, ["a", "c", "b"]);
    assert_eq!(picked, Some([Some(&b"3"[..]), None, Some(b"2")]));
    assert_eq!(pick(b"[]", ["a"]), None);
    assert_eq!(pick(br#"{"a":1"#, ["a"]), None);
}
