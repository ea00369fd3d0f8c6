use proptest::prelude::*;

use super::*;
use crate::capability::{Capability, Tri};
use crate::mode::{Mode, Modes};
use crate::model::Entry;
use crate::table::{Heading, write};

fn today() -> Day {
    "2026-11-24".parse().unwrap()
}

fn entries(count: usize, priced: usize, date: Day) -> Vec<Entry> {
    (0..count)
        .map(|at| {
            let mut entry = Entry::new("acme", &format!("m-{at}"), Modes::only(Mode::Chat));
            entry.date = date;
            if at < priced {
                entry.prices = vec![(None, "in=1 out=2".parse().unwrap())];
            }
            entry
        })
        .collect()
}

fn text(count: usize, priced: usize, date: &str) -> String {
    let date = date.parse().unwrap();
    let heading = Heading {
        date,
        ..Heading::default()
    };
    write(&heading, entries(count, priced, date))
}

fn known() -> Catalog {
    let mut heading = Heading::default();
    heading.names.insert("acme_inc".into(), "acme".into());
    Catalog::of(write(
        &heading,
        entries(1000, 1000, "2026-06-01".parse().unwrap()),
    ))
}

fn read(text: &str) -> Result<Document, BadDocument> {
    Document::read(text.as_bytes(), &known(), today())
}

#[test]
fn c1_a_list_that_knows_less_never_takes_the_place_of_one_that_knows_more() {
    let accepted = |before: Option<&str>, next: &str| {
        let mut catalog = known();
        if let Some(before) = before {
            catalog = catalog.refreshed(read(before).unwrap()).unwrap();
        }
        let next = Document::read(next.as_bytes(), &catalog, today()).unwrap();
        catalog
            .refreshed(next)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let good = text(1000, 1000, "2026-11-20");
    assert_eq!(accepted(None, &good), Ok(()));
    assert_eq!(accepted(None, &text(800, 400, "2026-11-20")), Ok(()));
    for (before, next, why) in [
        (
            None,
            "{}".to_owned(),
            "holds 0 models, at least 500 are expected",
        ),
        (
            None,
            text(799, 799, "2026-11-20"),
            "holds 799 models, at least 800 are expected",
        ),
        (
            None,
            text(900, 399, "2026-11-20"),
            "prices 399 models, at least 400 are expected",
        ),
        (
            Some(&good),
            text(799, 799, "2026-11-21"),
            "holds 799 models, at least 800 are expected",
        ),
        (
            Some(&good),
            text(1000, 799, "2026-11-21"),
            "prices 799 models, at least 800 are expected",
        ),
        (
            Some(&good),
            text(1000, 1000, "2026-11-19"),
            "is of 2026-11-19, older than the one in use of 2026-11-20",
        ),
    ] {
        let before = before.map(String::as_str);
        assert_eq!(accepted(before, &next), Err(why.to_owned()));
    }
}

#[test]
fn c1_what_is_no_list_is_refused() {
    for (text, why) in [
        ("", "neither a ferrogw catalog nor a JSON object of models"),
        (
            "null",
            "neither a ferrogw catalog nor a JSON object of models",
        ),
        (
            "[]",
            "neither a ferrogw catalog nor a JSON object of models",
        ),
        (
            "{\"a\":",
            "neither a ferrogw catalog nor a JSON object of models",
        ),
        (
            "<html>",
            "neither a ferrogw catalog nor a JSON object of models",
        ),
        (
            "{\"a\": 1, \"b\": {}}",
            "a JSON object in which 2 of 2 entries are not models",
        ),
        (
            "#ferrogw-catalog 9\n",
            "a ferrogw catalog that does not begin with `#ferrogw-catalog 1`",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), why, "{text}");
    }
    let long = vec![b' '; DOCUMENT_MAX + 1];
    let refused = Document::read(&long, &known(), today()).unwrap_err();
    assert_eq!(refused, BadDocument::TooLong(DOCUMENT_MAX + 1));
    assert_eq!(
        Document::read(b"\xff", &known(), today()).unwrap_err(),
        BadDocument::Form
    );
}

