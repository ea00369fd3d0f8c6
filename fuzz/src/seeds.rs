//! What a run starts from: the golden files of the dialects and the corpus of requests, read where
//! they lie, a few texts for what has no file, and what was found before (`finds/`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wire::json::Node;

use crate::encode::rows_of_every_dialect;
use crate::{Target, input};

/// Files of one kind: whose they are (a folder, or any), how they end, and which decoder reads them.
struct Files {
    target: &'static str,
    kind: u8,
    folder: &'static str,
    ending: &'static str,
}

const fn files(
    target: &'static str,
    kind: u8,
    folder: &'static str,
    ending: &'static str,
) -> Files {
    Files {
        target,
        kind,
        folder,
        ending,
    }
}

const ANY: &str = "";

const FILES: [Files; 41] = [
    files("sse", 0, ANY, ".sse"),
    files("ndjson", 0, ANY, ".ndjson"),
    files("json", 0, ANY, "reply.vendor.json"),
    files("json", 0, ANY, "request.vendor.json"),
    files("json", 1, ANY, "request.openai.json"),
    files("json", 1, "corpus", ".json"),
    files("openai", 0, "openai", "reply.vendor.json"),
    files("openai", 0, ANY, "reply.openai.json"),
    files("openai", 1, "openai", "stream.vendor.sse"),
    files("openai", 1, ANY, "stream.openai.sse"),
    files("openai", 3, ANY, "request.openai.json"),
    files("openai", 3, "corpus", ".json"),
    files("openai", 4, "openai", "stream.vendor.sse"),
    files("openai", 4, ANY, "stream.openai.sse"),
    files("openai", 5, ANY, "reply.openai.json"),
    files("openai", 5, ANY, "request.vendor.json"),
    files("anthropic", 0, "anthropic", "reply.vendor.json"),
    files("anthropic", 0, ANY, "reply.messages.json"),
    files("anthropic", 1, "anthropic", "stream.vendor.sse"),
    files("anthropic", 1, ANY, "stream.messages.sse"),
    files("anthropic", 3, ANY, "request.messages.json"),
    files("gemini", 0, "gemini", "reply.vendor.json"),
    files("gemini", 0, "vertex-ai", "reply.vendor.json"),
    files("gemini", 1, "gemini", "stream.vendor.sse"),
    files("gemini", 1, ANY, "stream.gemini.sse"),
    files("gemini", 3, ANY, "request.gemini.json"),
    files("converse", 0, "bedrock", "reply.vendor.json"),
    files("converse", 1, "bedrock", "stream.vendor.jsonl"),
    files("converse", 3, "bedrock", "stream.vendor.jsonl"),
    files("eventstream", 0, "bedrock", "stream.vendor.jsonl"),
    files("eventstream", 1, "bedrock", "stream.vendor.jsonl"),
    files("cohere", 0, "cohere", "reply.vendor.json"),
    files("cohere", 1, "cohere", "stream.vendor.sse"),
    files("ollama", 0, "ollama", "reply.vendor.json"),
    files("ollama", 1, "ollama", "stream.vendor.ndjson"),
    files("replicate", 0, "replicate", "reply.vendor.json"),
    files("replicate", 1, "replicate", "stream.vendor.sse"),
    files("replicate", 3, "replicate", "reply.vendor.json"),
    files("encode", 0, ANY, "request.openai.json"),
    files("encode", 0, "corpus", ".json"),
    files("encode", 0, ANY, "request.messages.json"),
];

