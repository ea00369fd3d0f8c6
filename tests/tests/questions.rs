//! What is asked beside chats, from a row to a vendor and back: every form is written as the mock of
//! that vendor reads it, and read as it answers. There is no gateway between: it has no such routes yet.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeMap;

use ferrogw_tests::{Answer, Call, Vendor};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use providers::native::question::{Asked, Outcome, Plan, Received, Whole, encode};
use providers::{OnUnsupported, Surface, base_url, builtin};
use serde_json::{Value, json};
use wire::fault::{Fault, Kind};
use wire::ir::Face;
use wire::{Envelope, Limits};

/// Row, surface and model of each form.
const FORMS: [(&str, Surface, &str); 26] = [
    ("openai", Surface::Embeddings, "text-embedding-3-small"),
    ("mistral", Surface::Embeddings, "mistral-embed"),
    ("cloudflare", Surface::Embeddings, "@cf/baai/bge-m3"),
    ("gemini", Surface::Embeddings, "gemini-embedding-001"),
    ("vertex-ai", Surface::Embeddings, "text-embedding-005"),
    ("vertex-ai", Surface::Embeddings, "gemini-embedding-001"),
    ("vertex-ai", Surface::Embeddings, "gemini-embedding-2"),
    (
        "bedrock",
        Surface::Embeddings,
        "amazon.titan-embed-text-v2:0",
    ),
    ("bedrock", Surface::Embeddings, "cohere.embed-english-v3"),
    (
        "bedrock",
        Surface::Embeddings,
        "amazon.nova-2-multimodal-embeddings-v1:0",
    ),
    ("cohere", Surface::Embeddings, "embed-v4.0"),
    ("ollama", Surface::Embeddings, "nomic-embed-text"),
    (
        "hugging-face",
        Surface::Embeddings,
        "BAAI/bge-small-en-v1.5",
    ),
    ("openai", Surface::Images, "gpt-image-1"),
    ("gemini", Surface::Images, "imagen-4.0-generate-001"),
    ("vertex-ai", Surface::Images, "gemini-2.5-flash-image"),
    ("bedrock", Surface::Images, "amazon.nova-canvas-v1:0"),
    ("bedrock", Surface::Images, "stability.sd3-5-large-v1:0"),
    ("hugging-face", Surface::Images, "stabilityai/sdxl"),
    (
        "cloudflare",
        Surface::Images,
        "@cf/black-forest-labs/flux-1-schnell",
    ),
    ("cohere", Surface::Rerank, "rerank-v3.5"),
    ("bedrock", Surface::Rerank, "cohere.rerank-v3-5:0"),
    ("vertex-ai", Surface::Rerank, "semantic-ranker-512@latest"),
    ("nvidia-nim", Surface::Rerank, "nv-rerankqa"),
    ("deepinfra", Surface::Rerank, "Qwen/Qwen3-Reranker-8B"),
    ("cloudflare", Surface::Rerank, "@cf/baai/bge-reranker-base"),
];

fn body(surface: Surface) -> Value {
    match surface {
        Surface::Embeddings => {
            json!({"model": "asked", "input": ["rome", "oslo"], "encoding_format": "base64"})
        }
        Surface::Images => {
            json!({"model": "asked", "prompt": "a cat", "response_format": "b64_json"})
        }
        _ => {
            json!({"model": "asked", "query": "cold in oslo", "documents": ["rome", {"text": "oslo is cold"}, "oslo"],
            "top_n": 2, "return_documents": true})
        }
    }
}

fn asked(vendor: &Vendor, id: &str, surface: Surface, model: &str) -> Asked {
    let row = builtin().get(id).unwrap();
    let vars = [
        ("region", "us-east1"),
        ("project_id", "p1"),
        ("account_id", "a1"),
    ];
    let vars: BTreeMap<_, _> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let root = format!("http://{}", vendor.addr());
    let base = base_url(row, Some(&root), None, &vars).unwrap();
    let body = body(surface).to_string().into_bytes();
    let body = Envelope::parse(body.into(), Limits::default()).unwrap();
    let plan = Plan {
        model,
        family: None,
        on_unsupported: OnUnsupported::Warn,
        base: &base,
        vars: &vars,
    };
    encode(row, surface, &body, &plan).unwrap()
}

