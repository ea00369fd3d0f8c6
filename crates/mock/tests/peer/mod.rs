//! A client that sees everything: the bytes as they came and how the
//! connection ended.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses a part of it"
)]

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use mock::{Behaviour, Mock, MockSpec};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a silent connection is listened to.
const PATIENCE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The answer was complete.
    Complete,
    /// The connection was closed before.
    Closed,
    /// The connection was reset before.
    Reset,
    /// Nothing more came.
    Silent,
}

#[derive(Debug)]
pub struct Got {
    pub raw: Vec<u8>,
    /// What each read returned.
    pub reads: Vec<usize>,
    pub end: End,
    pub took: Duration,
}

pub struct Peer(TcpStream);

pub async fn start() -> Mock {
    start_with(MockSpec::default()).await
}

pub async fn start_with(spec: MockSpec) -> Mock {
    mock::start(spec).await.unwrap()
}

pub async fn start_behaving(defaults: &str) -> Mock {
    start_with(MockSpec {
        defaults: Behaviour::read(defaults).unwrap(),
        ..MockSpec::default()
    })
    .await
}

pub fn chat(model: &str, stream: bool) -> Value {
    json!({
        "model": model,
        "messages": [{"role": "user", "content": "hi"}],
        "stream": stream,
        "stream_options": if stream { json!({"include_usage": true}) } else { Value::Null },
    })
}

/// One chat request on a connection of its own, with settings in the header.
pub async fn ask(mock: &Mock, settings: &str, body: &Value) -> Got {
    let mut peer = Peer::connect(mock).await;
    peer.post("/v1/chat/completions", settings, body).await
}

impl Peer {
    pub async fn connect(mock: &Mock) -> Peer {
        Peer(TcpStream::connect(mock.address()).await.unwrap())
    }

    pub async fn post(&mut self, path: &str, settings: &str, body: &Value) -> Got {
        let mut head = String::new();
        if !settings.is_empty() {
            head = format!("x-mock: {settings}\r\n");
        }
        self.request("POST", path, &head, body.to_string().as_bytes())
            .await
    }

    pub async fn get(&mut self, path: &str) -> Got {
        self.request("GET", path, "", b"").await
    }

    pub async fn request(&mut self, method: &str, path: &str, head: &str, body: &[u8]) -> Got {
        self.send(method, path, head, body).await;
        self.receive().await
    }

    pub async fn send(&mut self, method: &str, path: &str, head: &str, body: &[u8]) {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: mock\r\n{head}content-length: {length}\r\n\r\n"
        );
        self.0
            .write_all(&[head.as_bytes(), body].concat())
            .await
            .unwrap();
    }

    pub async fn receive(&mut self) -> Got {
        let began = Instant::now();
        let mut got = Got {
            raw: Vec::new(),
            reads: Vec::new(),
            end: End::Complete,
            took: Duration::ZERO,
        };
        let mut buffer = vec![0; 1 << 20];
        while !got.is_complete() {
            match timeout(PATIENCE, self.0.read(&mut buffer)).await {
                Err(_) => got.end = End::Silent,
                Ok(Ok(0)) => got.end = End::Closed,
                Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => {
                    got.end = End::Reset;
                }
                Ok(Err(error)) => panic!("{error}"),
                Ok(Ok(read)) => {
                    got.raw.extend_from_slice(&buffer[..read]);
                    got.reads.push(read);
                    continue;
                }
            }
            break;
        }
        got.took = began.elapsed();
        got
    }

    /// Whether the server closed the connection.
    pub async fn is_closed(&mut self) -> bool {
        let read = timeout(PATIENCE, self.0.read(&mut [0])).await;
        matches!(read, Ok(Ok(0)))
    }
}

impl Got {
    /// Everything up to the body of the final answer.
    pub fn head(&self) -> String {
        let mut end = position(&self.raw, b"\r\n\r\n").map_or(self.raw.len(), |at| at + 4);
        if self.raw.starts_with(b"HTTP/1.1 1") {
            end += position(&self.raw[end..], b"\r\n\r\n").map_or(0, |at| at + 4);
        }
        String::from_utf8_lossy(&self.raw[..end]).into_owned()
    }

    pub fn status(&self) -> u16 {
        let head = self.head();
        let line = head.lines().rfind(|line| line.starts_with("HTTP/1.1 "));
        let digits = line.and_then(|line| line.get(9..12));
        digits.map_or(0, |digits| digits.parse().unwrap())
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.head();
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned()).next_back()
    }

    pub fn body(&self) -> Vec<u8> {
        let rest = &self.raw[self.head().len()..];
        if self.is_chunked() {
            chunks(rest).0.concat()
        } else {
            rest.to_vec()
        }
    }

    pub fn chunks(&self) -> Vec<Vec<u8>> {
        chunks(&self.raw[self.head().len()..]).0
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    pub fn json(&self) -> Value {
        let body = self.body();
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The data of each event, read as the format says.
    pub fn events(&self) -> Vec<String> {
        let text = self.text().replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim_start_matches('\u{feff}').to_owned();
        let data = |block: &str| {
            let lines = block.lines().filter_map(|line| line.strip_prefix("data:"));
            let lines: Vec<&str> = lines
                .map(|line| line.strip_prefix(' ').unwrap_or(line))
                .collect();
            (!lines.is_empty()).then(|| lines.join("\n"))
        };
        text.split("\n\n").filter_map(data).collect()
    }

    /// The events that are JSON.
    pub fn chunk_objects(&self) -> Vec<Value> {
        let events = self.events();
        let values = events.iter().map(|event| serde_json::from_str(event));
        values.filter_map(Result::ok).collect()
    }

    /// The pieces of content of the first choice.
    pub fn contents(&self) -> Vec<String> {
        let chunks = self.chunk_objects();
        let texts = chunks.iter().filter_map(|chunk| {
            let choice = &chunk["choices"][0];
            let text = choice["delta"]["content"].as_str();
            text.filter(|text| !text.is_empty() && choice["index"] == 0)
        });
        texts.map(ToOwned::to_owned).collect()
    }

    pub fn finish_reasons(&self) -> Vec<String> {
        let chunks = self.chunk_objects();
        let reasons = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str());
        reasons.map(ToOwned::to_owned).collect()
    }

    /// How often `[DONE]` came.
    pub fn dones(&self) -> usize {
        let events = self.events();
        events.iter().filter(|event| *event == "[DONE]").count()
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").as_deref() == Some("chunked")
    }

    fn is_complete(&self) -> bool {
        let head = self.head();
        if self.status() == 0 || !head.ends_with("\r\n\r\n") {
            return false;
        }
        let rest = &self.raw[head.len()..];
        match self.header("content-length") {
            Some(length) => rest.len() >= length.parse().unwrap(),
            None if self.is_chunked() => chunks(rest).1,
            None => false,
        }
    }
}

/// The chunks, and whether the last one was there.
fn chunks(mut rest: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut chunks = Vec::new();
    while let Some(at) = position(rest, b"\r\n") {
        let length = std::str::from_utf8(&rest[..at]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return (chunks, true);
        }
        let data = &rest[at + 2..];
        chunks.push(data[..length.min(data.len())].to_vec());
        rest = data.get(length + 2..).unwrap_or_default();
    }
    (chunks, false)
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// Waits for what another task is about to do.
pub async fn eventually(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(5), waiting)
        .await
        .expect("it never came to hold");
}
