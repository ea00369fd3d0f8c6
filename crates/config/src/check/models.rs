//! Models of targets, and aliases: names that say something, patterns that can be filled in.

use std::collections::BTreeMap;

use super::routes::MOST_STARS;
use super::{Check, Place, wrong_model};
use crate::models::Models;
use crate::path::{Path, Quoted};
use crate::routes::OneOrMany;

impl Check<'_> {
    pub(super) fn served(&mut self, at: &Path<'_>, models: &Models) {
        let ids = match models {
            Models::List(ids) => return self.models(at, ids),
            Models::Map(ids) => ids,
        };
        for (asked, model) in ids {
            let here = at.key(asked);
            if let Some(wrong) = wrong_model(&asked.replace('*', "x")) {
                self.tell_key(&here, wrong);
            }
            let stars = |text: &str| text.matches('*').count();
            if stars(asked) > MOST_STARS {
                self.tell_key(&here, format!("a pattern has at most {MOST_STARS} `*`"));
            }
            let Some(own) = model.id() else { continue };
            if own.is_empty() || own.trim() != own {
                let message = "the target's own id must not be empty or have space around it";
                self.tell(&here, message);
            } else if stars(own) > stars(asked) {
                let message = format!(
                    "`{}` has more `*` than `{}`, there is nothing to put in their place",
                    Quoted(own, 60),
                    Quoted(asked, 60)
                );
                self.tell(&here, message);
            }
        }
    }

    pub(super) fn aliases(&mut self, aliases: &BTreeMap<String, OneOrMany>) {
        let section = Path::Root.key("aliases");
        for (name, models) in aliases {
            let at = section.key(name);
            if name.trim().is_empty() {
                self.tell_key(&at, "an alias needs a name");
            }
            for (index, model) in models.as_slice().iter().enumerate() {
                let item = at.index(index);
                let here = match models {
                    OneOrMany::One(_) => &at,
                    OneOrMany::Many(_) => &item,
                };
                let quoted = Quoted(model, 60);
                if model.trim().is_empty() {
                    self.tell(here, "an alias needs a model");
                } else if model == name {
                    self.tell(here, "an alias must not mean itself");
                } else if aliases.contains_key(model) {
                    let message = format!("`{quoted}` is an alias too, an alias must mean a model");
                    self.tell(here, message);
                } else if models.as_slice()[..index].contains(model) {
                    let message = format!("`{quoted}` stands in this list already");
                    self.tell_with(here, Place::Value, message, None);
                }
            }
        }
    }
}
