//! The control API, for tests that drive a mock in another process:
//!
//! | request | answer |
//! |---|---|
//! | `GET /_mock` | the settings and faults there are |
//! | `GET /_mock/requests` | what was received: `sequence`, `connection`, `method`, `path`, `headers` (pairs), `body` (base64), `text` (when UTF-8), `body_length`, `outcome`, `hung_up`, `written` |
//! | `DELETE /_mock/requests` | forgets them |
//! | `POST /_mock/script` | adds an entry or an array of entries |
//! | `DELETE /_mock/script` | drops the entries not used up |
//! | `GET /_mock/stats` | the counters, see [`Stats`](crate::Stats) |
//!
//! An entry is an object of settings, with `path` (an end of the path),
//! `model` and `times` (1 when not given) beside them, or a string of settings.
//! Requests to this API are neither recorded nor counted.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    behaviour::SettingError,
    fault::Fault,
    openai::Refusal,
    plan::Plan,
    record::{Log, Outcome, Recorded},
    script,
    serve::{self, House, Silence},
    settings::SETTINGS,
};

const ROOT: &str = "/_mock";
const MOST_BODY: usize = 16 << 20;

#[derive(Serialize)]
struct Shown<'a> {
    sequence: u64,
    connection: u64,
    method: &'a str,
    path: &'a str,
    headers: &'a [(String, String)],
    body: String,
    text: Option<&'a str>,
    body_length: usize,
    outcome: Outcome,
    hung_up: bool,
    written: u64,
}

impl<'a> From<&'a Recorded> for Shown<'a> {
    fn from(request: &'a Recorded) -> Shown<'a> {
        Shown {
            sequence: request.sequence,
            connection: request.connection,
            method: &request.method,
            path: &request.path,
            headers: &request.headers,
            body: BASE64_STANDARD.encode(&request.body),
            text: std::str::from_utf8(&request.body).ok(),
            body_length: request.body_length,
            outcome: request.outcome,
            hung_up: request.outcome == Outcome::HungUp,
            written: request.written,
        }
    }
}

pub(crate) fn owns(path: &str) -> bool {
    path.strip_prefix(ROOT)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(crate) async fn answer(house: &House, request: Request<Incoming>) -> Result<Plan, Silence> {
    let (parts, body) = request.into_parts();
    let body = match serve::read(body, MOST_BODY).await? {
        Ok(body) => body,
        Err(refusal) => return Ok(refused(&refusal)),
    };
    let path = parts.uri.path();
    let name = path.strip_prefix(ROOT).unwrap_or_default();
    Ok(match (&parts.method, name) {
        (&Method::GET, "" | "/") => good(&table()),
        (&Method::GET, "/requests") => good(&requests(house)),
        (&Method::DELETE, "/requests") => {
            house.log.iter().for_each(Log::clear);
            good(&json!({}))
        }
        (&Method::GET, "/stats") => good(&json!(house.counters.stats())),
        (&Method::POST, "/script") => match add(house, &body) {
            Ok(()) => good(&json!({"waiting": house.script.len()})),
            Err(error) => refused(&Refusal::bad_setting(&error)),
        },
        (&Method::DELETE, "/script") => {
            house.script.clear();
            good(&json!({}))
        }
        _ => refused(&Refusal::no_route(&parts.method, path)),
    })
}

fn good(value: &Value) -> Plan {
    Plan::plain(StatusCode::OK, value.to_string().into_bytes())
}

fn refused(refusal: &Refusal) -> Plan {
    Plan::plain(refusal.status, refusal.body())
}

fn requests(house: &House) -> Value {
    let recorded = house.log.as_ref().map(Log::recorded).unwrap_or_default();
    recorded
        .iter()
        .map(|request| json!(Shown::from(request)))
        .collect()
}

fn add(house: &House, body: &[u8]) -> Result<(), SettingError> {
    let given: Value = serde_json::from_slice(body)
        .map_err(|error| SettingError::new("script", &error.to_string()))?;
    let entries = match given {
        Value::Array(entries) => entries,
        entry => vec![entry],
    };
    let entries: Result<Vec<_>, _> = entries.into_iter().map(script::Entry::read).collect();
    house.script.add(entries?)
}

fn table() -> Value {
    let settings: Vec<Value> = SETTINGS
        .iter()
        .map(|row| json!({"name": row.name, "example": row.example, "says": row.says}))
        .collect();
    let faults: Vec<Value> = Fault::ALL
        .iter()
        .map(|row| {
            json!({
                "name": row.name,
                "unit": format!("{:?}", row.unit),
                "scope": format!("{:?}", row.scope),
                "says": row.says,
            })
        })
        .collect();
    json!({"settings": settings, "faults": faults})
}
