//! The way to the vendor: connections kept and given up, credentials from files, proxies, bounds.

#![allow(clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use ferrogw_tests::config::{MODEL, Setup};
use ferrogw_tests::{Call, Gateway, Vendor, chat_body, eventually, keys, stream_body};

#[test]
fn connections_to_a_vendor_are_kept_and_used_again() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).section("server:\n  threads: 1"));
    for n in 0..30 {
        let body = if n % 2 == 0 {
            chat_body(MODEL)
        } else {
            stream_body(MODEL)
        };
        assert_eq!(gateway.chat(body).status(), 200);
    }
    assert!(
        vendor.stats().connections_total <= 4,
        "{:?}",
        vendor.stats()
    );
}

#[test]
fn a_vendor_that_restarts_costs_no_call() {
    let mut vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).section("server:\n  threads: 1"));
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    vendor.restart();
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        let answer = gateway.chat(body);
        assert_eq!(answer.status(), 200, "{}", answer.text());
    }
}

#[test]
fn a06_a_redirect_is_never_followed() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    vendor.next("redirect");
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 502);
    assert!(
        !vendor
            .everything()
            .iter()
            .any(|request| request.path.starts_with("/redirected"))
    );
}

#[test]
fn nothing_compressed_is_asked_for() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    gateway.ask(Call::chat(chat_body(MODEL)).header("accept-encoding", "gzip, br"));
    let sent = vendor.only();
    assert!(
        matches!(sent.header("accept-encoding"), None | Some("identity")),
        "W3: {:?}",
        sent.headers
    );
}

#[test]
fn an_answer_has_a_bound() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor).section("max_response_bytes: 2000"));
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
    vendor.next("size=4000");
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(
        (answer.status(), answer.error().1.as_str()),
        (502, "upstream_error"),
        "{}",
        answer.text()
    );
    assert!(
        gateway.access(&answer)["error"]
            .as_str()
            .is_some_and(|cause| cause.contains("2000"))
    );
}

#[test]
fn a_credential_in_a_file_is_read_again_when_it_changes() {
    let vendor = Vendor::start();
    let folder = tempfile::TempDir::new().expect("a temporary directory");
    let file = folder.path().join("key");
    std::fs::write(&file, "sk-the-first-one-0123456789\n").expect("the file can be written");
    let yaml = Gateway::before(&vendor)
        .yaml()
        .replace("${VENDOR_KEY}", &format!("file:{}", file.display()));
    let gateway = Gateway::start_with(&yaml, &Gateway::before(&vendor));
    let sent = || {
        assert_eq!(gateway.chat(chat_body(MODEL)).status(), 200);
        vendor
            .last()
            .header("authorization")
            .expect("a credential")
            .to_owned()
    };
    assert_eq!(sent(), "Bearer sk-the-first-one-0123456789");
    std::fs::write(&file, "sk-the-second-one-0123456789").expect("the file can be written");
    eventually("the new key is used", || {
        (sent() == "Bearer sk-the-second-one-0123456789").then_some(())
    });
}

#[test]
fn several_credentials_share_the_calls() {
    let vendor = Vendor::start();
    let yaml = Gateway::before(&vendor).yaml().replace(
        "api_key: ${VENDOR_KEY}",
        "api_key:\n      - value: ${KEY_A}\n        weight: 3\n      - value: ${KEY_B}",
    );
    let gateway = Gateway::start_with(
        &yaml,
        &Gateway::before(&vendor)
            .env("KEY_A", "sk-a-0123456789")
            .env("KEY_B", "sk-b-0123456789"),
    );
    for _ in 0..200 {
        gateway.chat(chat_body(MODEL));
    }
    let with = |key: &str| {
        vendor
            .received()
            .iter()
            .filter(|request| request.header("authorization") == Some(key))
            .count()
    };
    let (a, b) = (
        with("Bearer sk-a-0123456789"),
        with("Bearer sk-b-0123456789"),
    );
    assert_eq!(a + b, 200);
    // Three to one, within what chance does to 200 calls once in a million times.
    assert!((115..=185).contains(&a), "{a} and {b}");
}

/// An HTTP proxy that only knows CONNECT; keeps the heads it was sent.
struct Proxy {
    addr: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let kept = heads.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || tunnel(client, &kept));
            }
        });
        Proxy { addr, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn tunnel(client: TcpStream, heads: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    heads
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(head.clone());
    let to = head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    let upstream = TcpStream::connect(to).ok()?;
    let mut client = client;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut from_client, mut to_upstream) = (reader, upstream.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_upstream));
    let mut upstream = upstream;
    std::io::copy(&mut upstream, &mut client).ok()?;
    Some(())
}

