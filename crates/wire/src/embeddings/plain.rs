//! Vendors whose embeddings differ from OpenAI's little or not at all.

use super::{Body, Counted, Input, Recall, Vector, read_list};
use crate::ir::{NotAReply, Received, Told};
use crate::json::Node;
use crate::json::write::{self, Object};
use crate::usage::Usage;

/// One text as it is, more as a list.
fn write_inputs(name: &str, body: &Body<'_, '_>, o: &mut Object<'_>) {
    let mut texts = body.inputs.iter().filter_map(Input::text);
    if body.question.single {
        return o.text(name, texts.next().unwrap_or_default());
    }
    o.array(name, |a| texts.for_each(|text| a.text(text)));
}

pub(super) fn write_openai(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    o.text("model", body.plan.model);
    write_inputs("input", body, o);
    o.uint_if("dimensions", body.question.dimensions);
    o.text_if("input_type", body.question.input_type.as_deref());
}

pub(super) fn read_openai<'a>(node: Node<'a>, _: usize, into: &mut Vec<Vector<'a>>) -> Counted {
    let [data, usage] = node.pick(["data", "usage"]);
    for item in in_order(data)? {
        let vector = item.get("embedding").ok_or(NotAReply::Lacks("embedding"))?;
        into.push(Vector::of(vector)?);
    }
    Ok(usage.and_then(|usage| Some(Usage::read(usage.raw())?.input)))
}

/// The items of a list by the numbers that they have.
fn in_order(data: Option<Node<'_>>) -> Result<Vec<Node<'_>>, NotAReply> {
    let data = data
        .filter(|data| data.is_array())
        .ok_or(NotAReply::Lacks("data"))?;
    let mut items: Vec<_> = (0_u64..).zip(data.elements()).collect();
    items.sort_by_key(|(at, item)| item.get("index").and_then(Node::uint).unwrap_or(*at));
    Ok(items.into_iter().map(|(_, item)| item).collect())
}

/// The one answer of a vendor that speaks OpenAI's form: its bytes, or its members with the vectors
/// in the other encoding.
pub(super) fn keep(answer: &Received<'_>, recall: &Recall) -> Result<Told, NotAReply> {
    let node = Node::parse(answer.body)?;
    let [data, usage] = node.pick(["data", "usage"]);
    let told = |body| Told {
        body,
        usage: usage.and_then(|usage| Usage::read(usage.raw())),
        pictures: 0,
    };
    let items = in_order(data)?;
    if recall.as_it_is {
        return Ok(told(answer.body.to_vec()));
    }
    if recall.counts != [items.len()] {
        return Err(NotAReply::Lacks("vector for each input"));
    }
    let mut vectors = Vec::with_capacity(items.len());
    read_openai(node, items.len(), &mut vectors)?;
    let mut out = Vec::with_capacity(answer.body.len());
    write::object(&mut out, |o| {
        for (name, value) in node.members() {
            if name != "data" {
                o.raw(&name, value.raw());
                continue;
            }
            o.array("data", |a| {
                for (item, vector) in items.iter().zip(&vectors) {
                    a.object(|o| rewrite(*item, vector, recall.base64, o));
                }
            });
        }
    });
    Ok(told(out))
}

fn rewrite(item: Node<'_>, vector: &Vector<'_>, base64: bool, o: &mut Object<'_>) {
    for (name, value) in item.members() {
        if name == "embedding" {
            vector.write(base64, o.name("embedding"));
        } else {
            o.raw(&name, value.raw());
        }
    }
}

pub(super) fn write_ollama(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    body.dropped
        .note_if(body.question.input_type.is_some(), "input_type");
    o.text("model", body.plan.model);
    write_inputs("input", body, o);
    o.uint_if("dimensions", body.question.dimensions);
}

pub(super) fn read_ollama<'a>(node: Node<'a>, _: usize, into: &mut Vec<Vector<'a>>) -> Counted {
    let [embeddings, tokens] = node.pick(["embeddings", "prompt_eval_count"]);
    read_list(embeddings.ok_or(NotAReply::Lacks("embeddings"))?, into)?;
    Ok(tokens.and_then(Node::uint))
}

pub(super) fn write_tasks(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    body.dropped
        .note_if(body.question.input_type.is_some(), "input_type");
    body.dropped
        .note_if(body.question.dimensions.is_some(), "dimensions");
    write_inputs("inputs", body, o);
}

/// A vector, a list of them, or for each text one for each of its tokens. Nothing is counted.
pub(super) fn read_tasks<'a>(node: Node<'a>, count: usize, into: &mut Vec<Vector<'a>>) -> Counted {
    let list = node.elements();
    let depth = depth(node);
    match depth {
        1 => into.push(Vector::of(node)?),
        2 if count == 1 && list.len() > 1 => into.push(Vector::mean(&list)?),
        2 => read_list(node, into)?,
        3 => {
            for tokens in list {
                into.push(Vector::mean(&tokens.elements())?);
            }
        }
        _ => return Err(NotAReply::Lacks("vectors")),
    }
    Ok(None)
}

/// How many lists stand around the first number.
fn depth(node: Node<'_>) -> usize {
    const MOST: usize = 4;
    let mut node = node;
    for depth in 0..MOST {
        let first = node.elements().into_iter().next();
        match first {
            Some(first) => node = first,
            None => return depth,
        }
    }
    MOST
}
