//! What a client wrote for this vendor alone: in `extra_body`, or beside the members that
//! everybody knows, where SDKs put it.

use std::borrow::Cow;

use super::model::Home;
use crate::ir::{Dropped, Plan, Raw, Request};
use crate::json::write::{self, Object};
use crate::json::{Node, merge};

/// Under which name anything for this vendor may stand, whatever its row is called.
const VENDOR: &str = "google";

/// Members for the body.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// An object; empty for none.
    json: Vec<u8>,
    /// Whether instructions and tools are in the vendor's cache: beside it they are refused.
    pub(super) cached: bool,
}

impl Extra {
    /// Takes what is for this vendor out of a request; what is for nobody is told.
    pub(super) fn of(
        request: &Request<'_>,
        plan: &Plan<'_>,
        home: Home,
        dropped: &mut Dropped,
    ) -> Extra {
        let mut extra = Extra::default();
        for (name, value) in &request.unknown {
            match &**name {
                VENDOR => extra.members(value.node(), home, dropped),
                // Its voice stands with the modalities.
                "audio" if speaks(request) => {
                    dropped.note_if(value.node().get("format").is_some(), "audio.format");
                }
                name if own_name(name).is_some() => {
                    extra.member(name, value.node(), home, dropped);
                }
                name => dropped.note(name.to_owned()),
            }
        }
        if let Some(body) = request.extra_body.as_ref().map(Raw::node) {
            let own = [body.get(VENDOR), body.get(plan.provider)];
            dropped.note_if(own == [None, None], "extra_body");
            for own in own.into_iter().flatten() {
                extra.members(own, home, dropped);
            }
        }
        extra
    }

    fn members(&mut self, own: Node<'_>, home: Home, dropped: &mut Dropped) {
        for (name, value) in own.members() {
            self.member(&name, value, home, dropped);
        }
    }

    fn member(&mut self, name: &str, value: Node<'_>, home: Home, dropped: &mut Dropped) {
        let name = own_name(name).unwrap_or(name);
        if name == "labels" && home == Home::Developer {
            return dropped.note("labels");
        }
        self.cached |= name == "cachedContent" && !value.is_null();
        let mut member = Vec::new();
        write::object(&mut member, |o| {
            if name == "thinkingConfig" {
                o.object("generationConfig", |o| {
                    o.object(name, |o| write_camel(o, value));
                });
            } else {
                o.raw(name, value.raw());
            }
        });
        self.json = laid_over(&self.json, &member);
    }

    /// The body with these members in it.
    pub(super) fn on(&self, body: Vec<u8>) -> Vec<u8> {
        if self.json.is_empty() {
            body
        } else {
            laid_over(&body, &self.json)
        }
    }
}

fn laid_over(base: &[u8], over: &[u8]) -> Vec<u8> {
    match (std::str::from_utf8(base), std::str::from_utf8(over)) {
        (Ok(""), _) => over.to_vec(),
        (Ok(base), Ok(over)) => merge(Node::of(base), Node::of(over)),
        _ => base.to_vec(),
    }
}

/// Whether the answer shall be spoken.
fn speaks(request: &Request<'_>) -> bool {
    request
        .modalities
        .iter()
        .any(|word| word.eq_ignore_ascii_case("audio"))
}

/// The voice that an answer shall have.
pub(super) fn voice<'r>(request: &'r Request<'_>) -> Option<Cow<'r, str>> {
    let audio = request
        .unknown
        .iter()
        .find(|(name, _)| name == "audio")
        .filter(|_| speaks(request))?;
    audio.1.node().get("voice")?.text()
}

/// The body's own name for a member of either spelling.
fn own_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "safety_settings" | "safetySettings" => "safetySettings",
        "cached_content" | "cachedContent" => "cachedContent",
        "thinking_config" | "thinkingConfig" => "thinkingConfig",
        "generation_config" | "generationConfig" => "generationConfig",
        "labels" => "labels",
        _ => return None,
    })
}

/// Writes members under the spelling that the body has.
fn write_camel(o: &mut Object<'_>, value: Node<'_>) {
    for (name, value) in value.members() {
        let mut camel = String::with_capacity(name.len());
        let mut up = false;
        for c in name.chars() {
            if c == '_' {
                up = true;
            } else if std::mem::take(&mut up) {
                camel.extend(c.to_uppercase());
            } else {
                camel.push(c);
            }
        }
        o.raw(&camel, value.raw());
    }
}
