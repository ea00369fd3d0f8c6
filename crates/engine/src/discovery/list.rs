//! Vendors' lists of models, in the forms that they write them in.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Listed;

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// What stands on it, in its order.
    pub(super) models: Vec<Listed>,
    /// What the next one is asked with, if there is one: a query.
    pub(super) next: Option<String>,
}

/// Reads `{"data": […]}`, `{"models": […]}`, a bare array, and the lists of Cloudflare and Databricks;
/// an odd item costs only itself.
pub(super) fn read(body: &[u8]) -> Option<Page> {
    let (items, next) = items(body)?;
    let models = items
        .into_iter()
        .filter_map(|item| serde_json::from_str::<Item<'_>>(item.get()).ok())
        .filter(Item::is_served)
        .filter_map(Item::listed);
    Some(Page {
        models: models.collect(),
        next,
    })
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    models: Option<&'a RawValue>,
    /// Cloudflare's.
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    /// Databricks'.
    #[serde(borrow, default)]
    endpoints: Option<&'a RawValue>,
    /// Which of the numbered pages this is.
    #[serde(default)]
    result_info: Option<Value>,
    #[serde(default)]
    has_more: Option<bool>,
    #[serde(default)]
    last_id: Option<String>,
    #[serde(default, rename = "nextPageToken")]
    next_page: Option<String>,
    #[serde(default)]
    next_page_token: Option<String>,
}

/// The number of the page behind this one.
fn next_number(page: &Value) -> Option<u64> {
    let number = |name: &str| page.get(name).and_then(Value::as_u64);
    let (at, size) = (number("page")?, number("per_page")?);
    let seen = at.checked_mul(size)?;
    (at > 0 && seen < number("total_count")?).then(|| at.saturating_add(1))
}

/// The list itself, wrapped or bare, and what the next page is asked with.
fn items(body: &[u8]) -> Option<(Vec<&RawValue>, Option<String>)> {
    if let Ok(bare) = serde_json::from_slice(body) {
        return Some((bare, None));
    }
    let wrapped = serde_json::from_slice::<Wrapped<'_>>(body).ok()?;
    let more = wrapped.has_more == Some(true);
    let after = wrapped.last_id.filter(|_| more).map(|id| ("after_id", id));
    let by_token = wrapped.next_page.map(|token| ("pageToken", token));
    let by_page_token = wrapped.next_page_token.map(|token| ("page_token", token));
    let by_number = wrapped.result_info.as_ref().and_then(next_number);
    let by_number = by_number.map(|number| ("page", number.to_string()));
    let next = after
        .or(by_token)
        .or(by_page_token)
        .or(by_number)
        .filter(|(_, value)| !value.is_empty());
    let next = next.map(|(name, value)| {
        let value = utf8_percent_encode(&value, NON_ALPHANUMERIC);
        format!("{name}={value}")
    });
    // Some say the same under two names, or other things under one of these.
    let named = [
        wrapped.data,
        wrapped.models,
        wrapped.result,
        wrapped.endpoints,
    ];
    let mut lists = named.into_iter().flatten();
    let items = lists.find_map(|list| serde_json::from_str(list.get()).ok())?;
    Some((items, next))
}

/// Vendors call the same things by many names, and some by several at once.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(default, borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(default)]
    created: Option<Value>,
    #[serde(default)]
    created_at: Option<Value>,
    #[serde(default)]
    owned_by: Option<Value>,
    #[serde(default)]
    context_window: Option<Value>,
    #[serde(default)]
    context_length: Option<Value>,
    #[serde(default)]
    max_model_len: Option<Value>,
    #[serde(default)]
    max_context_length: Option<Value>,
    #[serde(default)]
    max_input_tokens: Option<Value>,
    #[serde(default, rename = "inputTokenLimit")]
    input_limit: Option<Value>,
    /// Of an answer, beside `max_input_tokens`.
    #[serde(default)]
    max_tokens: Option<Value>,
    #[serde(default, rename = "outputTokenLimit")]
    output_limit: Option<Value>,
    /// Databricks: when an endpoint was made, in milliseconds, what it does, and whether it can.
    #[serde(default)]
    creation_timestamp: Option<Value>,
    #[serde(default)]
    task: Option<Value>,
    #[serde(default)]
    state: Option<Value>,
    /// Cloudflare: names and values, as texts.
    #[serde(default)]
    properties: Option<Value>,
    /// Hugging Face: those who serve it through the router.
    #[serde(default)]
    providers: Option<Value>,
}

/// What Databricks calls endpoints that are asked like models.
const MODEL_TASKS: &str = "llm/v1/";
/// What Databricks says of an endpoint that cannot answer.
const NOT_READY: &str = "NOT_READY";

