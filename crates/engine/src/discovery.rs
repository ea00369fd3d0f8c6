//! What vendors say they serve, asked for in the background.
//!
//! Every target is asked by itself and published by itself, so one vendor that hangs delays nobody.
//! What a vendor said last is kept until it says something else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::gateway::Gateway;
use crate::target::Target;
use crate::upstream::Upstream;

/// A vendor has this long to list its models.
const PATIENCE: Duration = Duration::from_secs(10);
/// Lists are long, but not longer than this.
const LIST_MAX: usize = 16 * 1024 * 1024;
/// Targets asked at a time.
const AT_ONCE: usize = 8;
/// What one vendor may list at most.
const MODELS_MAX: usize = 20_000;

/// One model as its vendor lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The vendor's id.
    pub id: Box<str>,
    /// When it was made, if the vendor says so.
    pub created: i64,
    /// Whom the vendor names as its owner.
    pub owner: Option<Box<str>>,
    /// How much context it takes, if the vendor says so.
    pub context_window: Option<u64>,
}

/// What has been found so far, by the identity of targets.
#[derive(Clone, Debug, Default)]
pub struct Found(HashMap<Box<str>, Arc<[Listed]>>);

impl Found {
    /// What the target's vendor listed last.
    pub fn of(&self, target: &Target) -> Option<&[Listed]> {
        self.0.get(&*target.identity()).map(|models| &**models)
    }

    /// The same, with one target's list replaced.
    pub fn with(&self, identity: &str, models: Vec<Listed>) -> Found {
        let mut found = self.0.clone();
        found.insert(identity.into(), models.into());
        Found(found)
    }

    /// The same, without targets that are no more.
    pub fn only(&self, targets: &[Arc<Target>]) -> Found {
        let kept: HashSet<_> = targets.iter().map(|target| target.identity()).collect();
        let running = self
            .0
            .iter()
            .filter(|(identity, _)| kept.contains(&***identity));
        Found(
            running
                .map(|(identity, models)| (identity.clone(), models.clone()))
                .collect(),
        )
    }
}

/// Asks every target once.
pub async fn round(gateway: &Arc<Gateway>, upstream: &Arc<Upstream>) {
    let targets = gateway.snapshot().targets().to_vec();
    let asking = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut round = tokio::task::JoinSet::new();
    for target in targets.clone() {
        // The first call should not have to wait for what takes a fetch.
        round.spawn(async move { target.warm().await });
    }
    for target in targets
        .into_iter()
        .filter(|target| target.provider.discovery.is_some())
    {
        let (gateway, upstream, asking) = (gateway.clone(), upstream.clone(), asking.clone());
        round.spawn(async move {
            let Ok(_turn) = asking.acquire_owned().await else {
                return;
            };
            ask(&gateway, &upstream, &target).await;
        });
    }
    round.join_all().await;
}

async fn ask(gateway: &Gateway, upstream: &Upstream, target: &Target) {
    let asked = tokio::time::timeout(PATIENCE, target.list_models(upstream, LIST_MAX)).await;
    let listed = match asked {
        Err(_) => Err(format!("no list within {PATIENCE:?}")),
        Ok(Err(error)) => Err(error),
        Ok(Ok(body)) => read(&body).ok_or_else(|| "the answer is not a list of models".to_owned()),
    };
    match listed {
        Ok(models) => {
            gateway
                .metrics()
                .discovery_round(&target.provider.id, "success");
            gateway.publish_models(target, models);
        }
        Err(error) => {
            gateway
                .metrics()
                .discovery_round(&target.provider.id, "error");
            tracing::warn!(target_name = %target.name, error, "could not list the models of a target; keeping what was known");
        }
    }
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, alias = "name")]
    id: std::borrow::Cow<'a, str>,
    #[serde(default)]
    created: Option<serde_json::Value>,
    #[serde(default)]
    owned_by: Option<serde_json::Value>,
    #[serde(
        default,
        alias = "context_length",
        alias = "max_model_len",
        alias = "max_context_length"
    )]
    context_window: Option<serde_json::Value>,
}

/// Reads `{"data": […]}` or a bare array; an odd item costs only itself.
fn read(body: &[u8]) -> Option<Vec<Listed>> {
    let mut seen = HashSet::new();
    let models = items(body)?
        .into_iter()
        .filter_map(|item| serde_json::from_str::<Item<'_>>(item.get()).ok());
    let models = models.map(|item| Listed {
        id: item.id.trim().into(),
        created: item
            .created
            .and_then(|value| value.as_i64().or_else(|| whole(value.as_f64()?)))
            .unwrap_or(0),
        owner: item
            .owned_by
            .and_then(|value| value.as_str().map(Into::into)),
        context_window: item.context_window.and_then(|value| value.as_u64()),
    });
    Some(
        models
            .filter(|model| !model.id.is_empty() && seen.insert(model.id.clone()))
            .take(MODELS_MAX)
            .collect(),
    )
}

/// Some vendors write seconds with a fraction.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a time of creation, saturating"
)]
fn whole(seconds: f64) -> Option<i64> {
    seconds.is_finite().then_some(seconds as i64)
}

/// The list itself, wrapped or bare.
fn items(body: &[u8]) -> Option<Vec<&RawValue>> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow, alias = "models")]
        data: Vec<&'a RawValue>,
    }
    let bare = serde_json::from_slice(body);
    bare.or_else(|_| serde_json::from_slice::<Wrapped<'_>>(body).map(|wrapped| wrapped.data))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_item_costs_only_itself() {
        let body = br#"{"object":"list","data":[
            {"id":"a","created":1.5e3,"owned_by":"system","context_length":8192},
            {"id":7},
            {"id":"b","created":"yesterday","owned_by":null},
            {"id":" "},
            {"id":"a"}]}"#;
        let models = read(body).unwrap();
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
    fn a_bare_array_is_a_list_and_a_page_is_not() {
        assert_eq!(read(br#"[{"id":"x"}]"#).unwrap().len(), 1);
        assert_eq!(read(br#"{"models":[{"name":"x"}]}"#).unwrap().len(), 1);
        assert!(read(b"<html>").is_none());
        assert!(read(br#"{"error":"no"}"#).is_none());
    }
}
