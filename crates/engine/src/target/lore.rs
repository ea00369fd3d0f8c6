//! What a vendor tells of its models, kept for those of its calls that want to know it first.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Method, StatusCode};
use providers::auth::Granted;
use providers::native::{self, Description};
use tokio::time::timeout;

use super::Target;
use crate::body::collect;
use crate::credential::Cell;
use crate::upstream::Upstream;

/// How long what was told is believed, and how long nothing is asked after nothing was told.
const BELIEVED: Duration = Duration::from_hours(1);
const UNTOLD: Duration = Duration::from_mins(1);
/// A call waits no longer for it: it can do without.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a description.
const LIMIT: usize = 4 << 20;
/// Models that are remembered.
const MODELS_MAX: usize = 256;

type Told = Option<Arc<Description>>;

/// What is known of a target's models.
#[derive(Default)]
pub(super) struct Lore(ArcSwap<HashMap<Box<str>, Arc<Cell<Told>>>>);

impl Lore {
    fn of(&self, model: &str, make: impl FnOnce() -> Arc<Cell<Told>>) -> Arc<Cell<Told>> {
        if let Some(known) = self.0.load().get(model) {
            return known.clone();
        }
        let new = make();
        self.0.rcu(|known| {
            let mut known = HashMap::clone(known);
            if known.len() >= MODELS_MAX {
                known.clear();
            }
            known.entry(model.into()).or_insert_with(|| new.clone());
            known
        });
        // Somebody else may have been first.
        self.0.load().get(model).cloned().unwrap_or(new)
    }
}

impl Target {
    /// What the vendor tells of the model at this path. One call asks for all that wait for it.
    pub(crate) async fn described(self: &Arc<Target>, model: &str, path: String) -> Told {
        let cell = self.lore.of(model, || cell(Arc::downgrade(self), path));
        cell.get().await.ok().and_then(|held| held.value.clone())
    }

    async fn describe(&self, path: &str) -> Told {
        let key = self.pick_key(0);
        let request = self.request_below(Method::GET, path, key).ok()?;
        // Its own connection: the one who asks may be gone before the answer is there.
        let answer = self.send(&Upstream::new(), Box::new(request)).await.ok()?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        let body: Bytes = collect(answer.into_body(), LIMIT, PATIENCE).await.ok()?;
        native::Description::read(&body).map(Arc::new)
    }
}

fn cell(target: Weak<Target>, path: String) -> Arc<Cell<Told>> {
    let fetch = move || {
        let (target, path) = (target.clone(), path.clone());
        let asking = async move {
            let target = target.upgrade()?;
            let asked = timeout(PATIENCE, target.describe(&path)).await;
            asked.ok().flatten()
        };
        let granted = async move {
            let told = asking.await;
            let lifetime = if told.is_some() { BELIEVED } else { UNTOLD };
            Ok(Granted {
                value: told,
                lifetime: Some(lifetime),
            })
        };
        Box::pin(granted) as futures_util::future::BoxFuture<'static, _>
    };
    Cell::new("what a model takes", Box::new(fetch))
}