impl Item<'_> {
    /// Whether it is a model that answers now. Most vendors list nothing else.
    fn is_served(&self) -> bool {
        let ready = self.state.as_ref().and_then(|state| state.get("ready"));
        if ready.and_then(Value::as_str) == Some(NOT_READY) {
            return false;
        }
        // Endpoints that are no models of language have another task, or none at all.
        let is_endpoint = ready.is_some();
        let task = self.task.as_ref().and_then(Value::as_str);
        !is_endpoint || task.is_some_and(|task| task.starts_with(MODEL_TASKS))
    }

    /// The name that it is asked for by, where that is not the id that the vendor keeps it under.
    fn is_named(&self) -> bool {
        let is_endpoint = |state: &Value| state.get("ready").is_some();
        self.properties.as_ref().is_some_and(Value::is_array)
            || self.state.as_ref().is_some_and(is_endpoint)
    }

    /// The context that is said further inside.
    fn inner_window(&self) -> Option<u64> {
        let all = |list: &Option<Value>| list.as_ref().and_then(Value::as_array).cloned();
        let property = all(&self.properties).unwrap_or_default().into_iter();
        let property = property
            .filter(|property| property["property_id"] == "context_window")
            .find_map(|property| match &property["value"] {
                Value::String(text) => text.parse().ok(),
                value => value.as_u64(),
            });
        let served = all(&self.providers).unwrap_or_default();
        let widest = served
            .iter()
            .filter_map(|provider| provider["context_length"].as_u64())
            .max();
        property.or(widest)
    }

    fn listed(self) -> Option<Listed> {
        let count = |value: Option<Value>| value.and_then(|value| value.as_u64());
        let (inner, is_named) = (self.inner_window(), self.is_named());
        let answers = self.max_tokens.filter(|_| self.max_input_tokens.is_some());
        let windows = [
            self.context_window,
            self.context_length,
            self.max_model_len,
            self.max_context_length,
            self.max_input_tokens,
            self.input_limit,
        ];
        let name = self.name.as_deref().map(bare);
        let id = self.id.as_deref();
        let id = if is_named { name.or(id) } else { id.or(name) }?.trim();
        let made = self.created.as_ref().and_then(moment);
        let milliseconds = self.creation_timestamp.as_ref().and_then(Value::as_i64);
        (!id.is_empty()).then(|| Listed {
            id: id.into(),
            created: made
                .or_else(|| self.created_at.as_ref().and_then(moment))
                .or(milliseconds.map(|milliseconds| milliseconds / 1000))
                .unwrap_or(0),
            owner: self
                .owned_by
                .and_then(|value| value.as_str().map(Into::into)),
            context_window: windows.into_iter().find_map(count).or(inner),
            max_output_tokens: count(answers).or_else(|| count(self.output_limit)),
        })
    }
}

/// A name as it is asked for: some list the path to it.
fn bare(name: &str) -> &str {
    name.strip_prefix("models/").unwrap_or(name)
}

