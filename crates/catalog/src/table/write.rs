//! Writing a data file.

use std::collections::BTreeMap;

use super::{Key, SCHEMA};
use crate::day::Day;
use crate::model::Entry;

/// What stands above the rows.
#[derive(Clone, Debug, Default)]
pub struct Heading {
    /// When the file was made.
    pub date: Day,
    /// Vendors by the names that others have for them.
    pub names: BTreeMap<String, String>,
    /// For a vendor, those whose rows it may use besides its own.
    pub chains: BTreeMap<String, Vec<String>>,
}

/// A data file of these rows; of two for the same model, the last. The same rows give the same
/// bytes.
pub fn write(heading: &Heading, entries: impl IntoIterator<Item = Entry>) -> String {
    let mut entries: Vec<Entry> = entries.into_iter().map(clean).collect();
    entries.retain(|entry| !entry.provider.is_empty() && !entry.id.is_empty());
    // Stable, so that of equals the last given stands last.
    entries.sort_by(|left, right| key(left).cmp(&key(right)));
    entries.reverse();
    entries.dedup_by(|left, right| key(left).cmp(&key(right)).is_eq());
    entries.reverse();
    let sources = Sources::of(&entries);
    let rows: String = entries
        .iter()
        .flat_map(|entry| [entry.line(sources.short(&entry.source)), "\n".to_owned()])
        .collect();
    let names = heading.names.iter();
    let names = names.map(|(name, ours)| format!("#name {name} {ours}\n"));
    let chains = heading.chains.iter().flat_map(|(of, others)| {
        let others = others.iter();
        others.map(move |other| format!("#chain {of} {other}\n"))
    });
    let sources = sources.short.iter();
    let sources = sources.map(|(whole, short)| format!("#source {short} {whole}\n"));
    let head = [
        format!("{SCHEMA}\n#date {}\n", heading.date),
        format!("#rows {} {}\n", entries.len(), rows.len()),
    ];
    head.into_iter()
        .chain(names)
        .chain(chains)
        .chain([rows])
        .chain(sources)
        .collect()
}

fn key(entry: &Entry) -> Key<'_> {
    Key {
        provider: &entry.provider,
        id: &entry.id,
    }
}

/// Names come from outside: what would end a field or a line has no place in them.
fn clean(mut entry: Entry) -> Entry {
    let plain = |text: &mut String| {
        if text.chars().any(char::is_control) || text.starts_with('#') {
            text.clear();
        }
    };
    plain(&mut entry.provider);
    plain(&mut entry.id);
    plain(&mut entry.source);
    if let Some(successor) = &mut entry.successor {
        plain(successor);
    }
    entry
}

/// Sources in full and their short names, which follow from the source alone: a new source leaves
/// the other lines as they were.
struct Sources {
    short: BTreeMap<String, String>,
}

impl Sources {
    fn of(entries: &[Entry]) -> Sources {
        let mut short = BTreeMap::new();
        let mut taken = std::collections::BTreeSet::new();
        let wholes: std::collections::BTreeSet<&str> =
            entries.iter().map(|entry| entry.source.as_str()).collect();
        for whole in wholes.into_iter().filter(|whole| !whole.is_empty()) {
            let free = (0_u32..).map(|salt| hash(whole, salt));
            if let Some(code) = free.into_iter().find(|code| !taken.contains(code)) {
                taken.insert(code.clone());
                short.insert(whole.to_owned(), code);
            }
        }
        Sources { short }
    }

    fn short(&self, whole: &str) -> &str {
        self.short.get(whole).map_or("", String::as_str)
    }
}

/// Five letters and digits.
fn hash(text: &str, salt: u32) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bytes = text.bytes().chain(salt.to_be_bytes());
    let mut hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash ^= hash >> 15;
    (0..5)
        .map(|at| char::from(LETTERS[(hash >> (5 * at)) as usize % LETTERS.len()]))
        .collect()
}
