//! The numbered weak spots of the provider layer that a row or its encoder can mend, one test each.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use bytes::Bytes;
use providers::{
    ChatPlan, Claim, Encoded, OnUnsupported, Provider, Quirk, Support, Surface, Vars, base_url,
    builtin, encode_chat, endpoint, profile, support,
};
use wire::{Envelope, Limits};

fn get(id: &str) -> &'static Provider {
    builtin().get(id).unwrap_or_else(|| panic!("no row {id}"))
}

fn encode(id: &str, body: &str) -> Encoded {
    encode_as(id, body, "m")
}

fn encode_as(id: &str, body: &str, model: &str) -> Encoded {
    let body = Envelope::parse(Bytes::copy_from_slice(body.as_bytes()), Limits::default()).unwrap();
    let streaming = body.flag("stream") == Some(true);
    let plan = ChatPlan {
        family: None,
        model,
        include_usage: true,
        on_unsupported: OnUnsupported::Warn,
        streaming,
    };
    encode_chat(get(id), &body, &plan).unwrap()
}

fn sent_as(id: &str, body: &str, model: &str) -> String {
    String::from_utf8(encode_as(id, body, model).body.to_vec()).unwrap()
}

fn sent(id: &str, body: &str) -> String {
    String::from_utf8(encode(id, body).body.to_vec()).unwrap()
}

fn forwarded(ids: &[&str], body: &str) {
    for id in ids {
        assert_eq!(sent(id, body), body, "{id}");
    }
}

#[test]
fn row_1_fields_nobody_has_heard_of_go_through() {
    forwarded(
        &[
            "openai",
            "groq",
            "together",
            "qwen",
            "vllm",
            "openai-compatible",
        ],
        r#"{"model":"m","reasoning_effort":"low","service_tier":"flex","thinking":{"type":"enabled"},"top_k":20,"x_new":[1e0]}"#,
    );
}

#[test]
fn row_2_reasoning_in_the_history_is_sent_back() {
    forwarded(
        &["deepseek", "moonshot", "openrouter", "zai"],
        r#"{"model":"m","messages":[{"role":"assistant","content":null,"reasoning_content":"r","reasoning_details":[{"x":1}],"tool_calls":[]}]}"#,
    );
}

#[test]
fn row_3_every_kind_of_part_keeps_its_payload() {
    forwarded(
        &["openai", "mistral", "groq", "qwen"],
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}},{"type":"file","file":{"file_id":"f"}},{"type":"video_url","video_url":{"url":"u"},"fps":2}]}]}"#,
    );
}

