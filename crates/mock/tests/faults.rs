//! Every fault of the table is seen by a client as its row says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod peer;

use mock::{Fault, Mock, Outcome, Scope};
use peer::{End, Got, Peer, ask, chat, eventually, start};
use serde_json::Value;

/// What a client got: with the fault and without it.
struct Seen {
    whole: Got,
    stream: Got,
    plain_whole: Got,
    plain_stream: Got,
}

async fn see(mock: &Mock, settings: &str) -> Seen {
    let (whole, stream) = (chat("m", false), chat("m", true));
    Seen {
        whole: ask(mock, settings, &whole).await,
        stream: ask(mock, settings, &stream).await,
        plain_whole: ask(mock, "", &whole).await,
        plain_stream: ask(mock, "", &stream).await,
    }
}

impl Seen {
    fn both(&self, holds: impl Fn(&Got) -> bool) -> bool {
        holds(&self.whole) && holds(&self.stream)
    }

    /// The stream broke off after so many content events.
    fn broke_after(&self, contents: usize, end: End) -> bool {
        self.stream.end == end
            && self.stream.contents().len() == contents
            && self.stream.dones() == 0
    }

    /// Other bytes, the same events.
    fn says_the_same(&self) -> bool {
        let squeezed = |got: &Got| -> Vec<String> {
            let events = got.events().into_iter();
            events.map(|event| event.replace('\n', "")).collect()
        };
        self.stream.end == End::Complete && squeezed(&self.stream) == squeezed(&self.plain_stream)
    }

    fn content(&self) -> Value {
        self.whole.json()["choices"][0]["message"]["content"].clone()
    }
}

fn usages(got: &Got) -> (usize, usize) {
    let chunks = got.chunk_objects();
    let with = chunks.iter().filter(|chunk| chunk["usage"].is_object());
    (with.count(), chunks.len())
}

