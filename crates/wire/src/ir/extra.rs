//! What a client wrote for one vendor alone.

use super::block::Raw;
use super::plan::{Dropped, Plan};
use crate::json::{self, Node, merge};

/// What is settled before a client's wishes: which model answers, and how. A key may be for one model
/// alone, and calls are paid for as what was asked.
const SETTLED: [&str; 3] = ["model", "version", "stream"];

/// The body with the members laid over it that the client wrote for this vendor: they have the last
/// word, but for what is settled.
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
        (Some(own), Ok(text)) => {
            let mut own = own.raw().to_owned();
            let names = Node::of(&own).members().into_iter();
            let settled: Vec<_> = names
                .map(|(name, _)| name.into_owned())
                .filter(|name| is_settled(name))
                .collect();
            for name in settled {
                if let Some(without) = json::remove_member(&own, &name) {
                    dropped.note("extra_body");
                    own = without;
                }
            }
            merge(Node::of(text), Node::of(&own))
        }
        _ => {
            dropped.note_if(own.is_none(), "extra_body");
            body
        }
    }
}

/// Some vendors match names without case, as Unicode folds it: `ſtream` is `stream` to them.
fn is_settled(name: &str) -> bool {
    let folded = name.to_uppercase();
    SETTLED
        .iter()
        .any(|settled| settled.to_uppercase() == folded)
}
