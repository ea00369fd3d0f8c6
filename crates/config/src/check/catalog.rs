//! What the operator says of models, and where newer catalogs come from.

use super::Check;
use crate::model_catalog::{ModelCatalog, hex};
use crate::path::Path;

impl Check<'_> {
    pub(super) fn catalog(&mut self, catalog: &ModelCatalog) {
        let at = Path::Root.key("catalog");
        if let Some(url) = &catalog.url {
            let host = ["https://", "http://"]
                .iter()
                .find_map(|scheme| url.strip_prefix(scheme));
            if host.is_none_or(|host| host.is_empty() || url.contains(char::is_whitespace)) {
                let message = "expected an address such as https://example.com/catalog.txt";
                self.tell(&at.key("url"), message);
            }
        }
        for (name, text) in [
            ("sha256", &catalog.sha256),
            ("public_key", &catalog.public_key),
        ] {
            if text.as_deref().is_some_and(|text| hex(text).is_none()) {
                self.tell(&at.key(name), "expected 32 bytes as 64 hexadecimal digits");
            }
        }
        let models = at.key("models");
        for (index, facts) in catalog.models.iter().enumerate() {
            let at = models.index(index);
            for wrong in facts.read().err().into_iter().flatten() {
                let field = at.key(wrong.field);
                if wrong.key.is_empty() {
                    self.tell(&field, wrong.message);
                } else {
                    self.tell_key(&field.key(&wrong.key), wrong.message);
                }
            }
        }
    }
}