#[test]
fn row_4_logprobs_are_asked_for_wherever_they_are_known() {
    let body = r#"{"model":"m","logprobs":true,"top_logprobs":3}"#;
    forwarded(&["openai", "deepseek", "fireworks", "xai", "ollama"], body);
    assert_eq!(sent("together", body), r#"{"model":"m","logprobs":3}"#);
}

#[test]
fn row_6_null_content_and_kinds_of_tools_are_kept() {
    forwarded(
        &["openai", "groq", "vllm"],
        r#"{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c"}]}],"tools":[{"type":"custom","custom":{"name":"x"}},{"type":"function","function":{"name":"f","strict":false}}]}"#,
    );
}

#[test]
fn row_9_completions_have_an_address_of_their_own_where_the_vendor_has_one() {
    for id in [
        "vllm",
        "deepinfra",
        "together",
        "openrouter",
        "openai-compatible",
    ] {
        let provider = get(id);
        let vars = Vars::from([("host".to_owned(), "h".to_owned())]);
        let base = base_url(provider, None, None, &vars).unwrap();
        let url = endpoint(provider, Surface::Completions, &base, "m", &vars).unwrap();
        assert!(
            url.ends_with("/completions") && !url.contains("chat"),
            "{url}"
        );
    }
}

#[test]
fn row_14_openai_owns_its_moderation_models() {
    assert_eq!(get("openai").claim("omni-moderation-latest"), Claim::Owns);
}

#[test]
fn d06_row_19_no_vendor_has_a_first_byte_bound_shorter_than_ten_minutes() {
    for provider in builtin() {
        let bounds = &provider.timeouts;
        assert!(
            bounds.first_byte.as_secs() >= 600 && bounds.total.is_none(),
            "{}",
            provider.id
        );
        assert!(
            (5..=15).contains(&bounds.connect.as_secs()),
            "{}",
            provider.id
        );
    }
}

#[test]
fn row_20_mistral_gets_max_tokens_and_no_stream_options() {
    let body = r#"{"model":"m","stream":true,"max_tokens":5,"max_completion_tokens":7,"seed":1,"user":"u","stream_options":{"include_usage":true}}"#;
    let encoded = encode("mistral", body);
    assert_eq!(
        &encoded.body[..],
        br#"{"model":"m","stream":true,"max_tokens":7,"random_seed":1}"#
    );
    assert_eq!(encoded.dropped, ["user"]);
    assert!(!encoded.asked_usage);
}

#[test]
fn row_20_mistral_takes_back_the_messages_that_other_vendors_gave() {
    let body = r#"{"model":"m","messages":[{"role":"assistant","content":"a","refusal":null,"annotations":[],"reasoning_content":"r"},{"role":"user","name":"n","content":"b"}]}"#;
    let encoded = encode("mistral", body);
    let expected = br#"{"model":"m","messages":[{"role":"assistant","content":"a"},{"role":"user","content":"b"}]}"#;
    assert_eq!(&encoded.body[..], expected);
    assert_eq!(
        encoded.dropped,
        ["messages[].reasoning_content", "messages[].name"]
    );
}

#[test]
fn row_20a_rows_say_whose_content_may_come_in_blocks() {
    assert!(get("mistral").has(Quirk::ContentBlocks));
    assert!(get("databricks").has(Quirk::ContentBlocks));
    assert!(!get("openai").has(Quirk::ContentBlocks));
}

#[test]
fn d25_models_of_other_makers_on_azure_keep_the_name_they_know() {
    for model in [
        "Mistral-large-2411",
        "DeepSeek-R1",
        "Llama-3.3-70B-Instruct",
        "Phi-4",
        "grok-3",
        "cohere-command-a",
    ] {
        let body = format!(r#"{{"model":"{model}","max_tokens":9}}"#);
        assert_eq!(sent_as("azure-foundry", &body, model), body);
    }
    for model in ["gpt-5-mini", "o3", "my-deployment"] {
        let body = format!(r#"{{"model":"{model}","max_tokens":9}}"#);
        let renamed = format!(r#"{{"model":"{model}","max_completion_tokens":9}}"#);
        assert_eq!(sent_as("azure-foundry", &body, model), renamed);
    }
}

#[test]
fn row_22_azure_claims_no_model_by_name() {
    for model in ["gpt-4o", "gpt-4.1", "my-deployment"] {
        assert_eq!(get("azure-openai").claim(model), Claim::No);
        assert_eq!(get("azure-foundry").claim(model), Claim::Open);
    }
}

#[test]
fn row_29_ollama_is_as_its_current_documentation_says() {
    let ollama = get("ollama");
    assert_eq!(support(ollama, "logprobs"), Support::Forward);
    assert_eq!(support(ollama, "tool_choice"), Support::Unsupported);
    forwarded(
        &["ollama"],
        r#"{"model":"m","reasoning_effort":"high","logprobs":true}"#,
    );
    assert_eq!(
        sent("ollama", r#"{"model":"m","max_completion_tokens":9}"#),
        r#"{"model":"m","max_tokens":9}"#
    );
    assert!(ollama.serves(Surface::Responses));
}

#[test]
fn row_31_groq_is_not_sent_what_it_documents_as_400_and_the_client_is_told() {
    let body = r#"{"model":"m","logprobs":true,"top_logprobs":2,"logit_bias":{"1":1},"messages":[{"role":"user","name":"a","content":"b"}],"presence_penalty":1}"#;
    let encoded = encode("groq", body);
    let expected =
        br#"{"model":"m","messages":[{"role":"user","content":"b"}],"presence_penalty":1}"#;
    assert_eq!(&encoded.body[..], expected);
    assert_eq!(
        encoded.dropped,
        ["logprobs", "logit_bias", "top_logprobs", "messages[].name"]
    );
    assert_eq!(encoded.ignored, ["presence_penalty"]);
}

#[test]
fn row_32_openrouter_gets_its_own_fields() {
    forwarded(
        &["openrouter"],
        r#"{"model":"m","provider":{"order":["a"]},"plugins":[{"id":"web"}],"models":["x"],"reasoning":{"effort":"high"}}"#,
    );
}

#[test]
fn row_34_deepseek_gets_user_id_and_is_known_to_ignore_penalties() {
    let encoded = encode(
        "deepseek",
        r#"{"model":"m","user":"u","presence_penalty":1,"max_completion_tokens":3}"#,
    );
    assert_eq!(
        &encoded.body[..],
        br#"{"model":"m","user_id":"u","presence_penalty":1,"max_tokens":3}"#
    );
    assert_eq!(
        (encoded.dropped.len(), encoded.ignored),
        (0, vec!["presence_penalty".to_owned()])
    );
}

#[test]
fn row_35_ai21_has_one_path_for_every_model() {
    let ai21 = get("ai21");
    let base = base_url(ai21, None, None, &Vars::new()).unwrap();
    for model in ["jamba-large", "j2-ultra"] {
        let url = endpoint(ai21, Surface::Chat, &base, model, &Vars::new()).unwrap();
        assert_eq!(url, "https://api.ai21.com/studio/v1/chat/completions");
    }
}

#[test]
fn row_36_vendors_with_more_than_one_home_have_regions() {
    for (id, region, root) in [
        (
            "qwen",
            "cn",
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
        ),
        (
            "qwen",
            "us",
            "https://dashscope-us.aliyuncs.com/compatible-mode/v1",
        ),
        ("moonshot", "cn", "https://api.moonshot.cn/v1"),
    ] {
        assert_eq!(
            base_url(get(id), None, Some(region), &Vars::new())
                .unwrap()
                .as_str(),
            root
        );
    }
}

#[test]
fn row_38_any_server_that_speaks_the_wire_can_be_used_without_a_key() {
    for id in [
        "openai-compatible",
        "vllm",
        "sglang",
        "llama-cpp",
        "lm-studio",
        "tgi",
        "localai",
        "triton",
    ] {
        let provider = get(id);
        let base = base_url(provider, Some("http://10.0.0.7:9000"), None, &Vars::new()).unwrap();
        assert_eq!(base.as_str(), "http://10.0.0.7:9000/v1", "{id}");
        assert!(
            providers::request_headers(provider, &base, None)
                .unwrap()
                .is_empty(),
            "{id}"
        );
        assert_eq!(provider.claim("anything"), Claim::Open, "{id}");
    }
}

#[test]
fn row_43_capabilities_tell_of_renames_and_follow_from_the_rules() {
    let unsupported = |id: &str| -> Vec<&str> {
        profile(get(id))
            .filter(|(_, support)| *support == Support::Unsupported)
            .map(|(name, _)| name)
            .collect()
    };
    assert_eq!(profile(get("openai")).count(), 17);
    assert_eq!(unsupported("openai"), [""; 0]);
    assert_eq!(
        unsupported("deepseek"),
        ["presence_penalty", "frequency_penalty"]
    );
    assert_eq!(
        unsupported("groq"),
        [
            "presence_penalty",
            "frequency_penalty",
            "logprobs",
            "top_logprobs",
            "logit_bias"
        ]
    );
    assert_eq!(
        unsupported("mistral"),
        ["logprobs", "top_logprobs", "user", "logit_bias"]
    );
    assert_eq!(
        unsupported("ollama"),
        ["n", "tool_choice", "user", "logit_bias"]
    );
    for (id, parameter) in [
        ("mistral", "seed"),
        ("mistral", "max_completion_tokens"),
        ("openai", "max_tokens"),
        ("deepseek", "user"),
        ("together", "logprobs"),
    ] {
        assert_eq!(
            support(get(id), parameter),
            Support::Translate,
            "{id} {parameter}"
        );
    }
}

#[test]
fn row_44_each_target_is_sent_its_own_name_of_the_model() {
    assert_eq!(
        sent("openrouter", r#"{"model":"gpt-4o","n":1}"#),
        r#"{"model":"m","n":1}"#
    );
}

#[test]
fn row_47_numbers_keep_their_exact_text() {
    forwarded(
        &["openai", "together", "vllm"],
        r#"{"model":"m","seed":12345678901234567890,"top_p":1e0,"logit_bias":{"1":0.30000000000000004},"temperature":1.0}"#,
    );
}

#[test]
fn token_limits_of_both_names_become_the_one_the_vendor_knows_and_the_newer_wins() {
    let body = r#"{"model":"m","max_tokens":5,"max_completion_tokens":7}"#;
    for id in [
        "openai",
        "azure-openai",
        "azure-foundry",
        "groq",
        "cerebras",
    ] {
        assert_eq!(
            sent(id, body),
            r#"{"model":"m","max_completion_tokens":7}"#,
            "{id}"
        );
        assert_eq!(
            sent(id, r#"{"model":"m","max_tokens":5}"#),
            r#"{"model":"m","max_completion_tokens":5}"#,
            "{id}"
        );
    }
    for id in ["mistral", "deepseek", "ollama", "ollama-cloud"] {
        assert_eq!(sent(id, body), r#"{"model":"m","max_tokens":7}"#, "{id}");
    }
    // Who documents both, or nothing, gets both.
    forwarded(&["together", "openrouter", "fireworks", "vllm"], body);
}

#[test]
fn a_preset_is_sent_where_the_client_says_nothing() {
    for (body, expected) in [
        (r#"{"model":"m"}"#, r#"{"model":"m","max_tokens":2048}"#),
        (
            r#"{"model":"m","max_tokens":null}"#,
            r#"{"model":"m","max_tokens":2048}"#,
        ),
        (
            r#"{"model":"m","max_tokens":5}"#,
            r#"{"model":"m","max_tokens":5}"#,
        ),
        (
            r#"{"model":"m","max_completion_tokens":5}"#,
            r#"{"model":"m","max_completion_tokens":5}"#,
        ),
    ] {
        let encoded = encode("cloudflare", body);
        assert_eq!(std::str::from_utf8(&encoded.body).unwrap(), expected);
        assert!(encoded.dropped.is_empty(), "{body}");
    }
}

#[test]
fn d20_the_prefix_of_a_cloud_model_stays_here() {
    let body =
        Envelope::parse(Bytes::from_static(b"{\"model\":\"x\"}"), Limits::default()).unwrap();
    let plan = ChatPlan {
        family: None,
        model: "ollama-cloud/gpt-oss:20b",
        include_usage: false,
        on_unsupported: OnUnsupported::Warn,
        streaming: false,
    };
    let sent = encode_chat(get("ollama-cloud"), &body, &plan).unwrap().body;
    assert_eq!(&sent[..], br#"{"model":"gpt-oss:20b"}"#);
    let other = encode_chat(get("ollama"), &body, &plan).unwrap().body;
    assert_eq!(&other[..], br#"{"model":"ollama-cloud/gpt-oss:20b"}"#);
}

#[test]
fn d22_an_api_that_has_ended_is_not_offered_by_default() {
    let ai21 = get("ai21");
    assert!(ai21.models.is_empty() && ai21.env.base_url_required);
    assert!(matches!(ai21.claim("jamba-large"), Claim::Owns));
    assert!(!matches!(ai21.claim("j2-ultra"), Claim::Owns));
    forwarded(
        &["ai21"],
        r#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"documents":[{"content":"x"}]}"#,
    );
}
