//! The files that a call names by URL: fetched when the first target needs them, and kept for those
//! that come after it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use tokio::time::{Instant, timeout_at};
use wire::fault::{Fault, Kind};
use wire::ir::files::{Files, Wanted};
use wire::ir::media;

use crate::egress::{self, Egress, Fetches, Refused};
use crate::receipt::Fetched;

/// Files of one call that are fetched at the same time.
const AT_ONCE: usize = 4;

/// The files of one call.
pub(super) struct Media<'a> {
    fetches: Fetches<'a>,
    files: Files,
    /// Why others are not there. Nobody is asked twice.
    refused: BTreeMap<String, Refused>,
    brought: Fetched,
}

impl<'a> Media<'a> {
    pub(super) fn of(egress: &'a Egress) -> Media<'a> {
        Media {
            fetches: egress.begin(),
            files: Files::new(egress.is_on()),
            refused: BTreeMap::new(),
            brought: Fetched::default(),
        }
    }

    /// What was fetched.
    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// The same in numbers.
    pub(super) fn brought(&self) -> Fetched {
        self.brought
    }

    /// Fetches what is wanted and not there, until that time. A fault names the field whose file
    /// cannot be had.
    pub(super) async fn bring(
        &mut self,
        wanted: &[Wanted],
        until: Option<Instant>,
    ) -> Result<(), Fault> {
        let begun = Instant::now();
        let in_time = match until {
            Some(end) if end <= begun => false,
            Some(end) => timeout_at(end, self.fetch(wanted)).await.is_ok(),
            None => {
                self.fetch(wanted).await;
                true
            }
        };
        self.brought.took += begun.elapsed();
        if !in_time {
            let late = "files that the request names did not arrive in time (request_timeout)";
            return Err(Fault::new(Kind::GatewayTimeout).because(late));
        }
        wanted.iter().try_for_each(|wanted| self.check(wanted))
    }

    async fn fetch(&mut self, wanted: &[Wanted]) {
        let urls = || wanted.iter().map(|wanted| &*wanted.url);
        if urls().any(|url| self.refused.contains_key(url)) {
            return;
        }
        let missing: BTreeSet<&str> = urls()
            .filter(|url| self.files.media_type(url).is_none())
            .collect();
        if let Err(refused) = self.fetches.admit(self.files.len() + missing.len()) {
            let all = missing
                .into_iter()
                .map(|url| (url.to_owned(), refused.clone()));
            return self.refused.extend(all);
        }
        let fetches = &self.fetches;
        let each: Vec<_> = missing.iter().map(|url| fetch(fetches, url)).collect();
        let mut each = stream::iter(each).buffer_unordered(AT_ONCE);
        while let Some((url, fetched)) = each.next().await {
            match fetched {
                Ok(file) => {
                    self.brought.files += 1;
                    self.brought.bytes += file.bytes.len() as u64;
                    let base64 = media::encode(&file.bytes);
                    self.files.keep(&url, file.media_type, base64);
                }
                Err(refused) => {
                    self.refused.insert(url, refused);
                    // The others are of no use without it.
                    return;
                }
            }
        }
    }

    /// Whether a file is there, and what its part of the request says it is. One that is missing
    /// without a reason was given up for another's.
    fn check(&self, wanted: &Wanted) -> Result<(), Fault> {
        if let Some(refused) = self.refused.get(&wanted.url) {
            return Err(refused.fault(&wanted.place));
        }
        match self.files.media_type(&wanted.url) {
            Some(found) if !wanted.kind.fits(found) => {
                let noun = wanted.kind.noun();
                Err(Refused::OtherKind { found, noun }.fault(&wanted.place))
            }
            _ => Ok(()),
        }
    }
}

/// One file, with its URL.
fn fetch<'f>(
    fetches: &'f Fetches<'_>,
    url: &str,
) -> BoxFuture<'f, (String, Result<egress::Media, Refused>)> {
    let url = url.to_owned();
    Box::pin(async move {
        let fetched = fetches.fetch(&url).await;
        (url, fetched)
    })
}
