//! What a client asks to be put in order.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::ir::{Raw, Refusal, count, word, wrong};
use crate::json::Node;
use crate::json::write;

/// Members that are read.
pub(super) const KNOWN: [&str; 8] = [
    "model",
    "query",
    "documents",
    "top_n",
    "return_documents",
    "max_tokens_per_doc",
    "rank_fields",
    "extra_body",
];

/// What a client asks to be put in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Question<'a> {
    /// What the documents are to be about.
    pub query: Cow<'a, str>,
    /// The documents as texts, never none.
    pub documents: Vec<Cow<'a, str>>,
    /// How many of them are wanted; None for all.
    pub top_n: Option<u64>,
    /// Whether the answer is to hold them.
    pub return_documents: bool,
    /// The most tokens of a document that are read.
    pub max_tokens_per_doc: Option<u64>,
    written: Vec<Node<'a>>,
    pub(super) extra: Option<Raw<'a>>,
    pub(super) body: Node<'a>,
}

impl<'a> Question<'a> {
    /// Reads a request in Cohere's form or Jina's.
    pub fn read(body: Node<'a>) -> Result<Question<'a>, Refusal> {
        let [query, documents, top_n, back, most, fields, extra] = body.pick([
            "query",
            "documents",
            "top_n",
            "return_documents",
            "max_tokens_per_doc",
            "rank_fields",
            "extra_body",
        ]);
        let query = word(query, "query")?.filter(|query| !query.is_empty());
        let missing = |name: &str, what: &str| {
            Refusal::new(name, format!("{name} is missing; expected {what}"))
        };
        let documents = documents.ok_or_else(|| missing("documents", "a list of documents"))?;
        let written = documents.elements();
        if written.is_empty() {
            return Err(wrong("documents", documents, "a list of texts or objects"));
        }
        let fields: Vec<_> = fields.map(Node::elements).unwrap_or_default();
        let fields: Vec<_> = fields.into_iter().filter_map(Node::text).collect();
        let texts = written.iter().map(|document| {
            let wrong = || wrong("documents", *document, "texts or objects");
            text_of(*document, &fields).ok_or_else(wrong)
        });
        let top_n = top_n
            .map(|top_n| {
                top_n
                    .uint()
                    .ok_or_else(|| wrong("top_n", top_n, "a whole number not below 0"))
            })
            .transpose()?;
        Ok(Question {
            query: query.ok_or_else(|| missing("query", "a text"))?,
            documents: texts.collect::<Result<_, _>>()?,
            top_n,
            return_documents: back.and_then(Node::flag) == Some(true),
            max_tokens_per_doc: count(most, "max_tokens_per_doc")?,
            written,
            extra: extra.map(Raw::from),
            body,
        })
    }

    /// How many documents the answer may hold.
    pub fn most(&self) -> usize {
        let all = self.documents.len();
        let wanted = self.top_n.and_then(|top_n| usize::try_from(top_n).ok());
        wanted.unwrap_or(all).min(all)
    }

    /// The same, where the client said so.
    pub(super) fn wanted(&self) -> Option<u64> {
        self.top_n.map(|_| self.most() as u64)
    }
}

/// A document as a text: itself, the text that it has, or its members one a line.
fn text_of<'a>(document: Node<'a>, fields: &[Cow<'_, str>]) -> Option<Cow<'a, str>> {
    if let Some(text) = document.text() {
        return Some(text);
    }
    if !document.is_object() {
        return None;
    }
    if fields.is_empty()
        && let Some(text) = document.get("text").and_then(Node::text)
    {
        return Some(text);
    }
    let members = document.members();
    let mut lines = String::new();
    let mut line = |name: &str, value: &Node<'_>| {
        let value = value.text().unwrap_or_else(|| value.compact());
        let _ = writeln!(lines, "{name}: {value}");
    };
    if fields.is_empty() {
        for (name, value) in &members {
            line(name, value);
        }
    }
    for field in fields {
        let member = members.iter().rev().find(|(name, _)| name == field);
        if let Some((name, value)) = member {
            line(name, value);
        }
    }
    Some(Cow::Owned(lines))
}

/// Documents as an answer tells them, in one text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Documents {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Documents {
    pub(super) fn of(question: &Question<'_>) -> Documents {
        let mut out = Vec::new();
        let mut ends = Vec::with_capacity(question.written.len());
        for document in &question.written {
            match document.text() {
                Some(text) => write::object(&mut out, |o| o.text("text", &text)),
                None => out.extend_from_slice(document.raw().as_bytes()),
            }
            ends.push(out.len());
        }
        Documents {
            text: String::from_utf8(out).unwrap_or_default(),
            ends,
        }
    }

    /// The document of that number as JSON.
    pub(super) fn get(&self, index: u64) -> Option<&str> {
        let index = usize::try_from(index).ok()?;
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..*self.ends.get(index)?)
    }
}
