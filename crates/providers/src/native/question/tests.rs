use http::HeaderValue;
use serde_json::{Value, json};

use std::time::Duration;

use super::*;
use crate::base_url;
use crate::table::builtin;

/// A target as an operator sets one up.
struct Site<'a> {
    id: &'a str,
    base: Option<&'a str>,
    region: Option<&'a str>,
    vars: &'a [(&'a str, &'a str)],
    family: Option<&'a str>,
    reject: bool,
}

fn site(id: &str) -> Site<'_> {
    Site {
        id,
        base: None,
        region: None,
        vars: &[],
        family: None,
        reject: false,
    }
}

impl Site<'_> {
    fn ask_row(
        &self,
        row: &Provider,
        surface: Surface,
        model: &str,
        body: &str,
    ) -> Result<Asked, Refusal> {
        let vars: Vars = self
            .vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let base = base_url(row, self.base, self.region, &vars).unwrap();
        let body = Envelope::parse(
            Bytes::copy_from_slice(body.as_bytes()),
            wire::Limits::default(),
        )
        .unwrap();
        let on_unsupported = if self.reject {
            OnUnsupported::Reject
        } else {
            OnUnsupported::Warn
        };
        let plan = Plan {
            model,
            family: self.family,
            on_unsupported,
            base: &base,
            vars: &vars,
        };
        encode(row, surface, &body, &plan)
    }

    fn ask(&self, surface: Surface, model: &str, body: &Value) -> Result<Asked, Refusal> {
        self.ask_row(
            builtin().get(self.id).unwrap(),
            surface,
            model,
            &body.to_string(),
        )
    }
}

const VERTEX: &[(&str, &str)] = &[("project_id", "p1"), ("region", "us-east1")];
const ACCOUNT: &[(&str, &str)] = &[("account_id", "a1")];
const FOUNDRY: Option<&str> = Some("https://res.services.ai.azure.com");
const AZURE: Option<&str> = Some("https://res.openai.azure.com");
const HOST: Option<&str> = Some("https://dbc-1.cloud.databricks.com");

fn embeddings() -> Value {
    json!({"model": "asked", "input": ["a"]})
}

fn images() -> Value {
    json!({"model": "asked", "prompt": "x"})
}

fn documents() -> Value {
    json!({"model": "asked", "query": "q", "documents": ["a", "b"]})
}

fn body_for(surface: Surface) -> Value {
    match surface {
        Surface::Embeddings => embeddings(),
        Surface::Images => images(),
        _ => documents(),
    }
}

fn sent(call: &Call) -> Value {
    serde_json::from_slice(&call.body).unwrap()
}

fn face() -> Face {
    Face {
        id: "rerank-x".into(),
        model: "asked".into(),
        created: 7,
        ..Face::default()
    }
}

fn read(asked: &Asked, answers: &[&[u8]]) -> Result<Whole, Fault> {
    let headers = HeaderMap::new();
    let answers: Vec<_> = answers
        .iter()
        .map(|body| Received {
            headers: &headers,
            body,
        })
        .collect();
    match asked.session.read(&answers, &[], &face())? {
        Outcome::Whole(whole) => Ok(whole),
        Outcome::Fetch(urls) => panic!("{urls:?}"),
    }
}

