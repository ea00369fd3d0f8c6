//! Files that requests name by URL: fetched for vendors that take only their bytes, under the operator's
//! rule, and left to vendors that fetch themselves.

#![allow(clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use ferrogw_tests::config::Setup;
use ferrogw_tests::{Answer, Gateway, Vendor};
use serde_json::{Value, json};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";
const PNG_BASE64: &str = "iVBORw0KGgpyZXN0";

const GEMINI: &str = "gemini-2.5-flash";
const NOVA: &str = "amazon.nova-lite-v1:0";
const LLAMA: &str = "llama3.2";
const CLAUDE: &str = "claude-sonnet-4-5";
const GPT: &str = "gpt-4o";

/// A host of files, by their paths.
struct Files {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Files {
    fn start() -> Files {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = seen.clone();
                std::thread::spawn(move || serve(stream, &seen));
            }
        });
        Files { addr, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The paths that were asked for since the last look.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("no test panics here"))
    }
}

fn serve(mut stream: TcpStream, asked: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    asked
        .lock()
        .expect("no test panics here")
        .push(path.clone());
    let big = [PNG, &[0; 4096]].concat();
    let (status, more, body): (_, &str, &[u8]) = match path.as_str() {
        "/gone" => ("404 Not Found", "", PNG),
        "/page" => (
            "200 OK",
            "content-type: image/png\r\n",
            b"<html>secret</html>",
        ),
        "/pdf" => ("200 OK", "", b"%PDF-1.7\n"),
        "/big" => ("200 OK", "", &big),
        "/inside" => (
            "302 Found",
            "location: http://169.254.169.254/latest\r\n",
            b"",
        ),
        // Never answered: the reader's patience ends it.
        "/slow" => {
            let _ = stream.read(&mut byte);
            return;
        }
        _ => ("200 OK", "", PNG),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{more}content-length: {length}\r\n\r\n");
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}

/// A target of each kind at one vendor, after one of OpenAI's dialect, and a rule for files.
fn setup(vendor: &Vendor, fetch: &str) -> Setup {
    let root = format!("http://{}", vendor.addr());
    let mut setup = Setup::at(&format!("{root}/v1"))
        .model(GPT, GPT)
        .section("discovery:\n  enabled: false\nstrategy:\n  mode: fallback")
        .section(&format!("media:\n  fetch: {{{fetch}}}"));
    for (provider, model, path, lines) in [
        ("gemini", GEMINI, "/g", "api_key: ${VENDOR_KEY}"),
        (
            "bedrock",
            NOVA,
            "/b",
            "auth: {aws: {access_key_id: AKIDEXAMPLE, secret_access_key: example-secret-key, region: us-east-1}}",
        ),
        ("ollama", LLAMA, "/o/v1", ""),
        ("anthropic", CLAUDE, "/a", "api_key: ${VENDOR_KEY}"),
    ] {
        setup = setup.further_target(&format!(
            "- virtual_key: {provider}-1\n  provider: {provider}\n  base_url: {root}{path}\n  models: [\"{model}\"]\n  {lines}"
        ));
    }
    setup
}

/// A rule under which the host of files, on this machine, may be asked.
fn open(files: &Files) -> String {
    let port = files.addr.port();
    format!(
        "mode: on, allow_http: true, ports: [{port}], allow_networks: [127.0.0.0/8], max_bytes: 1000, timeout: 1s"
    )
}

fn asking(model: &str, urls: &[&str]) -> String {
    let mut content = vec![json!({"type": "text", "text": "What is this?"})];
    content.extend(
        urls.iter()
            .map(|url| json!({"type": "image_url", "image_url": {"url": url}})),
    );
    let messages = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": content},
    ]);
    json!({"model": model, "messages": messages}).to_string()
}

fn sent(vendor: &Vendor) -> Value {
    serde_json::from_slice(&vendor.last().body).expect("JSON")
}

const FIELD: &str = "messages[1].content[1].image_url.url";

#[track_caller]
fn refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status(), 400, "{}", answer.text());
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "media_not_fetched", "{error}");
    assert_eq!(error["param"], FIELD, "{error}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with(FIELD) && message.contains(what),
        "{message}"
    );
}