/// Whether a client sees the fault. The match is exhaustive: a new row does
/// not compile before it is tested.
fn shows(fault: Fault, seen: &Seen) -> bool {
    let (whole, stream) = (&seen.whole, &seen.stream);
    let ok = |got: &Got| got.status() == 200 && got.end == End::Complete;
    match fault {
        Fault::Reset => seen.both(|got| got.raw.is_empty() && got.end == End::Reset),
        Fault::ResetAfterHead => {
            seen.both(|got| got.status() == 200 && got.body().is_empty() && got.end == End::Reset)
        }
        Fault::ResetEvent => seen.broke_after(2, End::Reset),
        Fault::Close => seen.both(|got| got.raw.is_empty() && got.end == End::Closed),
        Fault::CloseAfter => {
            seen.both(|got| ok(got) && got.header("connection").as_deref() == Some("close"))
        }
        Fault::Stall => seen.both(|got| got.raw.is_empty() && got.end == End::Silent),
        Fault::StallAfterHead => {
            seen.both(|got| got.status() == 200 && got.body().is_empty() && got.end == End::Silent)
        }
        Fault::StallEvent => seen.broke_after(2, End::Silent),
        Fault::RoleOnlyThenStall => {
            seen.broke_after(0, End::Silent) && stream.text().contains("assistant")
        }
        Fault::Cut => seen.both(|got| got.body().len() == 64 && got.end == End::Closed),
        Fault::CutEvent => seen.broke_after(2, End::Closed),
        Fault::Eof => {
            ok(stream)
                && stream.contents() == seen.plain_stream.contents()
                && stream.finish_reasons().is_empty()
                && stream.dones() == 0
                && usages(stream).0 == 0
        }
        Fault::SlowHeaders => {
            seen.both(|got| ok(got) && got.reads.len() > 20 && got.took.as_millis() > 150)
        }
        Fault::Informational => {
            seen.both(|got| ok(got) && got.raw.starts_with(b"HTTP/1.1 103 Early Hints\r\n"))
        }
        Fault::NotHttp => {
            seen.both(|got| got.raw.starts_with(b"220 mail") && got.end == End::Closed)
        }
        Fault::BigHead => seen.both(|got| {
            ok(got)
                && got
                    .header("x-padding")
                    .is_some_and(|pad| pad.len() == 64 << 10)
        }),
        Fault::Redirect => seen.both(|got| {
            got.status() == 302 && got.header("location").is_some() && got.body().is_empty()
        }),
        Fault::WrongContentType => seen.both(|got| {
            ok(got)
                && got.header("content-type").as_deref() == Some("text/html")
                && got.text().starts_with("<!doctype html>")
        }),
        Fault::NoContentType => seen.both(|got| ok(got) && got.header("content-type").is_none()),
        Fault::GzipClaim => {
            let claims = |got: &Got| got.header("content-encoding").as_deref() == Some("gzip");
            seen.both(|got| ok(got) && claims(got)) && seen.says_the_same()
        }
        Fault::Empty => seen.both(|got| ok(got) && got.body().is_empty()),
        Fault::Truncated => {
            let half = whole.body();
            let last = stream.events().pop().unwrap_or_default();
            ok(whole)
                && ok(stream)
                && serde_json::from_slice::<Value>(&half).is_err()
                && seen.plain_whole.body().starts_with(&half)
                && last.starts_with('{')
                && serde_json::from_str::<Value>(&last).is_err()
        }
        Fault::BadUtf8 => {
            seen.both(|got| ok(got) && std::str::from_utf8(&got.body()).is_err())
                && stream.dones() == 1
        }
        Fault::Huge => {
            let contents = stream.contents();
            ok(whole)
                && ok(stream)
                && seen
                    .content()
                    .as_str()
                    .is_some_and(|text| text.len() == 8 << 20)
                && contents.len() == 1
                && contents[0].len() == 8 << 20
        }
        Fault::ErrorIn200 => {
            let last = stream.chunk_objects().pop().unwrap_or_default();
            ok(whole)
                && ok(stream)
                && whole.json()["error"]["message"].is_string()
                && last["error"]["message"].is_string()
                && stream.contents().len() == 2
                && stream.dones() == 0
        }
        Fault::ErrorTextIn200 => {
            let last = stream.chunk_objects().pop().unwrap_or_default();
            ok(whole) && whole.json()["error"].is_string() && last["error"].is_string()
        }
        Fault::Garbage => {
            let events = stream.events();
            // The role and two contents stand before it.
            events.len() == seen.plain_stream.events().len() + 1
                && serde_json::from_str::<Value>(&events[3]).is_err()
                && stream.contents() == seen.plain_stream.contents()
                && stream.dones() == 1
        }
        Fault::NoUsage => ok(whole) && whole.json().get("usage").is_none() && usages(stream).0 == 0,
        Fault::UsageWithFinish => {
            let chunks = stream.chunk_objects();
            let last = chunks.last().unwrap();
            last["usage"].is_object() && last["choices"][0]["finish_reason"] == "stop"
        }
        Fault::UsageEverywhere => {
            let (with, all) = usages(stream);
            all > 3 && with == all
        }
        Fault::RoleEverywhere => {
            let chunks = stream.chunk_objects();
            let with = chunks
                .iter()
                .filter(|chunk| chunk["choices"][0]["delta"]["role"] == "assistant");
            with.count() == seen.plain_stream.contents().len() + 1
        }
        Fault::ContentParts => {
            let text = stream.text();
            seen.content()[0]["type"] == "thinking"
                && seen.content()[1]["type"] == "text"
                && text.contains(r#""content":[{"thinking":"#)
                && text.contains(r#""content":[{"text":"#)
        }
        Fault::NoFinish => {
            let choice = &whole.json()["choices"][0];
            choice.get("finish_reason").is_none()
                && stream.finish_reasons().is_empty()
                && stream.dones() == 1
        }
        Fault::NoDone => ok(stream) && stream.finish_reasons() == ["stop"] && stream.dones() == 0,
        Fault::DoubleDone => ok(stream) && stream.dones() == 2,
        Fault::NoFinalBlank => seen.says_the_same() && stream.text().ends_with("data: [DONE]\n"),
        Fault::Crlf => {
            let text = stream.text();
            let bare = text.replace("\r\n", "");
            seen.says_the_same() && text.contains("\r\n\r\n") && !bare.contains(['\r', '\n'])
        }
        Fault::Cr => {
            let text = stream.text();
            seen.says_the_same() && text.contains("\r\r") && !text.contains('\n')
        }
        Fault::Bom => seen.says_the_same() && stream.body().starts_with(b"\xef\xbb\xbfdata: "),
        Fault::NoSpace => seen.says_the_same() && !stream.text().contains("data: "),
        Fault::Fields => {
            let text = stream.text();
            let all = ["event: message\n", "id: 0\n", "retry: 1000\n"];
            seen.says_the_same() && all.iter().all(|field| text.contains(field))
        }
        Fault::Comments => {
            let comments = stream.text().matches(": keep-alive\n\n").count();
            seen.says_the_same() && comments == stream.events().len()
        }
        Fault::MultiLine => {
            let lines = stream.text().matches("data: ").count();
            seen.says_the_same() && lines == stream.events().len() * 2 - 1
        }
        Fault::WritePerEvent => {
            let plain = seen.plain_stream.chunks().len();
            seen.says_the_same() && plain == 1 && stream.chunks().len() == stream.events().len()
        }
        Fault::Split => {
            let chunks = stream.chunks();
            let (last, full) = chunks.split_last().unwrap();
            seen.says_the_same()
                && full.iter().all(|chunk| chunk.len() == 7)
                && last.len() <= 7
                && whole.json() == seen.plain_whole.json()
        }
    }
}

#[tokio::test]
async fn every_fault_shows_what_its_row_says() {
    let mock = start().await;
    for row in Fault::ALL {
        let seen = see(&mock, row.name).await;
        assert!(
            shows(row.fault, &seen),
            "{} does not show: {:?} {:?}\n{}\n{:?} {:?}\n{}",
            row.name,
            seen.whole.end,
            seen.whole.head(),
            seen.whole.text().chars().take(2000).collect::<String>(),
            seen.stream.end,
            seen.stream.head(),
            seen.stream.text().chars().take(4000).collect::<String>(),
        );
    }
}

#[tokio::test]
async fn a_plain_answer_shows_no_fault() {
    let mock = start().await;
    for row in Fault::ALL {
        let seen = see(&mock, "plain").await;
        assert!(!shows(row.fault, &seen), "{}", row.name);
    }
}

#[tokio::test]
async fn faults_show_only_where_their_scope_says() {
    let mock = start().await;
    for row in Fault::ALL {
        let seen = see(&mock, row.name).await;
        let same = |got: &Got, plain: &Got| got.end == End::Complete && got.body() == plain.body();
        match row.scope {
            Scope::Any => {}
            Scope::Stream => assert!(same(&seen.whole, &seen.plain_whole), "{}", row.name),
            Scope::Whole => assert!(same(&seen.stream, &seen.plain_stream), "{}", row.name),
        }
    }
}

#[tokio::test]
async fn a_number_moves_a_fault() {
    let mock = start().await;
    for (settings, contents) in [
        ("cut_event=0", 0),
        ("stall_event=5", 5),
        ("reset_event=1", 1),
    ] {
        let got = ask(&mock, settings, &chat("m", true)).await;
        assert_eq!(got.contents().len(), contents, "{settings}");
    }
    let got = ask(&mock, "cut=1000", &chat("m", true)).await;
    assert_eq!((got.body().len(), got.end), (1000, End::Closed));
}

#[tokio::test]
async fn faults_can_be_combined() {
    let mock = start().await;
    let got = ask(&mock, "crlf;comments;split=3;cut_event=4", &chat("m", true)).await;
    assert_eq!((got.contents().len(), got.end), (4, End::Closed));
    assert!(got.text().contains(": keep-alive\r\n\r\n"));
}

#[tokio::test]
async fn a_connection_that_is_to_close_does() {
    let mock = start().await;
    for (settings, closed) in [("", false), ("close_after", true)] {
        let mut peer = Peer::connect(&mock).await;
        let got = peer
            .post("/v1/chat/completions", settings, &chat("m", false))
            .await;
        assert_eq!(got.status(), 200);
        assert_eq!(peer.is_closed().await, closed, "{settings}");
    }
}

#[tokio::test]
async fn an_informational_answer_leaves_the_connection_usable() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    for settings in ["informational", "slow_headers=20ms", ""] {
        let got = peer
            .post("/v1/chat/completions", settings, &chat("m", false))
            .await;
        assert_eq!(got.json()["object"], "chat.completion", "{settings}");
    }
    assert_eq!(mock.stats().connections_total, 1);
}

#[tokio::test]
async fn a_client_that_leaves_is_told_from_a_fault_and_an_answer() {
    let mock = start().await;
    for (settings, stream, outcome) in [
        ("stall", false, Outcome::HungUp),
        ("latency=10s", false, Outcome::HungUp),
        ("stall_event=2", true, Outcome::HungUp),
        ("cadence=10s", true, Outcome::HungUp),
        ("cut=9", false, Outcome::Broken),
        ("reset", false, Outcome::Broken),
        ("", true, Outcome::Answered),
    ] {
        mock.clear();
        drop(ask(&mock, settings, &chat("m", stream)).await);
        eventually(|| mock.stats().in_flight == 0).await;
        assert_eq!(mock.recorded()[0].outcome, outcome, "{settings}");
    }
    assert_eq!(mock.stats().hangups, 4);
    eventually(|| mock.stats().connections_open == 0).await;
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_large_answer_is_noticed() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    let head = "x-mock: huge=200m\r\n";
    let body = chat("m", false).to_string();
    peer.send("POST", "/v1/chat/completions", head, body.as_bytes())
        .await;
    eventually(|| {
        mock.recorded()
            .first()
            .is_some_and(|request| request.written > 0)
    })
    .await;
    drop(peer);
    eventually(|| mock.stats().hangups == 1).await;

    let request = &mock.recorded()[0];
    assert_eq!(request.outcome, Outcome::HungUp);
    assert!(request.written < 200 << 20, "{}", request.written);
}
