//! A target against its provider's row, and an operator's own rows by themselves.

use providers::{BadBaseUrl, Provider, Vars};

use super::{Check, Place};
use crate::guess;
use crate::path::{Path, Quoted};
use crate::secret;
use crate::target::Target;

/// What stands for a reference while an address is tried: plain in a host, a port and a path.
const STAND_IN: &str = "1";

impl Check<'_> {
    pub(super) fn rows(&mut self, rows: &[Provider]) {
        let list = Path::Root.key("providers");
        self.unique(&list, "id", rows.iter().map(|row| &row.id));
        for (index, row) in rows.iter().enumerate() {
            let at = list.index(index);
            for defect in row.defects() {
                self.tell_field(&at, &defect.field, &defect.message);
            }
            if self.known.providers.contains(&row.id.as_str()) {
                let message = format!("`{}` replaces the built-in provider of that name", row.id);
                self.warn(&at.key("id"), message, None);
            }
        }
    }

    /// Tells a problem of a field such as `paths.chat` below `at`.
    fn tell_field(&mut self, at: &Path<'_>, field: &str, message: &str) {
        match field.split_once('.') {
            Some((head, rest)) => self.tell_field(&at.key(head), rest, message),
            None => self.tell(&at.key(field), message),
        }
    }

    /// Everything about a target that follows from its provider.
    pub(super) fn vendor(&mut self, at: &Path<'_>, target: &Target, rows: &[Provider]) {
        let id = target.provider_id();
        if let Some(row) = rows.iter().find(|row| row.id == id) {
            // The row's own defects are told with the row.
            if row.defects().is_empty() {
                self.against(at, target, row);
            }
        } else if !self.known.providers.contains(&id) {
            self.unknown_provider(at, target, rows);
        } else if let Some(row) = providers::builtin().get(id) {
            self.against(at, target, row);
        }
    }

    fn unknown_provider(&mut self, at: &Path<'_>, target: &Target, rows: &[Provider]) {
        let id = target.provider_id();
        let quoted = Quoted(id, 60);
        let message = match &target.provider {
            Some(_) => format!("there is no provider `{quoted}`"),
            None => {
                format!(
                    "there is no provider `{quoted}`, a target with a name of its own needs `provider` too"
                )
            }
        };
        let field = if target.provider.is_some() {
            "provider"
        } else {
            "virtual_key"
        };
        let own = rows.iter().map(|row| row.id.as_str());
        let hint = guess::did_you_mean(id, own.chain(self.known.providers.iter().copied()));
        self.tell_with(&at.key(field), Place::Value, message, hint);
    }

    fn against(&mut self, at: &Path<'_>, target: &Target, row: &Provider) {
        let section = at.key("vars");
        for name in target
            .vars
            .keys()
            .filter(|name| !row.env.vars.contains_key(*name))
        {
            let names: Vec<&str> = row.env.vars.keys().map(String::as_str).collect();
            let message = if names.is_empty() {
                format!("{} has no variables", row.id)
            } else {
                format!(
                    "{} has no such variable (it has: {})",
                    row.id,
                    names.join(", ")
                )
            };
            let hint = guess::did_you_mean(name, names);
            self.tell_with(&section.key(name), Place::Key, message, hint);
        }
        self.takes_identity(at, target, row);
        let given = target.base_url.as_deref();
        if given.is_some_and(|url| url.starts_with("${")) {
            return;
        }
        let given = given.map(known_part);
        let region = target
            .region
            .as_deref()
            .filter(|name| secret::references(name).next().is_none());
        let vars: Vars = target
            .vars
            .iter()
            .map(|(name, value)| (name.clone(), known_part(value)))
            .collect();
        if let Err(error) = providers::base_url(row, given.as_deref(), region, &vars) {
            self.bad_address(at, target, row, &error);
        }
    }

    fn bad_address(&mut self, at: &Path<'_>, target: &Target, row: &Provider, error: &BadBaseUrl) {
        let message = error.to_string();
        match error {
            // The environment may still fill it.
            BadBaseUrl::Missing { name, .. }
                if row
                    .env
                    .vars
                    .get(name)
                    .is_some_and(|names| names.env.is_some()) => {}
            BadBaseUrl::Missing { .. } => self.tell(at, message),
            BadBaseUrl::Value { name, .. } if target.vars.contains_key(name) => {
                self.tell(&at.key("vars").key(name), message);
            }
            BadBaseUrl::Region { region, .. } => {
                let hint = guess::did_you_mean(region, row.regions.keys().map(String::as_str));
                self.tell_with(&at.key("region"), Place::Value, message, hint);
            }
            _ => self.tell(&at.key("base_url"), message),
        }
    }
}

/// A text with something plain where its references stand.
fn known_part(text: &str) -> String {
    secret::resolve(text, &|_| Some(STAND_IN.to_owned())).unwrap_or_default()
}
