use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use catalog::{Entry, Heading, Mode, Modes};
use config::Config;
use telemetry::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::gateway::Surroundings;
use crate::receipt::Books;

/// A catalog of models that nobody else has.
fn catalog_text(date: &str, models: usize) -> String {
    let date: Day = date.parse().unwrap();
    let heading = Heading {
        date,
        ..Heading::default()
    };
    let entries = (0..models).map(|at| {
        let mut entry = Entry::new("acme", &format!("m-{at}"), Modes::only(Mode::Chat));
        entry.date = date;
        entry.prices = vec![(None, "in=1 out=2".parse().unwrap())];
        entry
    });
    catalog::write(&heading, entries)
}

/// A web server that gives the same answers again and again, and keeps what it was asked.
struct Web {
    address: String,
    answers: Arc<Mutex<Vec<(&'static str, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    async fn start() -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (answers, asked) = (Arc::<Mutex<Vec<(&str, String)>>>::default(), Arc::default());
        let web = Web {
            address,
            answers: answers.clone(),
            asked: Arc::clone(&asked),
        };
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = vec![0; 4096];
                let read = socket.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let answer = {
                    let answers = answers.lock().unwrap();
                    let path = head.split(' ').nth(1).unwrap_or_default();
                    let found = answers.iter().find(|(known, _)| *known == path);
                    found.map(|(_, answer)| answer.clone())
                };
                asked.lock().unwrap().push(head);
                let answer = answer.unwrap_or_else(|| "HTTP/1.1 404 Not Found\r\n".to_owned());
                let rest = "connection: close\r\ncontent-length: 0\r\n\r\n";
                let whole = answer.contains("\r\n\r\n");
                let answer = answer + if whole { "" } else { rest };
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        web
    }

    fn gives(&self, path: &'static str, answer: String) {
        let mut answers = self.answers.lock().unwrap();
        answers.retain(|(known, _)| *known != path);
        answers.push((path, answer));
    }

    fn gives_file(&self, path: &'static str, body: &str) {
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\netag: \"one\"";
        self.gives(
            path,
            format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}"),
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |digit: u8| char::from_digit(digit.into(), 16).unwrap();
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

fn gateway(set: impl FnOnce(&mut ModelCatalog)) -> Arc<Gateway> {
    let mut config = Config::default();
    set(&mut config.catalog);
    let surroundings = Surroundings {
        env: Box::new(|_| None),
        secrets: Vec::new(),
        master_key: None,
        no_key: true,
    };
    let books = Books {
        metrics: Metrics::new("test"),
        access: None,
    };
    Gateway::new(Arc::new(config), surroundings, Arc::new(books)).unwrap()
}

fn knows(gateway: &Gateway, model: &str) -> bool {
    let snapshot = gateway.snapshot();
    snapshot.catalog().lookup("acme", model).is_some()
}

async fn round(gateway: &Gateway, refresh: &mut Refresh) {
    refresh.due = None;
    refresh.round(gateway, &Upstream::new()).await;
}

#[tokio::test]
async fn c1_a_newer_catalog_is_taken_in_and_a_lesser_one_is_not() {
    let web = Web::start().await;
    web.gives(
        "/latest",
        "HTTP/1.1 302 Found\r\nlocation: /file\r\n".to_owned(),
    );
    web.gives_file("/file", &catalog_text("2026-11-25", 6000));
    let url = format!("{}/latest", web.address);
    let gateway = gateway(|catalog| catalog.url = Some(url));
    let embedded = gateway.snapshot().catalog().len();
    let mut refresh = Refresh::default();
    round(&gateway, &mut refresh).await;
    assert!(knows(&gateway, "m-5999"));
    assert_eq!(gateway.snapshot().catalog().len(), embedded + 6000);

    for lesser in ["{}", "null", "", "<html>", &catalog_text("2026-11-26", 100)] {
        web.gives_file("/file", lesser);
        round(&gateway, &mut refresh).await;
        assert!(knows(&gateway, "m-5999"), "{lesser:.20}");
    }
    let page = gateway.metrics().render(false);
    for line in ["result=\"success\"} 1", "result=\"error\"} 5"] {
        let line = format!("gateway_catalog_loads_total{{source=\"remote\",{line}");
        assert!(page.contains(&line), "{line}\n{page}");
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_fetched_again() {
    let web = Web::start().await;
    web.gives_file("/file", &catalog_text("2026-11-25", 6000));
    let url = format!("{}/file", web.address);
    let gateway = gateway(|catalog| catalog.url = Some(url));
    let mut refresh = Refresh::default();
    round(&gateway, &mut refresh).await;
    let taken = gateway.snapshot();
    web.gives("/file", "HTTP/1.1 304 Not Modified\r\n".to_owned());
    round(&gateway, &mut refresh).await;
    // Before it is due again nothing is asked at all.
    refresh.round(&gateway, &Upstream::new()).await;
    let asked = web.asked.lock().unwrap();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[1].contains("if-none-match: \"one\""), "{asked:?}");
    assert!(Arc::ptr_eq(&taken, &gateway.snapshot()));
}

#[tokio::test]
async fn only_the_file_that_the_operator_means_is_taken() {
    let key = Ed25519KeyPair::generate().unwrap();
    let file = catalog_text("2026-11-25", 6000);
    let signed = hex(key.sign(file.as_bytes()).as_ref());
    let hash = hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, file.as_bytes()).as_ref());
    let public = hex(key.public_key().as_ref());
    let web = Web::start().await;
    web.gives_file("/file", &file);
    for (sha256, signature, taken) in [
        (Some(hash.clone()), None, true),
        (Some("00".repeat(32)), None, false),
        (None, Some(format!("{signed}\n")), true),
        (None, Some("00".repeat(64)), false),
        (None, Some("a signature".to_owned()), false),
        (Some(hash), Some(String::new()), false),
    ] {
        let url = format!("{}/file", web.address);
        let gateway = gateway(|catalog| {
            catalog.url = Some(url);
            catalog.sha256.clone_from(&sha256);
            catalog.public_key = signature.is_some().then(|| public.clone());
        });
        web.gives_file("/file.sig", signature.as_deref().unwrap_or_default());
        round(&gateway, &mut Refresh::default()).await;
        assert_eq!(knows(&gateway, "m-1"), taken, "{sha256:?} {signature:?}");
    }
}

#[tokio::test]
async fn what_was_fetched_is_there_at_the_next_start() {
    let folder = std::env::temp_dir().join(format!("ferrogw-catalog-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("catalog.txt");
    let web = Web::start().await;
    web.gives_file("/file", &catalog_text("2026-11-25", 6000));
    let url = format!("{}/file", web.address);
    let start = || {
        gateway(|catalog| {
            catalog.url = Some(url.clone());
            catalog.cache_file = Some(file.clone());
        })
    };
    round(&start(), &mut Refresh::default()).await;
    web.gives("/file", "HTTP/1.1 500 Oops\r\n".to_owned());
    let next = start();
    round(&next, &mut Refresh::default()).await;
    assert!(knows(&next, "m-1"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn without_an_address_nothing_is_asked() {
    let web = Web::start().await;
    let url = format!("{}/file", web.address);
    for off in [true, false] {
        let gateway = gateway(|catalog| {
            catalog.url = Some(url.clone()).filter(|_| off);
            catalog.enabled = !off;
        });
        round(&gateway, &mut Refresh::default()).await;
    }
    assert!(web.asked.lock().unwrap().is_empty());
}