#[test]
fn a01_calls_go_where_the_vendors_are() {
    use Surface::{Embeddings, Images, Rerank};
    let vertex = |region| Site {
        vars: VERTEX,
        region,
        ..site("vertex-ai")
    };
    let at = |id, base| Site { base, ..site(id) };
    let workers = || Site {
        vars: ACCOUNT,
        ..site("cloudflare")
    };
    let google = "https://generativelanguage.googleapis.com/v1beta";
    let project = "https://us-east1-aiplatform.googleapis.com/v1/projects/p1/locations/us-east1";
    let bedrock = "https://bedrock-runtime.us-east-1.amazonaws.com";
    let tasks = "https://router.huggingface.co/hf-inference/models";
    let account = "https://api.cloudflare.com/client/v4/accounts/a1/ai";
    for (site, surface, model, url) in [
        (site("gemini"), Embeddings, "gemini-embedding-001", format!("{google}/models/gemini-embedding-001:batchEmbedContents")),
        (site("gemini"), Embeddings, "models/gemini-embedding-001", format!("{google}/models/gemini-embedding-001:batchEmbedContents")),
        (site("gemini"), Images, "imagen-4.0-generate-001", format!("{google}/models/imagen-4.0-generate-001:predict")),
        (site("gemini"), Images, "gemini-2.5-flash-image", format!("{google}/models/gemini-2.5-flash-image:generateContent")),
        (vertex(None), Embeddings, "text-embedding-005", format!("{project}/publishers/google/models/text-embedding-005:predict")),
        (vertex(None), Embeddings, "google/gemini-embedding-2", format!("{project}/publishers/google/models/gemini-embedding-2:embedContent")),
        (vertex(None), Images, "imagen-4.0-generate-001", format!("{project}/publishers/google/models/imagen-4.0-generate-001:predict")),
        (vertex(None), Rerank, "semantic-ranker-512@latest", "https://discoveryengine.googleapis.com/v1/projects/p1/locations/global/rankingConfigs/default_ranking_config:rank".into()),
        (site("bedrock"), Embeddings, "amazon.titan-embed-text-v2:0", format!("{bedrock}/model/amazon.titan-embed-text-v2%3A0/invoke")),
        (site("bedrock"), Images, "amazon.nova-canvas-v1:0", format!("{bedrock}/model/amazon.nova-canvas-v1%3A0/invoke")),
        (site("bedrock"), Rerank, "cohere.rerank-v3-5:0", "https://bedrock-agent-runtime.us-east-1.amazonaws.com/rerank".into()),
        (at("bedrock", Some("http://127.0.0.1:9")), Rerank, "cohere.rerank-v3-5:0", "http://127.0.0.1:9/rerank".into()),
        (site("cohere"), Embeddings, "embed-v4.0", "https://api.cohere.com/v2/embed".into()),
        (site("cohere"), Rerank, "rerank-v3.5", "https://api.cohere.com/v2/rerank".into()),
        (site("ollama"), Embeddings, "nomic-embed-text", "http://localhost:11434/api/embed".into()),
        (site("ollama-cloud"), Embeddings, "nomic-embed-text", "https://ollama.com/api/embed".into()),
        (site("hugging-face"), Embeddings, "BAAI/bge-small-en-v1.5", format!("{tasks}/BAAI/bge-small-en-v1.5/pipeline/feature-extraction")),
        (at("hugging-face", Some("https://x.eu-west-1.aws.endpoints.huggingface.cloud")), Embeddings, "tei", "https://x.eu-west-1.aws.endpoints.huggingface.cloud/v1/embeddings".into()),
        (site("hugging-face"), Images, "stabilityai/sdxl", format!("{tasks}/stabilityai/sdxl")),
        (workers(), Embeddings, "@cf/baai/bge-m3", format!("{account}/v1/embeddings")),
        (workers(), Images, "@cf/black-forest-labs/flux-1-schnell", format!("{account}/run/@cf/black-forest-labs/flux-1-schnell")),
        (workers(), Rerank, "@cf/baai/bge-reranker-base", format!("{account}/run/@cf/baai/bge-reranker-base")),
        (at("azure-foundry", FOUNDRY), Embeddings, "embed-prod", "https://res.services.ai.azure.com/openai/v1/embeddings".into()),
        (at("azure-foundry", FOUNDRY), Rerank, "rerank-prod", "https://res.services.ai.azure.com/providers/cohere/v2/rerank".into()),
        (at("databricks", HOST), Embeddings, "databricks-gte-large-en", "https://dbc-1.cloud.databricks.com/serving-endpoints/embeddings".into()),
        (site("deepinfra"), Rerank, "Qwen/Qwen3-Reranker-8B", "https://api.deepinfra.com/v1/inference/Qwen/Qwen3-Reranker-8B".into()),
        (site("nvidia-nim"), Rerank, "m", "https://ai.api.nvidia.com/v1/retrieval/nvidia/reranking".into()),
        (at("nvidia-nim", Some("http://10.0.0.1:8000/v1")), Rerank, "m", "http://10.0.0.1:8000/v1/ranking".into()),
        (site("together"), Rerank, "m", "https://api.together.ai/v1/rerank".into()),
        (site("openai"), Embeddings, "text-embedding-3-small", "https://api.openai.com/v1/embeddings".into()),
    ] {
        let asked = site.ask(surface, model, &body_for(surface)).unwrap();
        assert_eq!(asked.calls[0].url, url);
    }
}

