//! Where a prediction is created whose output is pictures.

use http::{HeaderMap, HeaderName, HeaderValue};
use wire::ir::Refusal;

use super::ModelName;

/// The longest that the vendor waits before it answers with an unfinished prediction.
const WAIT: HeaderValue = HeaderValue::from_static("wait=60");

/// The path below the API root, and what is sent along. A refusal when the name is none of
/// `owner/name` and `owner/name:version`.
pub(in crate::native) fn create(model: &str) -> Result<(String, HeaderMap), Refusal> {
    let name = ModelName::of(model)?;
    let path = match name.version {
        Some(_) => "/predictions".to_owned(),
        None => format!("{}/predictions", name.path()),
    };
    let prefer = HeaderName::from_static("prefer");
    Ok((path, HeaderMap::from_iter([(prefer, WAIT)])))
}
