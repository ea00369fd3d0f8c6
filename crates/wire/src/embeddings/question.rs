//! What a client asks to be embedded.

use std::borrow::Cow;

use crate::ir::{Dropped, Plan, Raw, Refusal, count, note_strangers, unsayable, word, wrong};
use crate::json::Node;

/// Inputs that one question may hold.
pub(super) const MOST: usize = 2048;

/// Members that are read.
const KNOWN: [&str; 6] = [
    "model",
    "input",
    "dimensions",
    "encoding_format",
    "input_type",
    "extra_body",
];

/// One thing to be embedded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// Texts and pictures in parts, as chats have them.
    Parts(Vec<Node<'a>>),
    /// Numbers that a tokenizer gave.
    Tokens(Node<'a>),
}

impl Input<'_> {
    /// Its text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Input::Text(text) => Some(text),
            Input::Parts(_) | Input::Tokens(_) => None,
        }
    }
}

/// What a client asks to be embedded.
#[derive(Clone, Debug, PartialEq)]
pub struct Question<'a> {
    /// The inputs, never none.
    pub inputs: Vec<Input<'a>>,
    /// Whether the one input stood there without a list around it.
    pub single: bool,
    /// The length of the vectors.
    pub dimensions: Option<u64>,
    /// What the inputs are embedded for.
    pub input_type: Option<Cow<'a, str>>,
    /// Whether vectors are wanted as base64.
    pub base64: bool,
    pub(super) extra: Option<Raw<'a>>,
    body: Node<'a>,
}

impl<'a> Question<'a> {
    /// Reads OpenAI's request.
    pub fn read(body: Node<'a>) -> Result<Question<'a>, Refusal> {
        let [input, dimensions, encoding, input_type, extra] = body.pick([
            "input",
            "dimensions",
            "encoding_format",
            "input_type",
            "extra_body",
        ]);
        let input = input.ok_or_else(|| {
            let what = "input is missing; expected a text or a list of texts";
            Refusal::new("input", what)
        })?;
        let base64 = match word(encoding, "encoding_format")?.as_deref() {
            None | Some("float") => false,
            Some("base64") => true,
            Some(other) => {
                let what = format!("encoding_format is {other:?}; expected float or base64");
                return Err(Refusal::new("encoding_format", what));
            }
        };
        let inputs = read_inputs(input)?;
        Ok(Question {
            single: inputs.len() == 1 && input.text().is_some(),
            inputs,
            dimensions: count(dimensions, "dimensions")?,
            input_type: word(input_type, "input_type")?,
            base64,
            extra: extra.map(Raw::from),
            body,
        })
    }

    /// Refuses inputs that a vendor does not take.
    pub(super) fn check(&self, plan: &Plan<'_>, pictures: bool) -> Result<(), Refusal> {
        for input in &self.inputs {
            match input {
                Input::Tokens(_) => {
                    return Err(unsayable(plan, "input", "takes texts, not tokens"));
                }
                Input::Parts(_) if !pictures => {
                    return Err(unsayable(plan, "input", "takes texts, not pictures"));
                }
                Input::Text(_) | Input::Parts(_) => {}
            }
        }
        Ok(())
    }

    /// Notes what only OpenAI has a word for.
    pub(super) fn note_lost(&self, dropped: &mut Dropped) {
        note_strangers(self.body, &KNOWN, dropped);
    }
}

fn read_inputs(input: Node<'_>) -> Result<Vec<Input<'_>>, Refusal> {
    let bad = |node| wrong("input", node, "a text or a list of texts");
    if let Some(text) = input.text() {
        return Ok(vec![Input::Text(text)]);
    }
    let elements = input.elements();
    let Some(first) = elements.first() else {
        return Err(bad(input));
    };
    if first.int().is_some() {
        let all = elements.iter().all(|token| token.uint().is_some());
        return if all {
            Ok(vec![Input::Tokens(input)])
        } else {
            Err(bad(input))
        };
    }
    if elements.len() > MOST {
        let what = format!(
            "input holds {} texts; expected {MOST} at most",
            elements.len()
        );
        return Err(Refusal::new("input", what));
    }
    let mut inputs = Vec::with_capacity(elements.len());
    for node in elements {
        inputs.push(read_input(node).ok_or_else(|| bad(node))?);
    }
    Ok(inputs)
}

fn read_input(node: Node<'_>) -> Option<Input<'_>> {
    if let Some(text) = node.text() {
        return Some(Input::Text(text));
    }
    if node.is_array() {
        let tokens = node.elements();
        let all = !tokens.is_empty() && tokens.iter().all(|token| token.uint().is_some());
        return all.then_some(Input::Tokens(node));
    }
    let [kind, text, content] = node.pick(["type", "text", "content"]);
    match kind.and_then(Node::text).as_deref() {
        Some("text") => Some(Input::Text(text?.text()?)),
        Some("image_url") => Some(Input::Parts(vec![node])),
        _ => Some(content?.elements())
            .filter(|parts| !parts.is_empty() && parts.iter().all(|part| part.is_object()))
            .map(Input::Parts),
    }
}
