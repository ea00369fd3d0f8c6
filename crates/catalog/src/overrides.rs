//! What the operator says of models: rows of their own, and corrections of rows there are.

use crate::capability::{Capability, Tri};
use crate::catalog::Catalog;
use crate::day::Day;
use crate::mode::{Mode, Modes};
use crate::model::Entry;
use crate::price::Price;
use crate::table::{self, Heading, Table};

/// What the operator says of one model. What is left out stays as it was known; of a model that
/// was not known it stays unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// The vendor's row.
    pub provider: String,
    /// The model's name there.
    pub model: String,
    /// What it serves, the main use first.
    pub modes: Vec<Mode>,
    /// How many tokens it reads at most.
    pub context: Option<u64>,
    /// How many it writes at most.
    pub output: Option<u64>,
    /// What it can and cannot do.
    pub capabilities: Vec<(Capability, bool)>,
    /// What it costs: the whole price list, in place of the one that was known.
    pub price: Option<Price>,
    /// The day from which it is not served.
    pub retires: Option<Day>,
}

/// The operator's rows, each over the row there was.
pub(crate) fn table(known: &Catalog, overrides: &[Override], today: Day) -> Table {
    let entries = overrides.iter().map(|own| entry(known, own, today));
    let heading = Heading {
        date: today,
        ..Heading::default()
    };
    Table::read(table::write(&heading, entries)).unwrap_or_else(|_| Table::empty())
}

fn entry(known: &Catalog, own: &Override, today: Day) -> Entry {
    let mut entry = match known.lookup(&own.provider, &own.model) {
        Some(model) => Entry::like(&model, known.source(&model)),
        None => Entry::new(&own.provider, &own.model, Modes::only(Mode::Chat)),
    };
    entry.provider.clone_from(&own.provider);
    entry.id.clone_from(&own.model);
    entry.date = today;
    "operator".clone_into(&mut entry.source);
    if let Some((main, others)) = own.modes.split_first() {
        let modes = others
            .iter()
            .fold(Modes::only(*main), |all, mode| all.and(*mode));
        entry.modes = modes;
    }
    entry.context = own.context.or(entry.context);
    entry.output = own.output.or(entry.output);
    entry.retires = own.retires.or(entry.retires);
    for (capability, can) in &own.capabilities {
        entry.capabilities.set(*capability, Tri::from(*can));
    }
    if let Some(price) = &own.price {
        entry.prices = vec![(None, price.clone())];
    }
    entry
}
