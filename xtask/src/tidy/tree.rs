//! The project's own text files, read once. Never what a build or a package
//! manager put there.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Folders that hold nothing we wrote.
const NOT_OURS: [&str; 8] = [
    ".git",
    "target",
    "node_modules",
    "dist",
    "__pycache__",
    ".venv",
    ".pytest_cache",
    "proptest-regressions",
];

pub(crate) struct SourceFile {
    /// Relative to the workspace, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    pub(crate) fn extension(&self) -> &str {
        let extension = Path::new(&self.path).extension();
        extension.and_then(|text| text.to_str()).unwrap_or_default()
    }
}

pub(crate) struct Tree(Vec<SourceFile>);

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        collect(root, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self(files))
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| SourceFile {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Self(files.iter().map(file).collect())
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.0.iter()
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        let file = self.0.iter().find(|file| file.path == path)?;
        Some(&file.text)
    }

    /// Rust sources below a folder.
    pub(crate) fn rust(&self, folder: &str) -> impl Iterator<Item = &SourceFile> {
        self.files()
            .filter(move |file| file.path.starts_with(folder) && file.extension() == "rs")
    }

    /// The names of the folders in `crates/`.
    pub(crate) fn crates(&self) -> Vec<&str> {
        let manifest = |path: &'_ str| -> Option<_> {
            let name = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            (!name.contains('/')).then_some(())
        };
        let named = self.0.iter().filter(|file| manifest(&file.path).is_some());
        named
            .filter_map(|file| file.path.split('/').nth(1))
            .collect()
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            // What is not UTF-8 is not text.
            if let Ok(text) = fs::read_to_string(entry.path()) {
                files.push(SourceFile { path, text });
            }
        }
    }
    Ok(())
}
