//! Embeddings, pictures and orders of documents in every vendor's form, over a real socket, and the
//! same faults as for chats.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod peer;

use mock::Mock;
use peer::{End, Got, Peer, start};
use serde_json::{Value, json};

async fn ask(mock: &Mock, path: &str, settings: &str, body: &Value) -> Got {
    Peer::connect(mock).await.post(path, settings, body).await
}

/// Path and body of each form, where its first vector stands, and where it counts.
fn vectors() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let titan = "/model/amazon.titan-embed-text-v2%3A0/invoke";
    let text = json!({"parts": [{"text": "a"}]});
    vec![
        (
            "/v2/embed",
            json!({"model": "m", "texts": ["a"]}),
            "/embeddings/float/0",
            "/meta",
        ),
        (
            "/api/embed",
            json!({"model": "m", "input": "a"}),
            "/embeddings/0",
            "/prompt_eval_count",
        ),
        (
            "/hf-inference/models/o/n/pipeline/feature-extraction",
            json!({"inputs": ["a"]}),
            "/0",
            "",
        ),
        (
            "/v1beta/models/m:batchEmbedContents",
            json!({"requests": [{"content": text}]}),
            "/embeddings/0/values",
            "/usageMetadata",
        ),
        (
            "/v1/models/m:embedContent",
            json!({"content": text}),
            "/embedding/values",
            "/usageMetadata",
        ),
        (
            "/v1/models/m:predict",
            json!({"instances": [{"content": "a"}]}),
            "/predictions/0/embeddings/values",
            "/metadata",
        ),
        (
            titan,
            json!({"inputText": "a"}),
            "/embedding",
            "/inputTextTokenCount",
        ),
        (
            "/model/cohere.embed/invoke",
            json!({"texts": ["a"]}),
            "/embeddings/0",
            "/meta",
        ),
        (
            "/model/amazon.nova/invoke",
            json!({"singleEmbeddingParams": {"text": {"value": "a"}}}),
            "/embeddings/0/embedding",
            "",
        ),
    ]
}

#[tokio::test]
async fn the_same_text_has_the_same_vector_in_every_form() {
    let mock = start().await;
    let plain = ask(
        &mock,
        "/v1/embeddings",
        "",
        &json!({"model": "m", "input": "a"}),
    )
    .await
    .json();
    for (path, body, place, counter) in vectors() {
        let got = ask(&mock, path, "", &body).await;
        assert_eq!(got.status(), 200, "{path} {}", got.text());
        assert_eq!(
            got.json().pointer(place),
            plain.pointer("/data/0/embedding"),
            "{path}"
        );
        let silent = ask(&mock, path, "no_usage", &body).await.json();
        if !counter.is_empty() {
            assert!(got.json().pointer(counter).is_some(), "{path}");
            assert!(silent.pointer(counter).is_none(), "{path}");
        }
    }
}

/// Path and body of each form, and where its second picture stands.
fn pictures() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "/v1/images/generations",
            json!({"model": "m", "prompt": "x", "n": 2}),
            "/data/1/b64_json",
        ),
        (
            "/v1beta/models/imagen-4:predict",
            json!({"instances": [{"prompt": "x"}], "parameters": {"sampleCount": 2}}),
            "/predictions/1/bytesBase64Encoded",
        ),
        (
            "/model/amazon.nova-canvas/invoke",
            json!({"textToImageParams": {"text": "x"}, "imageGenerationConfig": {"numberOfImages": 2}}),
            "/images/1",
        ),
        (
            "/model/stability.sdxl/invoke",
            json!({"text_prompts": [{"text": "x"}], "samples": 2}),
            "/artifacts/1/base64",
        ),
        (
            "/v1/models/o/n/predictions",
            json!({"input": {"prompt": "x", "num_outputs": 2}}),
            "/output/1",
        ),
    ]
}