#[test]
fn an_image_by_url_arrives_as_bytes_where_the_vendor_takes_no_url() {
    let (vendor, files) = (Vendor::start(), Files::start());
    let gateway = Gateway::start(&setup(&vendor, &open(&files)));
    for (model, place) in [
        (GEMINI, "/contents/0/parts/1/inlineData/data"),
        (NOVA, "/messages/0/content/1/image/source/bytes"),
        (LLAMA, "/messages/1/images/0"),
    ] {
        let answer = gateway.chat(asking(model, &[&files.url("/a")]));
        assert_eq!(answer.status(), 200, "{model}: {}", answer.text());
        let body = sent(&vendor);
        let bytes = body.pointer(place);
        assert_eq!(bytes, Some(&json!(PNG_BASE64)), "{model}: {body}");
        assert_eq!(files.asked(), ["/a"], "{model}");
        let line = gateway.access(&answer);
        assert_eq!(
            (&line["media_files"], &line["media_bytes"]),
            (&json!(1), &json!(PNG.len())),
            "{line}"
        );
    }
    assert_eq!(vendor.last().path, "/o/api/chat", "not the dialect of URLs");
}

#[test]
fn an_image_by_url_stays_one_where_the_vendor_takes_it_and_nothing_is_fetched() {
    let (vendor, files) = (Vendor::start(), Files::start());
    let gateway = Gateway::start(&setup(&vendor, &open(&files)));
    let url = files.url("/a.png");
    for (model, place) in [
        (GPT, "/messages/1/content/1/image_url/url"),
        (CLAUDE, "/messages/0/content/1/source/url"),
        // By its ending, the type is known.
        (GEMINI, "/contents/0/parts/1/fileData/fileUri"),
    ] {
        let answer = gateway.chat(asking(model, &[&url]));
        assert_eq!(answer.status(), 200, "{model}: {}", answer.text());
        let body = sent(&vendor);
        assert_eq!(body.pointer(place), Some(&json!(url)), "{model}: {body}");
        assert!(gateway.access(&answer).get("media_files").is_none());
    }
    assert!(files.asked().is_empty());
}

#[test]
fn a_data_uri_needs_nothing_fetched_and_no_rule() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&setup(&vendor, "mode: off"));
    let uri = format!("data:image/png;base64,{PNG_BASE64}");
    let answer = gateway.chat(asking(NOVA, &[&uri]));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let bytes = sent(&vendor);
    let bytes = bytes.pointer("/messages/0/content/1/image/source/bytes");
    assert_eq!(bytes, Some(&json!(PNG_BASE64)));
}

#[test]
fn without_a_rule_the_call_is_refused_by_its_field_before_anything_is_sent() {
    let (vendor, files) = (Vendor::start(), Files::start());
    let gateway = Gateway::start(&setup(&vendor, "mode: off"));
    for model in [NOVA, LLAMA] {
        let answer = gateway.chat(asking(model, &[&files.url("/a")]));
        refused(&answer, "media.fetch.mode is off");
    }
    assert!(files.asked().is_empty());
    assert!(vendor.received().is_empty());
    let last = gateway.chat(asking(NOVA, &[&files.url("/a")]));
    let line = gateway.access(&last);
    assert_eq!(line["code"], "media_not_fetched", "{line}");
}

#[test]
fn what_must_not_or_cannot_be_fetched_is_refused_by_its_field() {
    let (vendor, files) = (Vendor::start(), Files::start());
    let gateway = Gateway::start(&setup(&vendor, &open(&files)));
    let port = files.addr.port();
    for (url, what) in [
        (format!("http://10.0.0.1:{port}/a"), "no public address"),
        (
            format!("http://169.254.169.254:{port}/a"),
            "no public address",
        ),
        (format!("http://[::1]:{port}/a"), "no public address"),
        (files.url("/inside"), "leads to another one"),
        (files.url("/big"), "larger than 1000 bytes"),
        (files.url("/page"), "no image"),
        (
            files.url("/pdf"),
            "is application/pdf, and must be an image",
        ),
        (files.url("/gone"), "answers 404"),
        (files.url("/slow"), "did not arrive within 1s"),
        ("https://x.test:22/a".to_owned(), "port 22"),
        ("ftp://x.test/a".to_owned(), "must begin with https://"),
    ] {
        let answer = gateway.chat(asking(NOVA, &[&url]));
        refused(&answer, what);
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    }
    assert!(vendor.received().is_empty());
}