#[test]
fn d15_a_place_of_googles_has_its_own_host_and_a_key_has_no_project() {
    for (region, root) in [
        (
            "global",
            "https://aiplatform.googleapis.com/v1/projects/p1/locations/global",
        ),
        (
            "eu",
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p1/locations/eu",
        ),
        ("express", "https://aiplatform.googleapis.com/v1"),
    ] {
        let site = Site {
            vars: VERTEX,
            region: Some(region),
            ..site("vertex-ai")
        };
        let asked = site
            .ask(Surface::Embeddings, "gemini-embedding-001", &embeddings())
            .unwrap();
        let expected = format!("{root}/publishers/google/models/gemini-embedding-001:predict");
        assert_eq!(asked.calls[0].url, expected);
    }
}

#[test]
fn d16_an_opaque_arn_is_asked_as_what_its_operator_says_it_is() {
    let arn = "arn:aws:bedrock:eu-west-1:1:provisioned-model/abc";
    let opaque = site("bedrock");
    let refusal = opaque
        .ask(Surface::Embeddings, arn, &embeddings())
        .unwrap_err();
    assert_eq!(refusal.param, "model");
    let known = Site {
        family: Some("cohere.embed-english-v3"),
        ..site("bedrock")
    };
    let asked = known.ask(Surface::Embeddings, arn, &embeddings()).unwrap();
    assert!(
        asked.calls[0].url.ends_with(
            "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aprovisioned-model%2Fabc/invoke"
        )
    );
    assert_eq!(asked.calls[0].region.as_deref(), Some("eu-west-1"));
    assert_eq!(
        sent(&asked.calls[0]),
        json!({"texts": ["a"], "input_type": "search_document"})
    );
    let asked = opaque
        .ask(Surface::Rerank, "amazon.rerank-v1:0", &documents())
        .unwrap();
    let model = "/rerankingConfiguration/bedrockRerankingConfiguration/modelConfiguration/modelArn";
    assert_eq!(
        sent(&asked.calls[0]).pointer(model).unwrap(),
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.rerank-v1:0"
    );
}

/// What only the head tells: the kind of an error, and tokens that the body does not count.
#[test]
fn d17_bedrocks_heads_are_read() {
    let asked = site("bedrock")
        .ask(
            Surface::Embeddings,
            "cohere.embed-english-v3",
            &embeddings(),
        )
        .unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-amzn-errortype",
        HeaderValue::from_static("ThrottlingException:http://x"),
    );
    let error = asked
        .session
        .refused(&headers, br#"{"message":"slow down"}"#)
        .unwrap();
    assert_eq!(
        (error.status, error.message.as_deref()),
        (Some(429), Some("slow down"))
    );
    headers.insert(
        "x-amzn-bedrock-input-token-count",
        HeaderValue::from_static("11"),
    );
    let answer = Received {
        headers: &headers,
        body: br#"{"embeddings":[[1]]}"#,
    };
    let Ok(Outcome::Whole(whole)) = asked.session.read(&[answer], &[], &face()) else {
        panic!("it is not read");
    };
    assert_eq!(whole.usage.unwrap().input, 11);
}

#[test]
fn d18_cohere_embeds_in_its_second_version_and_loses_nothing() {
    let body = json!({"model": "asked", "input": "a", "dimensions": 256, "user": "u"});
    let asked = site("cohere")
        .ask(Surface::Embeddings, "embed-v4.0", &body)
        .unwrap();
    let expected = json!({"model": "embed-v4.0", "texts": ["a"], "input_type": "search_document",
        "embedding_types": ["float"], "output_dimension": 256});
    assert_eq!(sent(&asked.calls[0]), expected);
    assert_eq!(asked.dropped, ["user"]);
}

#[test]
fn d20_the_prefix_of_a_cloud_stays_here() {
    let asked = site("ollama-cloud")
        .ask(
            Surface::Embeddings,
            "ollama-cloud/embeddinggemma",
            &embeddings(),
        )
        .unwrap();
    assert_eq!(sent(&asked.calls[0])["model"], "embeddinggemma");
}