#[test]
fn the_go_gateways_form_is_read_in_our_units() {
    let row = |id: &str, mode: &str, pricing: &str| {
        format!(
            r#""acme_inc/{id}": {{"provider": "acme_inc", "model_id": "{id}", "mode": "{mode}",
            "display_name": "A", "context_window": 1000, "max_output_tokens": 0,
            "pricing": {{{pricing}}}, "capabilities": {{"vision": true, "streaming": false, "odd": true}},
            "lifecycle": {{"status": "deprecated", "sunset_date": "2027-01-01", "successor": "b"}},
            "source": "https://acme.example", "updated_at": "2026-11-01T00:00:00Z", "tier": "standard"}}"#
        )
    };
    let rows = [
        row(
            "chat",
            "chat",
            r#""input_per_m_tokens": 2.5, "output_per_m_tokens": 10, "cache_read_per_m_tokens": null"#,
        ),
        row("embed", "embedding", r#""embedding_per_m_tokens": 0.02"#),
        row("hear", "audio_in", r#""audio_input_per_minute": 0.006"#),
        row(
            "say",
            "audio_out",
            r#""audio_output_per_character": 1.5e-05"#,
        ),
        row(
            "say2",
            "audio_out",
            r#""audio_output_per_character": 0.000015"#,
        ),
        row("draw", "image", r#""image_per_tile": 0.04"#),
        row("odd", "chat", r#""input_per_m_tokens": "a lot""#),
    ];
    let document = read(&format!("{{{}}}", rows.join(","))).unwrap();
    let price = |id: &str| {
        let model = document.table.find("acme", id).unwrap();
        model.price(today()).map(|price| price.to_string())
    };
    for (id, list) in [
        ("chat", Some("in=2.5 out=10")),
        ("embed", Some("in=0.02")),
        ("hear", Some("second-in=0.0001")),
        ("say", Some("char-in=15")),
        ("say2", Some("char-in=15")),
        ("draw", Some("image=0.04")),
        ("odd", None),
    ] {
        assert_eq!(price(id).as_deref(), list, "{id}");
    }
    let model = document.table.find("acme", "chat").unwrap();
    assert_eq!((model.context, model.output), (Some(1000), None));
    assert_eq!(model.capabilities.get(Capability::Vision), Tri::Yes);
    assert_eq!(model.capabilities.get(Capability::Streaming), Tri::No);
    assert_eq!(model.capabilities.get(Capability::Reasoning), Tri::Unknown);
    assert_eq!(model.lifecycle.successor, Some("b"));
    assert_eq!(model.date.to_string(), "2026-11-01");
}

#[test]
fn all_noes_are_nobodys_word() {
    let text = r#"{"a/b": {"provider": "a", "model_id": "b", "capabilities": {"vision": false}}}"#;
    let document = read(text).unwrap();
    let model = document.table.find("a", "b").unwrap();
    assert_eq!(model.capabilities.get(Capability::Vision), Tri::Unknown);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::read(&bytes, &Catalog::embedded(), today());
    }

    #[test]
    fn no_json_panics(
        id in "[\\PC\t]{0,12}",
        number in "-?[0-9]{1,30}(\\.[0-9]{1,30})?(e-?[0-9]{1,4})?",
    ) {
        let read = |text: &str| Document::read(text.as_bytes(), &Catalog::embedded(), today());
        let text = serde_json::json!({"k": {"provider": id, "model_id": id, "mode": id}}).to_string();
        let _ = read(&text);
        let text = format!(
            r#"{{"k": {{"provider": "a", "model_id": "b", "pricing": {{"audio_output_per_character": {number},
            "audio_input_per_minute": {number}, "input_per_m_tokens": {number}}}}}}}"#
        );
        let _ = read(&text);
    }
}
