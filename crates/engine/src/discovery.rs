//! What vendors say they serve, asked for in the background.
//!
//! Every target is asked by itself and published by itself, so one vendor that hangs delays nobody.
//! What a vendor said last is kept until it says something else.

mod list;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::gateway::Gateway;
use crate::target::Target;
use crate::upstream::Upstream;

/// A vendor has this long to list its models.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pages are long, but not longer than this.
const LIST_MAX: usize = 16 * 1024 * 1024;
/// Targets asked at a time.
const AT_ONCE: usize = 8;
/// Pages of one list at most.
const PAGES_MAX: usize = 50;
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
    /// How long an answer may be, if the vendor says so.
    pub max_output_tokens: Option<u64>,
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
    let asked = tokio::time::timeout(PATIENCE, list(target, upstream)).await;
    let listed = asked.unwrap_or_else(|_| Err(format!("no list within {PATIENCE:?}")));
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

/// The whole list, page by page.
async fn list(target: &Target, upstream: &Upstream) -> Result<Vec<Listed>, String> {
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    let mut query = None;
    for _ in 0..PAGES_MAX {
        let body = target
            .list_models(upstream, query.as_deref(), LIST_MAX)
            .await?;
        let page = list::read(&body).ok_or("the answer is not a list of models")?;
        let before = all.len();
        let fresh = page.models.into_iter();
        let fresh = fresh.filter(|model| seen.insert(model.id.clone()));
        all.extend(fresh.take(MODELS_MAX - before));
        // Who does not know the query sends the same page for ever.
        query = page.next.filter(|_| all.len() > before);
        if query.is_none() {
            break;
        }
    }
    Ok(all)
}
