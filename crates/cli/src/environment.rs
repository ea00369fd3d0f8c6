//! Every environment variable that the gateway itself reads, in one place. Providers' variables
//! stand in their rows.

use std::path::PathBuf;

use anyhow::{Context, bail};
use config::Config;

/// Where a config file may lie that nobody named.
const UNNAMED: [&str; 3] = [
    "/etc/ferrogw/config.yaml",
    "/etc/ferrogw/config.yml",
    "/etc/ferrogw/config.json",
];

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
            },
        }
    }

    /// Refuses, all at once, what must not happen in production, and warns of it elsewhere.
    pub(crate) fn guard(&self, config: &Config) -> anyhow::Result<Vec<String>> {
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
            bail!(
                "refused in production (GATEWAY_ENV=production):\n  - {}",
                grave.join("\n  - ")
            );
        }
        if self.production && !config.server.rate_limit.is_on() {
            grave.push("the rate limit for callers without a key is off".to_owned());
        }
        Ok(grave)
    }

    /// Puts what the environment says above what the file says.
    pub(crate) fn apply(&self, config: &mut Config) -> anyhow::Result<()> {
        let over = &self.overrides;
        if let Some(port) = &over.port {
            config.server.listen = vec![
                format!(":{}", port.trim())
                    .parse()
                    .with_context(|| format!("PORT is `{port}`; it must be a port number"))?,
            ];
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
                net.parse().with_context(|| {
                    format!("TRUSTED_PROXIES holds `{net}`; write networks such as 10.0.0.0/8")
                })
            });
            config.server.trusted_proxies = nets.collect::<Result<_, _>>()?;
        }
        if let Some(rps) = number(over.rate_limit_rps.as_deref(), "RATE_LIMIT_RPS") {
            config.server.rate_limit.rps = rps;
        }
        if let Some(burst) = number(over.rate_limit_burst.as_deref(), "RATE_LIMIT_BURST") {
            // A burst below one token would let nobody in; the numbers here are far below 2^32.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped first"
            )]
            let burst = burst.clamp(1.0, 1e6) as u32;
            config.server.rate_limit.burst = burst;
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
                _ => complain(&format!(
                    "FERRO_MODEL_DISCOVERY_INTERVAL is `{text}` and is ignored; write 1m or more, or 0s for none"
                )),
            }
        }
        Ok(())
    }

    /// A config file that lies where one might expect it to be read, but is not.
    pub(crate) fn unread_file(&self) -> Option<&'static str> {
        UNNAMED
            .into_iter()
            .find(|path| self.config.is_none() && std::path::Path::new(path).exists())
    }
}

fn split(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A number that is not one is told and otherwise as good as none.
fn number(text: Option<&str>, name: &str) -> Option<f64> {
    let text = text?.trim();
    match text.parse::<f64>() {
        Ok(number) if number >= 0.0 && number.is_finite() => Some(number),
        _ => {
            complain(&format!(
                "{name} is `{text}` and is ignored; write a number of 0 or more"
            ));
            None
        }
    }
}

/// The log is not up yet when the environment is read.
#[expect(clippy::print_stderr, reason = "said before there is a log")]
fn complain(text: &str) {
    eprintln!("warning: {text}");
}
