//! What every vendor's form makes of what is asked beside chats, both ways. `UPDATE=1` writes down
//! what it makes now.
//!
//! A case is a folder in `surfaces/<surface>/`:
//!
//! - `plan.json`: the vendor's form, the model, and what else is known; what was fetched, if anything
//! - `request.openai.json` becomes `requests.vendor.json`, a list with the body of each call, and what
//!   is told of it `request.told.json`
//! - `replies.vendor.json`, a list with the answer to each call, becomes `reply.openai.json`, and what
//!   is told of it `reply.told.json`. A text in the list stands for a picture's bytes, in base64
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use wire::fault::Fault;
use wire::images::Drawn;
use wire::ir::{NotAReply, Plan, Received, Refusal, Told};
use wire::json::Node;
use wire::usage::Usage;
use wire::{embeddings, images, rerank};

mod strange;

const EMBEDDINGS: [(&str, embeddings::Form); 11] = [
    ("gemini", embeddings::Form::Gemini),
    ("vertex", embeddings::Form::Vertex),
    ("vertex-single", embeddings::Form::VertexSingle),
    ("vertex-content", embeddings::Form::VertexContent),
    ("cohere", embeddings::Form::Cohere),
    ("bedrock-cohere", embeddings::Form::BedrockCohere),
    ("titan", embeddings::Form::Titan),
    ("titan-image", embeddings::Form::TitanImage),
    ("nova", embeddings::Form::Nova),
    ("ollama", embeddings::Form::Ollama),
    ("tasks", embeddings::Form::Tasks),
];

const IMAGES: [(&str, images::Form); 8] = [
    ("imagen", images::Form::Imagen),
    ("gemini", images::Form::Gemini),
    ("canvas", images::Form::Canvas),
    ("sdxl", images::Form::Sdxl),
    ("stability", images::Form::Stability),
    ("replicate", images::Form::Replicate),
    ("tasks", images::Form::Tasks),
    ("workers", images::Form::Workers),
];

const RERANK: [(&str, rerank::Form); 6] = [
    ("cohere", rerank::Form::Cohere),
    ("bedrock", rerank::Form::Bedrock),
    ("vertex", rerank::Form::Vertex),
    ("nvidia", rerank::Form::Nvidia),
    ("scores", rerank::Form::Scores),
    ("workers", rerank::Form::Workers),
];

fn form<F: Copy>(forms: &[(&str, F)], plan: &Value) -> F {
    let named = forms.iter().find(|(name, _)| plan["form"] == *name);
    named
        .unwrap_or_else(|| panic!("no form {}", plan["form"]))
        .1
}

/// What the answers' reader has to know.
enum Recall {
    Embeddings(embeddings::Recall),
    Images(images::Recall),
    Rerank(rerank::Recall),
}

struct Asked {
    bodies: Vec<Vec<u8>>,
    dropped: Vec<String>,
    recall: Recall,
}

fn write(surface: &str, given: &Value, body: Node<'_>) -> Result<Asked, Refusal> {
    let plan = Plan {
        provider: given["provider"].as_str().unwrap_or("acme"),
        model: given["model"].as_str().unwrap_or("m"),
        family: given["family"].as_str(),
        reject: given["reject"] == true,
        streaming: false,
        own_history: false,
    };
    Ok(match surface {
        "embeddings" => {
            let question = embeddings::Question::read(body)?;
            let written = embeddings::write(&question, form(&EMBEDDINGS, given), &plan)?;
            Asked {
                bodies: written.bodies,
                dropped: written.dropped,
                recall: Recall::Embeddings(written.recall),
            }
        }
        "images" => {
            let question = images::Question::read(body)?;
            let written = images::write(&question, form(&IMAGES, given), &plan, None)?;
            Asked {
                bodies: written.bodies,
                dropped: written.dropped,
                recall: Recall::Images(written.recall),
            }
        }
        "rerank" => {
            let question = rerank::Question::read(body)?;
            let written = rerank::write(&question, form(&RERANK, given), &plan)?;
            Asked {
                bodies: written.body.into_iter().collect(),
                dropped: written.dropped,
                recall: Recall::Rerank(written.recall),
            }
        }
        other => panic!("no surface {other}"),
    })
}

enum Read {
    Told(Told),
    Fetch(Vec<String>),
}

