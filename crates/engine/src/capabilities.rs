//! `GET /v1/capabilities`: what the vendors in use take and serve, from their rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use providers::{Provider, Support, Surface};
use serde::Serialize;

use crate::surface::SURFACES;
use crate::target::Target;

#[derive(Serialize)]
struct Capabilities<'a> {
    providers: BTreeMap<&'a str, BTreeMap<&'static str, Support>>,
    surfaces: BTreeMap<&'a str, Vec<&'static str>>,
    image_response_formats: BTreeMap<&'a str, Vec<&'static str>>,
}

/// The document for these targets.
pub(crate) fn document(targets: &[Arc<Target>]) -> Bytes {
    let rows = || targets.iter().map(|target| &*target.provider);
    let document = Capabilities {
        providers: rows()
            .map(|row| (row.id.as_str(), providers::profile(row).collect()))
            .collect(),
        surfaces: rows().map(|row| (row.id.as_str(), served(row))).collect(),
        image_response_formats: BTreeMap::new(),
    };
    // Strings always serialise.
    serde_json::to_vec(&document).unwrap_or_default().into()
}

/// What of a vendor's surfaces can be reached through the gateway.
fn served(row: &Provider) -> Vec<&'static str> {
    let routed = SURFACES
        .iter()
        .flat_map(|surface| [Some(surface.whole), surface.streamed])
        .flatten();
    routed
        .filter(|surface| row.serves(*surface))
        .map(Surface::label)
        .collect()
}
