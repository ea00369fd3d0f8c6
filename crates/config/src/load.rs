//! From text to [`Config`]: read, conform, decode, check.
//!
//! A decoder that goes straight from text to types stops at the first thing it
//! dislikes, and an operator with four typos then needs five runs. Here the
//! text becomes a tree with places, the tree is held against the schema, what
//! fits is decoded and checked, and everything found on the way is told at
//! once, in the order of the text.

use std::path::Path as FilePath;

use serde::Deserialize;
use serde_json::Value;

use crate::check::check;
use crate::conform::conform;
use crate::node::{self, Node};
use crate::path::Path;
use crate::problem::{MOST_PROBLEMS, Problem, Problems};
use crate::schema::schema;
use crate::top::Config;

/// How a config is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that a file's name promises.
    pub fn from_path(path: &FilePath) -> Result<Format, UnknownExtension> {
        let extension = path
            .extension()
            .map(|e| e.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("yaml" | "yml") => Ok(Format::Yaml),
            Some("json") => Ok(Format::Json),
            _ => Err(UnknownExtension {
                path: path.display().to_string(),
            }),
        }
    }
}

/// A file's name does not say how it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` does not say how it is written: its name must end in .yaml, .yml or .json")]
pub struct UnknownExtension {
    /// The file.
    pub path: String,
}

/// What this build knows and a config may name.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Ids of the built-in providers.
    pub providers: &'a [&'a str],
}

/// A good config, and what is odd about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The config.
    pub config: Config,
    /// What an operator should hear about although it is accepted.
    pub warnings: Vec<Problem>,
}

/// Reads a config, or tells everything that is wrong with it.
pub fn load(text: &str, format: Format, known: &Known<'_>) -> Result<Loaded, Problems> {
    let tree = node::read(text, format).map_err(|problem| Problems(vec![problem]))?;
    // Kept for the next reload, the schema would be a large part of what rests in memory.
    let fitted = conform(&schema(), &tree.root, format);
    let mut problems = tree.problems;
    problems.extend(fitted.problems);
    let Some(value) = fitted.value else {
        return Err(told(problems));
    };
    match Config::deserialize(&value).map(normal) {
        Ok(config) => {
            let found = check(&config, &tree.root, known);
            let news = unjudged(found.problems, &problems, &fitted.misspelt);
            problems.extend(news);
            if problems.is_empty() {
                let warnings = told(found.warnings).0;
                return Ok(Loaded { config, warnings });
            }
        }
        Err(error) if problems.is_empty() => problems.push(undecoded(&value, &tree.root, &error)),
        // What is left of a config that does not fit need not be one.
        Err(_) => {}
    }
    Err(told(problems))
}

/// A config as it is meant where it says nothing in so many words.
fn normal(mut config: Config) -> Config {
    if config.api_version.is_empty() {
        config.api_version = Config::default().api_version;
    }
    config
}

/// What was found in parts of a config that nothing was told about yet: a part
/// that was left out because it does not fit must not be called missing too.
fn unjudged(found: Vec<Problem>, told: &[Problem], misspelt: &[String]) -> Vec<Problem> {
    let told = told.iter().map(|problem| &problem.path);
    let judged: Vec<&String> = told.chain(misspelt).collect();
    let is_news = |problem: &Problem| !judged.iter().any(|path| problem.is_within(path));
    found.into_iter().filter(is_news).collect()
}

/// Problems in the order of the text, as many as anybody reads.
fn told(mut problems: Vec<Problem>) -> Problems {
    problems.sort_by_key(|problem| (problem.line, problem.column));
    if problems.len() > MOST_PROBLEMS {
        problems.truncate(MOST_PROBLEMS);
        if let Some(last) = problems.last_mut() {
            last.hint = Some(format!(
                "more than {MOST_PROBLEMS} problems, the others are not told"
            ));
        }
    }
    Problems(problems)
}

/// The problem of a value that fits the schema and still is no config. The
/// decoder knows no places, so its parts are tried alone until one fails.
fn undecoded(value: &Value, root: &Node, error: &serde_json::Error) -> Problem {
    let fails = |section: &str, content: Value| {
        let alone = Value::Object([(section.to_owned(), content)].into_iter().collect());
        Config::deserialize(&alone).err()
    };
    for (section, content) in value.as_object().into_iter().flatten() {
        let Some(error) = fails(section, content.clone()) else {
            continue;
        };
        let at = Path::Root.key(section);
        for (index, item) in content.as_array().into_iter().flatten().enumerate() {
            if let Some(error) = fails(section, Value::Array(vec![item.clone()])) {
                let at = at.index(index);
                return Problem::at(&at, at.mark(root), error.to_string());
            }
        }
        return Problem::at(&at, at.mark(root), error.to_string());
    }
    Problem::at(&Path::Root, root.mark, error.to_string())
}

#[cfg(test)]
mod tests;
