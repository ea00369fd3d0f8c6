//! Settings, their layers, the script and the record, over a real socket.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod peer;

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use mock::{Behaviour, Fault, MockSpec, Outcome, SETTINGS, When};
use peer::{End, Peer, ask, chat, eventually, start, start_behaving, start_with};
use serde_json::{Value, json};

#[tokio::test]
async fn settings_come_from_header_script_model_and_defaults_in_this_order() {
    let mock = start_behaving("status=503;retry_after=1").await;
    let named = chat("mock:status=502", false);

    assert_eq!(ask(&mock, "", &chat("m", false)).await.status(), 503);
    assert_eq!(ask(&mock, "", &named).await.status(), 502);
    for _ in 0..2 {
        mock.script(Behaviour::read("status=501").unwrap());
    }
    assert_eq!(ask(&mock, "", &named).await.status(), 501);
    let got = ask(&mock, "status=500", &named).await;
    assert_eq!(got.status(), 500);
    assert_eq!(got.header("retry-after").unwrap(), "1");
    assert_eq!(ask(&mock, r#"{"plain":true}"#, &named).await.status(), 200);
}

#[tokio::test]
async fn settings_may_stand_behind_a_vendors_prefix_in_the_model() {
    let mock = start().await;
    for model in [
        "mock:status=429;retry_after=7",
        "openai/mock:status=429;retry_after=7",
    ] {
        let got = ask(&mock, "", &chat(model, true)).await;
        assert_eq!(got.status(), 429, "{model}");
        assert_eq!(got.header("retry-after").unwrap(), "7");
        assert_eq!(got.json()["error"]["type"], "rate_limit_error");
    }
}

#[tokio::test]
async fn unknown_settings_are_refused() {
    let mock = start().await;
    let by_header = ask(&mock, "statsu=500", &chat("m", false)).await;
    let by_model = ask(&mock, "", &chat("mock:statsu=500", false)).await;
    for got in [by_header, by_model] {
        assert_eq!(got.status(), 400);
        let message = got.json()["error"]["message"].to_string();
        assert!(message.contains("statsu"), "{message}");
    }
}

#[tokio::test]
async fn bodies_types_and_headers_are_as_set() {
    let mock = start().await;
    let settings =
        "status=418;body=short%3B stout;content_type=text/plain;header=x-a:1;header=x-b:2";
    let got = ask(&mock, settings, &chat("m", true)).await;
    assert_eq!(got.status(), 418);
    assert_eq!(got.text(), "short; stout");
    assert_eq!(got.header("content-type").unwrap(), "text/plain");
    assert_eq!(got.header("x-b").unwrap(), "2");
}

#[tokio::test]
async fn content_has_the_size_set() {
    let mock = start().await;
    let whole = ask(&mock, "size=100k", &chat("m", false)).await.json();
    let content = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(content.len(), 102_400);

    for (settings, events, bytes) in [
        ("events=64;event_bytes=20", 64, 20),
        ("events=10;size=1000", 10, 100),
        ("size=1000;event_bytes=50", 20, 50),
        ("events=7", 7, 5),
    ] {
        let contents = ask(&mock, settings, &chat("m", true)).await.contents();
        assert_eq!(contents.len(), events, "{settings}");
        assert!(
            contents.iter().all(|text| text.len() == bytes),
            "{settings}"
        );
    }
    let silent = ask(&mock, "events=0", &chat("m", true)).await;
    assert_eq!((silent.contents().len(), silent.dones()), (0, 1));
}

#[tokio::test]
async fn events_that_are_due_together_come_in_one_write() {
    let mock = start().await;
    let got = ask(&mock, "events=64", &chat("m", true)).await;
    assert_eq!(got.reads.len(), 1);
}

#[tokio::test]
async fn time_passes_where_it_is_set() {
    let mock = start().await;
    let waited = |got: &peer::Got, least: u64| {
        assert_eq!(got.end, End::Complete);
        assert!(got.took >= Duration::from_millis(least), "{:?}", got.took);
    };
    waited(&ask(&mock, "latency=60ms", &chat("m", false)).await, 60);
    waited(
        &ask(&mock, "latency=30ms..40ms", &chat("m", false)).await,
        30,
    );
    waited(&ask(&mock, "ttft=60ms", &chat("m", true)).await, 60);

    let paced = ask(&mock, "events=5;cadence=15ms", &chat("m", true)).await;
    waited(&paced, 60);
    assert!(paced.reads.len() >= 5, "{:?}", paced.reads);
}

#[tokio::test]
async fn faults_can_be_kept_to_each_nth_request() {
    let mock = start_behaving("status=500;every=3").await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(ask(&mock, "", &chat("m", false)).await.status());
    }
    assert_eq!(statuses, [200, 200, 500, 200, 200, 500]);
}

#[tokio::test]
async fn the_script_can_be_filled_over_http() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    let script = json!([
        {"status": 500, "model": "a", "times": 2},
        {"path": "/embeddings", "status": 501},
        "status=502",
    ]);
    let got = peer.post("/_mock/script", "", &script).await;
    assert_eq!(got.json(), json!({"waiting": 3}));

    for (model, status) in [("b", 502), ("a", 500), ("b", 200), ("a", 500), ("a", 200)] {
        assert_eq!(ask(&mock, "", &chat(model, false)).await.status(), status);
    }
    let bad = peer
        .post("/_mock/script", "", &json!([{"statsu": 1}]))
        .await;
    assert_eq!(bad.status(), 400);

    peer.request("DELETE", "/_mock/script", "", b"").await;
    let body = json!({"model": "e", "input": "x"});
    assert_eq!(peer.post("/v1/embeddings", "", &body).await.status(), 200);
}