#[test]
fn d21_whom_the_router_would_choose_has_no_place_in_a_tasks_path() {
    for (surface, ending) in [
        (
            Surface::Embeddings,
            "/hf-inference/models/o/n/pipeline/feature-extraction",
        ),
        (Surface::Images, "/hf-inference/models/o/n"),
    ] {
        let asked = site("hugging-face")
            .ask(surface, "o/n:fastest", &body_for(surface))
            .unwrap();
        assert!(
            asked.calls[0].url.ends_with(ending),
            "{}",
            asked.calls[0].url
        );
    }
}

#[test]
fn d23_cloudflares_errors_are_read_under_a_good_status_too() {
    let workers = Site {
        vars: ACCOUNT,
        ..site("cloudflare")
    };
    let asked = workers.ask(Surface::Images, "@cf/o/n", &images()).unwrap();
    let body = br#"{"result":null,"success":false,"errors":[{"code":3040,"message":"no capacity"}],"messages":[]}"#;
    let error = asked.session.refused(&HeaderMap::new(), body).unwrap();
    assert_eq!(
        (error.status, error.message.as_deref()),
        (Some(429), Some("no capacity"))
    );
    let fault = read(&asked, &[body]).unwrap_err();
    assert_eq!(fault.kind, Kind::UpstreamError);
}

#[test]
fn d24_azure_asks_the_deployment_that_the_model_means() {
    let azure = Site {
        base: AZURE,
        vars: &[("api_version", "2024-10-21")],
        ..site("azure-openai")
    };
    let root = "https://res.openai.azure.com/openai/deployments";
    let asked = azure
        .ask(Surface::Embeddings, "embed-prod", &embeddings())
        .unwrap();
    assert_eq!(
        asked.calls[0].url,
        format!("{root}/embed-prod/embeddings?api-version=2024-10-21")
    );
    let asked = azure.ask(Surface::Images, "draw-prod", &images()).unwrap();
    assert_eq!(
        asked.calls[0].url,
        format!("{root}/draw-prod/images/generations?api-version=2024-10-21")
    );
    assert_eq!(sent(&asked.calls[0]), json!({"prompt": "x"}));
    // Without a version the deployment is named in the body.
    let asked = Site {
        base: AZURE,
        ..site("azure-openai")
    }
    .ask(Surface::Images, "draw-prod", &images())
    .unwrap();
    assert_eq!(sent(&asked.calls[0])["model"], "draw-prod");
}

/// What is refused here costs nothing, is the client's to mend, and says which field.
#[test]
fn d07_what_no_call_could_mend_is_a_400_with_its_field() {
    use Surface::{Embeddings, Images, Rerank};
    for (id, surface, model, body, param) in [
        ("cohere", Embeddings, "m", json!({"model": "m"}), "input"),
        ("openai", Embeddings, "m", json!({"model": "m"}), "input"),
        (
            "openai",
            Embeddings,
            "m",
            json!({"model": "m", "input": []}),
            "input",
        ),
        (
            "deepinfra",
            Embeddings,
            "m",
            json!({"model": "m", "input": [1, 2]}),
            "input",
        ),
        (
            "hugging-face",
            Images,
            "o/n",
            json!({"model": "m", "prompt": "x", "n": 2}),
            "n",
        ),
        (
            "hugging-face",
            Images,
            "o/n",
            json!({"model": "m", "prompt": "x", "response_format": "url"}),
            "response_format",
        ),
        (
            "openai",
            Images,
            "gpt-image-1",
            json!({"model": "m", "prompt": "x", "response_format": "url"}),
            "response_format",
        ),
        ("gemini", Images, "text-embedding-004", images(), "model"),
        (
            "bedrock",
            Images,
            "anthropic.claude-3-haiku-20240307-v1:0",
            images(),
            "model",
        ),
        (
            "bedrock",
            Embeddings,
            "amazon.nova-lite-v1:0",
            embeddings(),
            "model",
        ),
        (
            "bedrock",
            Rerank,
            "cohere.rerank-v3-5:0",
            json!({"model": "m", "query": "q", "documents": ["a"], "top_n": -1}),
            "top_n",
        ),
        (
            "nvidia-nim",
            Rerank,
            "m",
            json!({"model": "m", "query": "q", "documents": []}),
            "documents",
        ),
        ("groq", Embeddings, "m", embeddings(), "model"),
    ] {
        let refusal = site(id).ask(surface, model, &body).unwrap_err();
        assert_eq!(refusal.param, param, "{id} {body}");
        let fault = Fault::from(refusal);
        assert_eq!(fault.kind.row().status, 400, "{id} {body}");
    }
}

