//! What clouds and operators say of keys and addresses: answers of token services, profiles,
//! documents; and what is made of them, signatures and URLs.

use std::str::FromStr as _;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use providers::auth::aws::{self, AwsKeys, Profiles, Signer};
use providers::auth::{self, Hidden, google};
use providers::native::{bedrock, described_at};
use providers::{Dialect, Surface, Vars, base_url, endpoint};

use crate::dialect::assert_path;
use crate::encode::{row, speaking};
use crate::input::Input;

const NOW: u64 = 1_790_000_000;

pub(crate) fn check(input: &Input<'_>) {
    match input.kind {
        0 => answers(input.data),
        1 => profiles(input),
        2 => document(input),
        3 | 4 => signature(input),
        5 => addresses(input),
        6 => endpoints(input),
        _ => names(input),
    }
}

/// Keys and tokens: read twice alike, and never longer than what they were read from.
fn answers(data: &[u8]) {
    for read in [aws::sts_keys, aws::container_keys, aws::instance_keys] {
        let keys = read(data, NOW);
        assert_eq!(keys, read(data, NOW));
        if let Ok(granted) = keys {
            assert!(!granted.value.access_key_id.is_empty());
            assert!(!granted.value.secret_access_key.is_empty());
        }
    }
    let token = auth::token(data, NOW);
    assert_eq!(token, auth::token(data, NOW));
    if let Ok(granted) = token {
        assert!(!granted.value.is_empty() && granted.value.expose().len() <= 3 * data.len());
    }
    let refusal = auth::refusal(data);
    assert!(
        !refusal.contains('\n') && refusal.len() <= 16 * data.len() + 64,
        "{refusal}"
    );
}

fn profiles(input: &Input<'_>) {
    let Some(text) = input.text() else { return };
    let (config, credentials) = text.split_once("----").unwrap_or((text, text));
    let profiles = Profiles::read(config, credentials);
    let sections = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix('['));
    for section in sections.take(16) {
        let name = section
            .trim_end_matches(']')
            .trim_start_matches("profile ")
            .trim();
        if profiles.has(name) {
            let _ = profiles.region(name);
            assert_eq!(profiles.wanted(name), profiles.wanted(name));
        }
    }
}

fn document(input: &Input<'_>) {
    let Some(text) = input.text() else { return };
    let read = google::read(text);
    if let Err(error) = &read {
        assert!(!error.to_string().contains('\n'));
    }
    assert_eq!(format!("{read:?}"), format!("{:?}", google::read(text)));
}

/// A request of lines: its URL, headers, and a body behind a blank line.
fn signature(input: &Input<'_>) {
    let Some(text) = input.text() else { return };
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let Ok(uri) = Uri::from_str(lines.next().unwrap_or_default()) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("x.example"));
    for line in lines.take(64) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if let (Ok(name), Ok(value)) = (HeaderName::from_str(name), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let keys = AwsKeys {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: Hidden::new("wJalrXUtnFEMI"),
        session_token: (input.knob & 1 == 0).then(|| Hidden::new("token")),
    };
    let signer = Signer {
        keys: &keys,
        region: "us-east-1",
        service: "bedrock",
        now: NOW,
    };
    let mut sign = || {
        let result = signer.sign(&Method::POST, &uri, &mut headers, body.as_bytes());
        assert_eq!(result, Ok(()));
        headers.get(AUTHORIZATION).cloned()
    };
    let first = sign();
    assert!(first.is_some());
    assert_eq!(
        first,
        sign(),
        "a request signed again is signed differently"
    );
}

fn vars(input: &Input<'_>) -> Vars {
    let names = row(input.knob).env.vars.keys();
    names.map(|name| (name.clone(), "x1".to_owned())).collect()
}

/// What an operator writes as an API root, and that it is a root as it stands.
fn addresses(input: &Input<'_>) {
    let Some(text) = input.text() else { return };
    let (provider, vars) = (row(input.knob), vars(input));
    let Ok(root) = base_url(provider, Some(text), None, &vars) else {
        return;
    };
    let shown = root.as_str();
    assert!(!shown.ends_with('/'), "{shown}");
    let uri = shown.parse::<Uri>();
    assert!(
        uri.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty())
            && uri
                .authority()
                .is_some_and(|authority| !authority.as_str().contains('@'))),
        "{shown}"
    );
}

/// A model's name in a URL stays where it is put.
fn endpoints(input: &Input<'_>) {
    let Some(model) = input.text() else { return };
    let (provider, vars) = (row(input.knob), vars(input));
    let Ok(root) = base_url(provider, Some("https://x.example/v1"), None, &vars) else {
        return;
    };
    for surface in Surface::ALL {
        if let Ok(url) = endpoint(provider, surface, &root, model, &vars) {
            let (host, path) = parted(&url);
            // A row may serve one surface elsewhere, whatever the model is called.
            let plain = endpoint(provider, surface, &root, "m", &vars).unwrap_or_default();
            assert_eq!(host, parted(&plain).0, "{url}");
            assert_path(path);
        }
    }
}

/// The host of a URL and the path behind it.
fn parted(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

/// Names that say where a call goes.
fn names(input: &Input<'_>) {
    let Some(text) = input.text() else { return };
    let plain = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    for region in [aws::region_of_host(text), bedrock::region_of(text)] {
        assert!(region.is_none_or(plain), "{region:?}");
    }
    let row = speaking(Dialect::Replicate);
    if let Some(path) = row.and_then(|row| described_at(row, text)) {
        assert_path(&path);
    }
}
