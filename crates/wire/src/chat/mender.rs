//! Streams of vendors that are odd, made what OpenAI's clients expect, event by event.
//!
//! What one event says may belong into a later one, so what was seen is remembered. Events that are
//! as they should be keep their bytes.

use super::finding::Findings;
use crate::json::{self, Node, write};
use crate::sse::{self, Block};

/// Makes OpenAI's form of an odd answer or stream chunk; None when nothing is to be changed.
pub type Rewrite = fn(&str) -> Option<String>;

/// In what a vendor's streams are odd.
#[derive(Clone, Copy, Debug, Default)]
pub struct Oddities {
    /// Makes OpenAI's form of each event by itself.
    pub rewrite: Option<Rewrite>,
    /// Events may hold nothing but what a content filter found.
    pub findings: bool,
    /// The last word may come without a reason to finish.
    pub open_end: bool,
}

/// One stream as it is mended.
#[derive(Debug)]
pub struct Mender {
    odd: Oddities,
    findings: Findings,
    head: Option<Head>,
    called: bool,
    finished: bool,
}

/// What the events of a stream have in common: JSON values as they came.
#[derive(Debug)]
struct Head {
    id: String,
    created: String,
    model: String,
}

/// What becomes of an event.
enum Change {
    Hide,
    Replace(String),
    /// Another event stands before it.
    Precede(String),
}

impl Mender {
    /// A stream of which nothing was seen.
    pub fn new(odd: Oddities) -> Mender {
        Mender {
            odd,
            findings: Findings::default(),
            head: None,
            called: false,
            finished: false,
        }
    }

    /// Whether the stream may end without a reason to finish.
    pub fn has_open_end(&self) -> bool {
        self.odd.open_end
    }

    /// Some complete blocks as the client gets them; None when they keep their bytes.
    pub fn mend(&mut self, run: &[u8]) -> Option<Vec<u8>> {
        let mut mended: Option<Vec<u8>> = None;
        let mut kept = 0;
        for block in sse::blocks(run) {
            let Some(change) = self.change(&block) else {
                continue;
            };
            let out = mended.get_or_insert_with(|| Vec::with_capacity(run.len()));
            out.extend_from_slice(run.get(kept..block.start).unwrap_or_default());
            kept = block.start;
            match change {
                Change::Precede(event) => sse::encode_data(out, event.as_bytes()),
                Change::Hide => kept += block.raw.len(),
                Change::Replace(event) => {
                    sse::encode_data(out, event.as_bytes());
                    kept += block.raw.len();
                }
            }
        }
        let mut out = mended?;
        out.extend_from_slice(run.get(kept..).unwrap_or_default());
        Some(out)
    }

    fn change(&mut self, block: &Block<'_>) -> Option<Change> {
        let data = block.data()?;
        let event = std::str::from_utf8(data.trim_ascii()).ok()?;
        if event == "[DONE]" {
            return self.last_word().map(Change::Precede);
        }
        if self.odd.findings {
            if self.findings.take(event) {
                return Some(Change::Hide);
            }
            if let Some(change) = self.tell(event) {
                return Some(change);
            }
        }
        if self.odd.open_end && self.watch(event) {
            return self.close().map(Change::Precede);
        }
        let rewrite = self.odd.rewrite?;
        rewrite(event).map(Change::Replace)
    }

    /// Puts what was found into an event that has a place for it.
    fn tell(&mut self, event: &str) -> Option<Change> {
        if !event.starts_with('{') {
            return None;
        }
        self.head.get_or_insert_with(|| Head::of(event));
        let told = self.findings.told()?;
        let event = json::set_member(event, "provider_metadata", &told);
        Some(Change::Replace(event))
    }

    /// Notes what an event says; true when it is the count of tokens, behind which nothing is said.
    fn watch(&mut self, event: &str) -> bool {
        let names = ["choices", "usage"];
        let Ok([Some(choices), usage]) = Node::parse_pick(event.as_bytes(), names) else {
            return false;
        };
        let choices = choices.elements();
        for choice in &choices {
            let [said, reason] = choice.pick(["delta", "finish_reason"]);
            self.finished |= reason.is_some();
            let calls = said.and_then(|said| said.get("tool_calls"));
            self.called |= calls.is_some_and(|calls| !calls.elements().is_empty());
            self.head.get_or_insert_with(|| Head::of(event));
        }
        choices.is_empty() && usage.is_some_and(Node::is_object)
    }

    /// What is missing before the last word.
    fn last_word(&mut self) -> Option<String> {
        if self.odd.open_end {
            return self.close();
        }
        let told = self.findings.told()?;
        Some(self.head.as_ref()?.event(None, Some(&told)))
    }

    /// The reason to finish, where the vendor has said none.
    fn close(&mut self) -> Option<String> {
        if self.finished {
            return None;
        }
        let head = self.head.as_ref()?;
        self.finished = true;
        let reason = if self.called { "tool_calls" } else { "stop" };
        Some(head.event(Some(reason), None))
    }
}

impl Head {
    fn of(event: &str) -> Head {
        let [id, created, model] = Node::of(event).pick(["id", "created", "model"]);
        let raw = |node: Option<Node<'_>>, none: &str| {
            node.map_or_else(|| none.to_owned(), |node| node.compact().into_owned())
        };
        Head {
            id: raw(id, "\"\""),
            created: raw(created, "0"),
            model: raw(model, "\"\""),
        }
    }

    /// An event in which nothing is said.
    fn event(&self, reason: Option<&str>, metadata: Option<&str>) -> String {
        let mut out = Vec::new();
        write::object(&mut out, |o| {
            o.raw("id", &self.id);
            o.text("object", "chat.completion.chunk");
            o.raw("created", &self.created);
            o.raw("model", &self.model);
            o.array("choices", |choices| {
                choices.object(|choice| {
                    choice.uint("index", 0);
                    choice.object("delta", |_| {});
                    match reason {
                        Some(reason) => choice.text("finish_reason", reason),
                        None => choice.raw("finish_reason", "null"),
                    }
                });
            });
            o.raw_if("provider_metadata", metadata);
        });
        String::from_utf8(out).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
