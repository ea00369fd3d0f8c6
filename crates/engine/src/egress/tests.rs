//! The rule against URLs, and fetches from a local server that a look-up pretends to be elsewhere.

use std::sync::Mutex;
use std::time::Duration;

use config::{Fetch, FetchMode};

use super::*;
use crate::stand_in::{Says, StandIn, says};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

fn open() -> Fetch {
    Fetch {
        mode: FetchMode::On,
        ..Fetch::default()
    }
}

fn refusal(fetch: &Fetch, url: &str) -> Option<String> {
    let judged = Rules::new(fetch.clone()).goal(url);
    judged.err().map(|refused| refused.to_string())
}

#[test]
fn a_url_is_judged_before_anything_is_looked_up() {
    let https = "the url must begin with https://";
    let port = |port: u16| {
        format!(
            "the url's port {port} is not one that this gateway fetches from (media.fetch.ports)"
        )
    };
    for (url, problem) in [
        ("https://img.test/a.png?x=1#part", None),
        ("https://img.test:443/a.png", None),
        ("https://[2606:4700::1111]/a.png", None),
        ("HTTPS://IMG.test", None),
        (
            "http://img.test/a.png",
            Some("the url must begin with https:// (media.fetch.allow_http is off)".to_owned()),
        ),
        ("ftp://img.test/a.png", Some(https.into())),
        ("file:///etc/passwd", Some("the url is not one".into())),
        ("gopher://img.test/", Some(https.into())),
        ("//img.test/a.png", Some(https.into())),
        ("/etc/passwd", Some(https.into())),
        ("img.test", Some(https.into())),
        (
            "https://user:pass@img.test/",
            Some("the url must not hold a user or a password".into()),
        ),
        (
            "https://img.test@10.0.0.1/",
            Some("the url must not hold a user or a password".into()),
        ),
        ("https://img.test:22/", Some(port(22))),
        ("https://img.test:80/", Some(port(80))),
        (
            "https://img.test:99999/",
            Some("the url has a port that is none".into()),
        ),
        (
            "https://img.test:/",
            Some("the url has a port that is none".into()),
        ),
        ("https:///a.png", Some("the url is not one".into())),
        ("https://im g.test/", Some("the url is not one".into())),
        ("https://bücher.test/", Some("the url is not one".into())),
        ("", Some("the url is not one".into())),
    ] {
        assert_eq!(refusal(&open(), url), problem, "{url}");
    }
    let long = format!("https://img.test/{}", "a".repeat(9000));
    assert_eq!(refusal(&open(), &long), Some("the url is too long".into()));
    let off = "this gateway fetches no media (media.fetch.mode is off), and the provider takes only its bytes; send a data: URL instead";
    assert_eq!(
        refusal(&Fetch::default(), "https://img.test"),
        Some(off.into())
    );
}

#[test]
fn a_list_of_hosts_is_a_list_of_whole_names() {
    let fetch = Fetch {
        mode: FetchMode::Allowlist,
        hosts: vec![
            "img.test".into(),
            "*.CDN.test".into(),
            "93.184.216.34".into(),
        ],
        ports: vec![8443],
        ..Fetch::default()
    };
    for (url, may) in [
        ("https://img.test/", true),
        ("https://IMG.test.:8443/", true),
        ("https://a.cdn.test/", true),
        ("https://a.b.cdn.test/", true),
        ("https://93.184.216.34/", true),
        ("https://cdn.test/", false),
        ("https://evilcdn.test/", false),
        ("https://img.test.evil.test/", false),
        ("https://ximg.test/", false),
        ("https://93.184.216.35/", false),
        ("https://[::1]/", false),
    ] {
        assert_eq!(refusal(&fetch, url).is_none(), may, "{url}");
    }
}

/// A gateway that may fetch from the stand-in, which every host is said to be.
fn egress(stand_in: &StandIn, change: impl FnOnce(&mut Fetch)) -> (Egress, Arc<Mutex<u32>>) {
    let mut fetch = Fetch {
        allow_http: true,
        ports: vec![stand_in.addr.port()],
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        max_bytes: 100,
        ..open()
    };
    change(&mut fetch);
    let tls = Arc::new(crate::trust::client_config(None).unwrap());
    let mut egress = Egress::new(Rules::new(fetch), tls);
    let (asked, port) = (Arc::new(Mutex::new(0)), stand_in.addr.port());
    let count = asked.clone();
    egress.lookup = Arc::new(move |host, _| {
        *count.lock().unwrap() += 1;
        let found = match host.as_str() {
            "nowhere.test" => Vec::new(),
            "both.test" => vec!["127.0.0.1", "10.0.0.1"],
            "mapped.test" => vec!["::ffff:127.0.0.1"],
            "metadata.test" => vec!["169.254.169.254"],
            _ => vec!["127.0.0.1"],
        };
        let found = found
            .into_iter()
            .map(|text| SocketAddr::new(text.parse().unwrap(), port))
            .collect();
        Box::pin(async move { Ok(found) })
    });
    (egress, asked)
}

fn at(stand_in: &StandIn, host: &str) -> String {
    format!("http://{host}:{}/a.png?b=c#d", stand_in.addr.port())
}

