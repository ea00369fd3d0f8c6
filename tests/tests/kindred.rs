//! Vendors that speak OpenAI's dialect with ways of their own: where they are asked, what they say
//! otherwise than OpenAI, and what a client of OpenAI's sees of it.

#![allow(clippy::expect_used, clippy::panic)]

use ferrogw_tests::config::{Setup, VENDOR_KEY};
use ferrogw_tests::vendor::escaped;
use ferrogw_tests::{Answer, Call, Event, Gateway, Vendor, chat_body, eventually, stream_body};
use serde_json::{Value, json};

const BEARER: &str = "authorization";
const API_KEY: &str = "api-key";

/// A target of this provider at a path of the vendor's, with further lines.
fn target(vendor: &Vendor, name: &str, provider: &str, path: &str, lines: &str) -> String {
    let lines = lines.replace('\n', "\n  ");
    format!(
        "- virtual_key: {name}\n  provider: {provider}\n  base_url: http://{}{path}\n  api_key: ${{VENDOR_KEY}}\n  {lines}",
        vendor.addr()
    )
}

fn setup(vendor: &Vendor) -> Setup {
    Setup::at(&format!("http://{}/first/v1", vendor.addr()))
        .section("strategy:\n  mode: fallback")
        .target("circuit_breaker: {enabled: false}")
}

/// A gateway before one target of this provider.
fn before(vendor: &Vendor, provider: &str, lines: &str) -> Gateway {
    let entry = target(vendor, "kin", provider, "", lines);
    let setup = setup(vendor).section("discovery:\n  enabled: false");
    Gateway::start(&setup.further_target(&entry))
}

fn says(vendor: &Vendor, path: &str, status: u16, body: &str) {
    let settings = format!("status={status};body={}", escaped(body));
    vendor.when(path, 1, &settings);
}

fn streams(vendor: &Vendor, path: &str, body: &str) {
    let body = escaped(body);
    vendor.when(
        path,
        1,
        &format!("content_type=text/event-stream;body={body}"),
    );
}

fn chunks(answer: &Answer) -> Vec<Value> {
    let mut events = answer.events();
    assert!(
        events.pop().is_some_and(|last| last.is_done()),
        "{}",
        answer.text()
    );
    events.iter().filter_map(Event::json).collect()
}

/// Another vendor's way to the same request: its model, where it is asked, and how it is paid.
const PLACES: [(&str, &str, &str, &str, &str); 5] = [
    (
        "hugging-face",
        "meta/llama-4:fastest",
        "[\"meta/llama-4:fastest\"]",
        "/v1/chat/completions",
        BEARER,
    ),
    (
        "ai21",
        "jamba-large",
        "[jamba-large]",
        "/studio/v1/chat/completions",
        BEARER,
    ),
    (
        "cloudflare",
        "@cf/meta/llama-4",
        "[\"@cf/meta/llama-4\"]\nvars: {account_id: a1}",
        "/client/v4/accounts/a1/ai/v1/chat/completions",
        BEARER,
    ),
    (
        "azure-foundry",
        "Llama-4",
        "[Llama-4]",
        "/openai/v1/chat/completions",
        API_KEY,
    ),
    (
        "databricks",
        "system.ai.llama-4",
        "[system.ai.llama-4]",
        "/serving-endpoints/chat/completions",
        BEARER,
    ),
];

const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":3,"model":"llama-4-up","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"eos_token"}],"usage":{"prompt_tokens":4,"completion_tokens":1,"total_tokens":5}}"#;
const HEL: &str = "data: {\"id\":\"c2\",\"object\":\"chat.completion.chunk\",\"created\":3,\"model\":\"llama-4-up\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"finish_reason\":null}]}\r\n\r\n";
const LO: &str = "data: {\"id\":\"c2\",\"object\":\"chat.completion.chunk\",\"created\":3,\"model\":\"llama-4-up\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\r\n\r\n";
const COUNT: &str = "data: {\"id\":\"c2\",\"object\":\"chat.completion.chunk\",\"created\":3,\"model\":\"llama-4-up\",\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2,\"total_tokens\":6}}\r\n\r\n";
const DONE: &str = "data: [DONE]\r\n\r\n";

