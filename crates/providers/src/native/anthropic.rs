//! What Anthropic wants to see in headers.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Names the features that a request uses and that are not everybody's yet.
const BETA: HeaderName = HeaderName::from_static("anthropic-beta");

/// The headers of one call: what the client asked for, and what its request uses.
pub(super) fn headers(client: &HeaderMap, used: &[&str]) -> HeaderMap {
    let asked = client
        .get_all(BETA)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let asked = asked
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|beta| !beta.is_empty());
    let mut betas: Vec<&str> = Vec::new();
    for beta in asked.chain(used.iter().copied()) {
        if !betas.contains(&beta) {
            betas.push(beta);
        }
    }
    let mut headers = HeaderMap::new();
    if let (false, Ok(value)) = (betas.is_empty(), HeaderValue::from_str(&betas.join(","))) {
        headers.insert(BETA, value);
    }
    headers
}