#[tokio::test]
async fn a_file_is_fetched_from_the_address_that_was_judged() {
    let stand_in = StandIn::saying(says(200, PNG).with("content-type", "text/html")).await;
    let (egress, looked_up) = egress(&stand_in, |_| {});
    let media = egress.fetch(&at(&stand_in, "img.test")).await.unwrap();
    assert_eq!((media.media_type, &media.bytes[..]), ("image/png", PNG));
    let seen = stand_in.only();
    assert_eq!(
        (seen.method.as_str(), seen.path.as_str()),
        ("GET", "/a.png?b=c")
    );
    assert_eq!(
        seen.header("host"),
        format!("img.test:{}", stand_in.addr.port())
    );
    assert_eq!(seen.header("accept-encoding"), "identity");
    for name in ["authorization", "cookie", "referer", "x-forwarded-for"] {
        assert_eq!(seen.header(name), "", "{name}");
    }
    assert_eq!(
        *looked_up.lock().unwrap(),
        1,
        "no second look-up to be lied to in"
    );
}

/// The certificate is the name's although the connection goes to an address.
#[tokio::test]
async fn the_host_proves_its_name_at_the_address_that_was_judged() {
    let (stand_in, certificate) = StandIn::saying_as("img.test", says(200, PNG)).await;
    let (mut egress, _) = egress(&stand_in, |_| {});
    let url = |host: &str| format!("https://{host}:{}/a.png", stand_in.addr.port());
    let untrusted = egress.fetch(&url("img.test")).await;
    assert!(
        matches!(untrusted, Err(Refused::Unreachable { .. })),
        "{untrusted:?}"
    );
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(crate::trust::crypto())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    egress.tls = Arc::new(config);
    let media = egress.fetch(&url("img.test")).await.unwrap();
    assert_eq!(media.media_type, "image/png");
    let other = egress.fetch(&url("other.test")).await;
    assert!(
        matches!(other, Err(Refused::Unreachable { .. })),
        "{other:?}"
    );
    assert_eq!(stand_in.seen().len(), 1);
}

#[tokio::test]
async fn one_inner_address_is_enough_to_refuse_a_host() {
    let stand_in = StandIn::saying(says(200, PNG)).await;
    let (egress, _) = egress(&stand_in, |_| {});
    for host in [
        "nowhere.test",
        "both.test",
        "mapped.test",
        "metadata.test",
        "10.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        let refused = egress.fetch(&at(&stand_in, host)).await.unwrap_err();
        assert_eq!(refused, Refused::Address, "{host}");
    }
    let (shut, _) = self::egress(&stand_in, |fetch| fetch.allow_networks.clear());
    for host in ["img.test", "127.0.0.1"] {
        let refused = shut.fetch(&at(&stand_in, host)).await.unwrap_err();
        assert_eq!(refused, Refused::Address, "{host}");
    }
    assert!(stand_in.seen().is_empty());
}

#[tokio::test]
async fn what_comes_back_is_held_against_the_rule() {
    let long = [PNG, &[0; 100]].concat();
    let endless = Says {
        tells_length: false,
        ..says(200, long.clone())
    };
    let limit = Duration::from_millis(200);
    let late = Says {
        after: Duration::from_secs(30),
        ..says(200, PNG)
    };
    for (said, refused) in [
        (
            says(302, "").with("location", "http://169.254.169.254/"),
            Refused::Redirect,
        ),
        (says(404, PNG), Refused::Status(404)),
        (says(200, "<html>"), Refused::NotMedia),
        (says(200, ""), Refused::NotMedia),
        (says(200, long), Refused::TooLarge { limit: 100 }),
        (endless, Refused::TooLarge { limit: 100 }),
        (
            says(200, PNG).with("content-encoding", "gzip"),
            Refused::Encoded,
        ),
        (late, Refused::Late { limit }),
    ] {
        let stand_in = StandIn::saying(said).await;
        let (egress, _) = egress(&stand_in, |fetch| fetch.timeout = limit);
        let got = egress.fetch(&at(&stand_in, "img.test")).await;
        assert_eq!(got, Err(refused));
        assert_eq!(stand_in.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_request_has_so_many_files_and_bytes_and_no_more() {
    let stand_in = StandIn::saying(says(200, PNG)).await;
    let (egress, _) = egress(&stand_in, |fetch| {
        fetch.max_files = 2;
        fetch.max_total_bytes = 2 * PNG.len() as u64 + 1;
    });
    assert_eq!(egress.begin().admit(2), Ok(()));
    let most = egress.begin().admit(3);
    assert_eq!(most, Err(Refused::TooMany { most: 2 }));
    let (fetches, url) = (egress.begin(), at(&stand_in, "img.test"));
    let limit = 2 * PNG.len() + 1;
    assert!(fetches.fetch(&url).await.is_ok());
    assert!(fetches.fetch(&url).await.is_ok());
    assert_eq!(fetches.fetch(&url).await, Err(Refused::TooMuch { limit }));
}

#[tokio::test]
async fn a_broken_connection_tells_the_client_nothing_of_the_network() {
    let stand_in = StandIn::saying(says(200, PNG)).await;
    let (egress, _) = egress(&stand_in, |fetch| fetch.ports.push(1));
    let refused = egress.fetch("http://127.0.0.1:1/").await.unwrap_err();
    let fault = refused.fault("messages[0].content[1]");
    assert_eq!(fault.status(), 400);
    assert_eq!(
        fault.message,
        "messages[0].content[1]: the file could not be fetched"
    );
    assert!(fault.cause.unwrap().contains("refused"));
}