#[test]
fn a_targets_proxy_is_gone_through() {
    let vendor = Vendor::start();
    let proxy = Proxy::start();
    let setup = Gateway::before(&vendor).target(&format!(
        "proxy: http://user:${{PROXY_PASSWORD}}@{}",
        proxy.addr
    ));
    let gateway = Gateway::start(&setup.env("PROXY_PASSWORD", "p4ss-w0rd-of-the-proxy"));
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(
        answer.status(),
        200,
        "{}{}",
        answer.text(),
        gateway.everything_said()
    );
    let heads = proxy.heads();
    assert!(
        heads
            .iter()
            .all(|head| head.starts_with(&format!("CONNECT {} ", vendor.addr()))),
        "{heads:?}"
    );
    let head = heads
        .first()
        .expect("the proxy was asked")
        .to_ascii_lowercase();
    // user:p4ss-w0rd-of-the-proxy
    assert!(
        head.contains(
            &"proxy-authorization: basic dXNlcjpwNHNzLXcwcmQtb2YtdGhlLXByb3h5".to_ascii_lowercase()
        ),
        "{head}"
    );
    assert!(!head.contains(&keys::APP.token.to_ascii_lowercase()));
    assert!(!gateway.everything_said().contains("p4ss-w0rd"));
}

#[test]
fn the_environments_proxy_is_honoured_unless_the_target_says_none() {
    let vendor = Vendor::start();
    let proxy = Proxy::start();
    let address = format!("http://{}", proxy.addr);
    let through = |setup: Setup| {
        let before = proxy.heads().len();
        let gateway = Gateway::start(&setup);
        assert_eq!(
            gateway.chat(chat_body(MODEL)).status(),
            200,
            "{}",
            gateway.everything_said()
        );
        proxy.heads().len() > before
    };
    let base = || {
        Gateway::before(&vendor)
            .env("HTTP_PROXY", &address)
            .env("HTTPS_PROXY", &address)
    };
    assert!(through(base()), "T7");
    assert!(!through(base().target("proxy: none")));
    assert!(!through(base().env("NO_PROXY", "127.0.0.1")));
}

#[test]
fn a_proxy_that_is_not_there_is_a_bad_gateway() {
    let vendor = Vendor::start();
    let nowhere = ferrogw_tests::gateway::free_address();
    let gateway =
        Gateway::start(&Gateway::before(&vendor).target(&format!("proxy: http://{nowhere}")));
    assert_eq!(gateway.chat(chat_body(MODEL)).status(), 502);
    assert!(vendor.received().is_empty());
}

#[test]
fn a_peer_that_accepts_and_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    let setup = Setup::at(&format!("http://{addr}/v1"))
        .target("timeouts:\n  connect: 300ms\n  first_byte: 500ms");
    let gateway = Gateway::start(&setup);
    let begun = std::time::Instant::now();
    let answer = gateway.chat(chat_body(MODEL));
    assert_eq!(answer.status(), 504, "{}", answer.text());
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_vendor_is_not_asked_for_its_models_when_the_operator_wants_none() {
    let vendor = Vendor::start();
    let setup = Gateway::before(&vendor).env("FERRO_MODEL_DISCOVERY_INTERVAL", "0s");
    let gateway = Gateway::start(&setup);
    gateway.chat(chat_body(MODEL));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let all = vendor.everything();
    let asked: Vec<_> = all
        .iter()
        .filter(|request| request.method == "GET")
        .collect();
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn what_a_vendor_lists_is_listed_and_served_without_being_asked_for() {
    let vendor = Vendor::start();
    let gateway = Gateway::start(&Gateway::before(&vendor));
    let found = eventually("what the vendor lists is listed", || {
        let listed = gateway.ask(Call::get("/v1/models")).json();
        let ids = listed["data"]
            .as_array()?
            .iter()
            .filter_map(|model| model["id"].as_str());
        ids.filter(|id| *id != MODEL).map(str::to_owned).next()
    });
    assert_eq!(gateway.chat(chat_body(&found)).status(), 200, "{found}");
}

/// A gateway that serves TLS, and before it one that has to trust it: each tests the other.
#[test]
fn tls_is_served_and_spoken_with_the_authority_the_target_names() {
    let file = |name: &str| format!("{}/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let vendor = Vendor::start();
    let tls = format!(
        "server:\n  tls:\n    cert_file: {}\n    key_file: {}",
        file("leaf.pem"),
        file("leaf.key")
    );
    let inner = Gateway::start_tls(&Gateway::before(&vendor).section(&tls));

    let outer = |lines: &str| {
        let setup = Setup::at(&format!("https://localhost:{}/v1", inner.addr().port()))
            .env("VENDOR_KEY", keys::APP.token);
        Gateway::start(&setup.target(lines))
    };
    let trusting = outer(&format!("ca_file: {}", file("ca.pem")));
    for body in [chat_body(MODEL), stream_body(MODEL)] {
        let answer = trusting.chat(body);
        assert_eq!(answer.status(), 200, "{}", trusting.everything_said());
    }
    let refused = outer("timeouts:\n  connect: 5s").chat(chat_body(MODEL));
    assert_eq!(
        (refused.status(), refused.error().1.as_str()),
        (502, "upstream_error"),
        "an unknown authority is no authority"
    );
    eventually("the inner gateway has a line of each", || {
        let lines = inner.log.objects();
        let calls = lines.iter().filter(|line| line["surface"] == "chat");
        (calls.count() == 2).then_some(())
    });
}
