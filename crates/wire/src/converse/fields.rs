//! What stands beside the conversation: the operator's notes, the price class.

use crate::ir::{Dropped, Request};
use crate::json::write::{self, Object};

/// The most notes of one request.
const NOTES_MAX: usize = 16;
/// The most characters of a note's name and of its value.
const NOTE_MAX: usize = 256;

/// Writes the operator's notes, and the end user where the model has no place of its own for one.
/// A note in letters that are not allowed is told.
pub(super) fn write_notes(
    o: &mut Object<'_>,
    request: &Request<'_>,
    user: Option<&str>,
    dropped: &mut Dropped,
) {
    let members = request
        .metadata
        .as_ref()
        .map(|notes| notes.node().members())
        .unwrap_or_default();
    let mut notes: Vec<(String, String)> = Vec::new();
    for (name, value) in members {
        match value.text() {
            Some(text) if is_note(&name) && is_note(&text) && notes.len() < NOTES_MAX => {
                notes.push((name.into_owned(), text.into_owned()));
            }
            _ => dropped.note("metadata"),
        }
    }
    if let Some(user) = user {
        let taken = notes.iter().any(|(name, _)| name == "user");
        if is_note(user) && !taken && notes.len() < NOTES_MAX {
            notes.push(("user".to_owned(), user.to_owned()));
        } else {
            dropped.note("user");
        }
    }
    if !notes.is_empty() {
        o.object("requestMetadata", |o| {
            for (name, value) in &notes {
                o.text(name, value);
            }
        });
    }
}

fn is_note(text: &str) -> bool {
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c);
    !text.is_empty() && text.len() <= NOTE_MAX && text.chars().all(allowed)
}

/// Writes the price class.
pub(super) fn write_tier(o: &mut Object<'_>, tier: Option<&str>, dropped: &mut Dropped) {
    let word = match tier {
        None => return,
        Some("auto" | "default") => "default",
        Some("priority") => "priority",
        Some("flex") => "flex",
        Some(_) => return dropped.note("service_tier"),
    };
    o.object("serviceTier", |o| o.text("type", word));
}

/// Writes the schema that the answer is held to. It is a text here.
pub(super) fn write_schema(
    o: &mut Object<'_>,
    name: &str,
    description: Option<&str>,
    schema: &str,
) {
    o.object("textFormat", |o| {
        o.text("type", "json_schema");
        o.object("structure", |o| {
            o.object("jsonSchema", |o| {
                o.text("name", name);
                o.text_if("description", description);
                o.text("schema", schema);
            });
        });
    });
}

/// Writes an object that may stay empty; then nothing is written.
pub(super) fn write_unless_empty(
    o: &mut Object<'_>,
    name: &str,
    fill: impl FnOnce(&mut Object<'_>),
) {
    let mut inside = Vec::new();
    write::object(&mut inside, fill);
    if inside != b"{}" {
        o.name(name).extend_from_slice(&inside);
    }
}
