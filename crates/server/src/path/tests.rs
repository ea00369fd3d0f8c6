use proptest::prelude::*;

use super::*;

const CHAT: &str = "/v1/chat/completions";

#[test]
fn a_canonical_path_is_borrowed() {
    for path in [
        "/",
        CHAT,
        "/v1/files/file..name",
        "/v1/100%25-ready",
        "/v1/a%3Ab;rev=1",
        "/.well-known/x",
        "/v1/models/meta%2Fllama",
        "*",
    ] {
        assert!(
            matches!(canonical(path), Ok(Cow::Borrowed(same)) if same == path),
            "{path}"
        );
    }
}

#[test]
fn spellings_of_one_path_are_one_path() {
    for spelling in [
        "/v1/chat/completion%73",
        "/v1/chat/completions/",
        "/v1/chat/completions//",
        "/v1//chat/completions",
        "//v1/chat/completions",
        "/v1/ch%61t///completions",
        "/%76%31/%63hat/completions/",
    ] {
        assert_eq!(canonical(spelling).as_deref(), Ok(CHAT), "{spelling}");
    }
    assert_eq!(canonical("").as_deref(), Ok("/"));
    assert_eq!(canonical("///").as_deref(), Ok("/"));
    assert_eq!(canonical("/a%2fb").as_deref(), Ok("/a%2Fb"));
    assert_eq!(canonical("/v1/h\u{e9}/").as_deref(), Ok("/v1/h\u{e9}"));
}

#[test]
fn traversal_is_refused_in_every_disguise() {
    for path in [
        "/v1/../admin",
        "/v1/./x",
        "/v1/..",
        "/v1/%2e%2e/admin",
        "/v1/%2E./admin",
        "/v1/%252e%252e/admin",
        "/v1/..%5cadmin",
        "/v1/..%2fadmin",
        "/v1/..\\admin",
        "/v1\\..\\admin",
        "/v1/..;x=1/admin",
        "/v1/..%3bx=1/admin",
        "/v1/%25252525252e%2e/admin",
        "/v1/%252e%252e/100%25-ready",
    ] {
        assert_eq!(canonical(path), Err(BadPath::Traversal), "{path}");
    }
}

#[test]
fn broken_and_bottomless_escapes_are_refused() {
    for path in ["/v1/100%-ready", "/v1/%", "/v1/%2", "/v1/%zz", "/v1/%+1"] {
        assert_eq!(canonical(path), Err(BadPath::Escape), "{path}");
    }
    let nested = |depth: usize| format!("/v1/%{}41", "25".repeat(depth));
    assert!(canonical(&nested(7)).is_ok());
    assert_eq!(canonical(&nested(8)), Err(BadPath::Depth));
}

proptest! {
    #[test]
    fn canonical_is_stable(path in "/([a-c.%/;\\\\2eEfF5]|%2[0-9a-fA-F]|%[4-7][0-9a-f]){0,24}") {
        if let Ok(once) = canonical(&path) {
            let twice = canonical(&once);
            prop_assert_eq!(twice.as_deref(), Ok(once.as_ref()));
        }
    }

    #[test]
    fn nothing_canonical_climbs(path in "/([a-c.%/;\\\\2eEfF5]|%2[eEfF5]|%5[cC]){0,24}") {
        if let Ok(spelt) = canonical(&path) {
            let mut bytes = spelt.as_bytes().to_vec();
            loop {
                prop_assert!(!segments(&bytes).any(|s| s == b"." || s == b".."));
                match decode(&bytes) {
                    Some(next) => bytes = next,
                    None => break,
                }
            }
        }
    }

    #[test]
    fn anything_at_all_is_answered(path in "\\PC{0,64}") {
        let _ = canonical(&path);
    }

    #[test]
    fn escaping_any_letters_changes_nothing(mask in proptest::collection::vec(any::<bool>(), CHAT.len())) {
        let spelt: String = CHAT
            .bytes()
            .zip(mask)
            .map(|(byte, escape)| if escape && byte != b'/' {
                format!("%{byte:02x}")
            } else {
                char::from(byte).to_string()
            })
            .collect();
        let found = canonical(&spelt);
        prop_assert_eq!(found.as_deref(), Ok(CHAT));
    }
}
