//! `cargo xtask tidy`: the rules of the house that no compiler knows.
//!
//! Every finding is reported, each with its file and line; one is enough to
//! fail. The rules are tables at the top of their modules, and so are the
//! exceptions, each with its reason.

mod architecture;
mod bans;
mod cases;
mod generated;
mod leftovers;
mod manifests;
mod promises;
mod provider_ids;
mod rust;
mod tree;

use std::fmt;

use anyhow::{Result, bail};

use crate::flags::Flags;
use crate::shell;

use tree::Tree;

/// One broken rule at one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

pub(crate) fn run(flags: Flags) -> Result<()> {
    flags.finish()?;
    let tree = Tree::read(&shell::root())?;
    let mut findings = manifests::check(&tree)?;
    findings.extend(provider_ids::check(&tree));
    findings.extend(leftovers::check(&tree));
    findings.extend(architecture::check(&tree));
    findings.extend(generated::check(&tree));
    findings.extend(promises::check(&tree));
    findings.extend(cases::check(&tree));
    findings.extend(bans::check()?);
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    println!("tidy: {} files hold to the rules", tree.files().count());
    Ok(())
}
