//! Every fault the mock vendor can show, against both forms of chat: what the client saw, what the
//! receipt says, and that connections and memory came back.
//!
//! The table is written to stdout whatever the test's outcome, past the harness's capture.

#![allow(clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use ferrogw_tests::http::End;
use ferrogw_tests::{Answer, Event, Gateway, Vendor, chat_body, eventually, stream_body};
use mock::{Fault, Scope};

const TEXT: &str = "one two three four five six";

/// What a client may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The whole answer, or the whole stream and `[DONE]` once.
    All,
    /// An error with this status and code, and nothing else.
    Refused(u16, &'static str),
    /// Content, then an error event of this code, and no `[DONE]`.
    Broken(&'static str),
}

use Told::{All, Broken, Refused};

const UPSTREAM: Told = Refused(502, "upstream_error");
const SILENT: Told = Refused(504, "gateway_timeout");
const CUT: Told = Broken("stream_error");

/// One line of expectations: the fault, what may be told of it in a whole answer, and in a stream.
/// Where two outcomes stand, both keep the contract.
type Row = (Fault, &'static [Told], &'static [Told]);

const EXPECTED: &[Row] = &[
    (Fault::Reset, &[UPSTREAM], &[UPSTREAM]),
    (Fault::ResetAfterHead, &[UPSTREAM], &[UPSTREAM]),
    (Fault::ResetEvent, &[All], &[CUT]),
    (Fault::Close, &[UPSTREAM], &[UPSTREAM]),
    (Fault::CloseAfter, &[All], &[All]),
    (Fault::Stall, &[SILENT], &[SILENT]),
    (Fault::StallAfterHead, &[SILENT], &[SILENT]),
    (Fault::StallEvent, &[All], &[Broken("stream_timeout")]),
    (Fault::RoleOnlyThenStall, &[All], &[SILENT]),
    (Fault::Cut, &[UPSTREAM], &[UPSTREAM]),
    (Fault::CutEvent, &[All], &[CUT]),
    // F6: an end without a finish reason is not a success.
    (Fault::Eof, &[All], &[CUT]),
    (Fault::SlowHeaders, &[All], &[All]),
    (Fault::Informational, &[All], &[All]),
    (Fault::NotHttp, &[UPSTREAM], &[UPSTREAM]),
    (Fault::BigHead, &[All, UPSTREAM], &[All, UPSTREAM]),
    (Fault::Redirect, &[UPSTREAM], &[UPSTREAM]),
    (Fault::WrongContentType, &[UPSTREAM], &[UPSTREAM]),
    (Fault::NoContentType, &[All], &[All]),
    // The bytes are the vendor's; a client that believes the claim is its business. Or it is refused.
    (Fault::GzipClaim, &[All, UPSTREAM], &[All, UPSTREAM]),
    (Fault::Empty, &[UPSTREAM], &[UPSTREAM]),
    (Fault::Truncated, &[UPSTREAM], &[CUT]),
    (Fault::BadUtf8, &[All, UPSTREAM], &[All, CUT, UPSTREAM]),
    (Fault::Huge, &[All], &[All]),
    (Fault::ErrorIn200, &[UPSTREAM], &[CUT]),
    (Fault::ErrorTextIn200, &[UPSTREAM], &[CUT]),
    // F6: an event that cannot be read does not vanish.
    (Fault::Garbage, &[All], &[CUT]),
    (Fault::NoUsage, &[All], &[All]),
    (Fault::UsageWithFinish, &[All], &[All]),
    (Fault::UsageEverywhere, &[All], &[All]),
    (Fault::RoleEverywhere, &[All], &[All]),
    (Fault::ContentParts, &[All], &[All]),
    (Fault::NoFinish, &[All], &[All]),
    (Fault::NoDone, &[All], &[All]),
    (Fault::DoubleDone, &[All], &[All]),
    (Fault::NoFinalBlank, &[All], &[All]),
    (Fault::Crlf, &[All], &[All]),
    (Fault::Cr, &[All], &[All]),
    (Fault::Bom, &[All], &[All]),
    (Fault::NoSpace, &[All], &[All]),
    (Fault::Fields, &[All], &[All]),
    (Fault::Comments, &[All], &[All]),
    (Fault::MultiLine, &[All], &[All]),
    (Fault::WritePerEvent, &[All], &[All]),
    (Fault::Split, &[All], &[All]),
];

/// Faults that change the text itself.
const OTHER_TEXT: [Fault; 3] = [Fault::BadUtf8, Fault::Huge, Fault::ContentParts];

/// Each fault is a model of its name. With a pause between events what comes before a fault has gone
/// out when the fault comes.
fn gateway(vendor: &Vendor, cadence: &str) -> Gateway {
    let setup = Fault::ALL
        .iter()
        .fold(Gateway::before(vendor), |setup, row| {
            setup.model(
                row.name,
                &format!("mock:{}=;text={TEXT};cadence={cadence}", row.name),
            )
        });
    Gateway::start(
        &setup
            .target("timeouts:\n  connect: 2s\n  first_byte: 800ms\n  idle: 800ms")
            .section("stream:\n  idle_timeout: 1s"),
    )
}

fn told(answer: &Answer, streamed: bool) -> Result<Told, String> {
    if answer.end != End::Whole {
        return Err("a body that ends before its end".into());
    }
    if answer.status() != 200 {
        let code = answer.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let known = [
            "upstream_error",
            "gateway_timeout",
            "upstream_timeout",
            "invalid_request",
        ]
        .into_iter();
        return match known.into_iter().find(|known| *known == code) {
            Some(code) => Ok(Refused(answer.status(), code)),
            None => Err(format!("{} {code}", answer.status())),
        };
    }
    if !streamed {
        return if answer.body.is_empty() {
            Err("an empty success".into())
        } else {
            Ok(All)
        };
    }
    let events: Vec<Event> = answer
        .events()
        .into_iter()
        .filter(|event| event.data.is_some())
        .collect();
    let done = events.iter().filter(|event| event.is_done()).count();
    let failed = events
        .last()
        .and_then(Event::json)
        .and_then(|last| last["error"]["code"].as_str().map(str::to_owned));
    match (
        done,
        failed.as_deref(),
        events.last().is_some_and(Event::is_done),
    ) {
        (1, None, true) => Ok(All),
        (0, Some("stream_error"), _) if events.len() > 1 => Ok(Broken("stream_error")),
        (0, Some("stream_timeout"), _) if events.len() > 1 => Ok(Broken("stream_timeout")),
        (done, failed, _) => Err(format!(
            "{done} times [DONE], error event {failed:?}, {} events",
            events.len()
        )),
    }
}

/// The text of the answer, however it came.
fn text(answer: &Answer, streamed: bool) -> String {
    if !streamed {
        return answer.json()["choices"][0]["message"]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
    }
    let chunks = answer.events().into_iter().filter_map(|event| event.json());
    chunks
        .filter_map(|chunk| {
            chunk["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}

struct Walk<'a> {
    vendor: &'a Vendor,
    gateway: &'a Gateway,
    table: String,
    wrong: Vec<String>,
}

impl Walk<'_> {
    fn step(&mut self, row: &Row, streamed: bool) {
        let (fault, whole, stream) = row;
        let (form, expected) = if streamed {
            ("stream", stream)
        } else {
            ("whole", whole)
        };
        let body = if streamed {
            stream_body(fault.name())
        } else {
            chat_body(fault.name())
        };
        let begun = Instant::now();
        let answer = self.gateway.chat(body);
        let took = begun.elapsed();
        let line = self.gateway.access(&answer);
        let name = fault.name();
        eventually("the vendor is let go", || {
            (self.vendor.stats().in_flight == 0).then_some(())
        });

        let seen = told(&answer, streamed);
        let shown = match &seen {
            Ok(told) => format!("{told:?}"),
            Err(what) => format!("!! {what}"),
        };
        let outcome = line["outcome"].as_str().unwrap_or("-").to_owned();
        let usage = match (
            &line["tokens_in"],
            &line["tokens_out"],
            line["estimated"].as_bool(),
        ) {
            (input, output, Some(estimated)) => format!(
                "{input}+{output}{}",
                if estimated { " (estimated)" } else { "" }
            ),
            _ => "-".into(),
        };
        let open = self.vendor.stats().connections_open;
        let cells = (answer.status(), took.as_millis());
        let _ = writeln!(
            self.table,
            "{name:<22} {form:<6}  {shown:<38} {:>3}  {outcome:<9} {usage:<20} {open:>4} {:>6}",
            cells.0, cells.1
        );
        let complaint = |what: String| format!("{name} ({form}): {what}");
        match seen {
            Ok(told) if expected.contains(&told) => {
                let success = told == All;
                if outcome != if success { "answered" } else { "failed" } {
                    self.wrong.push(complaint(format!(
                        "told {told:?}, but the receipt says {outcome}"
                    )));
                }
                if success && !OTHER_TEXT.contains(fault) && text(&answer, streamed) != TEXT {
                    self.wrong.push(complaint(format!(
                        "the text is {:?}",
                        text(&answer, streamed)
                    )));
                }
                if success && line["tokens_in"].as_u64().is_none() {
                    self.wrong
                        .push(complaint("an answered call without usage".into()));
                }
            }
            other => self
                .wrong
                .push(complaint(format!("{other:?}, not {expected:?}"))),
        }
        if open > 4 {
            self.wrong
                .push(complaint(format!("{open} connections stay open")));
        }
        if took > Duration::from_secs(5) {
            self.wrong.push(complaint(format!("took {took:?}")));
        }
    }
}

#[test]
fn every_fault_has_an_expectation() {
    for row in Fault::ALL {
        let lines = EXPECTED.iter().filter(|(fault, ..)| *fault == row.fault);
        assert_eq!(lines.count(), 1, "{}", row.name);
    }
    for (fault, whole, stream) in EXPECTED {
        match fault.row().scope {
            Scope::Stream => assert_eq!(*whole, [All], "{}", fault.name()),
            Scope::Whole => assert_eq!(*stream, [All], "{}", fault.name()),
            Scope::Any => {}
        }
    }
}

#[test]
fn every_fault_of_a_vendor_is_told_and_paid_for_and_forgotten() {
    let vendor = Vendor::start();
    let gateway = gateway(&vendor, "20ms");
    let mut walk = Walk {
        vendor: &vendor,
        gateway: &gateway,
        table: String::new(),
        wrong: Vec::new(),
    };
    let _ = writeln!(
        walk.table,
        "\n{:<22} {:<6}  {:<38} {:>3}  {:<9} {:<20} {:>4} {:>6}",
        "fault", "form", "the client was told", "", "receipt", "tokens", "open", "ms"
    );
    for row in EXPECTED {
        walk.step(row, false);
        walk.step(row, true);
    }
    let Walk {
        mut table, wrong, ..
    } = walk;
    let first = gateway.resident_kib();
    let _ = writeln!(table, "\nresident after one walk: {first} KiB");
    show(&table);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn memory_comes_back_after_faults() {
    let vendor = Vendor::start();
    let gateway = gateway(&vendor, "0ms");
    // Those that only wait teach nothing about memory and take their time; huge ones show the
    // allocator's habits, see below.
    let quick = |fault: Fault| !fault.name().contains("stall") && fault != Fault::Huge;
    let round = || {
        for row in Fault::ALL.iter().filter(|row| quick(row.fault)) {
            gateway.chat(chat_body(row.name));
            gateway.chat(stream_body(row.name));
        }
    };
    round();
    round();
    let settled = gateway.resident_kib();
    for _ in 0..4 {
        round();
    }
    let after = gateway.resident_kib();
    show(&format!(
        "resident after 2 rounds of faults: {settled} KiB, after 6: {after} KiB\n"
    ));
    assert!(
        after < settled + 4 * 1024,
        "{settled} KiB became {after} KiB"
    );
    eventually("no call is left open", || {
        (vendor.stats().in_flight == 0).then_some(())
    });
    assert!(vendor.stats().connections_open <= 8, "{:?}", vendor.stats());
}

#[test]
fn huge_answers_do_not_pile_up() {
    let vendor = Vendor::start();
    let gateway = gateway(&vendor, "0ms");
    for _ in 0..12 {
        assert!(gateway.chat(chat_body(Fault::Huge.name())).body.len() > 8 << 20);
        assert!(gateway.chat(stream_body(Fault::Huge.name())).body.len() > 8 << 20);
    }
    let after = gateway.resident_kib();
    show(&format!(
        "resident after 24 answers of 8 MiB: {after} KiB\n"
    ));
    assert!(after < 128 * 1024, "{after} KiB");
}

/// Past the capture of the harness: the figures are a result, not a diagnosis.
fn show(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads: then nobody misses it.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
