//! Every environment variable that the gateway itself reads, in one place. Providers' variables
//! stand in their rows.

use std::path::PathBuf;

use config::Config;

use crate::exit::Exit;

/// What the environment says.
#[derive(Clone)]
pub(crate) struct Environment {
    /// The config file.
    pub config: Option<PathBuf>,
    /// The key that may do everything.
    pub master_key: Option<String>,
    /// Calls need no key.
    pub no_key: bool,
    /// Mistakes that are only warned about elsewhere stop the start.
    pub production: bool,
    /// Output without colour.
    pub no_color: bool,
    /// Settings of the config that the environment overrides.
    overrides: Overrides,
}

/// Settings that stand above the config file's.
#[derive(Clone)]
struct Overrides {
    port: Option<String>,
    log_level: Option<String>,
    cors_origins: Option<Vec<String>>,
    trusted_proxies: Option<String>,
    rate_limit_rps: Option<String>,
    rate_limit_burst: Option<String>,
    discovery_interval: Option<String>,
    catalog_url: Option<String>,
    catalog_timeout: Option<String>,
}

/// The value of a variable; an empty one is as good as none.
pub(crate) fn var(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}

/// All variables, for finding secrets that must not be logged.
pub(crate) fn all() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

impl Environment {
    /// Reads it.
    pub(crate) fn read() -> Environment {
        let is = |name: &str, word: &str| {
            var(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(word))
        };
        Environment {
            config: var("GATEWAY_CONFIG").map(PathBuf::from),
            master_key: var("MASTER_KEY").map(|key| key.trim().to_owned()),
            no_key: is("ALLOW_UNAUTHENTICATED_PROXY", "true"),
            production: is("GATEWAY_ENV", "production"),
            no_color: var("NO_COLOR").is_some(),
            overrides: Overrides {
                port: var("PORT"),
                log_level: var("LOG_LEVEL"),
                cors_origins: var("CORS_ORIGINS").map(|list| split(&list)),
                trusted_proxies: var("TRUSTED_PROXIES"),
                rate_limit_rps: var("RATE_LIMIT_RPS"),
                rate_limit_burst: var("RATE_LIMIT_BURST"),
                discovery_interval: var("FERRO_MODEL_DISCOVERY_INTERVAL"),
                catalog_url: var("FERRO_MODEL_CATALOG_URL"),
                catalog_timeout: var("FERRO_MODEL_CATALOG_TIMEOUT"),
            },
        }
    }

    /// Refuses, all at once, what must not happen in production, and warns of it elsewhere.
    pub(crate) fn guard(&self, config: &Config) -> Result<Vec<String>, Exit> {
        let any_origin = config
            .server
            .cors_origins
            .iter()
            .any(|origin| origin.trim_matches(['"', '\'']) == "*");
        let mut grave = Vec::new();
        if self.no_key {
            grave.push(
                "ALLOW_UNAUTHENTICATED_PROXY=true lets anyone spend the operator's money"
                    .to_owned(),
            );
        }
        if any_origin {
            grave.push(
                "CORS_ORIGINS holds `*`: any web page may call the gateway; name the origins"
                    .to_owned(),
            );
        }
        if self.production && !grave.is_empty() {
            return Err(Exit::Config(format!(
                "refused in production (GATEWAY_ENV=production):\n  - {}",
                grave.join("\n  - ")
            )));
        }
        if self.production && !config.server.rate_limit.is_on() {
            grave.push("the rate limit for callers without a key is off".to_owned());
        }
        Ok(grave)
    }

    /// Puts what the environment says above what the file says, and gives what of it makes no
    /// sense and is ignored.
    pub(crate) fn apply(&self, config: &mut Config) -> Result<Vec<String>, String> {
        let over = &self.overrides;
        let mut ignored = Vec::new();
        if let Some(port) = &over.port {
            let listen = format!(":{}", port.trim()).parse();
            config.server.listen =
                vec![listen.map_err(|error| {
                    format!("PORT is `{port}`; it must be a port number: {error}")
                })?];
        }
        if let Some(level) = &over.log_level {
            config.log.level = match level.trim().to_ascii_lowercase().as_str() {
                "debug" => config::LogLevel::Debug,
                "warn" | "warning" => config::LogLevel::Warn,
                "error" => config::LogLevel::Error,
                _ => config::LogLevel::Info,
            };
        }
        if let Some(origins) = &over.cors_origins {
            config.server.cors_origins.clone_from(origins);
        }
        if let Some(list) = &over.trusted_proxies {
            let nets = split(list).into_iter().map(|net| {
                net.parse().map_err(|error| {
                    format!(
                        "TRUSTED_PROXIES holds `{net}`; write networks such as 10.0.0.0/8: {error}"
                    )
                })
            });
            config.server.trusted_proxies = nets.collect::<Result<_, _>>()?;
        }
        let limit = &mut config.server.rate_limit;
        if let Some(rps) = &over.rate_limit_rps {
            match number(rps, "RATE_LIMIT_RPS") {
                Ok(rps) => limit.rps = rps,
                Err(why) => ignored.push(why),
            }
        }
        if let Some(burst) = &over.rate_limit_burst {
            match number(burst, "RATE_LIMIT_BURST") {
                Ok(burst) => limit.burst = tokens(if burst > 0.0 { burst } else { limit.rps }),
                Err(why) => ignored.push(why),
            }
        }
        if let Some(text) = &over.discovery_interval {
            match config::parse_duration(text.trim()) {
                Ok(interval) if interval.is_zero() => config.discovery.enabled = false,
                Ok(interval) if interval.as_secs() >= 60 => {
                    config.discovery = config::Discovery {
                        enabled: true,
                        interval,
                    };
                }
                _ => ignored.push(format!(
                    "FERRO_MODEL_DISCOVERY_INTERVAL is `{text}` and is ignored; write 1m or more, or 0s for none"
                )),
            }
        }
        ignored.extend(over.catalog(&mut config.catalog));
        Ok(ignored)
    }
}

