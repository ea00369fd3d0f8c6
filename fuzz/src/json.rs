//! JSON text: judged, walked, changed in place; and the texts in it that are read for what they hold.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::RawValue;
use wire::json::{self, Node};
use wire::usage::Usage;
use wire::{Envelope, Limits, redact, vendor_error};

use crate::input::Input;

pub(crate) fn check(input: &Input<'_>) {
    match input.kind {
        0 => text(input.data),
        1 => envelope(input),
        2 => merged(input.data),
        _ => errors(input.data),
    }
}

/// Panics unless these are the bytes of one document.
#[track_caller]
pub(crate) fn assert_document(bytes: &[u8]) {
    let judged = json::check(bytes);
    let shown = String::from_utf8_lossy(bytes);
    assert_eq!(judged, Ok(()), "not a document: {shown}");
    assert!(std::str::from_utf8(bytes).is_ok(), "not a text: {shown}");
}

fn text(data: &[u8]) {
    let judged = json::check(data);
    let theirs = serde_json::from_slice::<&RawValue>(data).is_ok();
    assert_eq!(judged.is_ok(), theirs, "{judged:?}");
    let Ok(node) = Node::parse(data) else {
        assert!(!theirs, "a document that cannot be walked");
        return;
    };
    walk(node, 0);
    let compact = node.compact();
    assert!(compact.len() <= data.len());
    assert_document(compact.as_bytes());
    assert_eq!(Node::of(&compact).compact(), compact);
}

fn walk(node: Node<'_>, depth: usize) {
    assert!(depth <= json::MAX_DEPTH, "deeper than the bound");
    let _ = (
        node.is_null(),
        node.flag(),
        node.number(),
        node.uint(),
        node.int(),
    );
    if let Some(text) = node.text() {
        assert!(text.len() <= 3 * node.raw().len());
        let again = json::string(&json::quote(&text)).map(std::borrow::Cow::into_owned);
        assert_eq!(again.as_deref(), Some(&*text));
    }
    for element in node.elements() {
        walk(element, depth + 1);
    }
    let members = node.members();
    for (name, member) in &members {
        // What is null says nothing.
        let last = members.iter().rev().find(|(other, _)| other == name);
        let last = last.filter(|(_, member)| !member.is_null());
        if members.len() <= 64 {
            let found = node.get(name).map(Node::raw);
            assert_eq!(found, last.map(|(_, member)| member.raw()));
        }
        walk(*member, depth + 1);
    }
}

fn envelope(input: &Input<'_>) {
    let bytes = Bytes::copy_from_slice(input.data);
    let Ok(envelope) = Envelope::parse(bytes.clone(), Limits::default()) else {
        return;
    };
    assert_document(input.data);
    let values = |envelope: &Envelope| -> BTreeMap<String, String> {
        let names = envelope.names().map(std::borrow::Cow::into_owned);
        names
            .map(|name| (envelope.raw(&name).unwrap_or_default().to_owned(), name))
            .map(|(value, name)| (name, value))
            .collect()
    };
    let before = values(&envelope);
    assert_eq!(
        before.len(),
        envelope.names().count(),
        "a name is given twice"
    );
    assert_eq!(
        envelope.edit().finish(),
        bytes,
        "no change changed something"
    );

    let names: Vec<&String> = before.keys().collect();
    let pick = |at: u8| {
        names
            .get(usize::from(at) % names.len().max(1))
            .map_or("x", |name| name.as_str())
    };
    let (first, second) = (pick(input.knob >> 4), pick(input.knob & 15));
    let mut edit = envelope.edit();
    let mut expected = before.clone();
    edit.set_text(first, "a\"b");
    expected.insert(first.to_owned(), "\"a\\\"b\"".to_owned());
    if input.knob & 1 == 0 {
        edit.remove(second);
        expected.remove(second);
    }
    edit.set_raw("new member", "[1]");
    expected.insert("new member".to_owned(), "[1]".to_owned());
    if input.knob & 2 == 0 && !expected.contains_key("renamed") {
        edit.rename(second, "renamed");
        if let Some(value) = expected.remove(second) {
            expected.insert("renamed".to_owned(), value);
        }
    }
    let changed = edit.finish();
    assert_document(&changed);
    let again = Envelope::parse(
        changed,
        Limits {
            max_members: usize::MAX,
            ..Limits::default()
        },
    );
    assert_eq!(again.map(|again| values(&again)), Ok(expected));
}

/// One document laid over another; a line feed parts them.
fn merged(data: &[u8]) {
    let at = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let (base, over) = data.split_at(at);
    let (Ok(base), Ok(over)) = (Node::parse(base), Node::parse(over)) else {
        return;
    };
    let merged = json::merge(base, over);
    assert_document(&merged);
    assert!(
        merged.len() <= 6 * data.len() + 2,
        "{} of {}",
        merged.len(),
        data.len()
    );
    let node = Node::parse(&merged);
    assert!(node.is_ok_and(|node| node.is_object() == over.is_object()));

    let (base, over) = (base.raw(), over.raw());
    assert_document(json::set_member(base, "x", over).as_bytes());
    if let Some(without) = json::remove_member(base, "x") {
        assert_document(without.as_bytes());
        assert_eq!(json::remove_member(&without, "x"), None);
    }
}

/// Vendors' error bodies in every envelope, what a client is told of them, and counts.
fn errors(data: &[u8]) {
    let read = vendor_error::read(data);
    assert_eq!(read, vendor_error::read(data));
    if let Some(error) = read {
        crate::dialect::assert_error(&error, data.len());
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let scrubbed = redact::scrub(text);
    assert!(scrubbed.len() <= 12 * text.len() + 32, "{scrubbed}");
    assert_eq!(Usage::read(text), Usage::read(text));
}
