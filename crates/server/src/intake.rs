//! From a request to a call: the credential, the body within its bounds, its index.

use bytes::Bytes;
use engine::gateway::Call;
use engine::receipt::Receipt;
use engine::surface::SurfaceRow;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Request};
use hyper::body::Incoming;
use wire::Envelope;
use wire::envelope::Limits;
use wire::fault::{Fault, Kind};

use crate::edge::{BodyError, read_body};
use crate::render::Answer;
use crate::serve::Incipient;

/// The token of a request, in any of the forms that SDKs send it.
pub(crate) fn credential(headers: &HeaderMap) -> Option<&str> {
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

/// Reads a governed call and hands it to the engine.
pub(crate) async fn call(
    incipient: Incipient<'_>,
    row: &'static SurfaceRow,
    request: Request<Incoming>,
    receipt: &mut Receipt,
) -> Result<Answer, Fault> {
    let (head, body) = request.into_parts();
    check_encoding(&head.headers)?;
    let bytes = read(&incipient, &head.headers, body).await?;
    receipt.note(|notes| notes.bytes_in = bytes.len() as u64);
    let body = Envelope::parse(bytes, Limits::default())
        .map_err(|error| Fault::invalid(error.to_string(), None))?;
    let call = Call {
        row,
        snapshot: incipient.snapshot.clone(),
        principal: incipient.principal,
        headers: head.headers,
        body,
    };
    let gateway = &incipient.core.gateway;
    gateway
        .handle(&incipient.core.upstream, &incipient.core.ids, call, receipt)
        .await
        .map(Answer::Call)
}

async fn read(
    incipient: &Incipient<'_>,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Bytes, Fault> {
    let config = &incipient.snapshot.config;
    let limit = usize::try_from(config.max_request_bytes).unwrap_or(usize::MAX);
    let too_large = || {
        Fault::new(Kind::RequestTooLarge).saying(format!(
            "the body is larger than {limit} bytes (max_request_bytes)"
        ))
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    read_body(body, limit, config.server.body_timeout)
        .await
        .map_err(|error| match error {
            BodyError::TooLarge { .. } => too_large(),
            BodyError::Stalled { after } => Fault::new(Kind::RequestTimeout).saying(format!(
                "no byte of the body came within {after:?} (server.body_timeout)"
            )),
            BodyError::Broken(cause) => Fault::new(Kind::ClientGone).because(cause),
        })
}

/// A compressed body cannot be indexed, so it cannot be governed.
fn check_encoding(headers: &HeaderMap) -> Result<(), Fault> {
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Fault::new(Kind::UnsupportedEncoding))
        }
        _ => Ok(()),
    }
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
