//! Cohere's embeddings, at Cohere and on Bedrock.

use super::{Body, Counted, Input, Question, Vector, no_dimensions, read_list, task};
use crate::ir::{NotAReply, Plan, Refusal};
use crate::json::Node;
use crate::json::write::{Array, Object};

/// What Cohere wants to know of every text.
const USUAL_TYPE: &str = "search_document";
const TYPES: &str = "search_document, search_query, classification or clustering";

/// Refuses a purpose that Cohere does not know.
pub(super) fn check(question: &Question<'_>, _: &Plan<'_>) -> Result<(), Refusal> {
    match question.input_type.as_deref() {
        Some(word) if task::of(word).is_none() => {
            let what = format!("input_type is {word:?}; expected {TYPES}");
            Err(Refusal::new("input_type", what))
        }
        _ => Ok(()),
    }
}

/// The same, and lengths where there is no choice.
pub(super) fn check_at_bedrock(question: &Question<'_>, plan: &Plan<'_>) -> Result<(), Refusal> {
    if !is_newer(plan) {
        no_dimensions(question, plan)?;
    }
    check(question, plan)
}

/// The third version and those before it know neither kinds nor lengths of vectors.
fn is_newer(plan: &Plan<'_>) -> bool {
    plan.known_as().contains("embed-v4")
}

fn input_type(body: &Body<'_, '_>) -> &'static str {
    let task = body.question.input_type.as_deref().and_then(task::of);
    task.map_or(USUAL_TYPE, |task| task.cohere)
}

fn write_texts(body: &Body<'_, '_>, o: &mut Object<'_>) {
    o.array("texts", |a| {
        let texts = body.inputs.iter().filter_map(Input::text);
        texts.for_each(|text| a.text(text));
    });
}

pub(super) fn write(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    let input_type = input_type(body);
    o.text("model", body.plan.model);
    if body.inputs.iter().all(|input| input.text().is_some()) {
        write_texts(body, o);
    } else {
        o.array("inputs", |a| {
            body.inputs.iter().for_each(|input| write_parts(input, a));
        });
    }
    o.text("input_type", input_type);
    o.raw("embedding_types", r#"["float"]"#);
    o.uint_if("output_dimension", body.question.dimensions);
}

fn write_parts(input: &Input<'_>, a: &mut Array<'_>) {
    a.object(|o| {
        o.array("content", |a| match input {
            Input::Parts(parts) => parts.iter().for_each(|part| a.raw(part.raw())),
            other => a.object(|o| {
                o.text("type", "text");
                o.text("text", other.text().unwrap_or_default());
            }),
        });
    });
}

pub(super) fn write_at_bedrock(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    write_texts(body, o);
    o.text("input_type", input_type(body));
    if is_newer(body.plan) {
        o.raw("embedding_types", r#"["float"]"#);
        o.uint_if("output_dimension", body.question.dimensions);
    }
}

pub(super) fn read<'a>(node: Node<'a>, _: usize, into: &mut Vec<Vector<'a>>) -> Counted {
    let [embeddings, meta] = node.pick(["embeddings", "meta"]);
    let embeddings = embeddings.ok_or(NotAReply::Lacks("embeddings"))?;
    let list = embeddings.get("float").unwrap_or(embeddings);
    if !list.is_array() {
        return Err(NotAReply::Lacks("embeddings of numbers"));
    }
    read_list(list, into)?;
    Ok(meta.and_then(|meta| meta.get("billed_units")?.get("input_tokens")?.uint()))
}