#[test]
fn a20_no_model_leads_to_another_path() {
    use Surface::{Embeddings, Images, Rerank};
    let vertex = || Site {
        vars: VERTEX,
        ..site("vertex-ai")
    };
    let workers = || Site {
        vars: ACCOUNT,
        ..site("cloudflare")
    };
    for (site, surface, start) in [
        (site("gemini"), Embeddings, "gemini-embedding-"),
        (site("gemini"), Images, "imagen-"),
        (vertex(), Embeddings, "text-embedding-"),
        (site("bedrock"), Embeddings, "amazon.titan-embed-"),
        (site("bedrock"), Images, "amazon.nova-canvas-"),
        (site("bedrock"), Rerank, "amazon."),
    ] {
        for end in ["../x", "a/b", "a%2Fb", "a?b", "a#b", "a\\b", "a b", "a\n"] {
            let model = format!("{start}{end}");
            let refusal = site.ask(surface, &model, &body_for(surface)).unwrap_err();
            assert_eq!(refusal.param, "model", "{} {model:?}", site.id);
        }
    }
    for (site, surface) in [
        (site("hugging-face"), Embeddings),
        (site("hugging-face"), Images),
        (workers(), Images),
        (workers(), Rerank),
        (site("deepinfra"), Rerank),
    ] {
        for model in [
            "../x", "a/../b", "a//b", "a%2Fb", "a?b", "a#b", "/a", "a/", ".",
        ] {
            let refusal = site.ask(surface, model, &body_for(surface)).unwrap_err();
            assert_eq!(refusal.param, "model", "{} {model:?}", site.id);
        }
    }
}

#[test]
fn a21_what_a_vendor_has_no_word_for_is_told_or_refused() {
    let tasks = |reject| Site {
        reject,
        ..site("hugging-face")
    };
    let body =
        json!({"model": "m", "input": "a", "dimensions": 8, "user": "u", "input_type": "query"});
    let told = tasks(false).ask(Surface::Embeddings, "o/n", &body).unwrap();
    assert_eq!(told.dropped, ["user", "dimensions", "input_type"]);
    let refusal = tasks(true)
        .ask(Surface::Embeddings, "o/n", &body)
        .unwrap_err();
    assert_eq!(
        refusal.message,
        "hugging-face does not support user, dimensions, input_type"
    );
    assert_eq!(Fault::from(refusal).kind, Kind::UnsupportedParameter);
    // Members that nobody knows are told of, and are no reason to refuse.
    let body = json!({"model": "m", "input": "a", "shape": 1});
    assert_eq!(
        tasks(true)
            .ask(Surface::Embeddings, "o/n", &body)
            .unwrap()
            .dropped,
        ["shape"]
    );
}