#[tokio::test]
async fn the_library_can_script_for_some_requests_only() {
    let mock = start().await;
    let when = When {
        model: Some("a".to_owned()),
        path: None,
    };
    mock.script_when(when, 1, Behaviour::fault(Fault::Empty));
    assert!(!ask(&mock, "", &chat("b", false)).await.body().is_empty());
    assert!(ask(&mock, "", &chat("a", false)).await.body().is_empty());
}

#[tokio::test]
async fn requests_are_recorded_as_they_came() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    let body = chat("m", false).to_string();
    let head = "B-First: 1\r\na-second: 2\r\nb-first: 3\r\n";
    let path = "/x/chat/completions?api-version=1&b=%2F";
    let answer = peer.request("POST", path, head, body.as_bytes()).await;
    peer.get("/v1/models").await;
    Peer::connect(&mock).await.get("/nowhere").await;

    let recorded = mock.recorded();
    let first = &recorded[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", path));
    let names: Vec<&str> = first
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        names,
        ["host", "b-first", "b-first", "a-second", "content-length"]
    );
    assert_eq!(first.header("a-second"), Some("2"));
    assert_eq!(first.body, body.as_bytes());
    assert_eq!(first.outcome, Outcome::Answered);
    assert_eq!(first.written, answer.body().len() as u64);
    let connections: Vec<u64> = recorded.iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 1, 2]);

    let shown = peer.get("/_mock/requests").await.json();
    assert_eq!(shown.as_array().unwrap().len(), 3);
    assert_eq!(shown[0]["text"], body);
    assert_eq!(shown[0]["headers"][3], json!(["a-second", "2"]));
    assert_eq!(shown[0]["hung_up"], false);
    peer.request("DELETE", "/_mock/requests", "", b"").await;
    assert!(mock.recorded().is_empty());
}

#[tokio::test]
async fn bodies_that_are_not_text_are_recorded_too() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    peer.request("POST", "/v1/files", "", &[0xff, 0x00]).await;
    let shown = peer.get("/_mock/requests").await.json();
    assert_eq!(
        (&shown[0]["body"], &shown[0]["text"]),
        (&json!("/wA="), &Value::Null)
    );
}

