//! litellm's price file: one object, a key a model, the widest there is.

mod image;
mod price;

use std::collections::{BTreeMap, BTreeSet};

use ::catalog::{Capability, Day, Entry, Mode, Modes, Price, Tri};
use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};

use super::vendors::Vendors;
use super::{Inputs, find};

type Row = Map<String, Value>;

/// Its words for what a model is for.
const MODES: &[(&str, Mode)] = &[
    ("chat", Mode::Chat),
    ("completion", Mode::Completion),
    ("responses", Mode::Responses),
    ("embedding", Mode::Embedding),
    ("image_generation", Mode::Image),
    ("image_edit", Mode::ImageEdit),
    ("audio_transcription", Mode::Transcription),
    ("audio_speech", Mode::Speech),
    ("rerank", Mode::Rerank),
    ("moderation", Mode::Moderation),
    ("video_generation", Mode::Video),
    ("realtime", Mode::Realtime),
    ("search", Mode::Search),
    ("ocr", Mode::Ocr),
];

const ENDPOINTS: &[(&str, Mode)] = &[
    ("/v1/chat/completions", Mode::Chat),
    ("/v1/completions", Mode::Completion),
    ("/v1/responses", Mode::Responses),
    ("/v1/embeddings", Mode::Embedding),
    ("/v1/images/generations", Mode::Image),
    ("/v1/images/edits", Mode::ImageEdit),
    ("/v1/audio/transcriptions", Mode::Transcription),
    ("/v1/audio/speech", Mode::Speech),
    ("/v1/realtime", Mode::Realtime),
];

const CAPABILITIES: &[(&str, Capability)] = &[
    ("supports_vision", Capability::Vision),
    ("supports_function_calling", Capability::FunctionCalling),
    (
        "supports_parallel_function_calling",
        Capability::ParallelToolCalls,
    ),
    ("supports_response_schema", Capability::ResponseSchema),
    ("supports_native_streaming", Capability::Streaming),
    ("supports_prompt_caching", Capability::PromptCaching),
    ("supports_reasoning", Capability::Reasoning),
    ("supports_audio_input", Capability::AudioInput),
    ("supports_audio_output", Capability::AudioOutput),
    ("supports_web_search", Capability::WebSearch),
    ("supports_pdf_input", Capability::PdfInput),
    ("supports_video_input", Capability::VideoInput),
    ("supports_computer_use", Capability::ComputerUse),
];

/// Keys that are no models.
const NO_MODELS: [&str; 2] = ["sample_spec", "fallback_generalizations"];

/// What makes a name one of a class of sizes and not of a model.
fn is_size_class(id: &str) -> bool {
    let classes = ["together-ai-", "fireworks-ai-"];
    classes.iter().any(|class| id.starts_with(class))
}

pub(super) fn entries(
    inputs: &Inputs,
    vendors: &Vendors,
    notes: &mut Vec<String>,
) -> Result<Vec<Entry>> {
    let rows = inputs
        .litellm
        .as_object()
        .context("litellm's file is no object")?;
    let mut entries = BTreeMap::new();
    let mut pictures = Vec::new();
    let mut unread = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for (key, row) in rows {
        if NO_MODELS.contains(&key.as_str()) {
            continue;
        }
        let row = row
            .as_object()
            .with_context(|| format!("{key} is no object"))?;
        let Some((provider, key, row)) = meant(rows, key, row) else {
            continue;
        };
        let Some(vendor) = vendors.id(provider) else {
            unknown.insert(provider);
            continue;
        };
        let id = vendors.model(provider, key);
        if is_size_class(id) {
            continue;
        }
        let entry = entry(&vendor, id, row, inputs, vendors, &mut unread)?;
        match image::sized(id) {
            Some(sized) => pictures.push((sized, entry, image::dollars(row))),
            None => _ = entries.insert((vendor, id.to_owned()), entry),
        }
    }
    if !unknown.is_empty() {
        bail!("vendors.toml does not say what these are: {unknown:?}");
    }
    notes.push(format!("prices that have no place here: {unread:?}"));
    let mut entries: Vec<Entry> = entries.into_values().collect();
    for (sized, entry, dollars) in pictures {
        image::add(&mut entries, &sized, entry, dollars);
    }
    Ok(entries)
}

/// The vendor, the name and the facts of a row; an alias has those of what it stands for.
fn meant<'a>(rows: &'a Row, key: &'a str, row: &'a Row) -> Option<(&'a str, &'a str, &'a Row)> {
    let facts = match row.get("alias_of") {
        Some(other) => rows.get(other.as_str()?)?.as_object()?,
        None => row,
    };
    let provider = facts.get("litellm_provider")?.as_str()?;
    Some((provider, key, facts))
}

fn entry(
    vendor: &str,
    id: &str,
    row: &Row,
    inputs: &Inputs,
    vendors: &Vendors,
    unread: &mut BTreeSet<String>,
) -> Result<Entry> {
    let modes = modes(row);
    let mut entry = Entry::new(vendor, id, modes);
    entry.context = tokens(row, "max_input_tokens");
    entry.output = tokens(row, "max_output_tokens");
    for (name, capability) in CAPABILITIES {
        if let Some(can) = row.get(*name).and_then(Value::as_bool) {
            entry.capabilities.set(*capability, Tri::from(can));
        }
    }
    // A schema is more than JSON.
    if entry.capabilities.get(Capability::ResponseSchema) == Tri::Yes {
        entry.capabilities.set(Capability::JsonMode, Tri::Yes);
    }
    let word = |name: &str| row.get(name).and_then(Value::as_str);
    entry.retires = word("deprecation_date").and_then(|day| day.parse::<Day>().ok());
    if let Some(successor) = word("successor_model") {
        let provider = word("litellm_provider").unwrap_or_default();
        entry.successor = Some(vendors.model(provider, successor).to_owned());
    }
    entry.preview = ["preview", "-exp", "beta"]
        .iter()
        .any(|mark| id.contains(mark));
    let source = word("source").filter(|source| source.starts_with("https://"));
    source
        .unwrap_or(&inputs.litellm_name)
        .clone_into(&mut entry.source);
    entry.date = inputs.date;
    let price = price::of(row, modes.main(), unread)
        .with_context(|| format!("the price of {vendor} {id}"))?;
    if !price.is_empty() {
        entry.prices = vec![(None, price)];
    }
    Ok(entry)
}

fn modes(row: &Row) -> Modes {
    let word = row.get("mode").and_then(Value::as_str).unwrap_or("chat");
    let main = MODES.iter().find(|(known, _)| *known == word);
    let main = main.map_or(Mode::Other, |(_, mode)| *mode);
    let endpoints = row.get("supported_endpoints").and_then(Value::as_array);
    let named = endpoints.into_iter().flatten().filter_map(Value::as_str);
    let named = named.filter_map(|path| {
        let row = ENDPOINTS.iter().find(|(known, _)| *known == path);
        row.map(|(_, mode)| *mode)
    });
    named.fold(Modes::only(main), Modes::and)
}

fn tokens(row: &Row, name: &str) -> Option<u64> {
    // Some are written as floats, and zero stands for unknown.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = row.get(name)?.as_f64()? as u64;
    Some(count).filter(|count| *count > 0)
}

/// A row's price list, empty when there is none.
fn list(entry: &mut Entry) -> &mut Price {
    if entry.prices.is_empty() {
        entry.prices.push((None, Price::default()));
    }
    &mut entry.prices[0].1
}