#[test]
fn a13_every_form_says_what_went_wrong() {
    use Surface::{Embeddings, Images, Rerank};
    let google = r#"{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED"}}"#;
    for (site, surface, model, body, status) in [
        (
            site("gemini"),
            Embeddings,
            "gemini-embedding-001",
            google,
            Some(429),
        ),
        (
            Site {
                vars: VERTEX,
                ..site("vertex-ai")
            },
            Rerank,
            "m",
            google,
            Some(429),
        ),
        (
            site("bedrock"),
            Images,
            "amazon.nova-canvas-v1:0",
            r#"{"__type":"ValidationException","message":"quota"}"#,
            Some(400),
        ),
        (
            site("cohere"),
            Rerank,
            "m",
            r#"{"id":"x","message":"quota"}"#,
            None,
        ),
        (
            site("ollama"),
            Embeddings,
            "m",
            r#"{"error":"quota"}"#,
            None,
        ),
        (
            site("hugging-face"),
            Embeddings,
            "o/n",
            r#"{"error":["quota"]}"#,
            None,
        ),
        (
            site("deepinfra"),
            Rerank,
            "o/n",
            r#"{"detail":{"error":"quota"}}"#,
            None,
        ),
        (
            site("openai"),
            Embeddings,
            "m",
            r#"{"error":{"message":"quota","code":"x"}}"#,
            None,
        ),
    ] {
        let asked = site.ask(surface, model, &body_for(surface)).unwrap();
        let error = asked
            .session
            .refused(&HeaderMap::new(), body.as_bytes())
            .unwrap();
        assert_eq!(
            (error.status, error.message.as_deref()),
            (status, Some("quota")),
            "{}",
            site.id
        );
        for silent in ["", "<html>busy</html>", r#"{"error":"#] {
            assert_eq!(
                asked.session.refused(&HeaderMap::new(), silent.as_bytes()),
                None,
                "{}",
                site.id
            );
            let fault = read(&asked, &[silent.as_bytes()]).unwrap_err();
            assert_eq!(fault.kind, Kind::UpstreamInvalid, "{} {silent}", site.id);
        }
        // A good status over an error is an error, and no answer.
        let fault = read(&asked, &[body.as_bytes()]).unwrap_err();
        assert_eq!(fault.kind, Kind::UpstreamError, "{}", site.id);
    }
    let asked = site("hugging-face")
        .ask(Embeddings, "o/n", &embeddings())
        .unwrap();
    let body = br#"{"error":"Model o/n is currently loading","estimated_time":20.1}"#;
    let error = asked.session.refused(&HeaderMap::new(), body).unwrap();
    assert_eq!(error.retry_after, Some(Duration::from_millis(20_100)));
}

#[test]
fn a12_calls_of_one_question_are_counted_together() {
    let body = json!({"model": "m", "input": ["a", "b"]});
    let asked = site("bedrock")
        .ask(Surface::Embeddings, "amazon.titan-embed-text-v2:0", &body)
        .unwrap();
    assert_eq!(asked.calls.len(), 2);
    let whole = read(
        &asked,
        &[
            br#"{"embedding":[1],"inputTextTokenCount":3}"#,
            br#"{"embedding":[2],"inputTextTokenCount":4}"#,
        ],
    )
    .unwrap();
    assert_eq!(whole.usage.unwrap().input, 7);
    let told: Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!(
        told["usage"],
        json!({"prompt_tokens": 7, "total_tokens": 7})
    );
    assert_eq!(told["model"], "asked");

    let asked = site("cohere")
        .ask(Surface::Rerank, "rerank-v3.5", &documents())
        .unwrap();
    let answer = br#"{"id":"r","results":[{"index":1,"relevance_score":0.5}],"meta":{"billed_units":{"search_units":1}}}"#;
    assert_eq!(
        read(&asked, &[answer]).unwrap().usage.unwrap().web_searches,
        1
    );
}

/// Where the vendor speaks OpenAI's form, whatever is not named is the client's, byte for byte.
#[test]
fn a19_bytes_are_kept_both_ways() {
    let row = builtin().get("together").unwrap();
    let text = "{ \"model\":\"m\",  \"input\" : [\"a\\u00e9\"], \"odd\": {\"x\":1.50}, \"input\\u005ftype\":\"q\" }";
    let asked = site("together")
        .ask_row(row, Surface::Embeddings, "m", text)
        .unwrap();
    assert_eq!(asked.calls[0].body, text);
    let renamed = site("together")
        .ask_row(row, Surface::Embeddings, "n", text)
        .unwrap();
    assert_eq!(renamed.calls[0].body, text.replace("\"m\"", "\"n\""));
    let answer =
        "{\"data\": [ {\"embedding\":[0.10, 1e0]} ],\"odd\":1, \"usage\":{\"prompt_tokens\":2}}";
    let whole = read(&asked, &[answer.as_bytes()]).unwrap();
    assert_eq!(
        (&*whole.body, whole.usage.unwrap().input),
        (answer.as_bytes(), 2)
    );

    let documents = r#"{"model":"m","query":"q","documents":["a",{"x":1}],"odd":1}"#;
    let asked = site("together")
        .ask_row(row, Surface::Rerank, "m", documents)
        .unwrap();
    assert_eq!(asked.calls[0].body, documents);
    let answer = br#"{"results":[{"index":0,"relevance_score":1}],"usage":{"prompt_tokens":5,"total_tokens":5}}"#;
    assert_eq!(read(&asked, &[answer]).unwrap().usage.unwrap().input, 5);

    let asked = site("openai").ask(Surface::Images, "dall-e-3", &json!({"model": "dall-e-3", "prompt": "x", "response_format": "url", "style": "vivid"})).unwrap();
    assert_eq!(sent(&asked.calls[0])["response_format"], "url");
    let answer = br#"{"created":1,"data":[{"url":"https://x","revised_prompt":"y"}],"usage":{"input_tokens":3,"output_tokens":9}}"#;
    let whole = read(&asked, &[answer]).unwrap();
    assert_eq!(
        (&*whole.body, whole.pictures, whole.usage.unwrap().output),
        (&answer[..], 1, 9)
    );
}