#[tokio::test]
async fn pictures_are_as_many_as_were_asked_for() {
    let mock = start().await;
    for (path, body, place) in pictures() {
        let got = ask(&mock, path, "", &body).await;
        assert!(
            got.json().pointer(place).is_some_and(Value::is_string),
            "{path} {}",
            got.text()
        );
    }
    for (path, body, place) in [
        (
            "/v1beta/models/gemini-2.5-flash-image:generateContent",
            json!({"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}),
            "/candidates/0/content/parts/0/inlineData/data",
        ),
        (
            "/model/stability.sd3/invoke",
            json!({"prompt": "x"}),
            "/images/0",
        ),
        (
            "/accounts/a/ai/run/@cf/o/n",
            json!({"prompt": "x"}),
            "/result/image",
        ),
    ] {
        let got = ask(&mock, path, "", &body).await;
        assert!(
            got.json().pointer(place).is_some_and(Value::is_string),
            "{path} {}",
            got.text()
        );
    }
    let raw = ask(
        &mock,
        "/hf-inference/models/o/n",
        "",
        &json!({"inputs": "x"}),
    )
    .await;
    assert_eq!(raw.header("content-type").as_deref(), Some("image/png"));
    assert!(raw.body().starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn documents_that_share_more_words_come_first() {
    let mock = start().await;
    let (query, texts) = ("cold in oslo", ["rome", "oslo is cold", "oslo"]);
    let each = |name: &str| -> Value { texts.iter().map(|text| json!({name: text})).collect() };
    let source = |text: &&str| json!({"inlineDocumentSource": {"textDocument": {"text": text}}});
    let sources: Vec<_> = texts.iter().map(source).collect();
    for (path, body, place, first) in [
        (
            "/v2/rerank",
            json!({"model": "m", "query": query, "documents": texts}),
            "/results/0/index",
            json!(1),
        ),
        (
            "/rerank",
            json!({"queries": [{"textQuery": {"text": query}}], "sources": sources, "rerankingConfiguration":
            {"bedrockRerankingConfiguration": {"modelConfiguration": {"modelArn": "arn:aws:bedrock:x::foundation-model/m"}}}}),
            "/results/0/index",
            json!(1),
        ),
        (
            "/v1/rankingConfigs/default:rank",
            json!({"model": "m", "query": query, "records": each("content")}),
            "/records/0/id",
            json!("1"),
        ),
        (
            "/v1/ranking",
            json!({"model": "m", "query": {"text": query}, "passages": each("text")}),
            "/rankings/0/index",
            json!(1),
        ),
        (
            "/v1/inference/m",
            json!({"queries": [query], "documents": texts}),
            "/scores/0",
            json!(0.0),
        ),
        (
            "/ai/run/@cf/m",
            json!({"query": query, "contexts": each("text")}),
            "/result/response/0/id",
            json!(1),
        ),
    ] {
        let got = ask(&mock, path, "", &body).await;
        assert_eq!(got.status(), 200, "{path} {}", got.text());
        assert_eq!(
            got.json().pointer(place),
            Some(&first),
            "{path} {}",
            got.text()
        );
    }
}

/// Errors are told as the vendor tells them, and the transport fails as it does for chats.
#[tokio::test]
async fn faults_are_those_of_chats() {
    let mock = start().await;
    for (path, body, message) in [
        (
            "/v2/embed",
            json!({"model": "m", "texts": ["a"]}),
            "/message",
        ),
        ("/api/embed", json!({"model": "m", "input": "a"}), "/error"),
        (
            "/v1/models/m:predict",
            json!({"instances": [{"content": "a"}]}),
            "/error/message",
        ),
        (
            "/model/amazon.titan/invoke",
            json!({"inputText": "a"}),
            "/message",
        ),
        (
            "/v2/rerank",
            json!({"model": "m", "query": "q", "documents": ["a"]}),
            "/results",
        ),
        (
            "/v1/images/generations",
            json!({"model": "m", "prompt": "x"}),
            "/error/message",
        ),
    ] {
        let limited = ask(&mock, path, "status=429;retry_after=7", &body).await;
        assert_eq!(
            (limited.status(), limited.header("retry-after").as_deref()),
            (429, Some("7")),
            "{path}"
        );
        if message != "/results" {
            assert!(
                limited
                    .json()
                    .pointer(message)
                    .is_some_and(Value::is_string),
                "{path} {}",
                limited.text()
            );
        }
        let reset = ask(&mock, path, "reset", &body).await;
        assert_eq!((reset.raw.len(), reset.end), (0, End::Reset), "{path}");
        let truncated = ask(&mock, path, "truncated", &body).await;
        assert!(
            serde_json::from_slice::<Value>(&truncated.body()).is_err(),
            "{path}"
        );
        let in_band = ask(&mock, path, "error_in_200", &body).await;
        assert_eq!(in_band.status(), 200, "{path}");
    }
    let missing = ask(&mock, "/model/nope/invoke", "", &json!({"inputText": "a"})).await;
    assert_eq!(missing.status(), 404);
    assert!(missing.header("x-amzn-errortype").is_some());
}
