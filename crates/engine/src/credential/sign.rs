//! Requests signed with AWS keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{DATE, HOST};
use http::{HeaderMap, Request};
use providers::auth::BadCredential;
use providers::auth::aws::{AwsKeys, Signer, region_of_host};

use super::cell::Cell;

/// Clocks that are less apart than this are not why a signature is refused.
const APART: u64 = 60;

/// Keys, and what they sign for.
pub(crate) struct Signed {
    /// The keys.
    pub(crate) keys: Arc<Cell<AwsKeys>>,
    /// The region of hosts that do not tell theirs.
    pub(crate) region: Box<str>,
    /// The service's name in signatures.
    pub(crate) service: Box<str>,
    /// Seconds by which the service's clock is ahead of ours.
    pub(crate) ahead: AtomicI64,
}

impl Signed {
    /// Signs a request that is otherwise ready. `now` is in seconds since 1970.
    pub(super) fn sign(
        &self,
        request: &mut Request<Bytes>,
        keys: &AwsKeys,
        now: u64,
    ) -> Result<(), BadCredential> {
        let body = request.body().clone();
        let host = request.headers().get(HOST).cloned();
        let host = host.as_ref().and_then(|host| host.to_str().ok());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let signer = Signer {
            keys,
            region: host.and_then(region_of_host).unwrap_or(&self.region),
            service: &self.service,
            now: now.saturating_add_signed(self.ahead.load(Ordering::Relaxed)),
        };
        signer.sign(&method, &uri, request.headers_mut(), &body)
    }

    /// Takes the service's clock for right where it is far from the one that signed. Whether it was.
    pub(super) fn learn_the_time(&self, answer: &HeaderMap, now: u64) -> bool {
        let date = answer.get(DATE).and_then(|date| date.to_str().ok());
        let Some(theirs) = date
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok())
        else {
            return false;
        };
        let Ok(ahead) = i64::try_from(i128::from(theirs.as_secs()) - i128::from(now)) else {
            return false;
        };
        let before = self.ahead.load(Ordering::Relaxed);
        if ahead.abs_diff(before) < APART {
            return false;
        }
        tracing::warn!(
            seconds = ahead,
            "the clock of a vendor is far from this machine's; signing by the vendor's"
        );
        self.ahead.store(ahead, Ordering::Relaxed);
        true
    }
}