/// A name is nothing but its addresses.
#[test]
fn a_name_that_leads_inside_is_refused_as_the_address_would_be() {
    let (vendor, files) = (Vendor::start(), Files::start());
    let shut = open(&files).replace("allow_networks: [127.0.0.0/8], ", "");
    let gateway = Gateway::start(&setup(&vendor, &shut));
    let named = format!("http://localhost:{}/a", files.addr.port());
    for url in [named, files.url("/a")] {
        let answer = gateway.chat(asking(NOVA, &[&url]));
        refused(&answer, "no public address");
    }
    assert!(files.asked().is_empty());
    assert!(vendor.received().is_empty());
}

#[test]
fn files_are_bounded_in_number_and_together() {
    let (vendor, files) = (Vendor::start(), Files::start());
    let rule = open(&files) + ", max_files: 2, max_total_bytes: 20";
    let gateway = Gateway::start(&setup(&vendor, &rule));
    let urls = ["/a", "/b", "/c"].map(|path| files.url(path));
    let [a, b, c] = urls.each_ref().map(String::as_str);
    refused(&gateway.chat(asking(NOVA, &[a, b, c])), "more than 2 files");
    assert!(files.asked().is_empty(), "none is fetched in vain");
    let answer = gateway.chat(asking(NOVA, &[a, b]));
    assert!(
        answer.text().contains("larger than 20 bytes together"),
        "{}",
        answer.text()
    );
    files.asked();
    let answer = gateway.chat(asking(NOVA, &[a, a, a]));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(files.asked(), ["/a"], "one file, however often it is named");
}

/// What one target needed is there for the next, and what one cannot take may be for another.
#[test]
fn files_are_fetched_once_for_all_targets_and_a_target_that_takes_urls_needs_none() {
    let (vendor, files) = (Vendor::start(), Files::start());
    let root = format!("http://{}", vendor.addr());
    let aws = "auth: {aws: {access_key_id: AKIDEXAMPLE, secret_access_key: example-secret-key, region: us-east-1}}";
    let both = |fetch: &str, second: &str| {
        let target = |name: &str, lines: &str| {
            format!(
                "- virtual_key: {name}\n  base_url: {root}/{name}\n  circuit_breaker: {{enabled: false}}\n  {lines}"
            )
        };
        Setup::at(&format!("{root}/v1"))
            .section("discovery:\n  enabled: false\nstrategy:\n  mode: fallback")
            .section(&format!("media:\n  fetch: {{{fetch}}}"))
            .further_target(&target(
                "one",
                &format!("provider: bedrock\n  {aws}\n  models: {{seer: \"{NOVA}\"}}"),
            ))
            .further_target(&target("two", second))
    };
    let bedrock = format!("provider: bedrock\n  {aws}\n  models: {{seer: \"{NOVA}\"}}");
    let gateway = Gateway::start(&both(&open(&files), &bedrock));
    vendor.when("/converse", 1, "status=500");
    let answer = gateway.chat(asking("seer", &[&files.url("/a")]));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("x-gateway-target"), Some("two"));
    assert_eq!(files.asked(), ["/a"]);

    let openai = "provider: openai\n  api_key: ${VENDOR_KEY}\n  models: {seer: gpt-4o}";
    let gateway = Gateway::start(&both("mode: off", openai));
    let answer = gateway.chat(asking("seer", &[&files.url("/a")]));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("x-gateway-target"), Some("two"));
    let url = sent(&vendor);
    let url = url.pointer("/messages/1/content/1/image_url/url");
    assert_eq!(url, Some(&json!(files.url("/a"))));
    assert!(files.asked().is_empty());
}

/// A call that waits for a file waits no longer than its operator wants it to.
#[test]
fn a_slow_file_ends_with_the_calls_own_time() {
    let (vendor, files) = (Vendor::start(), Files::start());
    let rule = open(&files).replace("timeout: 1s", "timeout: 1m");
    let setup = setup(&vendor, &rule).section("request_timeout: 500ms");
    let gateway = Gateway::start(&setup);
    let answer = gateway.chat(asking(NOVA, &[&files.url("/slow")]));
    assert_eq!(answer.status(), 504, "{}", answer.text());
    assert_eq!(answer.error().1, "gateway_timeout");
    assert!(vendor.received().is_empty());
}