/// Clients that decode base64 blindly get it from vendors that give lists only.
#[test]
fn row_10_vectors_come_in_the_encoding_that_was_asked_for() {
    let body = json!({"model": "m", "input": ["a", "b"], "encoding_format": "base64"});
    let asked = site("mistral")
        .ask(Surface::Embeddings, "m", &body)
        .unwrap();
    assert_eq!(sent(&asked.calls[0])["encoding_format"], "float");
    // Out of their order, and with a member that nobody knows.
    let answer = br#"{"object":"list","data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1],"x":1}],"usage":{"prompt_tokens":1}}"#;
    let told: Value = serde_json::from_slice(&read(&asked, &[answer]).unwrap().body).unwrap();
    let expected = json!({"object": "list", "usage": {"prompt_tokens": 1}, "data": [
        {"index": 0, "embedding": "AACAPw==", "x": 1}, {"index": 1, "embedding": "AAAAQA=="}]});
    assert_eq!(told, expected);
    let asked = site("openai").ask(Surface::Embeddings, "m", &body).unwrap();
    assert_eq!(sent(&asked.calls[0])["encoding_format"], "base64");
}

#[test]
fn row_11_tokens_are_taken_where_the_vendor_takes_them() {
    for input in [json!([1, 2, 3]), json!([[1, 2], [3]])] {
        let body = json!({"model": "m", "input": input});
        for (id, base) in [("openai", None), ("azure-openai", AZURE), ("vllm", None)] {
            let asked = Site { base, ..site(id) }
                .ask(Surface::Embeddings, "m", &body)
                .unwrap();
            assert_eq!(sent(&asked.calls[0])["input"], input, "{id}");
        }
        for id in [
            "mistral", "together", "novita", "cohere", "gemini", "ollama",
        ] {
            let refusal = site(id).ask(Surface::Embeddings, "m", &body).unwrap_err();
            assert_eq!(
                (&*refusal.param, refusal.by_policy),
                ("input", false),
                "{id}"
            );
            assert!(
                refusal.message.contains("not tokens"),
                "{}",
                refusal.message
            );
        }
    }
}

#[test]
fn what_a_row_names_is_changed_and_told() {
    let body =
        json!({"model": "m", "input": "a", "dimensions": 256, "input_type": "query", "user": "u"});
    let asked = site("mistral")
        .ask(Surface::Embeddings, "mistral-embed", &body)
        .unwrap();
    assert_eq!(
        sent(&asked.calls[0]),
        json!({"model": "mistral-embed", "input": "a", "output_dimension": 256})
    );
    assert_eq!(asked.dropped, ["input_type", "user"]);
    for (id, base, text) in [("databricks", HOST, " "), ("azure-openai", AZURE, "")] {
        let site = Site { base, ..site(id) };
        let refusal = site
            .ask(
                Surface::Embeddings,
                "m",
                &json!({"model": "m", "input": ["a", text]}),
            )
            .unwrap_err();
        assert_eq!(refusal.param, "input", "{id}");
    }
    let body = json!({"model": "m", "prompt": "x", "quality": "hd", "style": "vivid", "size": "1x1", "n": 2});
    for (id, dropped) in [
        ("xai", vec!["size", "quality", "style"]),
        ("together", vec!["quality", "style"]),
        ("deepinfra", vec!["quality", "style"]),
    ] {
        let asked = site(id).ask(Surface::Images, "m", &body).unwrap();
        assert_eq!(asked.dropped, dropped, "{id}");
        assert_eq!(sent(&asked.calls[0]).get("size").is_some(), id != "xai");
    }
    let body = json!({"model": "m", "prompt": "x", "response_format": "b64_json", "background": "transparent"});
    let asked = site("openai")
        .ask(Surface::Images, "gpt-image-1", &body)
        .unwrap();
    assert_eq!(
        sent(&asked.calls[0]),
        json!({"model": "gpt-image-1", "prompt": "x", "background": "transparent"})
    );
    assert_eq!(asked.dropped, [""; 0]);
}