#[test]
fn a01_kindred_vendors_are_asked_at_their_places_in_the_clients_own_words() {
    for (provider, model, lines, path, credential) in PLACES {
        let vendor = Vendor::start();
        let gateway = before(&vendor, provider, &format!("models: {lines}"));
        let mut question = json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]});
        says(&vendor, path, 200, WHOLE);
        let answer = gateway.chat(question.to_string());
        assert_eq!(answer.text(), WHOLE, "{provider}");
        let request = vendor.last();
        assert_eq!(request.path, path);
        assert_eq!(request.json().as_ref(), Some(&question), "{provider}");
        let bearer = format!("Bearer {VENDOR_KEY}");
        let (paid, other) = if credential == BEARER {
            (&*bearer, API_KEY)
        } else {
            (VENDOR_KEY, BEARER)
        };
        assert_eq!(request.header(credential), Some(paid), "{provider}");
        assert_eq!(request.header(other), None, "{provider}");

        question["stream"] = json!(true);
        streams(&vendor, path, &[HEL, LO, COUNT, DONE].concat());
        let answer = gateway.chat(question.to_string());
        assert_eq!(answer.text(), [HEL, LO, DONE].concat(), "{provider}");
        question["stream_options"] = json!({"include_usage": true});
        let sent = vendor.last().json();
        assert_eq!(sent.as_ref(), Some(&question), "{provider}");
        streams(&vendor, path, &[HEL, LO, COUNT, DONE].concat());
        let answer = gateway.chat(question.to_string());
        assert_eq!(answer.text(), [HEL, LO, COUNT, DONE].concat(), "{provider}");
    }
}

const PROMPT: &str = "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{\"hate\":{\"filtered\":false,\"severity\":\"safe\"}}}]}\n\n";
const ROLE: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"gpt-4o-2024-11-20\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const HELLO: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"gpt-4o-2024-11-20\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null,\"content_filter_results\":{}}]}\n\n";
const STOP: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"gpt-4o-2024-11-20\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USED: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"gpt-4o-2024-11-20\",\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":1,\"total_tokens\":9}}\n\n";
const LAST: &str = "data: [DONE]\n\n";

const AZURE: &str = "models: {house-4o: prod-4o, grok: {id: prod-grok, family: grok-4}}";

