//! The credentials of a target, and the headers that its calls carry.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config::Source;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use providers::{Auth, BaseUrl, KeyNeed, Provider};

use super::{BuildError, Env, wrong};
use crate::guard::{Guard, Guards, KeyState, Moment, Told};

/// Who the gateway says it is.
pub(crate) const AGENT: &str = concat!("ferrogw/", env!("CARGO_PKG_VERSION"));

/// A key of which less is left of its vendor's limits is spared while another has more.
const SCARCE: f64 = 0.05;

/// The credentials of a target. One is picked per call by weight, among those whose vendor has not
/// just asked to leave them alone and has something left for them.
pub(crate) struct KeyRing {
    keys: Vec<Held>,
}

/// One credential: all the headers that a call with it carries, and what is known of it.
struct Held {
    headers: HeaderMap,
    weight: u64,
    state: Arc<KeyState>,
}

/// The place of one credential in its ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(usize);

impl KeyRing {
    /// The keys; none where calls are paid for `otherwise`.
    pub(super) fn build(
        spec: &config::Target,
        provider: &Provider,
        base: &BaseUrl,
        common: &HeaderMap,
        keys: &[(String, u64)],
        otherwise: bool,
        states: Vec<Arc<KeyState>>,
    ) -> Result<KeyRing, BuildError> {
        let mut ring = KeyRing { keys: Vec::new() };
        let keyless = [(None, 1)];
        let with_keys = keys
            .iter()
            .map(|(key, weight)| (Some(key.as_str()), *weight));
        let all: Vec<_> = if keys.is_empty() {
            keyless.into()
        } else {
            with_keys.collect()
        };
        for ((key, weight), state) in all.into_iter().zip(states) {
            let own = if otherwise {
                providers::fixed_headers(provider)
            } else {
                providers::request_headers(provider, base, key)
            };
            let own = own.map_err(|error| wrong(spec, "api_key", &error))?;
            let mut headers = standing_headers();
            headers.extend(own);
            headers.extend(common.clone());
            ring.keys.push(Held {
                headers,
                weight,
                state,
            });
        }
        Ok(ring)
    }

    pub(super) fn pick(&self, number: u64, now: impl FnOnce() -> Moment) -> Key {
        if self.keys.len() < 2 {
            return Key(0);
        }
        let now = now();
        let ready = |held: &Held| held.state.cooldown.left(now).is_none();
        let rich = |held: &Held| {
            let left = held.state.headroom.left(now);
            ready(held) && left.is_none_or(|left| left >= SCARCE)
        };
        self.draw(number, rich)
            .or_else(|| self.draw(number, ready))
            .unwrap_or_else(|| self.soonest(now))
    }

    pub(super) fn headers(&self, key: Key) -> HeaderMap {
        let held = self.keys.get(key.0);
        held.map(|held| held.headers.clone()).unwrap_or_default()
    }

    /// Keeps what an answer told of the limits of the key.
    pub(crate) fn told(&self, key: Key, told: Told, now: Moment) {
        if let Some(held) = self.keys.get(key.0) {
            held.state.headroom.keep(now, told);
        }
    }

    /// The key was of use.
    pub(crate) fn well(&self, key: Key) {
        if let Some(held) = self.keys.get(key.0) {
            held.state.cooldown.well();
        }
    }

    /// Leaves a key alone for as long as the vendor said. Where that leaves no other, says so, and
    /// when there will be one, as far as that is known.
    pub(crate) fn set_aside(
        &self,
        key: Key,
        hint: Option<Duration>,
        now: Moment,
    ) -> Result<(), Option<Duration>> {
        let Some(held) = self.keys.get(key.0).filter(|_| self.keys.len() > 1) else {
            return Err(hint);
        };
        held.state.cooldown.cool(now, hint);
        let waits = self.keys.iter().map(|held| held.state.cooldown.left(now));
        match waits.map(Option::unwrap_or_default).min() {
            Some(soonest) if !soonest.is_zero() => Err(Some(soonest)),
            _ => Ok(()),
        }
    }

    /// By weight, among those that fit.
    fn draw(&self, number: u64, fits: impl Fn(&Held) -> bool) -> Option<Key> {
        let total: u64 = self
            .keys
            .iter()
            .filter(|held| fits(held))
            .map(|held| held.weight)
            .sum();
        let mut place = number.checked_rem(total)?;
        for (at, held) in self.keys.iter().enumerate().filter(|(_, held)| fits(held)) {
            if place < held.weight {
                return Some(Key(at));
            }
            place -= held.weight;
        }
        None
    }

    fn soonest(&self, now: Moment) -> Key {
        let wait = |held: &Held| held.state.cooldown.left(now).unwrap_or_default();
        let soonest = self
            .keys
            .iter()
            .enumerate()
            .min_by_key(|(_, held)| wait(held));
        Key(soonest.map_or(0, |(at, _)| at))
    }
}

/// What is known of each key; of the one way to call where no key is needed, too.
pub(super) fn states(keys: &[(String, u64)], guards: &Guards, guard: &Guard) -> Vec<Arc<KeyState>> {
    if keys.is_empty() {
        return vec![Arc::default()];
    }
    let marks = keys.iter().map(|(key, _)| guards.mark(key));
    marks.map(|mark| guard.key(mark)).collect()
}

