//! Who calls: keys in memory, looked up by hash, and what each may do.
//!
//! A token is hashed and the hash is looked up, so neither the lookup nor its time depends on
//! how much of a stored key a guess has right. Plain keys are never kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

/// What a credential may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Scope {
    /// Everything.
    Admin = 1,
    /// Read what the operator sees: metrics, lists, configuration.
    ReadOnly = 2,
    /// Call models.
    Inference = 4,
}

impl Scope {
    /// The word for it.
    pub fn label(self) -> &'static str {
        match self {
            Scope::Admin => "admin",
            Scope::ReadOnly => "read_only",
            Scope::Inference => "inference",
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// The set that holds just these.
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Scopes {
        Scopes(scopes.into_iter().fold(0, |set, scope| set | scope as u8))
    }

    /// Whether the scope is granted; `admin` grants every scope.
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (scope as u8 | Scope::Admin as u8) != 0
    }
}

/// The name of callers without a credential.
const ANONYMOUS: &str = "anonymous";

/// The holder of a credential: who pays and what it may use.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Stable name of the credential in logs and limits; never the credential itself.
    pub id: Arc<str>,
    /// What it may do.
    pub scopes: Scopes,
    /// The only models it may ask for; `None` for all.
    pub models: Option<Arc<[Box<str>]>>,
    /// What else is known of its owner; `None` for nothing.
    pub metadata: Option<Arc<BTreeMap<String, String>>>,
}

impl Principal {
    /// The caller of a gateway that asks for no credential.
    pub fn anonymous() -> Principal {
        Principal {
            id: ANONYMOUS.into(),
            scopes: Scopes::of([Scope::Inference]),
            models: None,
            metadata: None,
        }
    }

    /// Whether it is just anybody: two calls of it need not be of the same caller.
    pub fn is_anonymous(&self) -> bool {
        &*self.id == ANONYMOUS
    }

    /// Whether it may ask for the model.
    pub fn may_use(&self, model: &str) -> bool {
        match &self.models {
            Some(allowed) => allowed.iter().any(|id| &**id == model),
            None => true,
        }
    }
}

/// One key as the operator wrote it.
#[derive(Clone, Debug)]
pub struct KeySpec {
    /// Its name.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// The only models it may ask for.
    pub models: Option<Vec<String>>,
    /// When it stops being valid.
    pub expires: Option<SystemTime>,
    /// What else is known of its owner.
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Key {
    principal: Principal,
    expires: Option<SystemTime>,
}

/// Every credential that is valid now.
#[derive(Debug, Default)]
pub struct KeyTable {
    master: Option<([u8; 32], Principal)>,
    keys: HashMap<[u8; 32], Key>,
}

impl KeyTable {
    /// A table of the operator's keys and the master key, if one is set.
    pub fn build(keys: impl IntoIterator<Item = KeySpec>, master: Option<&str>) -> KeyTable {
        let keys = keys.into_iter().map(|spec| {
            let models = spec
                .models
                .map(|ids| ids.into_iter().map(String::into_boxed_str).collect());
            let principal = Principal {
                id: spec.name.into(),
                scopes: spec.scopes,
                models,
                metadata: Some(spec.metadata)
                    .filter(|known| !known.is_empty())
                    .map(Arc::new),
            };
            (
                spec.hash,
                Key {
                    principal,
                    expires: spec.expires,
                },
            )
        });
        let master = master
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .map(|key| {
                let hash = hash(key);
                let id = format!("master-key:{}", hex(&hash[..8])).into();
                (
                    hash,
                    Principal {
                        id,
                        scopes: Scopes::of([Scope::Admin]),
                        models: None,
                        metadata: None,
                    },
                )
            });
        KeyTable {
            master,
            keys: keys.collect(),
        }
    }

    /// Whether no credential at all could be accepted.
    pub fn is_empty(&self) -> bool {
        self.master.is_none() && self.keys.is_empty()
    }

    /// The holder of the token, if it is valid at `now`, which is asked only where that matters.
    pub fn identify(&self, token: &str, now: impl FnOnce() -> SystemTime) -> Option<&Principal> {
        if token.is_empty() {
            return None;
        }
        let hash = hash(token);
        if let Some((master, principal)) = &self.master
            && verify_slices_are_equal(master, &hash).is_ok()
        {
            return Some(principal);
        }
        let key = self.keys.get(&hash)?;
        match key.expires {
            Some(end) if now() >= end => None,
            _ => Some(&key.principal),
        }
    }
}

/// SHA-256 of a key, the form in which keys are kept.
pub fn hash(key: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
    out
}

/// Random bytes fit for keys; none when the system gives none.
pub fn random(bytes: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; bytes];
    aws_lc_rs::rand::fill(&mut out).ok().map(|()| out)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn table() -> KeyTable {
        let key = |name: &str, scopes: &[Scope], expires| KeySpec {
            name: name.into(),
            hash: hash(name),
            scopes: Scopes::of(scopes.iter().copied()),
            models: None,
            expires,
            metadata: BTreeMap::new(),
        };
        KeyTable::build(
            [
                key("app", &[Scope::Inference], None),
                key(
                    "old",
                    &[Scope::Inference],
                    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(10)),
                ),
                key("eyes", &[Scope::ReadOnly], None),
            ],
            Some(" master "),
        )
    }

    #[test]
    fn a_token_is_known_by_its_hash_alone() {
        let (table, now) = (table(), SystemTime::UNIX_EPOCH + Duration::from_secs(9));
        let id = |token| {
            table
                .identify(token, || now)
                .map(|principal| principal.id.to_string())
        };
        assert_eq!(id("app").as_deref(), Some("app"));
        assert_eq!(id("old").as_deref(), Some("old"));
        assert!(id("master").unwrap().starts_with("master-key:"));
        assert_eq!(id("App"), None);
        assert_eq!(id(""), None);
    }

    #[test]
    fn a_key_is_refused_from_the_moment_it_expires() {
        let table = table();
        assert!(
            table
                .identify("old", || SystemTime::UNIX_EPOCH + Duration::from_secs(10))
                .is_none()
        );
    }

    #[test]
    fn only_admin_grants_what_it_does_not_name() {
        let read = Scopes::of([Scope::ReadOnly]);
        assert!(
            read.allow(Scope::ReadOnly)
                && !read.allow(Scope::Inference)
                && !read.allow(Scope::Admin)
        );
        assert!(Scopes::of([Scope::Admin]).allow(Scope::Inference));
    }

    #[test]
    fn the_hash_is_plain_sha256() {
        assert_eq!(
            hex(&hash("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