/// What no file holds: target, kind, text.
const TEXTS: [(&str, u8, &str); 34] = [
    (
        "eventstream",
        2,
        "payload :event-type=chunk x=1234567 y=ab\nother z=12345",
    ),
    (
        "json",
        2,
        "{\"a\":{\"x\":1,\"y\":[1]},\"b\":2}\n{\"a\":{\"y\":[2],\"z\":null},\"c\":{},\"x\":1}",
    ),
    (
        "json",
        3,
        r#"{"error":{"message":"bad key sk-abcdefghijklmnopqrstuvwxyz","type":"invalid_request_error","param":"model","code":400}}"#,
    ),
    (
        "json",
        3,
        r#"{"detail":[{"loc":["body"],"msg":"user:secret@host","type":"x"}],"errors":["a","b"]}"#,
    ),
    (
        "json",
        3,
        r#"{"prompt_tokens":7,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":2}}"#,
    ),
    (
        "openai",
        2,
        r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#,
    ),
    (
        "openai",
        5,
        r##"{"type":"object","$defs":{"a":{"type":"string"}},"properties":{"x":{"$ref":"#/$defs/a"},"y":{"anyOf":[{"type":"null"},{"type":"integer","minimum":1}]}},"required":["x"]}"##,
    ),
    (
        "openai",
        5,
        r#"{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"yo"}],"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}}]}"#,
    ),
    (
        "anthropic",
        2,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"prompt is too long: 210000 tokens > 200000 maximum"},"request_id":"r"}"#,
    ),
    (
        "gemini",
        1,
        r#"[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},{"candidates":[{"finishReason":"STOP"}]}]"#,
    ),
    (
        "gemini",
        1,
        r#"[{"error":{"code":429,"message":"Quota.","status":"RESOURCE_EXHAUSTED"}}]"#,
    ),
    (
        "gemini",
        2,
        r#"{"error":{"code":429,"message":"Quota.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37.5s"},{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT"}]}}"#,
    ),
    (
        "converse",
        2,
        r#"{"__type":"com.amazon#ThrottlingException","message":"Too many tokens, please wait"}"#,
    ),
    ("cohere", 2, r#"{"id":"e","message":"invalid api token"}"#),
    ("ollama", 2, r#"{"error":"model 'x' not found"}"#),
    (
        "ollama",
        1,
        "{\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"done\":false}\n{\"error\":\"an error was encountered while running the model\"}\n",
    ),
    (
        "replicate",
        2,
        r#"{"detail":"The specified version does not exist","status":422,"title":"Invalid"}"#,
    ),
    (
        "replicate",
        3,
        r#"{"id":"p1","status":"succeeded","output":["https://replicate.delivery/a.png"],"metrics":{"image_count":1}}"#,
    ),
    (
        "replicate",
        4,
        "404{\"detail\":\"no\"}\n200{\"latest_version\":{\"id\":\"abc\"}}\n201{\"id\":\"p1\",\"status\":\"starting\",\"urls\":{\"stream\":\"https://stream.replicate.com/v1/p1\"}}\n200{\"id\":\"p1\",\"status\":\"succeeded\",\"output\":\"x\"}",
    ),
    (
        "replicate",
        4,
        "201{\"id\":\"p1\",\"status\":\"processing\"}\n200{\"id\":\"p1\",\"status\":\"processing\"}\n500{\"detail\":\"x\"}",
    ),
    (
        "cloud",
        0,
        r#"{"AccessKeyId":"AKIA","SecretAccessKey":"s","Token":"t","Expiration":"2026-12-31T23:59:59Z","Code":"Success"}"#,
    ),
    (
        "cloud",
        0,
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>a&amp;b</SecretAccessKey><SessionToken>t==</SessionToken><Expiration>2026-12-31T23:59:59Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
    ),
    (
        "cloud",
        0,
        r#"{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer","expires_on":"1790003600"}"#,
    ),
    (
        "cloud",
        0,
        r#"{"error":"invalid_grant","error_description":"Bad\r\nRequest"}"#,
    ),
    (
        "cloud",
        1,
        "[profile a]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = b\nregion=eu-west-1\n[profile b]\nsource_profile=a\n----\n[b]\naws_access_key_id = AKIA\naws_secret_access_key = s\n[default]\ncredential_source = Environment\n",
    ),
    (
        "cloud",
        2,
        r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","quota_project_id":"p"}"#,
    ),
    (
        "cloud",
        2,
        r#"{"type":"external_account","audience":"//iam.googleapis.com/x","subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token","credential_source":{"file":"/t","format":{"type":"json","subject_token_field_name":"x"}}}"#,
    ),
    (
        "cloud",
        3,
        "https://x.example/model/arn%3Aaws%3Abedrock/converse?b=2&a=1&a=%20\ncontent-type: application/json\nx-amz-meta: a  b\n\n{}",
    ),
    ("cloud", 4, "/a/../b//c?x\nx-amz-a: 1\nx-amz-a: 2"),
    ("cloud", 5, "https://user:pass@api.example.com:8443/v1/"),
    ("cloud", 5, "http://[::1]:9090/"),
    ("cloud", 6, "meta/llama-3:70b@1"),
    (
        "cloud",
        7,
        "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.x",
    ),
    ("cloud", 7, "bedrock-runtime.us-east-1.amazonaws.com"),
];

/// The inputs that a target starts from; what was found before comes last.
pub fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let golden = golden();
    for kind in FILES.iter().filter(|files| files.target == target.name) {
        for (_, text) in golden.iter().filter(|(path, _)| kind.holds(path)) {
            all.push(with_head(kind.kind, all.len(), &kind.data(text)));
        }
    }
    for (_, kind, text) in TEXTS.iter().filter(|(name, ..)| *name == target.name) {
        all.push(with_head(*kind, all.len(), text.as_bytes()));
    }
    if target.name == "encode" {
        let rows = rows_of_every_dialect();
        for (seed, row) in all.iter_mut().zip(rows.iter().cycle()) {
            seed[1] = *row;
        }
    }
    let finds = here().join("finds").join(target.name);
    all.extend(
        below(&finds)
            .into_iter()
            .filter_map(|path| fs::read(path).ok()),
    );
    all
}

