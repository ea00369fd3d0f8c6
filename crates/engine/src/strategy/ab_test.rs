//! An experiment: a caller is on one side of it, always the same, and every answer says which.
//!
//! Sides are assigned by weighted rendezvous: each side gets a number from the caller and its own
//! name, and the best one counts. When a side is taken out or its weight changes, only callers whose
//! assignment has to change are moved; and the order of the others is where a caller goes when
//! its own side fails.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use config::Sticky;

use super::conditional::place_of;
use super::{Considered, Order, Why, ranked};
use crate::ask::Ask;
use crate::dice::{Dice, arrival, mix};

/// Above every draw there is.
const NO_VARIANT: u128 = 1 << 100;

/// An experiment.
#[derive(Debug)]
pub struct Experiment {
    sticky: Option<Sticky>,
    salt: Box<str>,
    variants: Vec<Variant>,
}

#[derive(Debug)]
struct Variant {
    name: Arc<str>,
    share: f64,
    place: usize,
    /// Tells it from the others, by its name alone.
    seed: u64,
}

impl Experiment {
    pub(super) fn build(spec: &config::Strategy, names: &[&str]) -> Result<Experiment, String> {
        let variants = spec.ab_variants.iter().map(|written| {
            Ok(Variant {
                name: written.name().into(),
                share: written.weight.0,
                place: place_of(&written.target_key, names)?,
                seed: digest(&[written.name().as_bytes()]),
            })
        });
        let variants = variants.collect::<Result<Vec<_>, String>>()?;
        let salt = spec.salt.clone().unwrap_or_else(|| {
            let names: Vec<&str> = variants.iter().map(|variant| &*variant.name).collect();
            names.join("\n")
        });
        Ok(Experiment {
            sticky: spec.sticky.clone(),
            salt: salt.into(),
            variants,
        })
    }

    /// Whether the one at this place is assigned to anybody.
    pub(super) fn has(&self, place: usize) -> bool {
        let mut variants = self.variants.iter();
        variants.any(|variant| variant.place == place && variant.share > 0.0)
    }

    pub(super) fn order(
        &self,
        ask: &Ask<'_>,
        mut considered: Vec<Considered>,
        dice: &mut Dice,
    ) -> Order {
        if ask.addressed {
            return ranked(considered);
        }
        let seed = self.seed(ask).unwrap_or_else(|| dice.number());
        let written = |place| self.variants.iter().any(|variant| variant.place == place);
        considered.retain(|one| self.has(one.place) || !written(one.place));
        let mut assigned: Option<(u128, &Variant)> = None;
        for one in &mut considered {
            let sides = self.variants.iter();
            let sides = sides.filter(|side| side.place == one.place && side.share > 0.0);
            let best = sides
                .map(|side| (arrival(mix(seed ^ side.seed), side.share), side))
                .min_by_key(|(rank, _)| *rank);
            let Some((rank, side)) = best else {
                (one.rank, one.why) = (NO_VARIANT, Why::NoVariant);
                continue;
            };
            (one.rank, one.why) = (rank, Why::OtherVariant);
            one.variant = Some(side.name.clone());
            if assigned.is_none_or(|(least, _)| rank < least) {
                assigned = Some((rank, side));
            }
        }
        let Some((rank, side)) = assigned else {
            return Order::none("no variant of the experiment serves it");
        };
        for one in considered.iter_mut().filter(|one| one.rank == rank) {
            one.why = Why::Assigned;
        }
        Order {
            variant: Some(side.name.clone()),
            ..ranked(considered)
        }
    }

    /// What stands for the caller; nothing where each call is drawn anew.
    fn seed(&self, ask: &Ask<'_>) -> Option<u64> {
        let key = || {
            let id = (!ask.principal.is_anonymous()).then(|| ask.principal.id.as_bytes());
            id.map(|id| self.digest("key", id))
        };
        match &self.sticky {
            Some(Sticky::None) => None,
            Some(Sticky::Key) => key(),
            Some(Sticky::Header(name)) => match ask.headers.get(name) {
                Some(value) => Some(self.digest("header", value.as_bytes())),
                None => key(),
            },
            None | Some(Sticky::User) => match ask.text.user() {
                Some(user) => Some(self.digest("user", user.as_bytes())),
                None => key(),
            },
        }
    }

    fn digest(&self, kind: &str, value: &[u8]) -> u64 {
        digest(&[self.salt.as_bytes(), kind.as_bytes(), value])
    }
}

/// A number from these parts, and from where one ends and the next begins.
fn digest(parts: &[&[u8]]) -> u64 {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let hash = context.finish();
    let first = hash.as_ref().iter().take(8);
    first.fold(0, |number, byte| number << 8 | u64::from(*byte))
}
