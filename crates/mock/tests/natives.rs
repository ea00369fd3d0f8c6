//! Answers as Cohere, Ollama and Replicate give them, over a real socket, and the same faults as in
//! OpenAI's dialect.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod peer;

use mock::Mock;
use peer::{Got, Peer, start};
use serde_json::{Value, json};

const COHERE: &str = "/v2/chat";
const OLLAMA: &str = "/api/chat";

async fn ask(mock: &Mock, path: &str, settings: &str, members: &Value) -> Got {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    let mut peer = Peer::connect(mock).await;
    peer.post(path, settings, &body).await
}

fn tool() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}])
}

fn events(got: &Got) -> Vec<Value> {
    let events = got.events().into_iter();
    events
        .map(|event| serde_json::from_str(&event).unwrap())
        .collect()
}

fn lines(got: &Got) -> Vec<Value> {
    let text = got.text();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What stands at a place of each, put together.
fn said(events: &[Value], place: &str) -> String {
    let texts = events
        .iter()
        .filter_map(|event| event.pointer(place)?.as_str());
    texts.collect()
}

#[tokio::test]
async fn cohere_says_the_same_whole_and_streamed() {
    let mock = start().await;
    let members = json!({"thinking": {"type": "enabled"}});
    let whole = ask(&mock, COHERE, "cached_tokens=4", &members).await.json();
    let mut streamed = members.clone();
    streamed["stream"] = true.into();
    let stream = ask(&mock, COHERE, "cached_tokens=4", &streamed).await;
    let text = stream.text();
    assert!(text.starts_with("event: message-start\ndata: {"), "{text}");
    let stream = events(&stream);
    let content = &whole["message"]["content"];
    assert_eq!(
        content[0]["thinking"],
        said(&stream, "/delta/message/content/thinking")
    );
    assert_eq!(
        content[1]["text"],
        said(&stream, "/delta/message/content/text")
    );
    assert_eq!(whole["finish_reason"], "COMPLETE");
    assert_eq!(whole["usage"]["cached_tokens"], 4);
    let last = stream.last().unwrap();
    assert_eq!(last["type"], "message-end");
    assert_eq!(last["delta"]["usage"], whole["usage"]);
}

#[tokio::test]
async fn cohere_calls_tools_and_tells_errors_in_its_own_form() {
    let mock = start().await;
    let forced = json!({"tools": tool(), "tool_choice": "REQUIRED"});
    let whole = ask(&mock, COHERE, "tool_calls=2", &forced).await.json();
    let calls = whole["message"]["tool_calls"].as_array().unwrap();
    assert_eq!(
        (calls.len(), &whole["finish_reason"]),
        (2, &json!("TOOL_CALL"))
    );

    let refused = ask(&mock, COHERE, "", &json!({"messages": []}))
        .await
        .json();
    assert!(refused["message"].is_string() && refused["id"].is_string());
    let failed = ask(&mock, COHERE, "error_in_200=2", &json!({"stream": true})).await;
    let failed = events(&failed);
    assert_eq!(failed.last().unwrap()["delta"]["finish_reason"], "ERROR");
}

#[tokio::test]
async fn ollama_says_the_same_whole_and_line_by_line() {
    let mock = start().await;
    let whole = ask(&mock, OLLAMA, "", &json!({"think": true, "stream": false}))
        .await
        .json();
    // Without a word a stream is meant.
    let stream = ask(&mock, OLLAMA, "", &json!({"think": true})).await;
    assert_eq!(
        stream.header("content-type").as_deref(),
        Some("application/x-ndjson")
    );
    let stream = lines(&stream);
    assert_eq!(
        whole["message"]["content"],
        said(&stream, "/message/content")
    );
    assert_eq!(
        whole["message"]["thinking"],
        said(&stream, "/message/thinking")
    );
    let last = stream.last().unwrap();
    assert_eq!(
        (&last["done"], &last["done_reason"]),
        (&json!(true), &json!("stop"))
    );
    assert_eq!(last["eval_count"], whole["eval_count"]);
}

#[tokio::test]
async fn ollama_calls_tools_with_objects_and_ends_streams_in_an_error_line() {
    let mock = start().await;
    let body = json!({"tools": tool(), "messages": [{"role": "user", "content": "weather?"}]});
    let stream = lines(&ask(&mock, OLLAMA, "", &body).await);
    let call = &stream[0]["message"]["tool_calls"][0];
    assert!(
        call["function"]["arguments"].is_object() && call.get("id").is_none(),
        "{call}"
    );
    let failed = lines(&ask(&mock, OLLAMA, "error_in_200=2", &json!({})).await);
    assert!(failed.last().unwrap()["error"].is_string());
    let cut = lines(&ask(&mock, OLLAMA, "eof", &json!({})).await);
    assert!(cut.iter().all(|line| line["done"] == false));
    let missing = ask(&mock, OLLAMA, "", &json!({"model": "nope"})).await;
    assert_eq!(missing.status(), 404);
    assert!(missing.json()["error"].is_string());
}

const MODEL: &str = "/v1/models/meta/llama/predictions";

async fn predict(mock: &Mock, settings: &str, members: &Value) -> Value {
    let body = json!({"input": {"prompt": "hi"}, "stream": members["stream"] == true});
    let mut peer = Peer::connect(mock).await;
    let got = peer.post(MODEL, settings, &body).await;
    assert_eq!(got.status(), 201, "{}", got.text());
    got.json()
}

/// Who asks for no wait gets a prediction that begins; looks, its stream and its end follow it.
#[tokio::test]
async fn replicate_follows_a_prediction_from_request_to_request() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    let created = predict(&mock, "looks=1;text=a b", &json!({"stream": true})).await;
    assert_eq!(created["status"], "starting");
    assert_eq!(created["output"], Value::Null);
    let path = |name: &str| {
        let url = created["urls"][name].as_str().unwrap().to_owned();
        format!("/v1{}", url.split_once("/v1").unwrap().1)
    };
    let first = peer.get(&path("get")).await.json();
    assert_eq!(first["status"], "processing");
    let second = peer.get(&path("get")).await.json();
    assert_eq!(second["status"], "succeeded");
    assert_eq!(second["output"], json!(["a", " b"]));
    assert!(second["metrics"]["output_token_count"].is_u64());
    let stream = peer.get(&path("stream")).await.text();
    let events = [("output", "a"), ("output", " b"), ("done", "{}")];
    let expected = events.iter().enumerate().map(|(number, (name, data))| {
        format!("event: {name}\nid: 1767225600:{number}\ndata: {data}\n\n")
    });
    let expected: String = expected.collect();
    assert_eq!(stream, expected);
    let stopped = peer.post(&path("cancel"), "", &json!({})).await.json();
    assert_eq!(stopped["status"], "canceled");
    assert_eq!(peer.get(&path("get")).await.json()["status"], "canceled");
}

#[tokio::test]
async fn replicate_describes_models_and_tells_errors_in_its_own_form() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    let model = peer.get("/v1/models/meta/llama").await.json();
    let version = peer
        .get("/v1/models/meta/llama/versions/c0ffee")
        .await
        .json();
    assert_eq!(model["latest_version"], version);
    let inputs = &version["openapi_schema"]["components"]["schemas"]["Input"]["properties"];
    assert_eq!(inputs["prompt"]["type"], "string");

    let refused = peer.post(MODEL, "", &json!({"input": {}})).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.json()["detail"].is_string());
    assert_eq!(peer.get("/v1/predictions/p77").await.status(), 404);
    let failed = predict(&mock, "error_in_200", &json!({})).await;
    assert_eq!(failed["status"], "failed");
    let created = predict(&mock, "", &json!({"stream": true})).await;
    let path = format!("/v1/predictions/{}/stream", created["id"].as_str().unwrap());
    let mut peer = Peer::connect(&mock).await;
    let stream = peer.get(&path).await.text();
    assert!(stream.ends_with("\ndata: {}\n\n"), "{stream}");
}
