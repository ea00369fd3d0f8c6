use super::*;

const MODEL: &str = "meta/meta-llama-3.1-8b-instruct";
const RUNNING: &[u8] = br#"{"id":"p1","status":"processing"}"#;

fn course(streaming: bool) -> Course {
    Course::begin(MODEL, streaming).unwrap()
}

#[test]
fn a20_a_name_that_could_reach_another_path_is_refused() {
    for model in [
        "", "a", "../x", "a/..", "a/b/c", "a/b%2Fc", "a/b?c", "a/b#c", "a/b\\c", "a/b c", "/b",
        "a/", "a/b:", "a/b:../c",
    ] {
        let refusal = path(model).unwrap_err();
        assert_eq!(refusal.param, "model", "{model}");
        assert!(Course::begin(model, false).is_err(), "{model}");
    }
    assert_eq!(
        path(MODEL).unwrap(),
        "/models/meta/meta-llama-3.1-8b-instruct/predictions"
    );
    assert_eq!(path("a/b:c0ffee").unwrap(), "/predictions");
}

#[test]
fn a_prediction_is_asked_for_at_longer_and_longer_intervals() {
    let mut course = course(false);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let Step::Poll { path, after } = course.answered(201, RUNNING).unwrap() else {
            panic!("a running prediction is polled");
        };
        assert_eq!(path, "/predictions/p1");
        pauses.push(after.as_millis());
    }
    assert_eq!(pauses, [500, 1000, 2000, 4000, 5000, 5000]);
    assert_eq!(course.cancel().as_deref(), Some("/predictions/p1/cancel"));
    let done = br#"{"id":"p1","status":"succeeded","output":"x"}"#;
    assert_eq!(course.answered(200, done).unwrap(), Step::Answer);
    assert_eq!(course.cancel(), None);
}

#[test]
fn a15_d19_what_was_not_created_needs_no_end_and_what_runs_has_one() {
    let mut course = course(true);
    assert_eq!(course.cancel(), None);
    let created = br#"{"id":"p1","status":"starting","urls":{"stream":"https://stream.replicate.com/v1/files/x"}}"#;
    let step = course.answered(201, created).unwrap();
    let expected = Step::Stream {
        url: "https://stream.replicate.com/v1/files/x".to_owned(),
        trusted: true,
        then: "/predictions/p1".to_owned(),
    };
    assert_eq!(step, expected);
    assert!(course.cancel().is_some());
    // Behind the stream.
    let late = course.answered(200, RUNNING).unwrap();
    assert!(matches!(late, Step::Poll { .. }), "{late:?}");
}

#[test]
fn d19_the_credential_goes_to_the_vendor_alone() {
    for (url, own) in [
        ("https://stream.replicate.com/x", true),
        ("https://stream-b.svc.replicate.delivery:443/x", true),
        ("http://stream.replicate.com/x", false),
        ("https://stream.replicate.com:8443/x", false),
        ("https://replicate.com.evil.test/x", false),
        ("https://evilreplicate.com/x", false),
        ("https://.replicate.com/x", false),
        ("https://stream.replicate.com@evil.test/x", false),
        ("https://evil.test\\.replicate.com/x", false),
        ("https://evil.test/?.replicate.com", false),
        ("https://evil.test#.replicate.com", false),
        ("ftp://stream.replicate.com", false),
        ("", false),
    ] {
        assert_eq!(is_own(url), own, "{url}");
    }
}

#[test]
fn a_stream_without_an_address_is_polled() {
    let mut course = course(true);
    let step = course.answered(201, RUNNING).unwrap();
    assert!(matches!(step, Step::Poll { .. }), "{step:?}");
}

#[test]
fn a_model_without_a_path_of_its_own_is_asked_for_by_version() {
    let mut course = course(false);
    let step = course.answered(404, b"{\"detail\":\"no\"}").unwrap();
    let path = "/models/meta/meta-llama-3.1-8b-instruct".to_owned();
    assert_eq!(step, Step::Describe { path });
    let step = course
        .answered(200, br#"{"latest_version":{"id":"c0ffee"}}"#)
        .unwrap();
    let expected = Step::Create {
        path: "/predictions".to_owned(),
        version: "c0ffee".to_owned(),
    };
    assert_eq!(step, expected);
    // Not for ever.
    let fault = course.answered(404, b"").unwrap_err();
    assert_eq!(fault.kind, Kind::UpstreamModelNotFound);

    let mut nameless = self::course(false);
    nameless.answered(404, b"").unwrap();
    let fault = nameless.answered(200, b"{}").unwrap_err();
    assert_eq!(fault.kind, Kind::UpstreamModelNotFound);
}

#[test]
fn a13_errors_are_told_by_status_and_only_in_known_words() {
    for (status, body, kind, said) in [
        (401, r#"{"detail":"no"}"#, Kind::UpstreamAuth, None),
        (
            402,
            r#"{"title":"Billing","detail":"pay"}"#,
            Kind::UpstreamQuota,
            None,
        ),
        (
            422,
            r#"{"detail":"prompt is required","invalid_fields":[]}"#,
            Kind::UpstreamRejected,
            Some("prompt is required"),
        ),
        (429, "{}", Kind::UpstreamRateLimited, None),
        (500, "<html>secret</html>", Kind::UpstreamError, None),
        (200, "<html>", Kind::UpstreamInvalid, None),
        (200, "{}", Kind::UpstreamInvalid, None),
        (200, r#"{"status":"starting"}"#, Kind::UpstreamInvalid, None),
        (
            200,
            r#"{"status":"starting","id":"../x"}"#,
            Kind::UpstreamInvalid,
            None,
        ),
    ] {
        let fault = course(false).answered(status, body.as_bytes()).unwrap_err();
        assert_eq!(fault.kind, kind, "{status} {body}");
        assert!(!fault.message.contains("secret"));
        if let Some(said) = said {
            assert_eq!(fault.message, said);
        }
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_answered_there_is_a_step_or_a_fault(
        status in 100_u16..600,
        body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60),
        text in "\\{\"(id|status|urls)\":(\"[a-z./]{0,9}\"|\\{\"stream\":\"[a-z:/.]{0,9}\"\\})\\}",
    ) {
        let mut course = course(true);
        let _ = course.answered(status, &body);
        let _ = course.answered(200, text.as_bytes());
        let _ = course.cancel();
    }
}
