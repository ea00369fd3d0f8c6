use super::*;

const MODEL: &str = "meta/meta-llama-3.1-8b-instruct";
const RUNNING: &[u8] = br#"{"id":"p1","status":"processing"}"#;

fn course(streaming: bool) -> Course {
    Course::begin(MODEL, streaming, None).unwrap()
}

#[test]
fn t20_a_name_that_could_reach_another_path_is_refused() {
    for model in [
        "", "a", "../x", "a/..", "a/b/c", "a/b%2Fc", "a/b?c", "a/b#c", "a/b\\c", "a/b c", "/b",
        "a/", "a/b:", "a/b:../c",
    ] {
        let refusal = Course::begin(model, false, None).unwrap_err();
        assert_eq!(refusal.param, "model", "{model}");
        assert_eq!(described_at(model), None, "{model}");
    }
    for (model, path) in [
        ("a/b", "/models/a/b"),
        ("a/b:c0", "/models/a/b/versions/c0"),
    ] {
        assert_eq!(described_at(model).as_deref(), Some(path));
    }
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
fn t15_d19_what_was_not_created_needs_no_end_and_what_runs_has_one() {
    let mut course = course(true);
    assert_eq!(course.cancel(), None);
    let created = br#"{"id":"p1","status":"starting","urls":{"stream":"https://stream.replicate.com/v1/files/x"}}"#;
    let step = course.answered(201, created).unwrap();
    let expected = Step::Stream {
        url: "https://stream.replicate.com/v1/files/x".to_owned(),
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
fn d19_a_stream_is_read_at_the_vendors_own_or_where_the_target_is_and_polled_otherwise() {
    let root = "http://127.0.0.1:8080/v1";
    for (url, followed) in [
        ("https://stream.replicate.com/x", true),
        ("http://127.0.0.1:8080/stream/x", true),
        ("http://127.0.0.1:8081/stream/x", false),
        ("https://127.0.0.1:8080/stream/x", false),
        ("http://127.0.0.1:8080@evil.test/x", false),
        ("http://169.254.169.254/latest/meta-data", false),
        ("127.0.0.1:8080", false),
    ] {
        let mut course = course(true).below(root);
        let created = format!(r#"{{"id":"p","status":"starting","urls":{{"stream":"{url}"}}}}"#);
        let step = course.answered(201, created.as_bytes()).unwrap();
        let is_stream = matches!(step, Step::Stream { .. });
        assert_eq!(is_stream, followed, "{url}: {step:?}");
    }
}

#[test]
fn the_vendor_is_told_how_long_it_may_take() {
    let told = |streaming, first_byte, left: Option<u64>| {
        let headers = course(streaming).headers(
            Duration::from_secs(first_byte),
            left.map(Duration::from_millis),
        );
        ["prefer", "cancel-after"].map(|name| {
            headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        })
    };
    for (asked, [prefer, cancel]) in [
        (told(false, 600, None), [Some("wait=60"), None]),
        (told(true, 600, None), [None, None]),
        (
            told(false, 30, Some(90_500)),
            [Some("wait=25"), Some("91s")],
        ),
        (told(true, 30, Some(1)), [None, Some("5s")]),
        (told(false, 2, None), [Some("wait=1"), None]),
    ] {
        assert_eq!(asked, [prefer, cancel].map(|text| text.map(str::to_owned)));
    }
}

#[test]
fn a_look_that_failed_is_made_again_but_not_for_ever() {
    let mut course = course(false);
    assert_eq!(course.missed(), None, "nothing was created");
    course.answered(201, RUNNING).unwrap();
    for _ in 0..2 {
        assert!(matches!(course.missed(), Some(Step::Poll { .. })));
    }
    // One that succeeds counts.
    course.answered(200, RUNNING).unwrap();
    for _ in 0..3 {
        assert!(matches!(course.missed(), Some(Step::Poll { .. })));
    }
    assert_eq!(course.missed(), None);
    assert!(course.cancel().is_some());
}

fn described(text: &str) -> Arc<Description> {
    Arc::new(Description::read(text.as_bytes()).unwrap())
}

#[test]
fn a_model_known_to_have_no_path_is_asked_for_by_version_from_then_on() {
    let known = described(r#"{"latest_version":{"id":"c0ffee"}}"#);
    assert_eq!(known.needed_version(), None);
    let mut course = Course::begin(MODEL, false, Some(known.clone())).unwrap();
    assert!(course.expects(404));
    let expected = Step::Create {
        path: "/predictions".to_owned(),
        version: "c0ffee".to_owned(),
    };
    assert_eq!(course.answered(404, b"").unwrap(), expected);
    assert!(!course.expects(404), "not for ever");
    assert_eq!(known.needed_version(), Some("c0ffee"));
}

#[test]
fn a_version_is_put_in_front_of_the_rest_unless_the_client_named_one() {
    for (body, expected) in [
        (
            r#"{"input":{"prompt":"x"}}"#,
            r#"{"version":"c0","input":{"prompt":"x"}}"#,
        ),
        (r#"{"version":"mine"}"#, r#"{"version":"mine"}"#),
        ("", ""),
    ] {
        assert_eq!(with_version(body.as_bytes(), "c0"), expected.as_bytes());
    }
}

#[test]
fn what_is_no_description_is_none() {
    for text in ["", "[]", "{}", r#"{"latest_version":{"id":"../x"}}"#] {
        assert!(Description::read(text.as_bytes()).is_none(), "{text}");
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
    assert!(!course.expects(404), "not for ever");

    let mut nameless = self::course(false);
    nameless.answered(404, b"").unwrap();
    let fault = nameless.answered(200, b"{}").unwrap_err();
    assert_eq!(fault.kind, Kind::UpstreamModelNotFound);
}

#[test]
fn t13_what_is_no_prediction_is_an_answer_that_is_not_valid() {
    for status in [400, 401, 402, 422, 429, 500, 302] {
        assert!(!course(false).expects(status), "{status}");
    }
    for body in [
        "<html>",
        "{}",
        r#"{"status":"starting"}"#,
        r#"{"status":"starting","id":"../x"}"#,
    ] {
        let fault = course(false).answered(200, body.as_bytes()).unwrap_err();
        assert_eq!(fault.kind, Kind::UpstreamInvalid, "{body}");
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
        let _ = course.missed();
        let _ = course.cancel();
        let _ = Description::read(&body);
    }
}
