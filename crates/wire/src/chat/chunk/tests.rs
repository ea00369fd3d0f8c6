use proptest::prelude::*;

use super::*;
use crate::json::literal;
use crate::testing::string_inside;

#[test]
fn the_only_text_is_the_one_that_is_not_empty() {
    for (delta, expected) in [
        (r#"{"role":"assistant","content":"abc"}"#, Some("abc")),
        (r#"{"content":"","reasoning_content":"a\n"}"#, Some(r"a\n")),
        (r#"{"content":null,"refusal":"no"}"#, Some("no")),
        (r#"{"content":[{"type":"text","text":"abc"}]}"#, Some("abc")),
        (
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}"#,
            Some("{"),
        ),
        (r#"{"content":""}"#, None),
        (r#"{"content":"a","refusal":"a"}"#, None),
        (r#"{"content":"a","content":"a"}"#, None),
        (r#"{"reasoning":"ab","reasoning_content":"ab"}"#, None),
        (
            r#"{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}"#,
            None,
        ),
    ] {
        let json = format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#);
        let chunk = Chunk::read(json.as_bytes()).unwrap();
        assert_eq!(
            chunk.said.only_text(),
            expected.map(str::as_bytes),
            "{delta}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_length_is_that_of_the_decoded_text(inside in string_inside()) {
        let quoted = format!("\"{inside}\"");
        let literal = literal(quoted.as_bytes()).unwrap();
        prop_assert_eq!(length(literal), literal.decode().len() as u64);
    }
}
