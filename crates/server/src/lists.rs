//! What clients may ask about: models, one model, what providers take.

use engine::principal::Principal;
use engine::snapshot::Snapshot;
use http::StatusCode;
use percent_encoding::percent_decode_str;
use wire::fault::{Fault, Kind};

use crate::render::Answer;

/// `GET /v1/models`: what the caller may ask for.
pub(crate) fn models(snapshot: &Snapshot, principal: &Principal) -> Answer {
    let directory = snapshot.directory();
    let list = match &principal.models {
        None => directory.list(),
        Some(_) => directory.list_for(|model| principal.may_use(model)),
    };
    Answer::json(StatusCode::OK, list)
}

/// `GET /v1/models/{id}`; an id may hold slashes, spelt as they are or escaped. What the caller may
/// not ask for is not there.
pub(crate) fn model(
    snapshot: &Snapshot,
    principal: &Principal,
    path: &str,
) -> Result<Answer, Fault> {
    let id = path.strip_prefix("/v1/models/").unwrap_or_default();
    let asked = percent_decode_str(id).decode_utf8_lossy();
    let mut meant = snapshot.meant(&asked);
    let entry = meant.find_map(|model| {
        let may_use = principal.may_use(&asked) || principal.may_use(model);
        snapshot.model_entry(model).filter(|_| may_use)
    });
    entry
        .map(|entry| Answer::json(StatusCode::OK, entry))
        .ok_or_else(|| {
            let mut fault = Fault::new(Kind::ModelNotFound);
            fault.param = Some("model".into());
            fault
        })
}

/// `GET /v1/capabilities`.
pub(crate) fn capabilities(snapshot: &Snapshot) -> Answer {
    Answer::json(StatusCode::OK, snapshot.capabilities())
}
