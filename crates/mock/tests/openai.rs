//! Answers as OpenAI gives them, over a real socket.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod peer;

use mock::MockSpec;
use peer::{Peer, ask, chat, start, start_with};
use serde_json::{Value, json};

fn with(mut body: Value, members: Value) -> Value {
    let (Value::Object(body_members), Value::Object(members)) = (&mut body, members) else {
        panic!("both are objects");
    };
    body_members.extend(members);
    body
}

fn weather_tool() -> Value {
    json!([{"type": "function", "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["c", "f"]},
        }},
    }}])
}

#[tokio::test]
async fn a_whole_answer_has_every_member_in_openais_order() {
    let mock = start().await;
    let got = ask(&mock, "", &chat("gpt-4o", false)).await;
    let answer = got.json();

    assert_eq!(got.header("content-type").unwrap(), "application/json");
    assert!(got.header("x-request-id").unwrap().starts_with("req_"));
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "gpt-4o");
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["logprobs"], Value::Null);
    assert_eq!(choice["message"]["refusal"], Value::Null);
    assert_eq!(choice["message"]["annotations"], json!([]));
    let usage = &answer["usage"];
    assert_eq!(
        usage["total_tokens"].as_u64(),
        Some(
            usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap()
        )
    );
    assert!(usage["completion_tokens_details"]["reasoning_tokens"].is_u64());
    let text = got.text();
    let order = [
        "\"id\"",
        "\"object\"",
        "\"created\"",
        "\"model\"",
        "\"choices\"",
        "\"usage\"",
    ];
    let places: Vec<_> = order.iter().map(|name| text.find(name).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let mock = start().await;
    let whole = ask(&mock, "", &chat("m", false)).await.json();
    let got = ask(&mock, "", &chat("m", true)).await;
    let chunks = got.chunk_objects();

    assert_eq!(
        got.header("content-type").unwrap(),
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(
        got.contents().concat(),
        whole["choices"][0]["message"]["content"].as_str().unwrap()
    );
    assert_eq!(
        chunks[0]["choices"][0]["delta"],
        json!({"role": "assistant", "content": "", "refusal": null})
    );
    assert_eq!(chunks[0]["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(chunks[0].get("usage"), Some(&Value::Null));
    let [.., finish, usage] = chunks.as_slice() else {
        panic!("too few chunks");
    };
    assert_eq!(finish["choices"][0]["delta"], json!({}));
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"], whole["usage"]);
    assert_eq!(got.events().last().unwrap(), "[DONE]");
}

#[tokio::test]
async fn usage_comes_in_a_stream_only_when_asked_for() {
    let mock = start().await;
    let body = with(chat("m", true), json!({"stream_options": null}));
    let got = ask(&mock, "", &body).await;
    assert!(!got.text().contains("usage"));
}

#[tokio::test]
async fn each_choice_asked_for_is_given() {
    let mock = start().await;
    let whole = ask(&mock, "", &with(chat("m", false), json!({"n": 3}))).await;
    assert_eq!(whole.json()["choices"][2]["index"], 2);

    let stream = ask(&mock, "", &with(chat("m", true), json!({"n": 3}))).await;
    let one = stream.contents().len();
    let chunks = stream.chunk_objects();
    let last = chunks
        .iter()
        .filter(|chunk| chunk["choices"][0]["index"] == 2);
    assert_eq!(last.count(), one + 2);
}

#[tokio::test]
async fn tools_are_called_with_arguments_that_fit_whole_and_streamed() {
    let mock = start().await;
    let members = json!({
        "messages": [{"role": "user", "content": "How is the weather?"}],
        "tools": weather_tool(),
    });
    let whole = ask(&mock, "", &with(chat("m", false), members.clone())).await;
    let answer = whole.json();
    let choice = &answer["choices"][0];
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    assert_eq!(call["function"]["name"], "get_weather");
    let arguments = call["function"]["arguments"].as_str().unwrap();
    let parsed: Value = serde_json::from_str(arguments).unwrap();
    assert_eq!(parsed, json!({"city": "sample", "unit": "c"}));

    let stream = ask(&mock, "tool_calls=2", &with(chat("m", true), members)).await;
    let chunks = stream.chunk_objects();
    for index in 0..2 {
        let deltas: Vec<&Value> = chunks
            .iter()
            .map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0])
            .filter(|delta| delta["index"] == index)
            .collect();
        assert_eq!(deltas[0]["function"]["name"], "get_weather");
        assert!(deltas[0]["id"].as_str().unwrap().starts_with("call_"));
        assert!(deltas.len() > 3, "arguments come in fragments");
        let joined: String = deltas
            .iter()
            .map(|delta| delta["function"]["arguments"].as_str().unwrap())
            .collect();
        assert_eq!(joined, arguments);
    }
    assert_eq!(stream.finish_reasons(), ["tool_calls"]);
}

#[tokio::test]
async fn json_is_answered_when_asked_for() {
    let mock = start().await;
    let schema = json!({"properties": {"mood": {"enum": ["good", "bad"]}}});
    let members = json!({"response_format": {
        "type": "json_schema",
        "json_schema": {"name": "mood", "schema": schema},
    }});
    for stream in [false, true] {
        let got = ask(&mock, "", &with(chat("m", stream), members.clone())).await;
        let content = if stream {
            got.contents().concat()
        } else {
            let answer = got.json();
            let content = &answer["choices"][0]["message"]["content"];
            content.as_str().unwrap().to_owned()
        };
        assert_eq!(content, r#"{"mood":"good"}"#);
    }
}

#[tokio::test]
async fn log_probabilities_and_reasoning_come_when_asked_for() {
    let mock = start().await;
    let members = json!({"logprobs": true, "top_logprobs": 2, "reasoning_effort": "low"});
    let got = ask(
        &mock,
        "",
        &with(chat("mock-reason", false), members.clone()),
    )
    .await;
    let answer = got.json();
    let choice = &answer["choices"][0];
    let first = &choice["logprobs"]["content"][0];
    assert!(first["logprob"].as_f64().unwrap() < 0.0);
    assert_eq!(first["top_logprobs"].as_array().unwrap().len(), 2);
    let thought = choice["message"]["reasoning_content"].as_str().unwrap();
    let counted = &answer["usage"]["completion_tokens_details"]["reasoning_tokens"];
    assert!(counted.as_u64().unwrap() > 0);

    let stream = ask(&mock, "", &with(chat("mock-reason", true), members.clone())).await;
    let chunks = stream.chunk_objects();
    let streamed: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["reasoning_content"].as_str())
        .collect();
    assert_eq!(streamed, thought);
    let last = chunks
        .iter()
        .rfind(|chunk| !chunk["choices"][0]["logprobs"].is_null());
    assert_eq!(
        last.unwrap()["choices"][0]["logprobs"]["content"][0]["token"],
        " question."
    );

    let other = ask(&mock, "", &with(chat("m", false), members)).await;
    assert!(!other.text().contains("reasoning_content"));
}

#[tokio::test]
async fn images_are_accepted() {
    let mock = start().await;
    let parts = json!([
        {"type": "text", "text": "what is this"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]);
    let members = json!({
        "messages": [{"role": "user", "content": parts}],
        "tools": weather_tool(),
    });
    let got = ask(&mock, "", &with(chat("m", false), members)).await;
    assert_eq!(got.json()["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn embeddings_come_as_numbers_or_base64_in_the_order_asked() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    let body = json!({"model": "e", "input": ["a", "b"], "dimensions": 8});
    let answer = peer.post("/v1/embeddings", "", &body).await.json();
    assert_eq!(answer["object"], "list");
    assert_eq!(answer["data"][1]["index"], 1);
    assert_eq!(answer["data"][1]["embedding"].as_array().unwrap().len(), 8);
    assert_ne!(
        answer["data"][0]["embedding"],
        answer["data"][1]["embedding"]
    );
    assert_eq!(answer["usage"]["total_tokens"], 2);

    let body = with(body, json!({"encoding_format": "base64"}));
    let answer = peer.post("/v1/embeddings", "", &body).await.json();
    // Eight numbers of four bytes each.
    assert_eq!(answer["data"][0]["embedding"].as_str().unwrap().len(), 44);
}

#[tokio::test]
async fn models_are_listed_and_looked_up() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    let list = peer.get("/openai/v1/models").await.json();
    assert_eq!(list["object"], "list");
    assert!(list["data"].as_array().unwrap().len() > 2);
    let one = peer.get("/v1/models/org/name").await.json();
    assert_eq!(one["id"], "org/name");
    assert_eq!(peer.get("/v1/models/nope").await.status(), 404);
}

#[tokio::test]
async fn routes_are_found_by_the_end_of_the_path() {
    let mock = start().await;
    let mut peer = Peer::connect(&mock).await;
    for path in [
        "/chat/completions",
        "/v1/chat/completions",
        "/api/paas/v4/chat/completions",
        "/openai/deployments/d/chat/completions?api-version=2024-10-21",
    ] {
        let got = peer.post(path, "", &chat("m", false)).await;
        assert_eq!(got.status(), 200, "{path}");
    }
    for path in ["/v1/completions/chat", "/v1/chat/completions/x", "/"] {
        let got = peer.post(path, "", &chat("m", false)).await;
        assert_eq!(got.status(), 404, "{path}");
        assert_eq!(got.json()["error"]["type"], "invalid_request_error");
    }
    assert_eq!(peer.get("/v1/chat/completions").await.status(), 404);
}

#[tokio::test]
async fn bad_requests_are_refused_in_openais_form() {
    let mock = start().await;
    for (body, status, param, code) in [
        (json!({"messages": [{}]}), 400, json!("model"), Value::Null),
        (
            json!({"model": "m"}),
            400,
            json!("messages"),
            json!("missing_required_parameter"),
        ),
        (
            chat("nope-1", false),
            404,
            json!("model"),
            json!("model_not_found"),
        ),
        (
            chat("nope-1", true),
            404,
            json!("model"),
            json!("model_not_found"),
        ),
    ] {
        let got = ask(&mock, "", &body).await;
        let error = &got.json()["error"];
        assert_eq!(got.status(), status, "{body}");
        assert_eq!((&error["param"], &error["code"]), (&param, &code), "{body}");
    }
    let mut peer = Peer::connect(&mock).await;
    let got = peer
        .request("POST", "/v1/chat/completions", "", b"{\"model\":")
        .await;
    assert_eq!(got.status(), 400);
    assert_eq!(got.json()["error"]["type"], "invalid_request_error");
}

#[tokio::test]
async fn a_key_is_demanded_when_one_is_expected() {
    let mock = start_with(MockSpec {
        expected_key: Some("sk-right".to_owned()),
        ..MockSpec::default()
    })
    .await;
    let mut peer = Peer::connect(&mock).await;
    let body = chat("m", false).to_string();
    for (head, status) in [
        ("authorization: Bearer sk-right\r\n", 200),
        ("api-key: sk-right\r\n", 200),
        ("authorization: Bearer sk-wrong\r\n", 401),
        ("authorization: sk-right\r\n", 401),
        ("", 401),
    ] {
        let got = peer
            .request("POST", "/v1/chat/completions", head, body.as_bytes())
            .await;
        assert_eq!(got.status(), status, "{head}");
        if status == 401 {
            assert_eq!(got.json()["error"]["code"], "invalid_api_key");
        }
    }
}