/// Reads answers; `named` is the model as the client knows it.
fn read_as(
    named: &str,
    recall: &Recall,
    bodies: &[Vec<u8>],
    fetched: &[&[u8]],
) -> Result<Read, NotAReply> {
    let answers: Vec<_> = bodies
        .iter()
        .map(|body| Received {
            body,
            media_type: Some("application/json"),
            input_tokens: None,
        })
        .collect();
    match recall {
        Recall::Embeddings(recall) => recall.read(&answers, named).map(Read::Told),
        Recall::Rerank(recall) => recall
            .read(answers.first(), "rerank-x", named)
            .map(Read::Told),
        Recall::Images(recall) => recall.read(&answers, fetched, 0).map(|drawn| match drawn {
            Drawn::Told(told) => Read::Told(told),
            Drawn::Fetch(urls) => Read::Fetch(urls),
        }),
    }
}

fn read(recall: &Recall, bodies: &[Vec<u8>], fetched: &[&[u8]]) -> Result<Read, NotAReply> {
    read_as("asked", recall, bodies, fetched)
}

struct Case {
    folder: PathBuf,
    surface: String,
    plan: Value,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surfaces");
    let folders = |path: &Path| {
        let mut folders: Vec<_> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        folders.sort();
        folders
    };
    let cases = folders(&root).into_iter().flat_map(|surface| {
        let name = surface.file_name().unwrap().to_string_lossy().into_owned();
        folders(&surface)
            .into_iter()
            .map(move |folder| (name.clone(), folder))
    });
    cases
        .map(|(surface, folder)| Case {
            plan: json_of(&folder.join("plan.json")).unwrap(),
            surface,
            folder,
        })
        .collect()
}

