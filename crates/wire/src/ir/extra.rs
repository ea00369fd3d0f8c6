//! What a client wrote for one vendor alone.

use super::block::Raw;
use super::plan::{Dropped, Plan};
use crate::json::{Node, merge};

/// The body with the members laid over it that the client wrote for this vendor: they have the last
/// word.
pub(crate) fn with_extra(
    body: Vec<u8>,
    extra: Option<&Raw<'_>>,
    plan: &Plan<'_>,
    dropped: &mut Dropped,
) -> Vec<u8> {
    let Some(extra) = extra.map(Raw::node) else {
        return body;
    };
    // What is no object would take the place of the whole body.
    let own = extra.get(plan.provider).filter(|own| own.is_object());
    match (own, std::str::from_utf8(&body)) {
        (Some(own), Ok(text)) => merge(Node::of(text), own),
        _ => {
            dropped.note_if(own.is_none(), "extra_body");
            body
        }
    }
}
