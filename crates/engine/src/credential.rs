//! Credentials that are not a key in a header: tokens that are fetched and run out, and requests that
//! are signed one by one.
//!
//! What is asked of a token service and what its answers mean is `providers::auth`'s business; here
//! it is sent, kept and renewed. A call finds a token that is good without waiting and without a lock.

mod aws;
mod cell;
mod databricks;
mod entra;
mod file;
mod google;
mod net;
mod recipe;
mod shelf;
mod sign;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use telemetry::Redactor;
use wire::fault::{Fault, Kind};

pub(crate) use cell::Cell;
use cell::Held;
pub(crate) use net::{Net, ProxyRule};
pub(crate) use recipe::{Found, Ground, find};
pub(crate) use shelf::Shelves;
pub(crate) use sign::Signed;

/// A credential that is used younger than this is not fetched anew because a vendor refuses it: the
/// refusal means something else.
const YOUNG: Duration = Duration::from_secs(30);

/// What a call adds to a request, beyond the headers that stand.
pub(crate) enum Credential {
    /// A token in `Authorization`.
    Token(Arc<Cell<HeaderValue>>),
    /// A signature over the request.
    Signed(Signed),
}

/// What was added, for telling whether it is still the newest.
pub(crate) enum Used {
    /// A token.
    Token(Arc<Held<HeaderValue>>),
    /// A signature with these keys.
    Keys(Arc<Held<providers::auth::aws::AwsKeys>>),
}

impl Credential {
    /// Finishes a request, whose `Host` must be there already. Waits only when no good credential is
    /// at hand.
    pub(crate) async fn apply(&self, request: &mut Request<Bytes>) -> Result<Used, Fault> {
        match self {
            Credential::Token(cell) => {
                let held = cell.get().await.map_err(fault)?;
                let headers = request.headers_mut();
                headers.insert(AUTHORIZATION, held.value.clone());
                Ok(Used::Token(held))
            }
            Credential::Signed(signed) => {
                let held = signed.keys.get().await.map_err(fault)?;
                signed
                    .sign(request, &held.value, seconds())
                    .map_err(fault)?;
                Ok(Used::Keys(held))
            }
        }
    }

    /// Whether an answer says that the credential is over, and another try with a fresh one, which
    /// the next [`apply`](Credential::apply) brings, may do better.
    pub(crate) fn is_over(&self, used: &Used, status: StatusCode, headers: &HeaderMap) -> bool {
        match (self, used) {
            (Credential::Token(cell), Used::Token(held)) => {
                status == StatusCode::UNAUTHORIZED && cell.forget(held, YOUNG)
            }
            (Credential::Signed(signed), Used::Keys(held)) => {
                providers::auth::aws::refuses_the_keys(status, headers)
                    && (signed.learn_the_time(headers, seconds())
                        || signed.keys.forget(held, YOUNG))
            }
            _ => false,
        }
    }

    /// Fetches what will be needed, so that no call has to wait for it.
    pub(crate) async fn warm(&self) {
        // What goes wrong is told by the cell.
        match self {
            Credential::Token(cell) => drop(cell.get().await),
            Credential::Signed(signed) => drop(signed.keys.get().await),
        }
    }

    /// The text without what is secret in the credential of the moment.
    pub(crate) fn scrubbed<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secrets: Vec<String> = match self {
            Credential::Token(cell) => cell
                .peek()
                .and_then(|held| {
                    Some(
                        held.value
                            .to_str()
                            .ok()?
                            .trim_start_matches("Bearer ")
                            .to_owned(),
                    )
                })
                .into_iter()
                .collect(),
            Credential::Signed(signed) => signed.keys.peek().map_or_else(Vec::new, |held| {
                let token = held.value.session_token.as_ref();
                std::iter::once(&held.value.secret_access_key)
                    .chain(token)
                    .map(|secret| secret.expose().to_owned())
                    .collect()
            }),
        };
        match Redactor::default().and_values(secrets).redact(text) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(clean) => Cow::Owned(clean),
        }
    }
}

/// Why a call goes without a credential.
fn fault(why: impl std::fmt::Display) -> Fault {
    Fault::new(Kind::UpstreamAuth)
        .saying("the gateway has no valid credential for the provider")
        .because(why.to_string())
}

/// Seconds since 1970.
fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
