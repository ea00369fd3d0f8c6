//! What each dialect makes of each case, both ways. `UPDATE=1` writes down what it makes now.
//!
//! A case is a folder in `golden/<vendor>/`. Its files are named by whose bytes they hold: `vendor`,
//! or the door that the client came through (`openai`, `messages`, `gemini`).
//!
//! - `request.<door>.json` becomes `request.vendor.json`, and what is told of it `request.told.json`
//! - `reply.vendor.json` becomes `reply.<door>.json`
//! - `stream.vendor.sse` (or `.ndjson`) becomes `stream.<door>.sse`, however its bytes are cut; the
//!   binary frames of a vendor that sends those stand in `stream.vendor.jsonl`, one a line
//! - `plan.json` may say that the operator refuses what would be lost, that the target is not the
//!   conversation's own, what the model is, or which row it is that speaks the dialect
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Value, json};
use wire::fault::{Fault, Kind, of_status};
use wire::gemini::{self, Home};
use wire::ir::{
    Break, Encoded, Face, NotAReply, Plan, Reader, Recall, Refusal, Reply, Request, Translation,
    Writer,
};
use wire::json::Node;
use wire::{anthropic, cohere, converse, ollama, openai, replicate, sse};

mod frames;

const MAX_EVENT: usize = 1 << 20;

/// A vendor's half of its dialect.
struct Vendor {
    name: &'static str,
    write_request: fn(Request<'_>, &Plan<'_>) -> Result<Encoded, Refusal>,
    read_reply: for<'a> fn(&'a [u8], &Recall) -> Result<Reply<'a>, NotAReply>,
    reader: fn(Recall) -> Box<dyn Reader>,
    /// Whether its streams say who speaks before there is something to say.
    eager: bool,
}

/// A door's half of its dialect.
struct Door {
    name: &'static str,
    read_request: for<'a> fn(Node<'a>) -> Result<Request<'a>, Refusal>,
    write_reply: fn(&Reply<'_>, &Face, &mut Vec<u8>),
    writer: fn(Face, bool) -> Box<dyn Writer>,
}

const VENDORS: [Vendor; 8] = [
    Vendor {
        name: "gemini",
        write_request: |request, plan| gemini::write_request(request, plan, Home::Developer),
        read_reply: gemini::read_reply,
        reader: |recall| Box::new(gemini::reader(recall, MAX_EVENT)),
        eager: false,
    },
    Vendor {
        name: "vertex-ai",
        write_request: |request, plan| gemini::write_request(request, plan, Home::Vertex),
        read_reply: gemini::read_reply,
        reader: |recall| Box::new(gemini::reader(recall, MAX_EVENT)),
        eager: false,
    },
    Vendor {
        name: "anthropic",
        write_request: anthropic::write_request,
        read_reply: anthropic::read_reply,
        reader: |recall| Box::new(anthropic::reader(recall, MAX_EVENT)),
        eager: false,
    },
    Vendor {
        name: "openai",
        write_request: openai::write_request,
        read_reply: |body, _| openai::read_reply(body),
        reader: |_| Box::new(openai::reader(MAX_EVENT)),
        eager: false,
    },
    Vendor {
        name: "bedrock",
        write_request: converse::write_request,
        read_reply: converse::read_reply,
        reader: |recall| Box::new(converse::reader(recall, MAX_EVENT)),
        eager: true,
    },
    Vendor {
        name: "cohere",
        write_request: cohere::write_request,
        read_reply: cohere::read_reply,
        reader: |recall| Box::new(cohere::reader(recall, MAX_EVENT)),
        eager: false,
    },
    Vendor {
        name: "ollama",
        write_request: ollama::write_request,
        read_reply: ollama::read_reply,
        reader: |recall| Box::new(ollama::reader(recall, MAX_EVENT)),
        eager: false,
    },
    Vendor {
        name: "replicate",
        write_request: replicate::write_request,
        read_reply: replicate::read_reply,
        reader: |recall| Box::new(replicate::reader(recall, MAX_EVENT)),
        eager: false,
    },
];

