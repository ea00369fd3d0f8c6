use super::*;
use crate::ir::{Finish, Usage};

fn open(choice: u32, block: u32, kind: Opening<'static>) -> Event<'static> {
    Event::Open {
        choice,
        block,
        kind,
    }
}

fn says(choice: u32, block: u32, text: &'static str) -> Event<'static> {
    Event::Delta {
        choice,
        block,
        delta: Delta::Text(text.into()),
    }
}

fn close(choice: u32, block: u32) -> Event<'static> {
    Event::Close { choice, block }
}

fn finish(choice: u32) -> Event<'static> {
    Event::Finish {
        choice,
        finish: Finish::default(),
    }
}

fn start(usage: Option<Usage>) -> Event<'static> {
    Event::Start(Start {
        usage,
        ..Start::default()
    })
}

fn told(events: Vec<Event<'static>>) -> Vec<Event<'static>> {
    let mut order = Order::default();
    let mut told = Vec::new();
    for event in events {
        // Only what the order makes itself is not one of these.
        order.pass(event.clone(), &mut |passed| {
            told.push(match passed {
                Event::Close { choice, block } => close(*choice, *block),
                Event::Start(start) if start.usage.is_none() => self::start(None),
                Event::Usage(usage) => Event::Usage(*usage),
                _ => event.clone(),
            });
        });
    }
    told
}

#[test]
fn what_is_in_order_passes_as_it_is() {
    let events = vec![
        start(None),
        open(0, 0, Opening::Thinking),
        open(1, 0, Opening::Text),
        says(1, 0, "a"),
        close(0, 0),
        close(1, 0),
        finish(1),
        finish(0),
        Event::Usage(Usage::default()),
        Event::Done,
    ];
    assert_eq!(told(events.clone()), events);
}

#[test]
fn a_beginning_is_told_once_whether_the_vendor_tells_none_or_two() {
    let usage = Usage::default();
    for (events, expected) in [
        (vec![Event::Done], vec![start(None), Event::Done]),
        (
            vec![finish(0), start(None), Event::Done],
            vec![start(None), finish(0), Event::Done],
        ),
        (
            vec![start(None), start(Some(usage))],
            vec![start(None), Event::Usage(usage)],
        ),
    ] {
        assert_eq!(told(events), expected);
    }
}

#[test]
fn blocks_are_closed_before_their_choice_ends() {
    let events = vec![
        start(None),
        open(0, 0, Opening::Text),
        open(1, 0, Opening::Text),
        finish(0),
        Event::Done,
    ];
    let expected = vec![
        start(None),
        open(0, 0, Opening::Text),
        open(1, 0, Opening::Text),
        close(0, 0),
        finish(0),
        close(1, 0),
        Event::Done,
    ];
    assert_eq!(told(events), expected);
}

#[test]
fn what_comes_behind_an_end_is_left_out() {
    let events = vec![
        start(None),
        open(0, 0, Opening::Thinking),
        close(0, 0),
        close(0, 0),
        finish(0),
        open(0, 1, Opening::Text),
        says(0, 1, "late"),
        finish(0),
        Event::Done,
        Event::Usage(Usage::default()),
        Event::Done,
    ];
    let expected = vec![
        start(None),
        open(0, 0, Opening::Thinking),
        close(0, 0),
        finish(0),
        Event::Done,
    ];
    assert_eq!(told(events), expected);
}

#[test]
fn words_that_belong_to_no_block_break_the_stream() {
    let arguments = |block| Event::Delta {
        choice: 0,
        block,
        delta: Delta::Arguments("{}".into()),
    };
    for (events, expected) in [
        (vec![says(0, 0, "a")], "text of no open block"),
        (
            vec![open(0, 0, Opening::Text), close(0, 0), says(0, 0, "a")],
            "text of no open block",
        ),
        (
            vec![open(0, 0, Opening::Thinking), says(0, 0, "a")],
            "text in a block of reasoning",
        ),
        (
            vec![open(0, 0, Opening::Text), arguments(0)],
            "arguments in a block of text",
        ),
    ] {
        let mut order = Order::default();
        let mut told = 0;
        for event in events.iter().cloned().chain([finish(0), Event::Done]) {
            order.pass(event, &mut |_| told += 1);
        }
        assert_eq!(
            order.check(),
            Err(Break::Malformed(expected.to_owned())),
            "{events:?}"
        );
        assert_eq!(told, events.len(), "the beginning, and nothing behind it");
    }
}

/// Some doors repeat the model in every event: a name of a megabyte would be sent with each letter.
#[test]
fn names_that_are_repeated_are_bounded() {
    let mut order = Order::default();
    let start = Event::Start(Start {
        id: "æ".repeat(1000).into(),
        model: "m".repeat(1000).into(),
        ..Start::default()
    });
    let mut lengths = Vec::new();
    order.pass(start, &mut |event| {
        if let Event::Start(start) = event {
            lengths.extend([start.id.len(), start.model.len()]);
        }
    });
    assert_eq!(lengths, [NAME_MAX, NAME_MAX]);
}

#[test]
fn no_more_blocks_are_open_than_the_bound() {
    let mut order = Order::default();
    let mut open_now = 0_usize;
    for block in 0..5000 {
        order.pass(open(0, block, Opening::Text), &mut |event| match event {
            Event::Open { .. } => open_now += 1,
            Event::Close { .. } => open_now -= 1,
            _ => {}
        });
        assert!(open_now <= OPEN_MAX);
    }
    assert_eq!(open_now, OPEN_MAX);
}