/// Seconds, also with a fraction, or a date.
fn moment(value: &Value) -> Option<i64> {
    let said = value.as_str().and_then(providers::auth::moment);
    let said = said.and_then(|seconds| i64::try_from(seconds).ok());
    said.or_else(|| value.as_i64())
        .or_else(|| whole(value.as_f64()?))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a time of creation, saturating"
)]
fn whole(seconds: f64) -> Option<i64> {
    seconds.is_finite().then_some(seconds as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(body: &str) -> Vec<Listed> {
        read(body.as_bytes()).unwrap().models
    }

    #[test]
    fn an_odd_item_costs_only_itself() {
        let models = models(
            r#"{"object":"list","data":[
            {"id":"a","created":1.5e3,"owned_by":"system","context_length":8192},
            {"id":7},
            {"id":"b","created":"yesterday","owned_by":null},
            {"id":" "}]}"#,
        );
        let ids: Vec<_> = models.iter().map(|model| &*model.id).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(
            (models[0].created, models[0].context_window),
            (1500, Some(8192))
        );
        assert_eq!(models[0].owner.as_deref(), Some("system"));
        assert_eq!((models[1].created, models[1].owner.as_deref()), (0, None));
    }

    #[test]
    fn a_list_may_be_said_under_two_names_and_odd_words_cost_nothing() {
        for body in [
            r#"{"models":[{"model":"x"}],"object":"list","data":[{"id":"a"}]}"#,
            r#"{"data":[{"id":"a"}],"result":{"ok":true},"result_info":{"page":null,"per_page":"x"}}"#,
            r#"{"data":null,"result":[{"id":"a","name":"A: the model","state":"active","properties":{}}]}"#,
        ] {
            let ids: Vec<_> = models(body).into_iter().map(|model| model.id).collect();
            assert_eq!(ids, ["a".into()], "{body}");
        }
    }

    #[test]
    fn a_thing_may_be_said_under_two_names() {
        let [model] =
            &models(r#"[{"id":"acme/a","name":"Acme: A","context_length":10,"max_model_len":20}]"#)
                [..]
        else {
            panic!("one model")
        };
        assert_eq!((&*model.id, model.context_window), ("acme/a", Some(10)));
    }

    #[test]
    fn d10_what_a_list_says_of_limits_and_dates_is_kept() {
        for (item, expected) in [
            (
                r#"{"type":"model","id":"claude-x","created_at":"2026-02-04T00:00:00Z","max_input_tokens":200000,"max_tokens":64000}"#,
                ("claude-x", 1_770_163_200, Some(200_000), Some(64_000)),
            ),
            (
                r#"{"name":"models/gemini-x","inputTokenLimit":1048576,"outputTokenLimit":65536}"#,
                ("gemini-x", 0, Some(1_048_576), Some(65_536)),
            ),
            (
                r#"{"id":"m","created":5,"max_tokens":9}"#,
                ("m", 5, None, None),
            ),
        ] {
            let [model] = &models(&format!("[{item}]"))[..] else {
                panic!("one model: {item}")
            };
            let found = (
                &*model.id,
                model.created,
                model.context_window,
                model.max_output_tokens,
            );
            assert_eq!(found, expected);
        }
    }

    /// Vendors of OpenAI's form with lists of their own.
    #[test]
    fn d10_lists_of_other_forms_name_what_is_asked_for() {
        for (body, expected) in [
            (
                r#"{"success":true,"result":[
                    {"id":"0a1b-uuid","name":"@cf/meta/llama-3.1-8b-instruct","task":{"id":"u","name":"Text Generation"},"properties":[{"property_id":"beta","value":"true"},{"property_id":"context_window","value":"7968"}]},
                    {"id":"0c2d-uuid","name":"@cf/baai/bge-m3","task":{"name":"Text Embeddings"},"properties":[]}
                ],"errors":[],"messages":[],"result_info":{"count":2,"page":1,"per_page":100,"total_count":2}}"#,
                vec![
                    ("@cf/meta/llama-3.1-8b-instruct", 0, Some(7968)),
                    ("@cf/baai/bge-m3", 0, None),
                ],
            ),
            (
                r#"{"endpoints":[
                    {"name":"databricks-claude-sonnet-4-5","creation_timestamp":1699617587000,"state":{"ready":"READY","config_update":"NOT_UPDATING"},"task":"llm/v1/chat","id":"x"},
                    {"name":"asleep","state":{"ready":"NOT_READY"},"task":"llm/v1/chat"},
                    {"name":"forecast","state":{"ready":"READY"}},
                    {"name":"databricks-gte-large-en","state":{"ready":"READY"},"task":"llm/v1/embeddings"}]}"#,
                vec![
                    ("databricks-claude-sonnet-4-5", 1_699_617_587, None),
                    ("databricks-gte-large-en", 0, None),
                ],
            ),
            (
                r#"{"object":"list","data":[{"id":"org/name","created":5,"owned_by":"org","providers":[{"provider":"a","context_length":8192},{"provider":"b","context_length":131072},{"provider":"c"}]}]}"#,
                vec![("org/name", 5, Some(131_072))],
            ),
        ] {
            let models = models(body);
            let found: Vec<_> = models
                .iter()
                .map(|model| (&*model.id, model.created, model.context_window))
                .collect();
            assert_eq!(found, expected);
        }
        assert!(read(br#"{"success":false,"result":null,"errors":[{"code":10000}]}"#).is_none());
    }

    #[test]
    fn d10_a_page_says_how_the_next_is_asked_for() {
        for (rest, next) in [
            ("", None),
            (r#","has_more":false,"last_id":"x""#, None),
            (r#","has_more":true,"last_id":null"#, None),
            (
                r#","has_more":true,"last_id":"a b""#,
                Some("after_id=a%20b"),
            ),
            (r#","nextPageToken":"p&q""#, Some("pageToken=p%26q")),
            (r#","nextPageToken":"""#, None),
            (r#","next_page_token":"t""#, Some("page_token=t")),
            (
                r#","result_info":{"page":2,"per_page":100,"total_count":201}"#,
                Some("page=3"),
            ),
            (
                r#","result_info":{"page":2,"per_page":100,"total_count":200}"#,
                None,
            ),
            (r#","result_info":{"total_count":200}"#, None),
        ] {
            let body = format!(r#"{{"data":[{{"id":"x"}}]{rest}}}"#);
            let page = read(body.as_bytes()).unwrap();
            assert_eq!(page.next.as_deref(), next, "{body}");
        }
    }

    #[test]
    fn a_bare_array_is_a_list_and_a_page_is_not() {
        assert_eq!(models(r#"[{"id":"x"}]"#).len(), 1);
        assert_eq!(models(r#"{"models":[{"name":"x"}]}"#).len(), 1);
        assert!(read(b"<html>").is_none());
        assert!(read(br#"{"error":"no"}"#).is_none());
    }
}