const DOORS: [Door; 3] = [
    Door {
        name: "gemini",
        read_request: gemini::read_request,
        write_reply: gemini::write_reply,
        writer: |face, _| Box::new(gemini::EventWriter::new(face)),
    },
    Door {
        name: "openai",
        read_request: openai::read_request,
        write_reply: openai::write_reply,
        writer: |face, eager| {
            let writer = openai::ChunkWriter::new(face);
            Box::new(if eager {
                writer.with_eager_role()
            } else {
                writer
            })
        },
    },
    Door {
        name: "messages",
        read_request: anthropic::read_request,
        write_reply: anthropic::write_reply,
        writer: |face, _| Box::new(anthropic::MessageWriter::new(face)),
    },
];

/// One case.
struct Case {
    folder: PathBuf,
    vendor: &'static Vendor,
    door: &'static Door,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases = Vec::new();
    for vendor in &VENDORS {
        let mut folders: Vec<_> = fs::read_dir(root.join(vendor.name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        folders.sort();
        for folder in folders {
            let door = DOORS
                .iter()
                .find(|door| folder.join(format!("request.{}.json", door.name)).exists())
                .unwrap_or_else(|| panic!("{} has no request", folder.display()));
            cases.push(Case {
                folder,
                vendor,
                door,
            });
        }
    }
    cases
}

impl Case {
    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    fn of_door(&self, what: &str, ending: &str) -> String {
        format!("{what}.{}.{ending}", self.door.name)
    }

    /// Compares with a file, or writes it.
    fn check(&self, name: &str, found: &str, same: impl Fn(&str, &str) -> bool) {
        let path = self.folder.join(name);
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if same(&expected, found) {
            return;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, found).unwrap();
            return;
        }
        panic!(
            "{}:\nexpected:\n{expected}\nfound:\n{found}",
            path.display()
        );
    }

    fn check_json(&self, name: &str, found: &[u8]) {
        let value: Value = serde_json::from_slice(found)
            .unwrap_or_else(|error| panic!("{name}: {error}: {}", String::from_utf8_lossy(found)));
        let pretty = serde_json::to_string_pretty(&value).unwrap() + "\n";
        self.check(name, &pretty, |expected, _| {
            serde_json::from_str::<Value>(expected).is_ok_and(|expected| expected == value)
        });
    }

    /// Writes the request out; what has to be remembered of it, and what the client wants.
    fn request(&self) -> (Recall, Face) {
        let text = self.read(&self.of_door("request", "json")).unwrap();
        let told = self
            .read("plan.json")
            .map_or(json!({}), |text| serde_json::from_str(&text).unwrap());
        let provider = told["provider"].as_str().unwrap_or(self.vendor.name);
        let read = (self.door.read_request)(Node::parse(text.as_bytes()).unwrap());
        let written = read.and_then(|request| {
            let face = Face {
                id: "chatcmpl-x".into(),
                model: request.model.to_string(),
                provider: provider.into(),
                include_usage: request.include_usage,
                hide_thoughts: request.reasoning.display.as_deref() == Some("omitted"),
                ..Face::default()
            };
            let model = told["model"].as_str().unwrap_or(&request.model).to_owned();
            let plan = Plan {
                provider,
                model: &model,
                family: told["family"].as_str(),
                reject: told["reject"] == true,
                streaming: request.stream,
                own_history: told["own_history"] != false,
            };
            Ok(((self.vendor.write_request)(request, &plan)?, face))
        });
        match written {
            Ok((encoded, face)) => {
                self.check_json("request.vendor.json", &encoded.body);
                let told = json!({"dropped": encoded.dropped, "betas": encoded.betas});
                if told != json!({"dropped": [], "betas": []})
                    || self.read("request.told.json").is_some()
                {
                    self.check_json("request.told.json", told.to_string().as_bytes());
                }
                (encoded.recall, face)
            }
            Err(refusal) => {
                let fault = Fault::from(refusal);
                let told = json!({"refused": fault.message, "param": fault.param, "code": fault.kind.row().code});
                self.check_json("request.told.json", told.to_string().as_bytes());
                assert!(
                    self.read("request.vendor.json").is_none(),
                    "{} is refused",
                    self.folder.display()
                );
                (Recall::default(), Face::default())
            }
        }
    }

    fn reply(&self, recall: &Recall, face: &Face) {
        let Some(body) = self.read("reply.vendor.json") else {
            return;
        };
        let reply = (self.vendor.read_reply)(body.as_bytes(), recall).unwrap();
        let mut out = Vec::new();
        (self.door.write_reply)(&reply, face, &mut out);
        self.check_json(&self.of_door("reply", "json"), &out);
    }

    fn stream(&self, recall: &Recall, face: &Face) {
        let lines = self.read("stream.vendor.ndjson");
        let is_lines = lines.is_some();
        let text = lines.or_else(|| self.read("stream.vendor.sse"));
        let frames = self.read("stream.vendor.jsonl");
        let stream = match (&text, frames) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(frames)) => frames::frames(&frames).concat(),
            (None, None) => return,
        };
        let translate = |pieces: &[&[u8]]| self.translate(recall, face, pieces);
        let whole = translate(&[&stream]);
        self.check(&self.of_door("stream", "sse"), &whole, |expected, found| {
            self::events(expected) == self::events(found)
        });
        for at in 0..stream.len() {
            let (before, after) = stream.split_at(at);
            assert_eq!(
                translate(&[before, after]),
                whole,
                "{} cut at {at}",
                self.folder.display()
            );
        }
        let bytes: Vec<_> = stream.chunks(1).collect();
        assert_eq!(
            translate(&bytes),
            whole,
            "{} byte by byte",
            self.folder.display()
        );
        let Some(text) = text else {
            return;
        };
        let comment = if is_lines { "\n" } else { ": hello\n\n" };
        let odd = format!("\u{feff}{comment}{text}").replace('\n', "\r\n");
        assert_eq!(
            translate(&[odd.as_bytes()]),
            whole,
            "{} with CRLF, BOM and a comment",
            self.folder.display()
        );
    }

    fn translate(&self, recall: &Recall, face: &Face, pieces: &[&[u8]]) -> String {
        let reader = (self.vendor.reader)(recall.clone());
        let mut translation =
            Translation::new(reader, (self.door.writer)(face.clone(), self.vendor.eager));
        let mut out = Vec::new();
        let mut result = pieces
            .iter()
            .try_for_each(|piece| translation.push(Bytes::copy_from_slice(piece), &mut out));
        if result.is_ok() {
            result = translation.end(&mut out);
        }
        if let Err(broken) = result {
            let kind = match &broken {
                Break::Cut => Kind::UpstreamCut,
                Break::Vendor(error) => error.status.map_or(Kind::UpstreamError, of_status),
                _ => Kind::UpstreamError,
            };
            translation.fail(&Fault::new(kind).saying(broken.to_string()), &mut out);
        }
        String::from_utf8(out).unwrap()
    }
}

/// The events of a stream, read.
fn events(stream: &str) -> Vec<(Option<String>, Value)> {
    let event = |block: sse::Block<'_>| {
        let name = block
            .event()
            .map(|name| String::from_utf8_lossy(name).into_owned());
        let data = block.data().unwrap_or_default();
        let data = serde_json::from_slice(&data)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&data).into_owned()));
        (name, data)
    };
    sse::blocks(stream.as_bytes()).map(event).collect()
}

#[test]
fn a01_a02_every_case_is_translated_as_it_is_written_down() {
    let mut failed = String::new();
    for case in cases() {
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let (recall, face) = case.request();
            case.reply(&recall, &face);
            case.stream(&recall, &face);
        }));
        if let Err(panic) = run {
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            let _ = writeln!(failed, "{text}");
        }
    }
    assert!(failed.is_empty(), "{failed}");
}
