//! Receipts that end in every way there is.

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderMap;
use telemetry::Metrics;
use wire::fault::{Fault, Kind};
use wire::usage::Usage;

use super::*;
use crate::trace::IdSource;

fn open() -> (Arc<Books>, Receipt) {
    let books = Arc::new(Books {
        metrics: Metrics::new("test"),
        access: None,
    });
    let head = Head {
        id: IdSource::default().call_id(&HeaderMap::new()),
        method: http::Method::POST,
        path: "/v1/chat/completions".into(),
        remote: IpAddr::from([127, 0, 0, 1]),
        surface: Some("chat"),
        core: 0,
    };
    (books.clone(), Receipt::open(books, head))
}

/// Success, rejection, error, clients gone, calls still in flight.
fn counted(books: &Books) -> [u64; 5] {
    let call = books.metrics.call("none", "unknown");
    let surface = books.metrics.surface("chat");
    let in_flight = u64::try_from(surface.in_flight.get()).unwrap();
    [
        call.requests_success.get(),
        call.requests_rejected.get(),
        call.requests_error.get(),
        surface.aborted.get(),
        in_flight,
    ]
}

#[test]
fn however_it_ends_a_receipt_is_settled_once() {
    let ended = |end: fn(Receipt)| {
        let (books, receipt) = open();
        assert_eq!(counted(&books), [0, 0, 0, 0, 1]);
        end(receipt);
        counted(&books)
    };
    assert_eq!(ended(Receipt::close), [1, 0, 0, 0, 0]);
    assert_eq!(ended(drop), [0, 0, 1, 1, 0]);
    assert_eq!(
        ended(|receipt| close_failed(receipt, Kind::MissingKey)),
        [0, 1, 0, 0, 0]
    );
    assert_eq!(
        ended(|receipt| close_failed(receipt, Kind::UpstreamError)),
        [0, 0, 1, 0, 0]
    );
}

fn close_failed(mut receipt: Receipt, kind: Kind) {
    receipt.note(|notes| notes.failed(&Fault::new(kind)));
    receipt.close();
}

#[test]
fn c7_attempts_in_vain_and_aborted_calls_cost_what_they_used() {
    let attempt = |notes: &mut Notes, provider: &str, tokens: u64| {
        notes.attempts.push(Attempt {
            target: provider.into(),
            provider: provider.into(),
            fault: Some(Kind::UpstreamCut),
            cause: None,
            status: None,
            wait: Duration::ZERO,
            took: Duration::ZERO,
            lost: false,
            spent: None,
        });
        notes.provider = Some(provider.into());
        notes.model = Some("a".into());
        notes.owned = true;
        notes.price = Some(Arc::new("in=1".parse().unwrap()));
        notes.usage = Some(Usage {
            input: tokens,
            ..Usage::default()
        });
    };
    let cost = |books: &Books, provider: &str| {
        let call = books.metrics.call(provider, "a");
        call.cost_pico_usd.get()
    };
    for end in [Receipt::close as fn(Receipt), drop] {
        let (books, mut receipt) = open();
        receipt.note(|notes| {
            attempt(notes, "first", 5);
            notes.put_spent_aside(0);
            attempt(notes, "second", 7);
        });
        let known = receipt.notes().and_then(Notes::cost).unwrap();
        assert_eq!(known.amount.pico(), 12_000_000);
        end(receipt);
        assert_eq!(
            (cost(&books, "first"), cost(&books, "second")),
            (5_000_000, 7_000_000)
        );
    }
    // All in vain: nothing is left for the last.
    let (books, mut receipt) = open();
    receipt.note(|notes| {
        attempt(notes, "first", 5);
        notes.put_spent_aside(0);
    });
    close_failed(receipt, Kind::UpstreamCut);
    assert_eq!(cost(&books, "first"), 5_000_000);
}

#[test]
fn a_panic_is_the_gateways_failure_and_not_a_client_gone() {
    let (books, receipt) = open();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _held = receipt;
        panic!("a defect");
    }));
    assert!(panicked.is_err());
    assert_eq!(counted(&books), [0, 0, 1, 0, 0]);
    let page = books.metrics.render(false);
    assert!(
        page.contains("gateway_http_responses_total{surface=\"chat\",status=\"500\"} 1"),
        "{page}"
    );
}
