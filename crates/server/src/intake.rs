//! From a request to a call: the body within its bounds, and its index.

use std::time::Instant;

use bytes::Bytes;
use engine::gateway::Call;
use engine::receipt::Receipt;
use engine::surface::SurfaceRow;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use wire::Envelope;
use wire::envelope::Limits;
use wire::fault::{Fault, Kind};

use crate::edge::{BodyError, read_body};
use crate::render::Answer;
use crate::serve::Admitted;

/// Reads a governed call and hands it to the engine.
pub(crate) async fn call(
    admitted: Admitted<'_>,
    row: &'static SurfaceRow,
    request: &mut Request<Incoming>,
    receipt: &mut Receipt,
) -> Result<Answer, Fault> {
    let core = admitted.core;
    let call = take_in(admitted, row, request, receipt).await?;
    core.gateway
        .handle(&core.upstream, &core.ids, &call, receipt)
        .await
        .map(Answer::Call)
}

/// Reads a call and has the engine say where it would go.
pub(crate) async fn explain(
    admitted: Admitted<'_>,
    row: &'static SurfaceRow,
    request: &mut Request<Incoming>,
    receipt: &mut Receipt,
) -> Result<Answer, Fault> {
    let core = admitted.core;
    let call = take_in(admitted, row, request, receipt).await?;
    let explanation = core.gateway.explain(&core.ids, &call)?;
    // Texts and numbers always serialise.
    let body = serde_json::to_vec(&explanation).unwrap_or_default();
    Ok(Answer::json(StatusCode::OK, body))
}

async fn take_in(
    admitted: Admitted<'_>,
    row: &'static SurfaceRow,
    request: &mut Request<Incoming>,
    receipt: &mut Receipt,
) -> Result<Call, Fault> {
    check_encoding(request.headers())?;
    let begun = Instant::now();
    let read = read(&admitted, request.body_mut()).await;
    receipt.note(|notes| notes.client_wait = begun.elapsed());
    let bytes = read?;
    receipt.note(|notes| notes.bytes_in = bytes.len() as u64);
    let body = Envelope::parse(bytes, Limits::default())
        .map_err(|error| Fault::invalid(error.to_string(), None))?;
    Ok(Call {
        trace: admitted.trace,
        row,
        snapshot: admitted.snapshot.clone(),
        principal: admitted.principal,
        headers: std::mem::take(request.headers_mut()),
        body,
    })
}

async fn read(admitted: &Admitted<'_>, body: &mut Incoming) -> Result<Bytes, Fault> {
    let config = &admitted.snapshot.config;
    let limit = usize::try_from(config.max_request_bytes).unwrap_or(usize::MAX);
    read_body(body, limit, config.server.body_timeout)
        .await
        .map_err(|error| match error {
            BodyError::TooLarge { limit } => Fault::new(Kind::RequestTooLarge).saying(format!(
                "the body is larger than {limit} bytes (max_request_bytes)"
            )),
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
