//! `ferrogw explain FILE`: where a call would go and why, from the configuration alone. No
//! credential is read and nothing is sent.

use std::collections::HashMap;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use config::{ApiKey, Config, Proxy, Secret};
use engine::explain::Explanation;
use engine::gateway::{Call, Gateway, Surroundings};
use engine::principal::{Principal, Scope, Scopes};
use engine::receipt::Books;
use engine::surface::SURFACES;
use engine::trace::IdSource;
use http::{HeaderMap, HeaderName, HeaderValue};
use telemetry::Metrics;
use wire::Envelope;
use wire::envelope::Limits;

use crate::environment::{self, Environment};
use crate::exit::Exit;
use crate::format::{self, Format};
use crate::source::read_file;

/// What stands for a variable that is not set; nothing is sent, so that its value does not matter.
const STAND_IN: &str = "1";
/// The same where an address is wanted.
const NOWHERE: &str = "http://stand-in.invalid";

/// Say where a call would go and why, without sending it.
#[derive(clap::Args)]
pub(crate) struct Flags {
    /// The body of a chat call as a JSON file; `-` is standard input.
    file: PathBuf,
    /// The config file (or `GATEWAY_CONFIG`).
    #[arg(long, short = 'c', value_name = "FILE")]
    config: Option<PathBuf>,
    /// Call as the key of this name in the config.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// A header of the call, as `Name: value`; may be given more than once.
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
}

/// Explains the call and prints what was found.
pub(crate) fn run(flags: &Flags, format: Format) -> Result<(), Exit> {
    let file = flags.config.clone().or(Environment::read().config);
    let file =
        file.ok_or_else(|| anyhow!("name the config file with --config or GATEWAY_CONFIG"))?;
    let (mut config, _) = read_file(&file)?;
    let principal = caller(&config, flags.key.as_deref())?;
    let stand_ins = stand_ins(&mut config);
    let surroundings = Surroundings {
        env: Box::new(move |name| environment::var(name).or_else(|| stand_ins.get(name).cloned())),
        secrets: Vec::new(),
        master_key: None,
        no_key: true,
    };
    let books = Arc::new(Books {
        metrics: Metrics::new(env!("CARGO_PKG_VERSION")),
        access: None,
    });
    let gateway = Gateway::new(Arc::new(config), surroundings, books)
        .map_err(|error| Exit::Config(error.to_string()))?;
    let (ids, headers) = (IdSource::default(), headers(&flags.headers)?);
    let call = Call {
        trace: ids.call_id(&headers).trace,
        row: &SURFACES[0],
        snapshot: gateway.snapshot(),
        principal,
        headers,
        body: body(&flags.file)?,
    };
    let explanation = gateway
        .explain(&ids, &call)
        .map_err(|fault| anyhow!("{} ({})", fault.message, fault.kind.row().code))?;
    let value = serde_json::to_value(&explanation)?;
    format::print(format, &value, || table(&explanation))
}

/// Takes credentials and files out of the configuration, and says what stands for variables.
fn stand_ins(config: &mut Config) -> HashMap<String, String> {
    let mut values = HashMap::new();
    let mut stand = |text: &str, value: &str| {
        for name in config::references(text) {
            values.insert(name.to_owned(), value.to_owned());
        }
    };
    for target in &mut config.targets {
        for text in target.vars.values() {
            stand(text, STAND_IN);
        }
        for secret in target.headers.values().chain(target.query.values()) {
            stand(secret.expose(), STAND_IN);
        }
        for text in target.base_url.iter().chain(&target.region) {
            let whole = text.starts_with("${");
            stand(text, if whole { NOWHERE } else { STAND_IN });
        }
        if target.api_key.is_some() {
            target.api_key = Some(ApiKey::One(Secret::new(STAND_IN)));
        }
        if target.auth.take().is_some() {
            target.api_key = Some(ApiKey::One(Secret::new(STAND_IN)));
        }
        target.ca_file = None;
        target.proxy = Some(Proxy::Direct);
    }
    for target in &config.targets {
        let own = config
            .providers
            .iter()
            .find(|row| row.id == target.provider_id());
        let Some(row) = own.or_else(|| providers::builtin().get(target.provider_id())) else {
            continue;
        };
        let vars = row.env.vars.values().filter_map(|names| names.env.as_ref());
        for name in row.env.api_key.iter().chain(vars) {
            values
                .entry(name.clone())
                .or_insert_with(|| STAND_IN.to_owned());
        }
        if row.env.base_url_required
            && let Some(name) = &row.env.base_url
        {
            values
                .entry(name.clone())
                .or_insert_with(|| NOWHERE.to_owned());
        }
    }
    values
}

/// The holder of the key, or somebody without one.
fn caller(config: &Config, name: Option<&str>) -> Result<Principal, Exit> {
    let Some(name) = name else {
        return Ok(Principal::anonymous());
    };
    let key = config.keys.iter().find(|key| key.name == name);
    let key = key.ok_or_else(|| anyhow!("there is no key `{name}` in the config"))?;
    let models = key.models.as_ref();
    Ok(Principal {
        id: key.name.as_str().into(),
        scopes: Scopes::of([Scope::Inference]),
        models: models.map(|ids| ids.iter().map(|id| id.as_str().into()).collect()),
        metadata: Some(Arc::new(key.metadata.clone())),
    })
}

fn headers(written: &[String]) -> Result<HeaderMap, Exit> {
    let mut headers = HeaderMap::new();
    for line in written {
        let parts = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let (name, value) =
            parts.ok_or_else(|| anyhow!("`{line}` is no header: expected `Name: value`"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn body(file: &Path) -> Result<Envelope, Exit> {
    let mut text = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut text)?;
    } else {
        text = std::fs::read(file).with_context(|| file.display().to_string())?;
    }
    Ok(Envelope::parse(text.into(), Limits::default())
        .with_context(|| file.display().to_string())?)
}

fn table(explanation: &Explanation) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "{name:<10} {text}");
    };
    line("model", &explanation.model);
    if explanation.means != [explanation.model.as_str()] {
        line("means", &explanation.means.join(", "));
    }
    for decided in &explanation.decided {
        let by = decided
            .route
            .as_deref()
            .map_or("the global strategy".to_owned(), |route| {
                format!("route {route}")
            });
        line("decided", &format!("{} by {by}", decided.strategy));
    }
    if let Some(variant) = &explanation.variant {
        line("variant", variant);
    }
    let estimate = &explanation.estimate;
    let price = estimate.price_usd.as_deref();
    let price = price.map_or_else(
        || "price not known".to_owned(),
        |price| format!("about {price} USD"),
    );
    line(
        "estimate",
        &format!(
            "{} tokens in, {} out, {price}",
            estimate.prompt_tokens, estimate.output_tokens
        ),
    );
    for (number, one) in explanation.candidates.iter().enumerate() {
        let name = if number == 0 { "goes to" } else { "then" };
        let standby = if one.standby { ", standby" } else { "" };
        let barred = one
            .barred
            .as_ref()
            .map_or(String::new(), |barred| format!(", but {}", barred.why));
        let text = format!(
            "{} ({}, {}): {}{standby}{barred}",
            one.target, one.provider, one.model, one.why
        );
        line(name, &text);
    }
    for left_out in &explanation.filtered {
        line("not", &format!("{}: {}", left_out.target, left_out.why));
    }
    if let Some(refusal) = &explanation.refusal {
        line(
            "refused",
            &format!("{} {}: {}", refusal.status, refusal.code, refusal.message),
        );
    }
    out
}
