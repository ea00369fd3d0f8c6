use std::collections::VecDeque;

use http::{Method, Request};
use proptest::prelude::*;

use super::*;

/// What a vendor does, step by step. A wait lets the call be polled again.
#[derive(Clone, Debug)]
enum Act {
    Say(Vec<u8>),
    Wait,
    Close,
    Reset,
}

/// A vendor by script. When the script is at its end it says nothing more.
#[derive(Debug, Default)]
struct Script {
    acts: VecDeque<Act>,
    heard: Vec<u8>,
    /// Bytes it takes before it takes no more, and whether it then refuses or is only slow.
    room: Option<usize>,
    refuses: bool,
}

impl Script {
    fn of(acts: impl IntoIterator<Item = Act>) -> Script {
        Script {
            acts: acts.into_iter().collect(),
            ..Script::default()
        }
    }

    fn saying(texts: &[&str]) -> Script {
        Script::of(texts.iter().map(|text| say(text)))
    }
}

fn say(text: &str) -> Act {
    Act::Say(text.as_bytes().to_vec())
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.acts.pop_front() {
            None => Poll::Pending,
            Some(Act::Wait) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Act::Close) => {
                self.acts.push_front(Act::Close);
                Poll::Ready(Ok(()))
            }
            Some(Act::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Some(Act::Say(mut bytes)) => {
                let rest = bytes.split_off(bytes.len().min(buf.remaining()));
                buf.put_slice(&bytes);
                if !rest.is_empty() {
                    self.acts.push_front(Act::Say(rest));
                }
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let room = self
            .room
            .map_or(bytes.len(), |room| room - self.heard.len());
        if room == 0 && self.refuses {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if room == 0 {
            return Poll::Pending;
        }
        let taken = room.min(bytes.len());
        self.heard.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn message(method: Method, body: &'static str) -> Message {
    let mut request = Request::new(Bytes::from_static(body.as_bytes()));
    *request.method_mut() = method;
    Message::of(&request)
}

/// A whole answer as a caller sees it, and the connection if it can serve again.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: String,
    kept: Option<Script>,
}

async fn ask_with(script: Script, message: Message) -> Result<Answer, String> {
    let connection = Connection::new(script);
    let (head, mut answering) = match connection.exchange(message).await {
        Ok(answer) => answer,
        Err(Lost::Unsent(error)) => return Err(format!("unsent: {error}")),
        Err(Lost::Broken(error)) => return Err(error.to_string()),
    };
    let mut body = Vec::new();
    while let Some(data) = poll_fn(|cx| answering.poll_data(cx)).await {
        let data = data.map_err(|error| error.to_string())?;
        assert!(!data.is_empty(), "a piece of no bytes");
        body.extend_from_slice(&data);
    }
    assert!(answering.is_over());
    let (rest, connection) = answering.finish();
    assert!(rest.is_empty());
    Ok(Answer {
        status: head.status.as_u16(),
        body: String::from_utf8_lossy(&body).into_owned(),
        kept: connection.map(|connection| connection.wire.socket),
    })
}

/// Fails when nobody would wake the caller again.
async fn ask(script: Script) -> Result<Answer, String> {
    let asking = ask_with(script, message(Method::POST, "{}"));
    tokio::time::timeout(std::time::Duration::from_mins(1), asking)
        .await
        .unwrap_or(Err("waits".into()))
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_read_in_any_framing_and_the_connection_kept_where_it_can_be() {
    for (text, closes, status, body, kept) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab",
            false,
            200,
            "ab",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            false,
            200,
            "",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            false,
            200,
            "abc",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx: y\r\n\r\n",
            false,
            200,
            "ab",
            true,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nab", true, 200, "ab", false),
        ("HTTP/1.1 200 OK\r\n\r\n", true, 200, "", false),
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab",
            false,
            200,
            "ab",
            false,
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab",
            false,
            200,
            "ab",
            false,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", false, 204, "", true),
        (
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
            false,
            304,
            "",
            true,
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
            false,
            200,
            "x",
            true,
        ),
        (
            "HTTP/1.1 200 OK\ncontent-length: 1\n\nx",
            false,
            200,
            "x",
            true,
        ),
        // Bytes that nobody asked for are nobody's answer.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxy",
            false,
            200,
            "x",
            false,
        ),
        (
            "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            false,
            204,
            "",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n0",
            false,
            200,
            "",
            false,
        ),
    ] {
        let mut script = Script::saying(&[text]);
        script.acts.extend(closes.then_some(Act::Close));
        let answer = ask(script).await.expect(text);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, body),
            "{text:?}"
        );
        assert_eq!(answer.kept.is_some(), kept, "{text:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_an_error_that_says_so() {
    for (text, part) in [
        ("", "before the end of the answer's head"),
        (
            "HTTP/1.1 200 OK\r\ncontent-",
            "before the end of the answer's head",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\n",
            "before the end of the answer's head",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
            "3 bytes before the end",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
            "5 bytes before the end",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
            "before the last chunk",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
            "before the last chunk",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
            "before the last chunk",
        ),
    ] {
        let mut script = Script::saying(&[text]);
        script
            .acts
            .retain(|act| !matches!(act, Act::Say(bytes) if bytes.is_empty()));
        script.acts.push_back(Act::Close);
        let error = ask(script).await.expect_err(text);
        assert!(error.contains(part), "{text:?}: {error}");
    }
    let reset = Script::of([
        say("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        Act::Reset,
    ]);
    let error = ask(reset).await.expect_err("reset");
    assert!(error.contains("connection reset"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_is_refused() {
    for text in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let error = ask(Script::saying(&[text])).await.expect_err(text);
        assert!(error.starts_with("malformed answer"), "{text:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn heads_are_bounded_however_they_come() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(HEAD_MAX));
    let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(INFORMATIONAL_MAX + 1);
    let hints = format!(
        "HTTP/1.1 103 Hints\r\nx: {}\r\n\r\n",
        "y".repeat(HEAD_MAX / 4)
    )
    .repeat(5);
    for (text, part) in [(long, "bytes"), (many, "informational"), (hints, "bytes")] {
        for size in [text.len(), 1000, 7] {
            let pieces = text
                .as_bytes()
                .chunks(size)
                .map(|piece| Act::Say(piece.to_vec()));
            let error = ask(Script::of(pieces)).await.expect_err(part);
            assert!(
                error.starts_with("malformed answer") && error.contains(part),
                "{error}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_request_of_which_nothing_was_taken_is_unsent() {
    let closed = |room| Script {
        room: Some(room),
        refuses: true,
        ..Script::of([Act::Close])
    };
    let error = ask(closed(0)).await.expect_err("closed");
    assert!(error.starts_with("unsent"), "{error}");
    let error = ask(closed(5)).await.expect_err("closed");
    assert!(
        error.contains("before the end of the answer's head"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_before_all_is_sent_is_read_and_ends_the_connection() {
    let early = "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno";
    for refuses in [true, false] {
        let script = Script {
            room: Some(10),
            refuses,
            ..Script::of([Act::Wait, say(early)])
        };
        let answer = ask(script).await.unwrap();
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (413, "no"),
            "{refuses}"
        );
        assert!(answer.kept.is_none(), "{refuses}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_body_is_sent_whole_behind_its_head() {
    let body: &'static str = "x".repeat(100_000).leak();
    let script = Script::saying(&["HTTP/1.1 204 No Content\r\n\r\n"]);
    let answer = ask_with(script, message(Method::POST, body)).await.unwrap();
    let heard = String::from_utf8(answer.kept.expect("kept").heard).unwrap();
    assert_eq!(
        heard,
        format!("POST / HTTP/1.1\r\ncontent-length: 100000\r\n\r\n{body}")
    );
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_head_has_no_body() {
    let script = Script::saying(&["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"]);
    let answer = ask_with(script, message(Method::HEAD, "")).await.unwrap();
    assert_eq!((answer.body.as_str(), answer.kept.is_some()), ("", true));
}

#[tokio::test(start_paused = true)]
async fn a_connection_serves_one_exchange_after_the_other() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    let mut script = Script::saying(&[&format!("{ok}ab")]);
    for _ in 0..3 {
        let answer = ask(script).await.unwrap();
        assert_eq!(answer.body, "ab");
        script = answer.kept.expect("kept");
        script.acts.push_back(say(ok));
        script.acts.push_back(Act::Wait);
        script.acts.push_back(say("ab"));
    }
}

#[test]
fn a_connection_that_is_closed_or_speaks_unasked_is_not_idle() {
    for (acts, idle) in [
        (vec![], true),
        (vec![Act::Wait], true),
        (vec![Act::Close], false),
        (vec![Act::Reset], false),
        (vec![say("HTTP/1.1 408 Request Timeout\r\n\r\n")], false),
    ] {
        let mut connection = Connection::new(Script::of(acts.clone()));
        assert_eq!(connection.is_idle(), idle, "{acts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_that_has_come_is_handed_out_at_once() {
    let events = "5\r\nevent\r\n".repeat(64);
    let script = Script::of([
        say(&format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{events}"
        )),
        Act::Wait,
        say(&events),
        say("0\r\n\r\n"),
    ]);
    let exchanged = Connection::new(script)
        .exchange(message(Method::POST, "{}"))
        .await;
    let (_, mut answering) = exchanged.expect("a head");
    assert_eq!(answering.length(), None);
    for _ in 0..2 {
        let data = poll_fn(|cx| answering.poll_data(cx))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(data, "event".repeat(64));
    }
    assert!(!answering.is_over());
    assert!(poll_fn(|cx| answering.poll_data(cx)).await.is_none());
}

/// The bytes cut at some places, with or without waiting between.
fn pieces(bytes: &[u8], cuts: &[(prop::sample::Index, bool)]) -> Vec<Act> {
    let mut places: Vec<_> = cuts
        .iter()
        .map(|(cut, wait)| (cut.index(bytes.len() + 1), *wait))
        .collect();
    places.push((bytes.len(), false));
    places.sort_unstable();
    let (mut acts, mut from) = (Vec::new(), 0);
    for (to, wait) in places {
        if from < to {
            acts.push(Act::Say(bytes[from..to].to_vec()));
        }
        acts.extend(wait.then_some(Act::Wait));
        from = to;
    }
    acts
}

fn cuts() -> impl Strategy<Value = Vec<(prop::sample::Index, bool)>> {
    prop::collection::vec(any::<(prop::sample::Index, bool)>(), 0..10)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(work)
}

proptest! {
    #[test]
    fn wherever_it_is_cut_an_answer_reads_the_same(
        body in "[a-z]{0,60}",
        chunk in 1_usize..20,
        framing in 0..3,
        hints in 0_usize..3,
        cuts in cuts(),
    ) {
        let mut text = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(hints);
        text += "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\n";
        match framing {
            0 => text.extend([format!("content-length: {}\r\n\r\n{body}", body.len())]),
            1 => {
                text += "transfer-encoding: chunked\r\n\r\n";
                for piece in body.as_bytes().chunks(chunk) {
                    text.extend([format!("{:X}\r\n", piece.len())]);
                    text.extend([&*String::from_utf8_lossy(piece), "\r\n"]);
                }
                text += "0\r\n\r\n";
            }
            _ => text.extend(["\r\n", &body]),
        }
        let mut acts = pieces(text.as_bytes(), &cuts);
        acts.extend((framing == 2).then_some(Act::Close));
        let answer = run(ask(Script::of(acts))).unwrap();
        prop_assert_eq!(answer.body, body);
        prop_assert_eq!(answer.kept.is_some(), framing != 2);
    }

    #[test]
    fn no_bytes_make_it_panic_or_hang(
        start in prop::sample::select(vec![
            "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        ]),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"\r\n0: ;HTP/1.".to_vec())], 0..300),
        cuts in cuts(),
    ) {
        let mut acts = pieces(&[start.as_bytes(), &bytes].concat(), &cuts);
        acts.push(Act::Close);
        if let Err(error) = run(ask(Script::of(acts))) {
            prop_assert_ne!(error, "waits");
        }
    }
}
