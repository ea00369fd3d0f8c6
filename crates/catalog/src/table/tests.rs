use proptest::prelude::*;

use super::*;
use crate::mode::{Mode, Modes};
use crate::model::Entry;

fn entry(provider: &str, id: &str) -> Entry {
    let mut entry = Entry::new(provider, id, Modes::only(Mode::Chat));
    entry.source = format!("https://{provider}.example/prices");
    entry.prices = vec![(None, "in=1 out=2".parse().unwrap())];
    entry
}

fn heading() -> Heading {
    let mut heading = Heading {
        date: "2026-11-24".parse().unwrap(),
        ..Heading::default()
    };
    heading.names.insert("acme_inc".into(), "acme".into());
    heading
        .chains
        .insert("acme".into(), vec!["beta".into(), "gamma".into()]);
    heading
}

fn table(entries: Vec<Entry>) -> Table {
    Table::read(write(&heading(), entries)).unwrap()
}

#[test]
fn every_row_is_found_and_nothing_else() {
    let ids = ["a", "a-1", "A-2", "a-2", "b", "b.c", "z/y:x"];
    let all = ["acme", "acme-2", "beta"];
    let entries = all
        .iter()
        .flat_map(|provider| ids.iter().map(|id| entry(provider, id)));
    let table = table(entries.collect());
    assert_eq!(table.len(), 21);
    for provider in all {
        for id in ids {
            let found = table.find(provider, id).unwrap();
            assert_eq!((found.provider, found.id), (provider, id));
            let source = table.source(found.source).unwrap();
            assert_eq!(source, format!("https://{provider}.example/prices"));
        }
        assert_eq!(table.of_provider(provider).count(), ids.len());
        assert_eq!(table.find(provider, "B.C").unwrap().id, "b.c");
        for id in ["", "0", "a-", "a-3", "zz", "b.c.d"] {
            assert_eq!(table.find(provider, id), None, "{id}");
        }
    }
    for provider in ["", "acm", "acme-", "acme-20", "zeta"] {
        assert_eq!(table.find(provider, "a"), None, "{provider}");
        assert_eq!(table.of_provider(provider).count(), 0, "{provider}");
    }
}

#[test]
fn the_head_names_vendors_and_chains() {
    let table = table(vec![entry("acme", "a")]);
    assert_eq!(table.named("acme_inc"), Some("acme"));
    assert_eq!(table.named("acme"), None);
    assert_eq!(table.chain("acme").collect::<Vec<_>>(), ["beta", "gamma"]);
    assert_eq!(table.chain("beta").count(), 0);
    assert_eq!(table.date().to_string(), "2026-11-24");
}

#[test]
fn of_two_rows_for_a_model_the_last_stands() {
    let mut second = entry("acme", "a");
    second.context = Some(5);
    let table = table(vec![entry("acme", "a"), entry("beta", "a"), second]);
    assert_eq!(table.len(), 2);
    assert_eq!(table.find("acme", "a").unwrap().context, Some(5));
}

#[test]
fn the_order_of_what_is_given_does_not_matter() {
    let (a, b, c) = (entry("acme", "a"), entry("acme", "B"), entry("beta", "c"));
    let one = write(&heading(), vec![a.clone(), b.clone(), c.clone()]);
    assert_eq!(one, write(&heading(), vec![c, a, b]));
}

#[test]
fn a_broken_file_is_refused_with_its_line() {
    let good = write(&heading(), vec![entry("acme", "a"), entry("acme", "b")]);
    assert!(Table::read(good.clone()).is_ok());
    let lines: Vec<&str> = good.lines().collect();
    let first = lines
        .iter()
        .position(|line| line.starts_with("acme"))
        .unwrap();
    let swapped = |text: &str| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(first, first + 1);
        lines.join("\n") + "\n"
    };
    for (text, error) in [
        (String::new(), BadTable::Schema),
        ("{}".to_owned(), BadTable::Schema),
        (good.replace("catalog 1", "catalog 2"), BadTable::Schema),
        (
            good.replace("#date 2026", "#date soon"),
            BadTable::Head("date"),
        ),
        (
            good.replace("#rows 2", "#rows many"),
            BadTable::Head("rows"),
        ),
        (
            good.replace("#rows 2 ", "#rows 2 9"),
            BadTable::Head("rows"),
        ),
        (
            good.replace("#rows 2", "#rows 3"),
            BadTable::Count { found: 2, said: 3 },
        ),
        (
            good.replace("\ta\tchat", "\ta\tdanc"),
            BadTable::Row(first + 1),
        ),
        (good.replacen("in=1", "in=x", 1), BadTable::Row(first + 1)),
        (swapped(&good), BadTable::Order(first + 2)),
    ] {
        assert_eq!(
            Table::read(text).map(|table| table.rows).unwrap_err(),
            error
        );
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "(#ferrogw-catalog 1\n#date 2026-11-24\n#rows [0-9] [0-9]{1,2}\n)?[\\PC\t\n]{0,80}") {
        if let Ok(table) = Table::read(text) {
            let _ = table.find("a", "b");
        }
    }

    #[test]
    fn what_is_written_is_found(ids in proptest::collection::btree_set("[a-cA-C./:-]{1,6}", 0..40)) {
        let table = table(ids.iter().map(|id| entry("acme", id)).collect());
        prop_assert_eq!(table.len(), ids.len());
        for id in &ids {
            prop_assert_eq!(table.find("acme", id).map(|model| model.id), Some(id.as_str()));
        }
    }
}
