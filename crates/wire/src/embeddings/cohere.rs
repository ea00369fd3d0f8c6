//! Cohere's embeddings, at Cohere and on Bedrock.

use std::borrow::Cow;

use super::{Body, Counted, Input, Vector, no_dimensions, read_list, task};
use crate::ir::{NotAReply, Refusal};
use crate::json::Node;
use crate::json::write::{Array, Object};

/// What Cohere wants to know of every text.
const USUAL_TYPE: &str = "search_document";
const TYPES: &str = "search_document, search_query, classification or clustering";

fn input_type(body: &Body<'_, '_>) -> Result<&'static str, Refusal> {
    let Some(word) = body.question.input_type.as_deref() else {
        return Ok(USUAL_TYPE);
    };
    let task = task::of(word).ok_or_else(|| {
        Refusal::new(
            "input_type",
            format!("input_type is {word:?}; expected {TYPES}"),
        )
    })?;
    Ok(task.cohere)
}

fn write_texts(body: &Body<'_, '_>, o: &mut Object<'_>) {
    o.array("texts", |a| {
        let texts = body.inputs.iter().filter_map(Input::text);
        texts.for_each(|text| a.text(text));
    });
}

pub(super) fn write(body: &mut Body<'_, '_>, o: &mut Object<'_>) -> Result<(), Refusal> {
    let input_type = input_type(body)?;
    o.text("model", body.plan.model);
    if body.inputs.iter().all(|input| input.text().is_some()) {
        write_texts(body, o);
    } else {
        o.array("inputs", |a| {
            body.inputs.iter().for_each(|input| write_parts(input, a))
        });
    }
    o.text("input_type", input_type);
    o.raw("embedding_types", r#"["float"]"#);
    o.uint_if("output_dimension", body.question.dimensions);
    Ok(())
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

/// The third version and those before it know neither kinds nor lengths of vectors.
pub(super) fn write_at_bedrock(body: &mut Body<'_, '_>, o: &mut Object<'_>) -> Result<(), Refusal> {
    let known_as: Cow<'_, str> = body.plan.known_as().into();
    let newer = known_as.contains("embed-v4");
    if !newer {
        no_dimensions(body)?;
    }
    let input_type = input_type(body)?;
    write_texts(body, o);
    o.text("input_type", input_type);
    if newer {
        o.raw("embedding_types", r#"["float"]"#);
        o.uint_if("output_dimension", body.question.dimensions);
    }
    Ok(())
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
