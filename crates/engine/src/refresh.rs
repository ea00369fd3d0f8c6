//! A newer catalog, fetched in the background.
//!
//! The gateway starts with what it has and never waits for this. What was fetched is used only if
//! it is whole, is what the operator said it must be, and knows no less than what it replaces; in
//! every other case what is known stays.

mod fetch;
mod verify;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use catalog::{DOCUMENT_MAX, Day, Document};
use config::{ModelCatalog, Tokenizer};
use http::HeaderValue;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::tokens;
use crate::upstream::Upstream;
use fetch::Fetched;

/// What is remembered from one round to the next.
#[derive(Default)]
pub struct Refresh {
    /// The address that the rest is about.
    url: String,
    /// The vendor's mark of what was taken last.
    etag: Option<HeaderValue>,
    modified: Option<HeaderValue>,
    /// When to ask again; at once when it was never asked.
    due: Option<Instant>,
    /// Whether the last one fetched before this start has been looked at.
    looked_at_disk: bool,
}

/// After a failure it is asked again earlier.
const AFTER_FAILURE: Duration = Duration::from_mins(10);

impl Refresh {
    /// Asks if the operator names an address and it is time; the prices of a new day count in any
    /// case.
    pub async fn round(&mut self, gateway: &Gateway, upstream: &Upstream) {
        let config = gateway.snapshot().config.clone();
        if config.estimates.tokenizer == Tokenizer::Exact {
            // Only the first time does it take long; nobody waits for it.
            tokio::task::spawn_blocking(tokens::load);
        }
        let wanted = &config.catalog;
        let Some(url) = wanted.url.as_deref().filter(|_| wanted.enabled) else {
            return gateway.renew_prices();
        };
        if self.url != url {
            let looked_at_disk = self.looked_at_disk;
            *self = Refresh {
                url: url.to_owned(),
                looked_at_disk,
                ..Refresh::default()
            };
        }
        if self.due.is_some_and(|due| Instant::now() < due) {
            return gateway.renew_prices();
        }
        self.look_at_disk(wanted, gateway).await;
        let done = self.fetch(wanted, gateway, upstream).await;
        let result = if done.is_ok() { "success" } else { "error" };
        gateway.metrics().catalog_load("remote", result);
        let pause = match done {
            Ok(_) => wanted.interval,
            Err(_) => wanted.interval.min(AFTER_FAILURE),
        };
        self.due = Some(Instant::now() + pause);
        match done {
            Ok(Some(models)) => tracing::info!(models, "a newer catalog of models is in use"),
            Ok(None) => gateway.renew_prices(),
            Err(error) => {
                let url = fetch::shown(url);
                tracing::warn!(
                    url,
                    error,
                    "no newer catalog of models; keeping what was known"
                );
                gateway.renew_prices();
            }
        }
    }

    /// Fetches, checks and publishes; the number of models, or None when nothing has changed.
    async fn fetch(
        &mut self,
        wanted: &ModelCatalog,
        gateway: &Gateway,
        upstream: &Upstream,
    ) -> Result<Option<usize>, String> {
        let marks = (self.etag.as_ref(), self.modified.as_ref());
        let ways = gateway.ways();
        let asked = fetch::get(&ways, upstream, &self.url, marks, DOCUMENT_MAX);
        let limit = wanted.fetch_timeout;
        let late = |_| format!("not fetched within {limit:?} (catalog.fetch_timeout)");
        let Some(fetched) = tokio::time::timeout(limit, asked).await.map_err(late)?? else {
            return Ok(None);
        };
        verify::hash(wanted.expected_hash(), &fetched.body)?;
        if let Some(key) = wanted.signer() {
            let at = fetch::signature_of(&self.url);
            let asked = fetch::get(&ways, upstream, &at, (None, None), verify::SIGNATURE_MAX);
            let signature = tokio::time::timeout(limit, asked).await.map_err(late)??;
            verify::signature(&key, &fetched.body, signature.as_ref())?;
        }
        let models = publish(gateway, &fetched.body)?;
        if let Some(file) = &wanted.cache_file
            && let Err(error) = keep(file, &fetched.body).await
        {
            tracing::warn!(file = %file.display(), %error, "the catalog cannot be kept for the next start");
        }
        let Fetched { etag, modified, .. } = fetched;
        (self.etag, self.modified) = (etag, modified);
        Ok(Some(models))
    }

    /// Takes in what an earlier run has kept. It was checked then; the hash is checked again, since
    /// the operator may want another one now.
    async fn look_at_disk(&mut self, wanted: &ModelCatalog, gateway: &Gateway) {
        let Some(file) = &wanted.cache_file else {
            return;
        };
        if std::mem::replace(&mut self.looked_at_disk, true) {
            return;
        }
        let read = tokio::fs::read(file)
            .await
            .map_err(|error| error.to_string());
        let taken = read.and_then(|bytes| {
            verify::hash(wanted.expected_hash(), &bytes)?;
            publish(gateway, &bytes)
        });
        let result = if taken.is_ok() { "success" } else { "error" };
        gateway.metrics().catalog_load("disk", result);
        match taken {
            Ok(models) => tracing::info!(models, "the catalog of the last run is in use"),
            Err(error) => {
                tracing::info!(file = %file.display(), error, "no catalog of an earlier run");
            }
        }
    }
}

fn publish(gateway: &Gateway, bytes: &[u8]) -> Result<usize, String> {
    let known = gateway.snapshot().catalog().clone();
    let document = Document::read(bytes, &known, today()).map_err(|error| error.to_string())?;
    let models = document.len();
    gateway
        .publish_catalog(document)
        .map_err(|error| error.to_string())?;
    Ok(models)
}

/// Writes beside the file and puts it in its place whole.
async fn keep(file: &Path, bytes: &Bytes) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    tokio::fs::write(&beside, bytes).await?;
    tokio::fs::rename(&beside, file).await
}

/// The day it is.
pub(crate) fn today() -> Day {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Day::of_unix(now.unwrap_or_default().as_secs())
}

#[cfg(test)]
mod tests;