#[test]
fn d24_a_deployment_of_azures_is_asked_on_the_route_of_the_version() {
    for (version, path) in [
        (
            "2024-10-21",
            "/openai/deployments/prod-4o/chat/completions?api-version=2024-10-21",
        ),
        ("v1", "/openai/v1/chat/completions"),
        ("preview", "/openai/v1/chat/completions?api-version=preview"),
    ] {
        let vendor = Vendor::start();
        let lines = format!("{AZURE}\nvars: {{api_version: \"{version}\"}}");
        let gateway = before(&vendor, "azure-openai", &lines);
        let ask = |model: &str| {
            let question = json!({"model": model, "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]});
            gateway.chat(question.to_string())
        };
        assert_eq!(ask("house-4o").status(), 200, "{version}");
        let request = vendor.last();
        assert_eq!(request.path, path);
        assert_eq!(request.header(API_KEY), Some(VENDOR_KEY));
        assert_eq!(request.header(BEARER), None);
        let expected = json!({"model": "prod-4o", "max_completion_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]});
        assert_eq!(request.json(), Some(expected));
        // Another maker's model keeps the name it knows.
        assert_eq!(ask("grok").status(), 200, "{version}");
        assert_eq!(vendor.last().json().expect("JSON")["max_tokens"], 10);
        vendor.forget();
        assert_eq!(ask("house-4").error().1, "model_not_found");
        assert_eq!(vendor.received().len(), 0, "only deployments are there");
    }
}

/// Azure says first what its filter found in the prompt: no content, and no event for a client of OpenAI's.
#[test]
fn d24_what_azures_filter_finds_is_told_in_the_event_behind_it() {
    let vendor = Vendor::start();
    let gateway = before(&vendor, "azure-openai", AZURE);
    let path = "/openai/v1/chat/completions";
    streams(
        &vendor,
        path,
        &[PROMPT, ROLE, HELLO, STOP, USED, LAST].concat(),
    );
    let answer = gateway.chat(stream_body("house-4o"));
    assert!(
        answer.text().ends_with(&[HELLO, STOP, LAST].concat()),
        "{}",
        answer.text()
    );
    let chunks = chunks(&answer);
    assert_eq!(chunks.len(), 3);
    assert_eq!(chunks[0]["id"], "chatcmpl-1");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let found = &chunks[0]["provider_metadata"]["prompt_filter_results"];
    assert_eq!(
        found[0]["content_filter_results"]["hate"]["severity"],
        "safe"
    );
    let line = gateway.access(&answer);
    assert_eq!(
        (&line["tokens_in"], &line["tokens_out"]),
        (&json!(8), &json!(1)),
        "{line}"
    );
}

/// Two targets at Azure, the first of which is asked first.
fn before_two_regions(vendor: &Vendor) -> Gateway {
    let [west, east] = ["west", "east"]
        .map(|name| target(vendor, name, "azure-openai", &format!("/{name}"), AZURE));
    let setup = setup(vendor).section("discovery:\n  enabled: false");
    Gateway::start(&setup.further_target(&west).further_target(&east))
}

#[test]
fn d24_a_stream_that_fails_behind_what_the_filter_found_goes_to_the_next_target() {
    const BUSY: &str = "data: {\"error\":{\"message\":\"busy\",\"code\":\"503\"}}\n\n";
    let vendor = Vendor::start();
    let gateway = before_two_regions(&vendor);
    for broken in [[PROMPT, ROLE, BUSY].concat(), [PROMPT, ROLE].concat()] {
        streams(&vendor, "/west/openai/v1/chat/completions", &broken);
        streams(
            &vendor,
            "/east/openai/v1/chat/completions",
            &[ROLE, HELLO, STOP, USED, LAST].concat(),
        );
        let answer = gateway.chat(stream_body("house-4o"));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(answer.header("x-gateway-target"), Some("east"));
        assert_eq!(answer.text(), [ROLE, HELLO, STOP, LAST].concat());
    }
}

/// What one target's filter stops, another one's is not asked about.
#[test]
fn d24_azures_filter_is_told_as_such_and_no_other_target_is_asked() {
    let vendor = Vendor::start();
    let gateway = before_two_regions(&vendor);
    let refusal = json!({"error": {
        "code": "content_filter", "message": "The response was filtered…", "param": "prompt", "type": null, "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": true, "severity": "high"}}},
    }});
    let path = "/west/openai/v1/chat/completions";
    for body in [chat_body("house-4o"), stream_body("house-4o")] {
        vendor.forget();
        says(&vendor, path, 400, &refusal.to_string());
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 400);
        let told = answer.json();
        assert_eq!(told["error"]["message"], "The response was filtered…");
        assert_eq!(told["error"]["type"], "invalid_request_error");
        assert_eq!(told["error"]["code"], "content_filter");
        assert_eq!(vendor.received().len(), 1);
    }
}

#[test]
fn a13_azures_refusals_have_their_kind_and_its_hints_are_handed_on() {
    let vendor = Vendor::start();
    let gateway = before(
        &vendor,
        "azure-openai",
        &format!("{AZURE}\ncircuit_breaker: {{enabled: false}}"),
    );
    let path = "/openai/v1/chat/completions";
    says(
        &vendor,
        path,
        404,
        r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
    );
    let answer = gateway.chat(chat_body("house-4o"));
    assert_eq!(
        (answer.status(), &*answer.error().1),
        (404, "model_not_found")
    );
    vendor.when(path, 1, "status=429;header=retry-after-ms:2500");
    let answer = gateway.chat(chat_body("house-4o"));
    assert_eq!(
        (answer.status(), answer.header("retry-after")),
        (429, Some("3"))
    );
}