#[test]
fn many_texts_are_asked_for_in_several_calls_and_answered_in_one() {
    let texts: Vec<_> = (0..150).map(|at| format!("t{at}")).collect();
    let body = json!({"model": "m", "input": texts, "odd": 1});
    let workers = Site {
        vars: ACCOUNT,
        ..site("cloudflare")
    };
    let asked = workers
        .ask(Surface::Embeddings, "@cf/baai/bge-m3", &body)
        .unwrap();
    let sizes = asked.calls.iter().map(|call| {
        let sent = sent(call);
        assert_eq!(
            (&sent["model"], &sent["odd"]),
            (&json!("@cf/baai/bge-m3"), &json!(1))
        );
        sent["input"].as_array().unwrap().len()
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [100, 50]);
    let answer = |from: usize, to: usize| {
        let data: Vec<_> = (from..to)
            .map(|at| json!({"index": at - from, "embedding": [at]}))
            .collect();
        json!({"data": data, "usage": {"prompt_tokens": to - from, "total_tokens": to - from}})
            .to_string()
    };
    let (first, second) = (answer(0, 100), answer(100, 150));
    let whole = read(&asked, &[first.as_bytes(), second.as_bytes()]).unwrap();
    let told: Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!(
        told["data"][149],
        json!({"object": "embedding", "index": 149, "embedding": [149]})
    );
    assert_eq!(
        (whole.usage.unwrap().input, &told["usage"]["prompt_tokens"]),
        (150, &json!(150))
    );
}

#[test]
fn nothing_is_asked_where_nothing_is_wanted() {
    let body = json!({"model": "m", "query": "q", "documents": ["a"], "top_n": 0});
    let asked = site("bedrock")
        .ask(Surface::Rerank, "amazon.rerank-v1:0", &body)
        .unwrap();
    assert!(asked.calls.is_empty());
    let told: Value = serde_json::from_slice(&read(&asked, &[]).unwrap().body).unwrap();
    assert_eq!(
        told,
        json!({"id": "rerank-x", "model": "asked", "results": []})
    );
}

#[test]
fn a_picture_itself_is_fetched_where_the_vendor_says_only_where_it_is() {
    let body = json!({"model": "m", "prompt": "x", "response_format": "b64_json"});
    let asked = site("replicate")
        .ask(Surface::Images, "o/n", &body)
        .unwrap();
    let call = &asked.calls[0];
    assert_eq!(
        call.url,
        "https://api.replicate.com/v1/models/o/n/predictions"
    );
    assert_eq!(call.headers["prefer"], "wait=60");
    for model in ["o", "o/n/x", "../n", "o/n?x"] {
        let refusal = site("replicate")
            .ask(Surface::Images, model, &body)
            .unwrap_err();
        assert_eq!(refusal.param, "model", "{model}");
    }
    let headers = HeaderMap::new();
    let answer = Received {
        headers: &headers,
        body: br#"{"id":"p","status":"succeeded","output":["https://replicate.delivery/a.png"]}"#,
    };
    let Ok(Outcome::Fetch(urls)) = asked.session.read(&[answer], &[], &face()) else {
        panic!("it is not to be fetched");
    };
    assert_eq!(urls, ["https://replicate.delivery/a.png"]);
    let Ok(Outcome::Whole(whole)) = asked.session.read(&[answer], &[b"hi"], &face()) else {
        panic!("what was fetched is not taken");
    };
    let told: Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!(told, json!({"created": 7, "data": [{"b64_json": "aGk="}]}));
}

#[test]
fn every_form_of_every_row_is_one_that_its_surface_has() {
    for row in builtin() {
        for (surface, form) in &row.forms {
            assert!(
                form.surfaces().contains(surface) && row.serves(*surface),
                "{} {form:?}",
                row.id
            );
        }
    }
}
