//! Who calls, and whether the route is for them.
//!
//! Only a request without a valid credential is held to the limit of its address, so a flood of
//! them cannot starve the callers beside it.

use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use engine::gateway::Gateway;
use engine::principal::{Principal, Scope};
use engine::snapshot::Snapshot;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use wire::fault::{Fault, Kind};

use crate::routes::Access;
use crate::site::Site;

/// The caller, if the route lets anyone like them in.
pub(crate) fn identify(
    gateway: &Gateway,
    snapshot: &Snapshot,
    site: &Site,
    (address, headers): (IpAddr, &HeaderMap),
    access: Access,
) -> Result<Principal, Fault> {
    let token = credential(headers);
    if let Some(known) = token.and_then(|token| snapshot.keys.identify(token, SystemTime::now)) {
        return Ok(known.clone());
    }
    if let Err(wait) = site.limit.allow(address, Instant::now()) {
        gateway.metrics().rate_limited("ip");
        let mut fault = Fault::new(Kind::RateLimited);
        fault.retry_after = Some(wait.0);
        return Err(fault);
    }
    let needs_no_key = match access {
        Access::Open => true,
        Access::Known | Access::Inference => gateway.asks_for_no_key(),
        Access::Scoped(_) => false,
    };
    match (needs_no_key, token) {
        (true, _) => Ok(Principal::anonymous()),
        (false, Some(_)) => Err(Fault::new(Kind::InvalidKey)),
        (false, None) => Err(Fault::new(Kind::MissingKey)),
    }
}

/// Whether the route is for this caller.
pub(crate) fn check(caller: &Principal, access: Access) -> Result<(), Fault> {
    let needed = match access {
        Access::Open | Access::Known => return Ok(()),
        Access::Inference => Scope::Inference,
        Access::Scoped(scope) => scope,
    };
    if caller.scopes.allow(needed) {
        return Ok(());
    }
    let lacking = format!(
        "the API key `{}` lacks the scope `{}`",
        caller.id,
        needed.label()
    );
    Err(Fault::new(Kind::InsufficientScope).saying(lacking))
}

/// The token of a request, in any of the forms that SDKs send it.
fn credential(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(bearer_token);
    bearer.or_else(|| {
        let plain = headers
            .get("x-api-key")
            .or_else(|| headers.get("api-key"))?;
        plain
            .to_str()
            .ok()
            .map(str::trim)
            .filter(|token| !token.is_empty())
    })
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_every_form_that_sdks_send() {
        for (name, value, token) in [
            ("authorization", "Bearer k", Some("k")),
            ("authorization", "bearer  k ", Some("k")),
            ("authorization", "BEARER k", Some("k")),
            ("authorization", "Basic k", None),
            ("authorization", "Bearer ", None),
            ("authorization", "k", None),
            ("x-api-key", "k", Some("k")),
            ("api-key", " k ", Some("k")),
            ("api-key", "", None),
            ("cookie", "k", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(credential(&headers), token, "{name}: {value}");
        }
    }
}
