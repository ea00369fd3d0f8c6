use proptest::prelude::*;

use super::*;
use crate::testing::json_text;

#[test]
fn blocks_become_texts_and_all_else_keeps_its_bytes() {
    for (json, expected) in [
        (
            r#"{"id":"1", "choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm, "},{"type":"text","text":"ok"}]},{"type":"text","text":"4"},{"type":"text","text":"2"}],"tool_calls":null},"finish_reason":"stop"}],"n":1.50}"#,
            r#"{"id":"1", "choices":[{"index":0,"message":{"role":"assistant","content":"42","reasoning_content":"Hm, ok","tool_calls":null},"finish_reason":"stop"}],"n":1.50}"#,
        ),
        (
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a\n\ud83d"}]}]}}]}"#,
            r#"{"choices":[{"delta":{"content":"","reasoning_content":"a\n\ud83d"}}]}"#,
        ),
        (
            r#"{"choices":[{"delta":{"content" : [ {"text":"x","type":"text"} ]}},{"delta":{"content":"kept"}},{"delta":{"content":[]}}]}"#,
            r#"{"choices":[{"delta":{"content" : "x"}},{"delta":{"content":"kept"}},{"delta":{"content":""}}]}"#,
        ),
        (
            r#"{"choices":[{"delta":{"reasoning_content":"a","content":[{"type":"thinking","thinking":"b","closed":true}]}}]}"#,
            r#"{"choices":[{"delta":{"reasoning_content":"ab","content":""}}]}"#,
        ),
        (
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":"b"}],"reasoning_content":null}}]}"#,
            r#"{"choices":[{"delta":{"content":"","reasoning_content":"b"}}]}"#,
        ),
    ] {
        assert_eq!(flatten_content_blocks(json).as_deref(), Some(expected));
        assert_eq!(flatten_content_blocks(expected), None);
    }
}

#[test]
fn d26_databricks_lists_become_texts_with_their_signatures() {
    for (json, expected) in [
        (
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Think.","signature":"s1"}]},{"type":"text","text":"42"}]},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"42","thinking_blocks":[{"type":"thinking","thinking":"Think.","signature":"s1"}],"reasoning_content":"Think."},"finish_reason":"stop"}]}"#,
        ),
        (
            r#"{"choices":[{"delta":{"content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Th"}]}]}}]}"#,
            r#"{"choices":[{"delta":{"content":"","reasoning_content":"Th"}}]}"#,
        ),
        (
            r#"{"choices":[{"delta":{"content":[{"type":"reasoning","summary":[{"type":"summary_text","signature":"s"}]}]}}]}"#,
            r#"{"choices":[{"delta":{"content":"","thinking_blocks":[{"type":"thinking","thinking":"","signature":"s"}]}}]}"#,
        ),
        (
            r#"{"choices":[{"delta":{"content":[{"type":"text","text":"4","citations":null}]}}]}"#,
            r#"{"choices":[{"delta":{"content":"4"}}]}"#,
        ),
    ] {
        assert_eq!(flatten_content_blocks(json).as_deref(), Some(expected));
    }
    let unknown = r#"{"choices":[{"delta":{"content":[{"type":"reasoning","summary":[{"type":"brand_new"}]}]}}]}"#;
    assert_eq!(flatten_content_blocks(unknown), None);
}

#[test]
fn what_is_not_known_is_left_as_it_is() {
    for json in [
        "",
        "[DONE]",
        r#"{"choices":[{"delta":{"content":"[text]"}}]}"#,
        r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]}]}}]}"#,
        r#"{"choices":[{"delta":{"content":[{"type":"text","text":7}]}}]}"#,
        r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"image"}]}]}}]}"#,
        r#"{"choices":[{"delta":{"content":["text"]}}]}"#,
        r#"{"messages":[{"content":[{"type":"text","text":"a"}]}]}"#,
        r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]"#,
    ] {
        assert_eq!(flatten_content_blocks(json), None, "{json}");
    }
}

proptest! {
    #[test]
    fn what_comes_out_is_json(json in json_text(), text in json_text()) {
        let chunk = format!("{{\"choices\":[{{\"delta\":{{\"content\":[{{\"type\":\"text\",\"text\":{text}}},{{\"type\":\"thinking\",\"thinking\":{text}}}],\"x\":{json}}}}},{json}]}}");
        if let Some(flat) = flatten_content_blocks(&chunk) {
            prop_assert_eq!(crate::json::check(flat.as_bytes()), Ok(()));
        }
    }
}