#[tokio::test]
async fn answers_without_a_body_are_answers() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    peer.request("HEAD", "/v1/models", "", b"").await;
    for status in [204, 304] {
        let mut peer = Peer::connect(&mock).await;
        let settings = format!("status={status}");
        let got = peer
            .post("/v1/chat/completions", &settings, &chat("m", false))
            .await;
        assert_eq!(got.status(), status);
    }
    assert_eq!(mock.recorded().len(), 3);
    let answered = |request: &mock::Recorded| request.outcome == Outcome::Answered;
    assert!(mock.recorded().iter().all(answered));
}

#[tokio::test]
async fn nothing_is_recorded_when_that_is_off() {
    let mock = start_with(MockSpec {
        record: false,
        ..MockSpec::default()
    })
    .await;
    let mut peer = Peer::connect(&mock).await;
    peer.post("/v1/chat/completions", "", &chat("m", false))
        .await;
    assert!(mock.recorded().is_empty());
    let stats = peer.get("/_mock/stats").await.json();
    assert_eq!(
        stats,
        json!({
            "connections_open": 1,
            "connections_total": 1,
            "requests": 1,
            "in_flight": 0,
            "hangups": 0,
        })
    );
}

#[tokio::test]
async fn the_control_api_lists_settings_and_faults() {
    let mock = start().await;
    let table = Peer::connect(&mock).await.get("/_mock").await.json();
    let count = |name: &str| table[name].as_array().unwrap().len();
    assert_eq!(count("settings"), SETTINGS.len());
    assert_eq!(count("faults"), Fault::ALL.len());
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    let (status, ..) = {
        let body = vec![b' '; (64 << 20) + 1];
        let got = peer
            .request("POST", "/v1/chat/completions", "", &body)
            .await;
        (got.status(), got)
    };
    assert_eq!(status, 413);
}

#[tokio::test]
async fn threads_of_its_own_share_one_port_and_stop_when_dropped() {
    let mock = start_with(MockSpec {
        threads: 2,
        ..MockSpec::default()
    })
    .await;
    for _ in 0..8 {
        assert_eq!(ask(&mock, "", &chat("m", false)).await.status(), 200);
    }
    assert_eq!(mock.recorded().len(), 8);
    let address = mock.address();
    drop(mock);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_stopped_mock_listens_no_more() {
    let mock = start().await;
    let address = mock.address();
    assert_eq!(mock.url(), format!("http://{address}/v1"));
    let mut peer = Peer::connect(&mock).await;
    peer.get("/v1/models").await;
    mock.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert!(peer.is_closed().await);
}

fn h2_request(mock: &mock::Mock, settings: &str, stream: bool) -> Request<Full<Bytes>> {
    Request::post(format!("{}/chat/completions", mock.url()))
        .header("x-mock", settings)
        .body(Full::from(chat("m", stream).to_string()))
        .unwrap()
}

#[tokio::test]
async fn http2_is_spoken_by_prior_knowledge() {
    let mock = start().await;
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let whole = client.request(h2_request(&mock, "", false)).await.unwrap();
    assert_eq!(whole.version(), http::Version::HTTP_2);
    let body = whole.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["object"], "chat.completion");

    let stream = client
        .request(h2_request(&mock, "write_per_event", true))
        .await
        .unwrap();
    let body = stream.into_body().collect().await.unwrap().to_bytes();
    assert!(body.ends_with(b"data: [DONE]\n\n"));

    for settings in ["cut=10", "reset_after_head", "cut_event=1"] {
        let broken = client
            .request(h2_request(&mock, settings, true))
            .await
            .unwrap();
        assert!(broken.into_body().collect().await.is_err(), "{settings}");
    }
    assert!(
        client
            .request(h2_request(&mock, "reset", true))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_http2_stream_that_is_given_up_is_a_hang_up() {
    let mock = start().await;
    let stream = tokio::net::TcpStream::connect(mock.address())
        .await
        .unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let answer = sender
        .send_request(h2_request(&mock, "stall_event=1", true))
        .await
        .unwrap();
    eventually(|| mock.stats().in_flight == 1).await;
    drop(answer);
    eventually(|| mock.stats().hangups == 1).await;
    assert!(!connection.is_finished());
}
