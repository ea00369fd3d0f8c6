use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

#[test]
fn secrets_are_replaced_by_what_they_are() {
    let hex = "0123456789abcdef0123456789abcdef";
    let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nAAAA\n-----END RSA PRIVATE KEY-----";
    for (text, expected) in [
        (
            "mail ann.b+c@mail.example.com.".to_owned(),
            "mail [REDACTED_EMAIL].",
        ),
        (
            "Authorization: Bearer abc123.def-456".to_owned(),
            "Authorization: Bearer [REDACTED_BEARER_TOKEN]",
        ),
        (
            "bearer:abcdefghijklmnopqrstuvwx!".to_owned(),
            "bearer:[REDACTED_BEARER_TOKEN]!",
        ),
        (
            "a eyJhbGciOi.eyJzdWIiOi.c2lnbmF0 b".to_owned(),
            "a [REDACTED_JWT] b",
        ),
        ("AKIAIOSFODNN7EXAMPLE,".to_owned(), "[REDACTED_AWS_KEY],"),
        (
            "(sk-ant-api03-abc_def)".to_owned(),
            "([REDACTED_ANTHROPIC_KEY])",
        ),
        ("sk-proj-abc_DEF-123".to_owned(), "[REDACTED_OPENAI_KEY]"),
        ("sk-svcacct-abcdefgh".to_owned(), "[REDACTED_OPENAI_KEY]"),
        ("sk-admin-abcdefgh".to_owned(), "[REDACTED_OPENAI_KEY]"),
        (
            format!("provided: sk-{hex}."),
            "provided: [REDACTED_OPENAI_KEY].",
        ),
        ("sk-ws-abcdefgh".to_owned(), "[REDACTED_QWEN_KEY]"),
        (format!("pplx-{hex}"), "[REDACTED_PERPLEXITY_KEY]"),
        (format!("fgw_{hex}"), "[REDACTED_GATEWAY_KEY]"),
        (format!("fgws_{hex}"), "[REDACTED_GATEWAY_KEY]"),
        (format!("'gsk_{hex}'"), "'[REDACTED_GROQ_KEY]'"),
        (format!("AIza{hex}-_x"), "[REDACTED_GOOGLE_KEY]"),
        (
            format!("xai-{hex} nvapi-{hex}"),
            "[REDACTED_XAI_KEY] [REDACTED_NVIDIA_KEY]",
        ),
        (
            format!("hf_{hex} csk-{hex}"),
            "[REDACTED_HUGGING_FACE_KEY] [REDACTED_CEREBRAS_KEY]",
        ),
        (
            "GET https://h/p?api_key=abc&x=1&access_token=def#f".to_owned(),
            "GET https://h/p?api_key=[REDACTED_SECRET]&x=1&access_token=[REDACTED_SECRET]#f",
        ),
        (
            format!("https://h/p?key=AIza{hex}-_x&alt=sse"),
            "https://h/p?key=[REDACTED_GOOGLE_KEY]&alt=sse",
        ),
        (
            "postgres://ann:p@ss:w0rd@db.example.com:5432/x".to_owned(),
            "postgres://ann:[REDACTED_PASSWORD]@db.example.com:5432/x",
        ),
        (
            format!("before {pem} after"),
            "before [REDACTED_PRIVATE_KEY] after",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nMIIB".to_owned(),
            "[REDACTED_PRIVATE_KEY]",
        ),
        (format!("api_key={hex}"), "api_key=[REDACTED_SECRET]"),
        (
            format!("{{\"client_secret\": \"{hex}\"}}"),
            "{\"client_secret\": \"[REDACTED_SECRET]\"}",
        ),
        (
            format!(r#"{{\"Token\": \"{hex}\"}}"#),
            r#"{\"Token\": \"[REDACTED_SECRET]\"}"#,
        ),
        (
            format!("PASSWORD : {hex}+/=="),
            "PASSWORD : [REDACTED_SECRET]",
        ),
        (format!("token=sk-{hex}"), "token=[REDACTED_OPENAI_KEY]"),
        (
            "Bearer abcdefgh12 x@y.io Bearer abcdefgh12".to_owned(),
            "Bearer [REDACTED_BEARER_TOKEN] [REDACTED_EMAIL] Bearer [REDACTED_BEARER_TOKEN]",
        ),
        (
            format!("héllo日gsk_{hex}本"),
            "héllo日[REDACTED_GROQ_KEY]本",
        ),
    ] {
        assert_eq!(scrub(&text), expected, "{text}");
        assert_eq!(scrub(expected), expected, "a second time");
    }
}

#[test]
fn prose_and_model_names_are_left_alone() {
    for text in [
        "",
        "Invalid bearer token provided",
        "use Bearer authentication",
        "bearer_auth_method_20250101",
        "the model pplx-70b-online does not exist",
        "risk-adjusted-scores-over-20-years",
        "task sk-learn",
        "key: value, token=short, max_tokens: 4096",
        "see https://example.com:8080/a@b?model=gpt-4o&n=1",
        "meta-llama/Llama-3@v2.1 costs $5 @ noon",
        "package@1.2.34",
        "ann@host.x",
        "-----BEGIN CERTIFICATE-----",
        "Requested token: must be one of 'a', 'b'",
        "eyJust a word",
        "fgw_0123",
        "AKIA is a prefix",
        "日本語のメッセージ：エラー",
    ] {
        assert!(
            matches!(scrub(text), Cow::Borrowed(same) if same == text),
            "{text}: {}",
            scrub(text)
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_scrubbed_without_panic(text in any::<String>()) {
        scrub(&text);
    }

    #[test]
    fn a_key_between_suspicious_words_is_found(pieces in vec(select(&PIECES[..]), 0..20)) {
        scrub(&pieces.concat());
        let text = pieces.join(" ");
        prop_assert!(!scrub(&text).contains("gsk_abcdefghijklmnop0"), "{}", scrub(&text));
    }
}

const PIECES: [&str; 18] = [
    "@",
    ".",
    "://",
    ":",
    "=",
    "?key=",
    "&",
    " ",
    "a",
    "Bearer ",
    "eyJhbGci",
    "gsk_abcdefghijklmnop0",
    "-----BEGIN ",
    "PRIVATE KEY-----",
    "-----END ",
    "é",
    "token",
    "\"",
];

/// Whole seconds if any of these were quadratic.
#[test]
fn hostile_texts_take_linear_time() {
    for piece in [
        "eyJ-",
        "eyJ",
        "a@",
        "://",
        "?key=",
        "key=",
        "bearer ",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "sk-",
        ":",
        "&token",
        "a.",
        "@a.",
        "://a:",
    ] {
        let text = piece.repeat(1 << 18 >> piece.len().ilog2());
        let begun = std::time::Instant::now();
        scrub(&text);
        assert!(begun.elapsed().as_secs() < 5, "{piece}");
    }
}
