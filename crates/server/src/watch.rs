//! When a configuration is read again: its files as they were when it was read, and as they are.
//!
//! Files are looked at again and again, because a mounted configuration changes by exchanged
//! links, which file events miss.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files at one moment: the length and the time of each that is there.
pub(crate) type Look = BTreeMap<PathBuf, Option<(u64, SystemTime)>>;

/// Looks at these files.
pub(crate) fn look<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Look {
    let states = files.into_iter().map(|file| (file.clone(), state_of(file)));
    states.collect()
}

fn state_of(file: &Path) -> Option<(u64, SystemTime)> {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.len(), meta.modified().ok()?))
}

/// The files of the configuration in force.
pub(crate) struct Watch {
    /// As they were just before they were read.
    read: Look,
    /// As they were at the last look.
    last: Look,
    /// Why the last reading was refused.
    refused: Option<String>,
}

impl Watch {
    /// The watch over a configuration that was read after `before`. Files that only the
    /// configuration itself names are in `now` alone.
    pub(crate) fn new(before: Look, now: Look) -> Watch {
        let mut read = now;
        for (file, state) in before {
            read.entry(file).and_modify(|known| *known = state);
        }
        Watch {
            last: read.clone(),
            read,
            refused: None,
        }
    }

    /// Whether to read anew. Not before two looks agree: a file that still changes may be half
    /// written. After a refusal always, for what was missing may have come since.
    pub(crate) fn is_due(&mut self, now: Look) -> bool {
        let settled = now == self.last;
        self.last = now;
        settled && (self.refused.is_some() || self.last != self.read)
    }

    /// What was read after `before` was refused; whether that is news.
    pub(crate) fn refuse(&mut self, before: Look, error: &str) -> bool {
        self.read = before;
        let news = self.refused.as_deref() != Some(error);
        self.refused = Some(error.to_owned());
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str, length: u64) -> Look {
        Look::from([(file.into(), Some((length, SystemTime::UNIX_EPOCH)))])
    }

    #[test]
    fn a_file_is_read_once_it_has_stopped_changing() {
        let mut watch = Watch::new(at("a", 1), at("a", 1));
        assert!(!watch.is_due(at("a", 1)));
        assert!(!watch.is_due(at("a", 2)), "it may still be written");
        assert!(!watch.is_due(at("a", 3)), "and it was");
        assert!(watch.is_due(at("a", 3)));
        let mut watch = Watch::new(at("a", 3), at("a", 3));
        assert!(!watch.is_due(at("a", 3)), "once");
    }

    #[test]
    fn a_change_while_it_was_read_is_seen() {
        let mut watch = Watch::new(at("a", 1), at("a", 2));
        assert!(!watch.is_due(at("a", 2)));
        assert!(watch.is_due(at("a", 2)));
    }

    #[test]
    fn files_that_the_configuration_names_are_known_from_its_reading_on() {
        let both = || at("a", 1).into_iter().chain(at("key", 1)).collect::<Look>();
        let mut watch = Watch::new(at("a", 1), both());
        assert!(!watch.is_due(both()) && !watch.is_due(both()));
        let mut watch = Watch::new(both(), at("a", 1));
        assert!(!watch.is_due(at("a", 1)), "it names the key no longer");
    }

    #[test]
    fn what_was_refused_is_tried_again_and_told_once() {
        let mut watch = Watch::new(at("a", 1), at("a", 1));
        assert!(watch.refuse(at("a", 1), "no key"));
        assert!(watch.is_due(at("a", 1)));
        assert!(!watch.refuse(at("a", 1), "no key"));
        assert!(!watch.is_due(at("a", 2)));
        assert!(watch.is_due(at("a", 2)));
        assert!(watch.refuse(at("a", 2), "no target"));
    }

    #[test]
    fn a_file_that_is_not_there_is_a_state_too() {
        let folder = std::env::temp_dir().join("ferrogw-no-such-folder");
        let missing = look(&[folder.join("config.yaml")]);
        assert_eq!(missing.values().collect::<Vec<_>>(), [&None]);
    }
}
