use super::*;
use crate::capability::{Capability, Tri};
use crate::mode::{Mode, Modes};
use crate::model::Entry;
use crate::table::{Heading, write};

fn today() -> Day {
    "2026-11-24".parse().unwrap()
}

fn entry(provider: &str, id: &str, price: &str) -> Entry {
    let mut entry = Entry::new(provider, id, Modes::only(Mode::Chat));
    entry.date = "2026-11-01".parse().unwrap();
    entry.prices = vec![(None, price.parse().unwrap())];
    entry
}

fn catalog(entries: Vec<Entry>) -> Catalog {
    let mut heading = Heading {
        date: today(),
        ..Heading::default()
    };
    heading
        .chains
        .insert("acme-cloud".into(), vec!["acme".into()]);
    Catalog::of(write(&heading, entries))
}

fn small() -> Catalog {
    catalog(vec![
        entry("acme", "a", "in=1"),
        entry("acme", "a-2026-01-01", "in=2"),
        entry("acme", "shared", "in=3"),
        entry("acme-cloud", "shared", ""),
        entry("beta", "only-beta", "in=9"),
        entry("beta", "acme/b", "in=9"),
    ])
}

#[test]
fn c3_a_model_is_never_priced_from_another_vendors_row() {
    let catalog = small();
    let price = |provider: &str, model: &str| {
        let price = catalog.price(provider, model, today());
        price.map(|price| price.to_string())
    };
    assert_eq!(price("acme", "only-beta"), None);
    assert_eq!(price("acme", "b"), None);
    assert_eq!(price("acme", "acme/b"), None);
    assert_eq!(price("", "a"), None);
    assert_eq!(price("acme", "a").as_deref(), Some("in=1"));
    // Its chain is not another vendor, and goes one way.
    assert_eq!(price("acme-cloud", "a").as_deref(), Some("in=1"));
    assert_eq!(price("acme-cloud", "shared").as_deref(), Some("in=3"));
    assert_eq!(
        catalog.lookup("acme-cloud", "shared").unwrap().provider,
        "acme-cloud"
    );
    assert_eq!(price("beta", "a"), None);
}

#[test]
fn a_dated_name_is_its_own_row_or_else_its_models() {
    let catalog = small();
    let id = |model: &str| catalog.lookup("acme", model).map(|model| model.id);
    assert_eq!(id("a-2026-01-01"), Some("a-2026-01-01"));
    assert_eq!(id("a-2026-02-02"), Some("a"));
    assert_eq!(id("a-latest"), Some("a"));
    assert_eq!(id("A"), Some("a"));
    assert_eq!(id("a-mini"), None);
}

#[test]
fn the_operators_word_stands_over_every_list() {
    let own = [
        Override {
            provider: "acme".into(),
            model: "a".into(),
            price: Some("in=0.5 out=1".parse().unwrap()),
            capabilities: vec![(Capability::Vision, false)],
            ..Override::default()
        },
        Override {
            provider: "house".into(),
            model: "our own".into(),
            context: Some(8192),
            ..Override::default()
        },
    ];
    let catalog = small().with_overrides(&own, today());
    let price = catalog.price("acme", "a", today()).unwrap();
    assert_eq!(price.to_string(), "in=0.5 out=1");
    let model = catalog.lookup("acme", "a").unwrap();
    assert_eq!(model.capabilities.get(Capability::Vision), Tri::No);
    assert_eq!(catalog.source(&model), "operator");
    let house = catalog.lookup("house", "our own").unwrap();
    assert_eq!((house.context, house.price(today())), (Some(8192), None));
    let ids = |provider| {
        catalog
            .models(provider)
            .iter()
            .map(|model| model.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("acme"), ["a", "a-2026-01-01", "shared"]);
    assert_eq!(ids("house"), ["our own"]);
    // Given again, they replace what was said before.
    let none = catalog.clone().with_overrides(&[], today());
    assert_eq!(
        none.price("acme", "a", today()).unwrap().to_string(),
        "in=1"
    );
}

#[test]
fn of_two_lists_the_newer_row_counts_and_nothing_is_lost() {
    let catalog = small();
    let mut newer = entry("acme", "a", "in=7");
    newer.date = "2026-11-02".parse().unwrap();
    let mut older = entry("acme", "shared", "in=8");
    older.date = "2026-01-01".parse().unwrap();
    let fill = (0..6).map(|at| entry("acme", &format!("new-{at}"), "in=4"));
    let text = write(
        &Heading {
            date: today(),
            ..Heading::default()
        },
        [newer, older].into_iter().chain(fill),
    );
    let document = Document::read(text.as_bytes(), &catalog, today()).unwrap();
    let catalog = catalog.refreshed(document).unwrap();
    let price = |model| catalog.price("acme", model, today()).unwrap().to_string();
    assert_eq!(price("a"), "in=7");
    assert_eq!(price("shared"), "in=3");
    assert_eq!(price("new-1"), "in=4");
    assert_eq!(price("a-2026-01-01"), "in=2");
}

/// C4: a model that nobody knows is not looked for in every row.
#[test]
fn c4_what_is_not_there_is_missed_as_fast_as_what_is_there_is_found() {
    let catalog = Catalog::embedded();
    let took = |provider: &str, model: &str| {
        let once = |_| {
            let began = std::time::Instant::now();
            for _ in 0..500 {
                std::hint::black_box(catalog.price(provider, model, today()));
            }
            began.elapsed()
        };
        (0..8).map(once).min().unwrap()
    };
    let hit = took("openai", "gpt-4o");
    for (provider, model) in [
        ("openai", "no-such-model"),
        ("openai", "zzz"),
        ("nobody", "gpt-4o"),
        ("openai", "openai/gpt-4o-zzz-20990101"),
    ] {
        // The reference takes some 1,900 times as long.
        let miss = took(provider, model);
        assert!(
            miss < hit * 30,
            "{provider}/{model}: {miss:?}, {hit:?} for a hit"
        );
    }
}

/// C10: the list knows models of every kind, not just those that chat.
#[test]
fn c10_the_list_knows_what_reranks_and_what_moderates() {
    let table = Table::read(EMBEDDED.to_owned()).unwrap();
    for mode in [Mode::Rerank, Mode::Moderation, Mode::Embedding, Mode::Image] {
        let count = table.rows().filter(|row| row.modes.has(mode)).count();
        assert!(count > 0, "{mode:?}");
    }
}

/// C17: a list that is read changes no other one.
#[test]
fn c17_two_lists_know_nothing_of_each_other() {
    let (one, other) = (small(), catalog(vec![entry("acme", "a", "in=7")]));
    let price = |catalog: &Catalog| catalog.price("acme", "a", today()).unwrap().to_string();
    assert_eq!((price(&one), price(&other)), ("in=1".into(), "in=7".into()));
    assert!(other.lookup("acme", "shared").is_none() && one.lookup("acme", "shared").is_some());
}

#[test]
fn the_embedded_list_is_whole() {
    let table = Table::read(EMBEDDED.to_owned()).unwrap();
    assert!(table.len() > 4000);
    let catalog = Catalog::embedded();
    assert_eq!(catalog.len(), table.len());
    let mut priced = 0;
    for row in table.rows() {
        let found = catalog.lookup(row.provider, row.id).unwrap();
        assert_eq!((found.provider, found.id), (row.provider, row.id));
        priced += usize::from(row.price(today()).is_some());
    }
    assert!(priced * 10 > table.len() * 9, "{priced} of {}", table.len());
}
