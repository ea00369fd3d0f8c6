use super::*;

const EVENT: &[u8] = b"data: {\"content\":\"abc\",\"x\":1,\"padding\":\"zz\"}\n\n";

/// The first place of a part in an event, as part of it.
fn part<'a>(event: &'a [u8], part: &[u8]) -> &'a [u8] {
    let at = memchr::memmem::find(event, part).unwrap();
    &event[at..at + part.len()]
}

fn learnt(event: &[u8]) -> Echo {
    let mut echo = Echo::default();
    echo.learn(event, Some(part(event, b"abc")), Some(part(event, b"zz")));
    echo
}

#[test]
fn an_event_with_another_text_is_recognised() {
    let mut echo = learnt(EVENT);
    for (text, padding, bytes) in [
        ("abc", "zz", 3),
        ("d", "", 1),
        (r"\n\u00e9", "q", 3),
        ("\u{e9}", "\u{e9}", 2),
        (r#"\",\"x\":1,\"padding\":\"zz\"}"#, r"\n", 23),
    ] {
        let event =
            format!("data: {{\"content\":\"{text}\",\"x\":1,\"padding\":\"{padding}\"}}\n\n");
        for behind in ["", "\n", "data: [DONE]\n\n"] {
            let heard = echo.hear(format!("{event}{behind}").as_bytes()).unwrap();
            assert_eq!((heard.event, heard.bytes), (event.len(), bytes), "{event}");
        }
    }
}

#[test]
fn any_other_event_is_not() {
    for event in [
        "",
        "data: [DONE]\n\n",
        "data: {\"content\":\"\",\"x\":1,\"padding\":\"zz\"}\n\n",
        "data: {\"content\":\"a\",\"x\":2,\"padding\":\"zz\"}\n\n",
        "data: {\"content\":\"a\",\"x\":1,\"padding\":null}\n\n",
        "data: {\"content\":\"a\",\"x\":1,\"padding\":\"\n\"}\n\n",
        "data: {\"content\":\"a\",\"x\":1,\"padding\":\"z\"}\ndata:\n\n",
        "data: {\"content\":\"a\",\"x\":1,\"padding\":\"z\"}\n",
        "data: {\"content\":\"a\\\",\"x\":1,\"padding\":\"z\"}\n\n",
        "data: {\"content\":\"\\q\",\"x\":1,\"padding\":\"z\"}\n\n",
        "data: {\"content\":\"a\nb\",\"x\":1,\"padding\":\"z\"}\n\n",
        "data: {\"content\": \"a\",\"x\":1,\"padding\":\"z\"}\n\n",
        "data: {\"content\":\"abc",
        "data: {\"content\":\"",
    ] {
        assert!(learnt(EVENT).hear(event.as_bytes()).is_none(), "{event}");
    }
    let mut echo = learnt(EVENT);
    assert!(
        echo.hear(b"data: {\"content\":\"\xff\",\"x\":1,\"padding\":\"z\"}\n\n")
            .is_none()
    );
    assert!(echo.hear(EVENT).is_some());
    echo.forget();
    assert!(echo.hear(EVENT).is_none());
}

#[test]
fn what_cannot_be_compared_is_not_remembered() {
    let open = EVENT.strip_suffix(b"\n").unwrap();
    assert!(learnt(open).hear(open).is_none(), "it may go on");

    let elsewhere = EVENT.to_vec();
    let mut echo = Echo::default();
    echo.learn(EVENT, Some(part(&elsewhere, b"abc")), None);
    assert!(echo.hear(EVENT).is_none(), "the text is no part of it");

    let long = [b": ", &[b'x'; FIXED_MAX][..], b"\n", EVENT].concat();
    assert!(learnt(&long).hear(&long).is_none(), "it is too long");
}

#[test]
fn a_stream_without_repetition_is_learnt_from_ever_less_often() {
    let mut echo = Echo::default();
    let mut attempts = 0;
    for _ in 0..10_000 {
        assert!(echo.hear(b"data: {}\n\n").is_none());
        if echo.is_due() {
            echo.learn(b"data: {}\n\n", None, None);
            attempts += 1;
        }
    }
    assert!((5..60).contains(&attempts), "{attempts}");
}

#[test]
fn a_stream_that_repeated_itself_is_learnt_anew_at_once() {
    let mut echo = learnt(EVENT);
    for _ in 0..WORTH {
        assert!(echo.hear(EVENT).is_some());
    }
    for _ in 0..2 {
        assert!(echo.hear(b"data: {}\n\n").is_none());
        assert!(echo.is_due());
        echo.learn(EVENT, Some(part(EVENT, b"abc")), None);
        assert!(echo.hear(EVENT).is_some() && !echo.is_due());
        for _ in 0..WORTH {
            assert!(echo.hear(EVENT).is_some());
        }
    }
}
