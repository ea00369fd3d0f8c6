//! Requests as clients send them, encoded for every provider there is: the row's rules, and the
//! dialect where it is not the client's.

use std::sync::LazyLock;

use bytes::Bytes;
use http::HeaderMap;
use providers::native::{self, Door, NativePlan};
use providers::{ChatPlan, Dialect, OnUnsupported, Provider, builtin, encode_chat};
use wire::{Envelope, Limits};

use crate::dialect::{MODELS, assert_body, assert_path};
use crate::input::Input;

static ROWS: LazyLock<Vec<&'static Provider>> = LazyLock::new(|| builtin().iter().collect());

/// The provider that a knob stands for.
pub(crate) fn row(knob: u8) -> &'static Provider {
    ROWS[usize::from(knob) % ROWS.len()]
}

/// A provider that speaks a dialect.
pub(crate) fn speaking(dialect: Dialect) -> Option<&'static Provider> {
    ROWS.iter().copied().find(|row| row.dialect == dialect)
}

/// The number of a row of every dialect, for seeds.
pub(crate) fn rows_of_every_dialect() -> Vec<u8> {
    let mut seen = Vec::new();
    let rows = ROWS.iter().zip(0..);
    rows.filter_map(|(row, number)| {
        let new = !seen.contains(&(row.dialect, row.second_dialect));
        seen.push((row.dialect, row.second_dialect));
        new.then_some(number)
    })
    .collect()
}

pub(crate) fn check(input: &Input<'_>) {
    let provider = row(input.knob);
    let bytes = Bytes::copy_from_slice(input.data);
    let Ok(body) = Envelope::parse(bytes, Limits::default()) else {
        return;
    };
    let headers = HeaderMap::new();
    let on_unsupported = match input.cut / 16 % 3 {
        0 => OnUnsupported::Warn,
        1 => OnUnsupported::Drop,
        _ => OnUnsupported::Reject,
    };
    let door = if input.cut & 128 == 0 {
        Door::OpenAi
    } else {
        Door::Messages
    };
    let plan = NativePlan {
        door,
        model: MODELS[usize::from(input.cut % 16) % MODELS.len()],
        family: None,
        on_unsupported,
        own_history: input.cut & 64 == 0,
        headers: &headers,
    };
    translated(provider, &body, &plan);
    forwarded(provider, &body, &plan);
}

fn translated(provider: &Provider, body: &Envelope, plan: &NativePlan<'_>) {
    let call = native::encode(provider, body, plan);
    let again = native::encode(provider, body, plan);
    match (call, again) {
        (Ok(call), Ok(again)) => {
            assert_eq!(call.body, again.body);
            assert_body(&call.body, body.bytes().len());
            if let Some(path) = call.path {
                assert_path(&path);
            }
            for (at, name) in call.dropped.iter().enumerate() {
                assert!(!call.dropped[..at].contains(name), "{name} is told twice");
            }
        }
        (Err(refusal), Err(again)) => {
            assert_eq!(refusal, again);
            assert!(!refusal.message.is_empty());
        }
        _ => unreachable!("the same call was encoded once and refused once"),
    }
    let _ = native::is_needed(provider, body, plan.model);
}

fn forwarded(provider: &Provider, body: &Envelope, plan: &NativePlan<'_>) {
    let chat = ChatPlan {
        model: plan.model,
        family: plan.family,
        include_usage: body.flag("stream") == Some(true),
        on_unsupported: plan.on_unsupported,
        streaming: body.flag("stream") == Some(true),
    };
    if let Ok(encoded) = encode_chat(provider, body, &chat) {
        assert_body(&encoded.body, body.bytes().len());
    }
}