/// The keys of a target with their weights; none where none is needed.
pub(super) fn read(
    spec: &config::Target,
    provider: &Provider,
    env: Env<'_>,
    files: &mut Vec<PathBuf>,
) -> Result<Vec<(String, u64)>, BuildError> {
    if let Some(written) = &spec.api_key {
        let keys = written.weighted().into_iter();
        return keys
            .map(|(secret, weight)| Ok((read_secret(spec, secret, env, files)?, weight.into())))
            .collect();
    }
    let names = &provider.env.api_key;
    let set = names
        .iter()
        .filter_map(|name| env(name))
        .find(|key| !key.trim().is_empty());
    match set {
        Some(key) if provider.key != KeyNeed::None => Ok(vec![(key.trim().to_owned(), 1)]),
        None if provider.key == KeyNeed::Required => {
            let or_env = if names.is_empty() {
                String::new()
            } else {
                format!(" or the environment variable {}", names.join(" or "))
            };
            let or_auth = match provider.auth {
                Auth::Bearer | Auth::ApiKey | Auth::Header(_) => "",
                _ => ", or `auth`",
            };
            Err(BuildError::NoCredential(format!(
                "target `{}` has no credential: set `api_key`{or_env}{or_auth}",
                spec.virtual_key
            )))
        }
        _ => Ok(Vec::new()),
    }
}

fn read_secret(
    spec: &config::Target,
    secret: &config::Secret,
    env: Env<'_>,
    files: &mut Vec<PathBuf>,
) -> Result<String, BuildError> {
    let wrong =
        |what: String| BuildError::Wrong(format!("target `{}`: api_key: {what}", spec.virtual_key));
    let key = match secret.source() {
        Source::Text(_) => secret
            .resolve(env)
            .map_err(|missing| wrong(missing.to_string()))?,
        Source::File(path) => {
            files.push(path.to_owned());
            std::fs::read_to_string(path)
                .map_err(|error| wrong(format!("{}: {error}", path.display())))?
        }
    };
    match key.trim() {
        "" => Err(wrong("is empty".into())),
        key => Ok(key.to_owned()),
    }
}

/// What every request to any vendor carries.
fn standing_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/json, text/event-stream"),
    );
    // What the gateway must read, it asks for in the clear.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers
}

/// What the operator wants every request to the target to carry.
pub(super) fn common_headers(spec: &config::Target, env: Env<'_>) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &spec.headers {
        let field = format!("headers.{name}");
        let value = value
            .resolve(env)
            .map_err(|missing| wrong(spec, &field, &missing))?;
        let name: HeaderName = name.parse().map_err(|error| wrong(spec, &field, &error))?;
        headers.insert(
            name,
            HeaderValue::from_str(&value).map_err(|error| wrong(spec, &field, &error))?,
        );
    }
    Ok(headers)
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    fn ring(weights: &[u64]) -> KeyRing {
        let held = |weight: &u64| Held {
            headers: HeaderMap::new(),
            weight: *weight,
            state: Arc::default(),
        };
        KeyRing {
            keys: weights.iter().map(held).collect(),
        }
    }

    fn at(seconds: u64) -> Moment {
        Moment::of_micros(seconds * 1_000_000)
    }

    fn shares(ring: &KeyRing, now: Moment) -> Vec<usize> {
        let mut shares = vec![0; ring.keys.len()];
        for number in 0..100 {
            shares[ring.pick(number, || now).0] += 1;
        }
        shares
    }

    #[test]
    fn z4_a_key_whose_rate_is_limited_is_left_alone_until_its_hint_expires() {
        let ring = ring(&[3, 1, 1]);
        assert_eq!(shares(&ring, at(1)), [60, 20, 20]);
        let hint = Some(Duration::from_secs(10));
        assert_eq!(
            ring.set_aside(Key(0), hint, at(1)),
            Ok(()),
            "there are others"
        );
        assert_eq!(shares(&ring, at(5)), [0, 50, 50]);
        assert_eq!(
            ring.set_aside(Key(1), Some(Duration::from_mins(1)), at(5)),
            Ok(())
        );
        let all = ring.set_aside(Key(2), Some(Duration::from_secs(20)), at(5));
        assert_eq!(
            all,
            Err(Some(Duration::from_secs(6))),
            "until the first is ready again"
        );
        assert_eq!(
            shares(&ring, at(6)),
            [100, 0, 0],
            "none is ready: the soonest"
        );
        assert_eq!(shares(&ring, at(12)), [100, 0, 0]);
        assert_eq!(shares(&ring, at(90)), [60, 20, 20]);
    }

    #[test]
    fn keys_with_little_left_are_spared_before_a_429_comes() {
        let ring = ring(&[1, 1]);
        let told = |left| Told {
            left,
            reset: Some(Duration::from_secs(30)),
        };
        ring.told(Key(0), told(0.01), at(1));
        assert_eq!(shares(&ring, at(2)), [0, 100]);
        ring.told(Key(1), told(0.02), at(1));
        assert_eq!(
            shares(&ring, at(2)),
            [50, 50],
            "where all have little, each has its share"
        );
        assert_eq!(shares(&ring, at(60)), [50, 50]);
    }
}