#[test]
fn a13_a_model_of_hugging_faces_that_loads_says_when_to_come_back() {
    let vendor = Vendor::start();
    let lines = "models: [org/name]\ncircuit_breaker: {enabled: false}";
    let gateway = before(&vendor, "hugging-face", lines);
    let path = "/v1/chat/completions";
    says(
        &vendor,
        path,
        503,
        r#"{"error":"Model org/name is currently loading","estimated_time":20.5}"#,
    );
    let answer = gateway.chat(chat_body("org/name"));
    assert_eq!(
        (answer.status(), &*answer.error().1),
        (503, "upstream_overloaded")
    );
    assert_eq!(answer.header("retry-after"), Some("21"));
    says(
        &vendor,
        path,
        400,
        r#"{"error":["a is wrong","b is wrong"]}"#,
    );
    let answer = gateway.chat(chat_body("org/name"));
    assert_eq!(answer.json()["error"]["message"], "a is wrong; b is wrong");
}

#[test]
fn d22_a13_ai21_tells_what_is_wrong_and_not_what_was_sent() {
    let vendor = Vendor::start();
    let gateway = before(&vendor, "ai21", "models: [jamba-large]");
    says(
        &vendor,
        "/studio/v1/chat/completions",
        422,
        r#"{"detail":[{"loc":["body","n"],"msg":"n must be 1","type":"value_error","input":"secret"}]}"#,
    );
    let answer = gateway.chat(chat_body("jamba-large"));
    assert_eq!(answer.status(), 422);
    assert_eq!(
        answer.error(),
        ("invalid_request_error".into(), "invalid_request".into())
    );
    assert_eq!(answer.json()["error"]["message"], "n must be 1");
    let all = format!("{}{}", answer.text(), gateway.everything_said());
    assert!(!all.contains("secret\""), "{all}");
    // The models before Jamba are gone.
    vendor.forget();
    let answer = gateway.chat(chat_body("j2-ultra"));
    assert_eq!(
        (answer.status(), &*answer.error().1),
        (404, "model_not_found")
    );
    assert_eq!(vendor.received().len(), 0);
}

const LLAMA: &str =
    "models: [\"@cf/meta/llama\"]\nvars: {account_id: a1}\ncircuit_breaker: {enabled: false}";
const WORKERS: &str = "/client/v4/accounts/a1/ai/v1/chat/completions";
const PIECE: &str = "data: {\"id\":\"w2\",\"object\":\"chat.completion.chunk\",\"created\":3,\"model\":\"@cf/meta/llama\",\"choices\":[{\"index\":0,\"delta\":{\"content\":7},\"finish_reason\":null}]}\n\n";
const COUNTED: &str = "data: {\"id\":\"w2\",\"object\":\"chat.completion.chunk\",\"created\":3,\"model\":\"@cf/meta/llama\",\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1,\"total_tokens\":5}}\n\n";

#[test]
fn d23_a13_cloudflares_codes_say_what_went_wrong() {
    let vendor = Vendor::start();
    let gateway = before(&vendor, "cloudflare", LLAMA);
    for (head, code, status, told) in [
        (400, 5006, 400, "invalid_request"),
        (400, 5007, 404, "model_not_found"),
        (400, 10000, 502, "upstream_auth_error"),
        (400, 3040, 429, "rate_limit_exceeded"),
        (400, 3006, 413, "request_too_large"),
        (400, 3008, 504, "upstream_timeout"),
        (429, 3036, 429, "rate_limit_exceeded"),
    ] {
        let body = format!(
            r#"{{"result":null,"success":false,"errors":[{{"code":{code},"message":"Error: oneOf at '/' not met"}}],"messages":[]}}"#
        );
        says(&vendor, WORKERS, head, &body);
        let answer = gateway.chat(chat_body("@cf/meta/llama"));
        assert_eq!(answer.status(), status, "{code}: {}", answer.text());
        assert_eq!(answer.error().1, told, "{code}");
        let message = &answer.json()["error"]["message"];
        let own = message == "Error: oneOf at '/' not met";
        assert_eq!(own, matches!(code, 5006 | 3006), "{code}: {message}");
    }
}