fn send(vendor: &Vendor, asked: &Asked) -> Vec<Answer> {
    let root = format!("http://{}", vendor.addr());
    let calls = asked.calls.iter().map(|call| {
        let target = call.url.strip_prefix(&root).unwrap();
        Call::post(target, call.body.to_vec()).send(vendor.addr())
    });
    calls.collect()
}

/// What a reader wants to know of an answer's head.
fn head(answer: &Answer) -> HeaderMap {
    let kind = answer.header("content-type").unwrap_or_default();
    HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())])
}

fn read(asked: &Asked, answers: &[Answer]) -> Result<Whole, Fault> {
    let heads: Vec<_> = answers.iter().map(head).collect();
    let received: Vec<_> = answers
        .iter()
        .zip(&heads)
        .map(|(answer, headers)| Received {
            headers,
            body: &answer.body,
        })
        .collect();
    let face = Face {
        id: "rerank-x".into(),
        model: "asked".into(),
        ..Face::default()
    };
    match asked.session.read(&received, &[], &face)? {
        Outcome::Whole(whole) => Ok(whole),
        Outcome::Fetch(urls) => panic!("{urls:?}"),
    }
}

#[test]
fn every_form_is_understood_and_understands() {
    let vendor = Vendor::start();
    let mut vectors = Vec::new();
    for (id, surface, model) in FORMS {
        let asked = asked(&vendor, id, surface, model);
        let answers = send(&vendor, &asked);
        for answer in &answers {
            assert_eq!(answer.status(), 200, "{id} {model}: {}", answer.text());
        }
        let whole =
            read(&asked, &answers).unwrap_or_else(|fault| panic!("{id} {model}: {fault:?}"));
        let told: Value = serde_json::from_slice(&whole.body).unwrap();
        match surface {
            Surface::Embeddings => {
                let both =
                    [0, 1].map(|at| told["data"][at]["embedding"].as_str().unwrap().to_owned());
                vectors.push((id, both));
            }
            Surface::Images => {
                assert_eq!(whole.pictures, 1, "{id} {model}");
                assert!(
                    told["data"][0]["b64_json"]
                        .as_str()
                        .unwrap()
                        .starts_with("iVBOR"),
                    "{id} {told}"
                );
            }
            _ => {
                let results = told["results"].as_array().unwrap();
                let order: Vec<_> = results
                    .iter()
                    .map(|result| result["index"].as_u64().unwrap())
                    .collect();
                assert_eq!(order, [1, 2], "{id} {told}");
                assert_eq!(results[1]["document"], json!({"text": "oslo"}), "{id}");
            }
        }
    }
    // The mock has one vector for a text, whoever it plays.
    let (_, first) = &vectors[0];
    for (id, both) in &vectors {
        assert_eq!(both, first, "{id}");
    }
}

#[test]
fn a13_faults_are_told_as_faults_in_every_form() {
    let vendor = Vendor::start();
    for (id, surface, model) in FORMS {
        let asked = asked(&vendor, id, surface, model);
        let path = asked.calls[0].url.rsplit('/').next().unwrap().to_owned();
        vendor.when(&path, 1, "status=429;retry_after=3");
        let limited = send(&vendor, &asked).remove(0);
        assert_eq!(limited.status(), 429, "{id} {model}");
        let error = asked.session.refused(&head(&limited), &limited.body);
        assert!(
            error.and_then(|error| error.message).is_some(),
            "{id} {model}: {}",
            limited.text()
        );
        for (settings, kind) in [
            ("truncated", Kind::UpstreamInvalid),
            ("empty", Kind::UpstreamInvalid),
            ("wrong_content_type", Kind::UpstreamInvalid),
            ("error_in_200", Kind::UpstreamError),
        ] {
            // Half a picture still is one, as far as can be seen.
            if (id, surface, settings) == ("hugging-face", Surface::Images, "truncated") {
                continue;
            }
            vendor.when(&path, u32::try_from(asked.calls.len()).unwrap(), settings);
            let fault = read(&asked, &send(&vendor, &asked)).err();
            assert_eq!(
                fault.map(|fault| fault.kind),
                Some(kind),
                "{id} {model} {settings}"
            );
        }
    }
}
