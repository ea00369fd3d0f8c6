use std::collections::BTreeSet;

use ::catalog::{Catalog, Mode};
use serde_json::json;

use super::*;

const VENDORS: &str = r#"
others = ["elsewhere"]
[[vendor]]
id = "acme-cloud"
litellm = ["acme_ai"]
chain = ["acme"]
[[vendor]]
id = "acme"
litellm = ["acme", "acme-old"]
prefixes = ["acme"]
genai = "acme"
"#;

const CORRECTIONS: &str = r#"
[[model]]
provider = "acme"
id = "say-1"
price = "char-in=15"
source = "https://acme.example/prices"
date = "2026-11-20"
"#;

fn inputs() -> Inputs {
    let litellm = json!({
        "sample_spec": {"litellm_provider": "one of", "mode": "one of"},
        "acme/chat-1": {"litellm_provider": "acme", "mode": "chat", "max_input_tokens": 1000,
            "max_output_tokens": 100.0, "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
            "supports_vision": true, "supports_reasoning": false, "supported_endpoints": ["/v1/responses"],
            "deprecation_date": "2027-01-01", "successor_model": "acme/chat-2",
            "source": "https://acme.example/models"},
        "acme/chat-latest": {"alias_of": "acme/chat-1"},
        "acme/draw-1": {"litellm_provider": "acme", "mode": "image_generation"},
        "hd/1024-x-1792/draw-1": {"litellm_provider": "acme", "mode": "image_generation",
            "input_cost_per_pixel": 6.539e-08},
        "acme/standard/1024-x-1024/draw-1": {"litellm_provider": "acme", "mode": "image_generation",
            "output_cost_per_image": 0.04},
        "acme-old/say-1": {"litellm_provider": "acme-old", "mode": "audio_speech"},
        "elsewhere/x": {"litellm_provider": "elsewhere", "mode": "chat", "input_cost_per_token": 0.0},
    });
    let genai = json!([{"id": "acme", "pricing_urls": ["https://acme.example/prices"], "models": [
        {"id": "chat-1", "match": {"is": "ClauseStartsWith", "starts_with": "chat-"}, "context_window": 5,
            "prices": [
                {"prices": {"input_mtok": "2"}},
                {"prices": {"input_mtok": "3", "output_mtok": "15", "cache_read_mtok": "0.3"},
                    "constraint": {"start_date": "2026-02-01"}},
                {"prices": {"input_mtok": "2.5"}, "constraint": {"start_date": "2027-02-01"}}]},
        {"id": "only-here", "match": {"is": "ClauseEquals", "equals": "only-here"},
            "prices": {"input_mtok": "1", "output_mtok": "2"}}
    ]}]);
    Inputs {
        date: "2026-11-24".parse().unwrap(),
        litellm,
        litellm_name: "litellm 1.0".to_owned(),
        genai,
        vendors: VENDORS.to_owned(),
        corrections: CORRECTIONS.to_owned(),
    }
}

#[test]
fn the_same_packages_give_the_same_bytes() {
    let one = make(&inputs()).unwrap().text;
    assert_eq!(one, make(&inputs()).unwrap().text);
    let head = "#ferrogw-catalog 1\n#date 2026-11-24\n#rows 6 ";
    assert!(one.starts_with(head), "{one}");
    let names = "\n#name acme-old acme\n#name acme_ai acme-cloud\n#chain acme-cloud acme\n";
    assert!(one.contains(names), "{one}");
}

/// A row without the short name of its source.
fn without_source(row: &str) -> String {
    let fields = row.split('\t').map(|field| match field.split_once('@') {
        Some((_, date)) if !field.contains('=') => date,
        _ => field,
    });
    fields.collect::<Vec<_>>().join("\t")
}

#[test]
fn rows_are_completed_folded_and_corrected() {
    let made = make(&inputs()).unwrap();
    let row = |provider: &str, id: &str| {
        let start = format!("{provider}\t{id}\t");
        let row = made.text.lines().find(|line| line.starts_with(&start));
        without_source(row.unwrap_or_else(|| panic!("no {provider} {id} in {}", made.text)))
    };
    let facts = "chat+responses\t1000/100\tvR\t2027-01-01>chat-2\t2026-11-24\t\
                 2026-02-01 in=3 out=15 cached=0.3\t2027-02-01 in=2.5";
    assert_eq!(row("acme", "chat-1"), format!("acme\tchat-1\t{facts}"));
    assert_eq!(
        row("acme", "chat-latest"),
        format!("acme\tchat-latest\t{facts}")
    );
    assert!(row("acme", "draw-1").ends_with(
        "image=0.04 image~:1024x1024=0.04 image~hd:1024x1792=0.12 image~standard:1024x1024=0.04"
    ));
    assert!(row("acme", "say-1").ends_with("2026-11-20\tchar-in=15"));
    assert!(row("acme", "only-here").ends_with("in=1 out=2"));
    assert!(row("elsewhere", "x").ends_with("in=0"));
    assert!(!made.text.contains("sample_spec"));
}

#[test]
fn a_vendor_that_nobody_has_placed_is_an_error() {
    let mut inputs = inputs();
    inputs.litellm["new/x"] = json!({"litellm_provider": "new", "mode": "chat"});
    let error = make(&inputs).err().unwrap().to_string();
    assert_eq!(error, "vendors.toml does not say what these are: {\"new\"}");
}

fn ours(file: &str) -> String {
    std::fs::read_to_string(shell::root().join(file)).unwrap()
}

#[test]
fn every_row_of_ours_has_its_place_in_the_list_of_vendors() {
    let table: toml::Table = ours("crates/providers/providers.toml").parse().unwrap();
    let rows = table["provider"].as_array().unwrap().iter();
    let ids: BTreeSet<String> = rows
        .map(|row| &row["id"])
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    let vendors = Vendors::read(&ours("crates/catalog/vendors.toml")).unwrap();
    let placed: BTreeSet<String> = vendors.ids().map(str::to_owned).collect();
    assert_eq!(placed, ids);
}

#[test]
fn c9_what_ships_has_the_prices_that_its_calls_are_charged_by() {
    let catalog = Catalog::embedded();
    assert!(catalog.len() >= ROWS_MIN, "{} rows", catalog.len());
    let today = catalog.date();
    let vendors = Vendors::read(&ours("crates/catalog/vendors.toml")).unwrap();
    let models = vendors.ids().flat_map(|id| catalog.models(id));
    let measured = [
        Mode::Image,
        Mode::ImageEdit,
        Mode::Transcription,
        Mode::Speech,
        Mode::Rerank,
    ];
    let mut unpriced = BTreeSet::new();
    let mut counted = 0;
    for model in models.filter(|model| measured.contains(&model.modes.main())) {
        let Some(price) = model.price(today) else {
            continue;
        };
        counted += 1;
        if !model.is_priced(today) {
            unpriced.insert(format!("{} {}: {price}", model.provider, model.id));
        }
    }
    assert!(counted > 100, "{counted}");
    assert_eq!(unpriced, BTreeSet::new());
}

#[test]
fn every_row_says_where_it_is_from() {
    let catalog = Catalog::embedded();
    let vendors = Vendors::read(&ours("crates/catalog/vendors.toml")).unwrap();
    for model in vendors.ids().flat_map(|id| catalog.models(id)) {
        assert!(!catalog.source(&model).is_empty(), "{model:?}");
    }
}
