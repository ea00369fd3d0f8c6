//! What the packages call vendors, and which of our rows that is.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// `crates/catalog/vendors.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vendors {
    vendor: Vec<Vendor>,
    /// Vendors of litellm's that no row of ours speaks to. Kept under their own names, for rows
    /// that an operator writes.
    others: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vendor {
    /// Our row.
    id: String,
    /// litellm's names for it.
    #[serde(default)]
    litellm: Vec<String>,
    /// What litellm writes before the vendor's own names of models, besides its name for the
    /// vendor.
    #[serde(default)]
    prefixes: Vec<String>,
    /// genai-prices' name for it.
    genai: Option<String>,
    /// Whether that block only confirms and completes rows, being about other vendors as well.
    #[serde(default)]
    compare_only: bool,
    /// Other rows whose prices it may use.
    #[serde(default)]
    chain: Vec<String>,
}

impl Vendors {
    pub(super) fn read(text: &str) -> Result<Vendors> {
        toml::from_str(text).context("vendors.toml")
    }

    fn of_litellm(&self, name: &str) -> Option<&Vendor> {
        self.vendor
            .iter()
            .find(|vendor| vendor.litellm.iter().any(|known| known == name))
    }

    /// Our name for a vendor of litellm's; None when nobody has said what it is.
    pub(super) fn id(&self, litellm: &str) -> Option<String> {
        match self.of_litellm(litellm) {
            Some(vendor) => Some(vendor.id.clone()),
            None if self.others.iter().any(|other| other == litellm) => {
                Some(litellm.replace('_', "-"))
            }
            None => None,
        }
    }

    /// The vendor's own name of a model.
    pub(super) fn model<'a>(&self, litellm: &str, key: &'a str) -> &'a str {
        let vendor = self.of_litellm(litellm);
        let prefixes = vendor.map(|vendor| vendor.prefixes.as_slice());
        let prefixes = prefixes.unwrap_or_default().iter().map(String::as_str);
        let mut own = prefixes.chain([litellm]);
        own.find_map(|prefix| key.strip_prefix(prefix)?.strip_prefix('/'))
            .unwrap_or(key)
    }

    /// Our rows that a block of genai-prices is about, and whether it may add to them.
    pub(super) fn of_genai<'a>(&'a self, block: &'a str) -> impl Iterator<Item = (&'a str, bool)> {
        let named = move |vendor: &&Vendor| vendor.genai.as_deref() == Some(block);
        self.vendor
            .iter()
            .filter(named)
            .map(|vendor| (vendor.id.as_str(), !vendor.compare_only))
    }

    /// Our rows by the names that others have for them.
    pub(super) fn names(&self) -> BTreeMap<String, String> {
        let named = self.vendor.iter().flat_map(|vendor| {
            let names = vendor.litellm.iter();
            names.map(|name| (name.clone(), vendor.id.clone()))
        });
        // Underscores for hyphens are understood without being told.
        named
            .filter(|(name, id)| name.replace('_', "-") != *id)
            .collect()
    }

    pub(super) fn chains(&self) -> BTreeMap<String, Vec<String>> {
        let chained = self.vendor.iter().filter(|vendor| !vendor.chain.is_empty());
        chained
            .map(|vendor| (vendor.id.clone(), vendor.chain.clone()))
            .collect()
    }

    /// All of our rows that are named here.
    #[cfg(test)]
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.vendor.iter().map(|vendor| vendor.id.as_str())
    }
}