impl Overrides {
    /// Where a newer catalog comes from; what makes no sense is given back.
    fn catalog(&self, catalog: &mut config::ModelCatalog) -> Option<String> {
        if let Some(url) = &self.catalog_url {
            let url = url.trim();
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Some(
                    "FERRO_MODEL_CATALOG_URL is ignored; write an http or https address".to_owned(),
                );
            }
            catalog.url = Some(url.to_owned());
        }
        let text = self.catalog_timeout.as_deref()?.trim();
        if text.starts_with('-') {
            catalog.enabled = false;
            return None;
        }
        match config::parse_duration(text) {
            Ok(limit) if limit.is_zero() => catalog.enabled = false,
            Ok(limit) => catalog.fetch_timeout = limit,
            Err(_) => {
                return Some(format!(
                    "FERRO_MODEL_CATALOG_TIMEOUT is `{text}` and is ignored; write a time such as 10s, or 0 for no fetch"
                ));
            }
        }
        None
    }
}

fn split(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn number(text: &str, name: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number >= 0.0 && number.is_finite() => Ok(number),
        _ => Err(format!(
            "{name} is `{text}` and is ignored; write a number of 0 or more"
        )),
    }
}

/// Whole tokens. Less than one would let nobody in.
fn tokens(burst: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped first"
    )]
    let whole = burst.ceil().clamp(1.0, 1e6) as u32;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: impl Fn(&mut Overrides)) -> Environment {
        let mut overrides = Overrides {
            port: None,
            log_level: None,
            cors_origins: None,
            trusted_proxies: None,
            rate_limit_rps: None,
            rate_limit_burst: None,
            discovery_interval: None,
            catalog_url: None,
            catalog_timeout: None,
        };
        set(&mut overrides);
        Environment {
            config: None,
            master_key: None,
            no_key: false,
            production: false,
            no_color: false,
            overrides,
        }
    }

    #[test]
    fn a_burst_of_zero_is_the_rate() {
        for (rps, burst, expected) in [
            (Some("7"), "0", 7),
            (Some("2.5"), "0", 3),
            (Some("0.001"), "0", 1),
            (Some("0"), "0", 1),
            (None, "0", 20),
            (Some("7"), "3", 3),
            (None, "1e9", 1_000_000),
        ] {
            let environment = environment(|over| {
                over.rate_limit_rps = rps.map(Into::into);
                over.rate_limit_burst = Some(burst.into());
            });
            let mut config = Config::default();
            assert_eq!(environment.apply(&mut config), Ok(Vec::new()));
            let found = config.server.rate_limit.burst;
            assert_eq!(found, expected, "{rps:?} {burst}");
        }
    }

    #[test]
    fn the_environment_names_where_a_newer_catalog_is() {
        let applied = |url: Option<&str>, timeout: Option<&str>| {
            let environment = environment(|over| {
                over.catalog_url = url.map(Into::into);
                over.catalog_timeout = timeout.map(Into::into);
            });
            let mut config = Config::default();
            let ignored = environment.apply(&mut config).unwrap().len();
            let catalog = config.catalog;
            (
                catalog.url,
                catalog.enabled,
                catalog.fetch_timeout.as_secs(),
                ignored,
            )
        };
        let url = "https://a.example/catalog.json";
        let here = Some(url.to_owned());
        assert_eq!(applied(Some(url), None), (here.clone(), true, 10, 0));
        assert_eq!(applied(Some(url), Some("3s")), (here.clone(), true, 3, 0));
        assert_eq!(applied(Some(url), Some("0")), (here.clone(), false, 10, 0));
        assert_eq!(
            applied(Some(url), Some("-1s")),
            (here.clone(), false, 10, 0)
        );
        assert_eq!(applied(Some(url), Some("soon")), (here, true, 10, 1));
        assert_eq!(applied(Some("ftp://a"), None), (None, true, 10, 1));
    }

    #[test]
    fn what_makes_no_sense_is_told_or_refused() {
        let odd = environment(|over| {
            over.rate_limit_rps = Some("-1".into());
            over.rate_limit_burst = Some("many".into());
            over.discovery_interval = Some("1s".into());
        });
        let mut config = Config::default();
        let ignored = odd.apply(&mut config).unwrap();
        for (told, name) in ignored.iter().zip(["RPS", "BURST", "DISCOVERY"]) {
            assert!(told.contains(name), "{told}");
        }
        assert_eq!((ignored.len(), config), (3, Config::default()));

        for set in [
            (|over| over.port = Some("http".into())) as fn(&mut Overrides),
            |over| over.trusted_proxies = Some("10.0.0.0/8,everyone".into()),
        ] {
            assert!(environment(set).apply(&mut Config::default()).is_err());
        }
    }
}