fn json_of(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// A text stands for bytes.
fn bytes_of(answer: &Value) -> Vec<u8> {
    match answer {
        Value::String(base64) => STANDARD.decode(base64).unwrap(),
        other => other.to_string().into_bytes(),
    }
}

impl Case {
    fn check(&self, name: &str, found: &Value) {
        let path = self.folder.join(name);
        let expected = json_of(&path);
        if expected.as_ref() == Some(found) {
            return;
        }
        if std::env::var_os("UPDATE").is_some() {
            let text = serde_json::to_string_pretty(found).unwrap() + "\n";
            fs::write(&path, text).unwrap();
            return;
        }
        panic!(
            "{}:\nexpected: {expected:?}\nfound: {found}",
            path.display()
        );
    }

    /// As `check`, but nothing need be written down where nothing is told.
    fn check_told(&self, name: &str, found: &Value, nothing: &Value) {
        if found != nothing || self.folder.join(name).exists() {
            self.check(name, found);
        }
    }

    fn request(&self) -> String {
        fs::read_to_string(self.folder.join("request.openai.json")).unwrap()
    }

    fn replies(&self) -> Option<Vec<Value>> {
        let replies = json_of(&self.folder.join("replies.vendor.json"))?;
        Some(replies.as_array().unwrap().clone())
    }

    fn run(&self) {
        let text = self.request();
        let asked = match write(
            &self.surface,
            &self.plan,
            Node::parse(text.as_bytes()).unwrap(),
        ) {
            Ok(asked) => asked,
            Err(refusal) => {
                let fault = Fault::from(refusal);
                assert_eq!(fault.kind.row().status, 400, "{}", self.folder.display());
                let told = json!({"refused": fault.message, "param": fault.param, "code": fault.kind.row().code});
                self.check("request.told.json", &told);
                let sent = self.folder.join("requests.vendor.json");
                assert!(!sent.exists(), "{} is refused", self.folder.display());
                return;
            }
        };
        let bodies: Vec<Value> = asked
            .bodies
            .iter()
            .map(|body| serde_json::from_slice(body).unwrap())
            .collect();
        self.check("requests.vendor.json", &json!(bodies));
        let (told, nothing) = (json!({"dropped": asked.dropped}), json!({"dropped": []}));
        self.check_told("request.told.json", &told, &nothing);
        if let Some(replies) = self.replies() {
            self.reply(&asked.recall, &replies);
        }
    }

    fn reply(&self, recall: &Recall, replies: &[Value]) {
        let bodies: Vec<_> = replies.iter().map(bytes_of).collect();
        let fetched = self.plan["fetched"].as_array().cloned().unwrap_or_default();
        let mut told = json!({});
        let request: Value = serde_json::from_str(&self.request()).unwrap();
        let named = request["model"].as_str().unwrap();
        let mut answer = read_as(named, recall, &bodies, &[]);
        if let Ok(Read::Fetch(urls)) = &answer {
            told["fetch"] = json!(urls);
            let fetched: Vec<_> = fetched
                .iter()
                .map(|text| text.as_str().unwrap().as_bytes())
                .collect();
            answer = read_as(named, recall, &bodies, &fetched);
        }
        match answer {
            Ok(Read::Told(Told {
                body,
                usage,
                pictures,
            })) => {
                self.check("reply.openai.json", &serde_json::from_slice(&body).unwrap());
                if let Some(Usage {
                    input,
                    output,
                    web_searches,
                    ..
                }) = usage
                {
                    told["usage"] =
                        json!({"input": input, "output": output, "searches": web_searches});
                }
                if pictures > 0 {
                    told["pictures"] = json!(pictures);
                }
            }
            Ok(Read::Fetch(_)) => {
                panic!("{}: what was fetched is not taken", self.folder.display())
            }
            Err(NotAReply::Vendor(error)) => {
                told["failed"] =
                    json!({"status": error.status, "code": error.code, "message": error.message});
            }
            Err(error) => told["failed"] = json!(error.to_string()),
        }
        self.check_told("reply.told.json", &told, &json!({}));
    }
}

#[test]
fn a01_every_case_is_written_and_read_as_it_is_written_down() {
    let mut failed = String::new();
    for case in cases() {
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case.run()));
        if let Err(panic) = run {
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            let _ = writeln!(failed, "{text}");
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

/// Every form of every surface has a case that is asked and one that is answered.
#[test]
fn a01_no_form_is_without_a_case() {
    let cases = cases();
    let named = |surface: &str, names: Vec<&str>| {
        for name in names {
            let of_form = || {
                cases
                    .iter()
                    .filter(|case| case.surface == surface && case.plan["form"] == name)
            };
            assert!(
                of_form().any(|case| case.replies().is_some()),
                "{surface} {name}"
            );
        }
    };
    named(
        "embeddings",
        EMBEDDINGS.iter().map(|(name, _)| *name).collect(),
    );
    named("images", IMAGES.iter().map(|(name, _)| *name).collect());
    named("rerank", RERANK.iter().map(|(name, _)| *name).collect());
}

/// What an answer may become, however odd it is: bounded by what came.
fn check_answer(surface: &str, recall: &Recall, bodies: &[Vec<u8>], asked: &str) {
    let Ok(Read::Told(told)) = read(recall, bodies, &[]) else {
        return;
    };
    let given: usize = bodies.iter().map(Vec::len).sum();
    assert!(
        told.body.len() <= 16 * (given + asked.len()) + 1024,
        "{surface}: {}",
        told.body.len()
    );
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    match surface {
        "embeddings" => {
            let request: Value = serde_json::from_str(asked).unwrap();
            let inputs = request["input"].as_array().map_or(1, Vec::len);
            let data = body["data"].as_array().unwrap();
            assert_eq!(data.len(), inputs);
            for (at, item) in data.iter().enumerate() {
                assert_eq!(item["index"], at);
                assert!(item["embedding"].is_array() || item["embedding"].is_string());
            }
        }
        "images" => assert_eq!(body["data"].as_array().unwrap().len() as u64, told.pictures),
        _ => {
            let request: Value = serde_json::from_str(asked).unwrap();
            let documents = request["documents"].as_array().unwrap().len();
            let results = body["results"].as_array().unwrap();
            let mut numbers: Vec<_> = results
                .iter()
                .map(|result| result["index"].as_u64().unwrap())
                .collect();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), results.len());
            assert!(numbers.iter().all(|number| *number < documents as u64));
        }
    }
}

#[test]
fn answers_may_hold_anything_anywhere() {
    for case in cases() {
        let (text, Some(replies)) = (case.request(), case.replies()) else {
            continue;
        };
        let asked = write(
            &case.surface,
            &case.plan,
            Node::parse(text.as_bytes()).unwrap(),
        )
        .unwrap();
        strange::variants(&json!(replies), &mut |variant| {
            let Some(replies) = variant.as_array() else {
                return;
            };
            let bodies: Vec<_> = replies
                .iter()
                .map(|reply| reply.to_string().into_bytes())
                .collect();
            check_answer(&case.surface, &asked.recall, &bodies, &text);
        });
    }
}

/// Bytes of a request that is no list of everything.
const LONG: usize = 1000;

#[test]
fn questions_may_hold_anything_anywhere() {
    for case in cases() {
        let text = case.request();
        // Long lists have the same places again and again.
        if text.len() > LONG {
            continue;
        }
        let value: Value = serde_json::from_str(&text).unwrap();
        strange::variants(&value, &mut |variant| {
            let text = variant.to_string();
            match write(
                &case.surface,
                &case.plan,
                Node::parse(text.as_bytes()).unwrap(),
            ) {
                Ok(asked) => {
                    for body in asked.bodies {
                        assert!(serde_json::from_slice::<Value>(&body).unwrap().is_object());
                    }
                }
                Err(refusal) => assert!(!refusal.param.is_empty() && !refusal.message.is_empty()),
            }
        });
    }
}