#[test]
fn d23_workers_answers_become_what_clients_expect_whole_and_streamed() {
    let vendor = Vendor::start();
    let gateway = before(&vendor, "cloudflare", LLAMA);
    says(
        &vendor,
        WORKERS,
        200,
        r#"{"id":"w1","object":"chat.completion","created":3,"model":"@cf/meta/llama","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"type":"function","function":{"name":"f","arguments":{"x":1}}}]},"finish_reason":null}],"usage":{"prompt_tokens":4,"completion_tokens":1,"total_tokens":5}}"#,
    );
    let answer = gateway.chat(chat_body("@cf/meta/llama"));
    let choice = &answer.json()["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"]["arguments"], r#"{"x":1}"#);
    assert!(
        call["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("call_"))
    );
    assert_eq!(vendor.last().json().expect("JSON")["max_tokens"], 2048);

    for run in [[PIECE, COUNTED, LAST].concat(), [PIECE, LAST].concat()] {
        streams(&vendor, WORKERS, &run);
        let answer = gateway.chat(stream_body("@cf/meta/llama"));
        let chunks = chunks(&answer);
        assert_eq!(chunks.len(), 2, "{}", answer.text());
        assert_eq!(chunks[0]["choices"][0]["delta"]["content"], "7");
        assert_eq!(chunks[1]["choices"][0]["finish_reason"], "stop");
        assert_eq!(chunks[1]["id"], "w2");
    }
    // Behind the count nothing is said: without a last word it is complete all the same.
    for (count, chunks_told) in [(false, 2), (true, 3)] {
        streams(&vendor, WORKERS, &[PIECE, COUNTED].concat());
        let options = format!(r#""stream_options":{{"include_usage":{count}}},"messages""#);
        let body = stream_body("@cf/meta/llama").replace(r#""messages""#, &options);
        let answer = gateway.chat(body);
        let chunks = chunks(&answer);
        assert_eq!(chunks.len(), chunks_told, "{}", answer.text());
        assert_eq!(chunks[1]["choices"][0]["finish_reason"], "stop");
        assert!(
            answer.text().ends_with("data: [DONE]\n\n"),
            "{}",
            answer.text()
        );
    }
    // Without a count it is still a stream that was cut.
    streams(&vendor, WORKERS, PIECE);
    let answer = gateway.chat(stream_body("@cf/meta/llama"));
    assert!(!answer.text().contains("[DONE]"), "{}", answer.text());
    assert!(answer.text().contains("\"error\""), "{}", answer.text());
}

#[test]
fn d26_lists_of_databricks_become_text_and_reasoning_whole_and_streamed() {
    let vendor = Vendor::start();
    let gateway = before(&vendor, "databricks", "models: [thinker]");
    let path = "/serving-endpoints/chat/completions";
    says(
        &vendor,
        path,
        200,
        r#"{"id":"db-1","object":"chat.completion","created":7,"model":"system.ai.claude-sonnet-4-6","choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Think.","signature":"s1"}]},{"type":"text","text":"42"}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}}"#,
    );
    let answer = gateway.chat(chat_body("thinker"));
    let expected = json!({"id": "db-1", "object": "chat.completion", "created": 7, "model": "system.ai.claude-sonnet-4-6",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "42", "reasoning_content": "Think.",
            "thinking_blocks": [{"type": "thinking", "thinking": "Think.", "signature": "s1"}]}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}});
    assert_eq!(answer.json(), expected);

    let event = |delta: Value, reason: Option<&str>| {
        let chunk = json!({"id": "db-2", "object": "chat.completion.chunk", "created": 7, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
        format!("data: {chunk}\n\n")
    };
    let pieces = [
        event(
            json!({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Th"}]}]}),
            None,
        ),
        event(json!({"content": [{"type": "text", "text": "4"}]}), None),
        event(json!({"content": "2"}), None),
        event(json!({}), Some("stop")),
    ];
    streams(&vendor, path, &format!("{}{LAST}", pieces.concat()));
    let answer = gateway.chat(stream_body("thinker"));
    let deltas: Vec<Value> = chunks(&answer)
        .iter()
        .map(|chunk| chunk["choices"][0]["delta"].clone())
        .collect();
    let text = |delta: &Value, name: &str| delta[name].as_str().unwrap_or_default().to_owned();
    let all = |name: &str| {
        deltas
            .iter()
            .map(|delta| text(delta, name))
            .collect::<String>()
    };
    assert_eq!(
        (all("reasoning_content"), all("content")),
        ("Th".into(), "42".into())
    );
    assert!(deltas.iter().all(|delta| !delta["content"].is_array()));
}

#[test]
fn a13_databricks_refusals_have_their_kind() {
    let vendor = Vendor::start();
    let lines = "models: [thinker]\ncircuit_breaker: {enabled: false}";
    let gateway = before(&vendor, "databricks", lines);
    for (head, word, status, code) in [
        (404, "RESOURCE_DOES_NOT_EXIST", 404, "model_not_found"),
        (429, "REQUEST_LIMIT_EXCEEDED", 429, "rate_limit_exceeded"),
        (400, "BAD_REQUEST", 400, "invalid_request"),
        (403, "PERMISSION_DENIED", 502, "upstream_auth_error"),
        (503, "TEMPORARILY_UNAVAILABLE", 503, "upstream_overloaded"),
    ] {
        let body = json!({"error_code": word, "message": "the endpoint says so"});
        says(
            &vendor,
            "/serving-endpoints/chat/completions",
            head,
            &body.to_string(),
        );
        let answer = gateway.chat(chat_body("thinker"));
        assert_eq!(
            (answer.status(), &*answer.error().1),
            (status, code),
            "{word}"
        );
    }
}

/// Their lists stand beside their API roots, and have forms of their own.
#[test]
fn d10_lists_of_cloudflare_databricks_and_hugging_face_are_read() {
    let vendor = Vendor::start();
    let search = |page: u8, name: &str| {
        json!({"success": true, "errors": [], "messages": [],
            "result": [{"id": "0a1b", "name": name, "task": {"name": "Text Generation"},
                "properties": [{"property_id": "context_window", "value": "7968"}]}],
            "result_info": {"count": 1, "page": page, "per_page": 1, "total_count": 2}})
    };
    let listing = "/client/v4/accounts/a1/ai/models/search";
    says(&vendor, listing, 200, &search(1, "@cf/one").to_string());
    says(&vendor, listing, 200, &search(2, "@cf/two").to_string());
    let endpoints = json!({"endpoints": [
        {"name": "databricks-gpt-oss-120b", "state": {"ready": "READY"}, "task": "llm/v1/chat"},
        {"name": "asleep", "state": {"ready": "NOT_READY"}, "task": "llm/v1/chat"},
        {"name": "forecast", "state": {"ready": "READY"}}]});
    says(
        &vendor,
        "/api/2.0/serving-endpoints",
        200,
        &endpoints.to_string(),
    );
    let routed = json!({"object": "list", "data": [{"id": "org/name", "providers": [{"context_length": 131_072}]}]});
    says(&vendor, "/face/v1/models", 200, &routed.to_string());
    let setup = [
        target(
            &vendor,
            "workers",
            "cloudflare",
            "",
            "vars: {account_id: a1}",
        ),
        target(
            &vendor,
            "bricks",
            "databricks",
            "",
            "timeouts: {connect: 5s}",
        ),
        target(
            &vendor,
            "face",
            "hugging-face",
            "/face/v1",
            "timeouts: {connect: 5s}",
        ),
    ]
    .iter()
    .fold(setup(&vendor), |setup, entry| setup.further_target(entry));
    let gateway = Gateway::start(&setup);
    let models = eventually("all are listed", || {
        let list = gateway.ask(Call::get("/v1/models")).json();
        let models = list["data"].as_array().expect("a list").clone();
        let has = |id: &str| models.iter().any(|model| model["id"] == id);
        ["@cf/two", "databricks-gpt-oss-120b", "org/name"]
            .into_iter()
            .all(has)
            .then_some(models)
    });
    let window = |id: &str| {
        let model = models.iter().find(|model| model["id"] == id);
        model.map(|model| model["context_window"].clone())
    };
    assert_eq!(window("@cf/one"), Some(json!(7968)));
    assert_eq!(window("org/name"), Some(json!(131_072)));
    assert_eq!((window("asleep"), window("forecast")), (None, None));
    let everything = vendor.everything();
    let paths: Vec<&str> = everything
        .iter()
        .map(|request| &*request.path)
        .filter(|path| path.starts_with(listing))
        .collect();
    let pages = ["?per_page=100", "?per_page=100&page=2"].map(|query| format!("{listing}{query}"));
    assert_eq!(paths, pages);
}