/// An input whose choosing bytes are different from its neighbours'.
fn with_head(kind: u8, number: usize, data: &[u8]) -> Vec<u8> {
    let number = u8::try_from(number % 251).unwrap_or(0);
    let mut seed = vec![kind, number.wrapping_mul(53), number.wrapping_mul(29)];
    debug_assert_eq!(seed.len(), input::HEAD);
    seed.extend_from_slice(data);
    seed
}

impl Files {
    fn holds(&self, path: &Path) -> bool {
        let path = path.to_string_lossy();
        let inside = |folder: &str| path.contains(&format!("/{folder}/"));
        // Cases are named in the middle of the path: only the vendor's folder counts.
        let of_folder = match self.folder {
            ANY => !inside("corpus"),
            folder => inside(&format!("golden/{folder}")) || folder == "corpus" && inside(folder),
        };
        of_folder && path.ends_with(self.ending)
    }

    /// What of a file its decoder reads.
    fn data(&self, text: &str) -> Vec<u8> {
        if self.ending != "stream.vendor.jsonl" {
            return text.as_bytes().to_vec();
        }
        let lines: Vec<String> = text.lines().filter_map(line).collect();
        match (self.target, self.kind) {
            ("converse", 1) => lines.join("\n").into_bytes(),
            ("eventstream", 1) => unsealed(&crate::converse::framed(lines.join("\n").as_bytes())),
            _ => crate::converse::framed(lines.join("\n").as_bytes()),
        }
    }
}

/// A frame as golden files hold it, as the line that the target makes a frame of.
fn line(text: &str) -> Option<String> {
    let node = Node::parse(text.as_bytes()).ok()?;
    let [headers, payload] = node.pick(["headers", "payload"]);
    let named = |name: &str| headers?.get(name)?.text();
    let message = named(":message-type")?;
    let name = [":event-type", ":exception-type", ":error-code"]
        .into_iter()
        .find_map(named)?;
    let payload = payload.map(Node::compact).unwrap_or_default();
    Some(format!("{message} {name} {payload}"))
}

/// Frames without their lengths and checksums, each behind two bytes of length.
fn unsealed(mut stream: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| {
        let raw = bytes.first_chunk::<4>().copied().unwrap_or_default();
        usize::try_from(u32::from_be_bytes(raw)).unwrap_or(0)
    };
    let mut out = Vec::new();
    while stream.len() >= 16 {
        let (frame, rest) = stream.split_at(length(stream).clamp(16, stream.len()));
        let body = &frame[12..frame.len() - 4];
        let headers = length(&frame[4..]).min(body.len());
        let lengths = [headers, body.len() - headers].map(u8::try_from);
        if let [Ok(headers), Ok(payload)] = lengths {
            out.extend_from_slice(&[headers, payload]);
            out.extend_from_slice(body);
        }
        stream = rest;
    }
    out
}

/// The words that a target's seeds are made of: names and short values in quotes.
pub fn dictionary(target: &Target) -> Vec<String> {
    let mut words = BTreeSet::new();
    for seed in seeds(target) {
        let text = String::from_utf8_lossy(&seed);
        let quoted = text.split('"').skip(1).step_by(2);
        let short = quoted.filter(|word| (1..=32).contains(&word.len()));
        words.extend(short.map(|word| format!("\"{word}\"")));
    }
    let marks = [
        "null",
        "true",
        "-1",
        "1e300",
        "\"\\ud800\"",
        "[]",
        "{}",
        "\n\n",
        "\r\n",
        "data: ",
        "event: ",
        "[DONE]",
        "\u{feff}",
    ];
    let marks = marks.into_iter().map(str::to_owned);
    marks.chain(words.into_iter().take(600)).collect()
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files that the crates' own tests are made of, in one order on every machine.
fn golden() -> Vec<(PathBuf, String)> {
    let crates = here().join("../crates");
    let mut paths = below(&crates.join("wire/tests/golden"));
    paths.extend(below(&crates.join("providers/tests/corpus")));
    paths.sort();
    let read = |path: PathBuf| fs::read_to_string(&path).ok().map(|text| (path, text));
    paths.into_iter().filter_map(read).collect()
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            found.extend(below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