/// A question of so many texts in a form.
fn many(texts: usize, name: &str) -> (Asked, String) {
    let input: Vec<_> = (0..texts).map(|at| format!("t{at}")).collect();
    let text = json!({"model": "m", "input": input}).to_string();
    let asked = write("embeddings", &json!({"form": name}), Node::of(&text)).unwrap();
    (asked, text)
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_no_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for case in cases() {
            let text = case.request();
            let Ok(asked) = write(&case.surface, &case.plan, Node::parse(text.as_bytes()).unwrap()) else {
                continue;
            };
            let bodies = vec![bytes.clone(); asked.bodies.len()];
            check_answer(&case.surface, &asked.recall, &bodies, &text);
        }
        let _ = images::read_openai(&bytes).is_ok();
        let _ = rerank::read_common(&bytes).is_ok();
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts(texts in 1_usize..300) {
        let read_back = |name: &str, reply: fn(&[u64]) -> Value, per_call: usize| {
            let (asked, _) = many(texts, name);
            let numbers: Vec<u64> = (0..texts as u64).collect();
            let calls: Vec<_> = numbers.chunks(per_call).collect();
            assert_eq!(asked.bodies.len(), calls.len(), "{name}");
            let bodies: Vec<_> = calls.iter().map(|call| reply(call).to_string().into_bytes()).collect();
            let Ok(Read::Told(told)) = read(&asked.recall, &bodies, &[]) else {
                panic!("{name} is not read");
            };
            let body: Value = serde_json::from_slice(&told.body).unwrap();
            for (at, item) in body["data"].as_array().unwrap().iter().enumerate() {
                assert_eq!(item, &json!({"object": "embedding", "index": at, "embedding": [at]}));
            }
            // One call too few is seen.
            assert!(read(&asked.recall, &bodies[1..], &[]).is_err());
        };
        read_back("cohere", |call| json!({"embeddings": {"float": call.iter().map(|at| [at]).collect::<Vec<_>>()}}), 96);
        read_back("gemini", |call| json!({"embeddings": call.iter().map(|at| json!({"values": [at]})).collect::<Vec<_>>()}), 100);
        read_back("titan", |call| json!({"embedding": call}), 1);
    }

    #[test]
    fn base64_and_lists_say_the_same(numbers in proptest::collection::vec(-1e3_f32..1e3, 1..40)) {
        let ask = |format: &str| {
            let text = json!({"model": "m", "input": "x", "encoding_format": format}).to_string();
            write("embeddings", &json!({"form": "ollama"}), Node::of(&text)).unwrap().recall
        };
        let told = |recall: &Recall, embedding: &Value| {
            let reply = json!({"embeddings": [embedding]}).to_string().into_bytes();
            let Ok(Read::Told(told)) = read(recall, &[reply], &[]) else {
                panic!("{embedding} is not read");
            };
            let body: Value = serde_json::from_slice(&told.body).unwrap();
            body["data"][0]["embedding"].clone()
        };
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let base64 = json!(STANDARD.encode(bytes));
        prop_assert_eq!(&told(&ask("base64"), &json!(numbers)), &base64);
        prop_assert_eq!(&told(&ask("base64"), &base64), &base64);
        let back: Vec<f32> = serde_json::from_value(told(&ask("float"), &base64)).unwrap();
        prop_assert_eq!(back, numbers);
    }
}

/// The 1,000 documents are the client's own, and the answer is no longer than they are.
#[test]
fn documents_are_told_again_by_their_numbers() {
    let documents: Vec<_> = (0..1000)
        .map(|at| json!({"text": format!("d{at}"), "at": at}))
        .collect();
    let text =
        json!({"model": "m", "query": "q", "documents": documents, "return_documents": true})
            .to_string();
    let asked = write("rerank", &json!({"form": "scores"}), Node::of(&text)).unwrap();
    let scores: Vec<_> = (0..1000).map(f64::from).collect();
    let reply = json!({"scores": scores}).to_string().into_bytes();
    let Ok(Read::Told(told)) = read(&asked.recall, &[reply], &[]) else {
        panic!("it is not read");
    };
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    for (at, result) in body["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!(result["index"], 999 - at);
        assert_eq!(
            result["document"],
            json!({"text": format!("d{}", 999 - at), "at": 999 - at})
        );
    }
}
