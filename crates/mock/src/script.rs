//! The script: behaviours that wait for the requests they are meant for.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use serde_json::{Map, Value};

use crate::{
    behaviour::{Behaviour, SettingError},
    lock::hold,
};

/// Entries the script holds at most.
const MOST: usize = 10_000;

/// Which requests an entry of the script is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Only requests whose path ends in this.
    pub path: Option<String>,
    /// Only requests for this model.
    pub model: Option<String>,
}

impl When {
    fn fits(&self, path: &str, model: Option<&str>) -> bool {
        let path_fits = self.path.as_ref().is_none_or(|end| path.ends_with(end));
        let model_fits = self.model.is_none() || self.model.as_deref() == model;
        path_fits && model_fits
    }
}

/// One entry: for which requests, how many of them, and what they get.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) when: When,
    pub(crate) times: u32,
    pub(crate) behaviour: Behaviour,
}

impl Entry {
    /// Reads an entry: settings, and beside them `path`, `model` and `times`.
    pub(crate) fn read(value: Value) -> Result<Entry, SettingError> {
        let mut members = match value {
            Value::Object(members) => members,
            Value::String(text) => {
                return Behaviour::read(&text).map(|behaviour| Entry {
                    when: When::default(),
                    times: 1,
                    behaviour,
                });
            }
            _ => {
                return Err(SettingError::new(
                    "script",
                    "an entry is an object or a string",
                ));
            }
        };
        Ok(Entry {
            when: When {
                path: take_text(&mut members, "path")?,
                model: take_text(&mut members, "model")?,
            },
            times: match members.remove("times") {
                None => 1,
                Some(times) => times
                    .as_u64()
                    .and_then(|times| u32::try_from(times).ok())
                    .ok_or_else(|| SettingError::new("times", "not a number in range"))?,
            },
            behaviour: Behaviour::from_members(&members)?,
        })
    }
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, SettingError> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(SettingError::new(name, "not a string")),
    }
}

#[derive(Debug, Default)]
pub(crate) struct Script {
    entries: Mutex<VecDeque<Entry>>,
    /// Lets requests pass without the lock while there is no script.
    filled: AtomicBool,
}

impl Script {
    /// Adds all entries or, when they are too many, none.
    pub(crate) fn add(&self, new: Vec<Entry>) -> Result<(), SettingError> {
        let mut entries = hold(&self.entries);
        if entries.len() + new.len() > MOST {
            let reason = format!("holds at most {MOST} entries");
            return Err(SettingError::new("script", &reason));
        }
        entries.extend(new.into_iter().filter(|entry| entry.times > 0));
        self.filled.store(!entries.is_empty(), Relaxed);
        Ok(())
    }

    pub(crate) fn push(&self, entry: Entry) {
        if entry.times > 0 {
            hold(&self.entries).push_back(entry);
            self.filled.store(true, Relaxed);
        }
    }

    pub(crate) fn clear(&self) {
        hold(&self.entries).clear();
        self.filled.store(false, Relaxed);
    }

    pub(crate) fn len(&self) -> usize {
        hold(&self.entries).len()
    }

    /// Uses up the first entry that fits the request.
    pub(crate) fn take(&self, path: &str, model: Option<&str>) -> Option<Behaviour> {
        if !self.filled.load(Relaxed) {
            return None;
        }
        let mut entries = hold(&self.entries);
        let at = entries
            .iter()
            .position(|entry| entry.when.fits(path, model))?;
        let entry = entries.get_mut(at)?;
        entry.times -= 1;
        let behaviour = if entry.times > 0 {
            entry.behaviour.clone()
        } else {
            entries.remove(at)?.behaviour
        };
        self.filled.store(!entries.is_empty(), Relaxed);
        Some(behaviour)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn script(entries: &[Value]) -> Script {
        let script = Script::default();
        let entries = entries.iter().cloned().map(Entry::read);
        script
            .add(entries.collect::<Result<_, _>>().unwrap())
            .unwrap();
        script
    }

    fn status(script: &Script, path: &str, model: &str) -> Option<u16> {
        let behaviour = script.take(path, Some(model))?;
        behaviour.status.map(|status| status.as_u16())
    }

    #[test]
    fn entries_are_used_up_in_order_by_the_requests_they_fit() {
        let script = script(&[
            json!({"status": 500, "model": "b"}),
            json!({"status": 501, "path": "/embeddings"}),
            json!({"status": 502, "times": 2}),
            json!("status=503"),
        ]);

        assert_eq!(status(&script, "/v1/chat/completions", "a"), Some(502));
        assert_eq!(status(&script, "/v1/embeddings", "a"), Some(501));
        assert_eq!(status(&script, "/v1/chat/completions", "b"), Some(500));
        assert_eq!(status(&script, "/v1/chat/completions", "b"), Some(502));
        assert_eq!(status(&script, "/v1/chat/completions", "b"), Some(503));
        assert_eq!(status(&script, "/v1/chat/completions", "b"), None);
    }

    #[test]
    fn a_full_script_takes_no_more() {
        let script = Script::default();
        let entry = Entry::read(json!({})).unwrap();
        script.add(vec![entry.clone(); MOST]).unwrap();
        assert!(script.add(vec![entry]).is_err());
    }

    #[test]
    fn bad_entries_are_refused() {
        for entry in [
            json!(3),
            json!({"times": -1}),
            json!({"path": 1}),
            json!({"nope": 1}),
        ] {
            assert!(Entry::read(entry.clone()).is_err(), "{entry}");
        }
    }
}
