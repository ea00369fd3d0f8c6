//! Gemini's embeddings at both of its homes, and Vertex AI's own.

use std::borrow::Cow;

use super::{Body, Counted, Form, Input, Vector, read_list, task};
use crate::ir::NotAReply;
use crate::json::Node;
use crate::json::write::Object;

/// The model whose shortened vectors are not of length one, and the length at which they are.
const UNEVEN: (&str, u64) = ("gemini-embedding-001", 3072);

/// Whether a model leaves it to others to make its vectors as long as one.
pub(super) fn is_uneven(model: &str, dimensions: Option<u64>) -> bool {
    let (known, native) = UNEVEN;
    model == known && dimensions.is_some_and(|dimensions| dimensions < native)
}

/// The beginnings of models that predict embeddings.
const PREDICTS: [&str; 3] = [
    "text-embedding-",
    "textembedding-gecko",
    "text-multilingual-embedding-",
];

pub(super) fn form_at_vertex(model: &str) -> Option<Form> {
    if model.starts_with("gemini-embedding-2") {
        Some(Form::VertexContent)
    } else if model.starts_with("gemini-embedding-") {
        Some(Form::VertexSingle)
    } else {
        let predicts = PREDICTS.iter().any(|known| model.starts_with(known));
        predicts.then_some(Form::Vertex)
    }
}

/// The vendor's word for what texts are embedded for; its own words pass.
fn task_of<'b>(body: &'b Body<'_, '_>) -> Option<Cow<'b, str>> {
    let word = body.question.input_type.as_deref()?;
    Some(match task::of(word) {
        Some(task) => Cow::Borrowed(task.google),
        None => Cow::Owned(word.to_ascii_uppercase()),
    })
}

fn write_text(o: &mut Object<'_>, input: &Input<'_>) {
    o.object("content", |o| {
        o.array("parts", |a| {
            a.object(|o| o.text("text", input.text().unwrap_or_default()));
        });
    });
}

pub(super) fn write_batch(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    let (model, task) = (format!("models/{}", body.plan.model), task_of(body));
    o.array("requests", |a| {
        for input in body.inputs {
            a.object(|o| {
                o.text("model", &model);
                write_text(o, input);
                o.uint_if("outputDimensionality", body.question.dimensions);
                o.text_if("taskType", task.as_deref());
            });
        }
    });
}

pub(super) fn read_batch<'a>(node: Node<'a>, _: usize, into: &mut Vec<Vector<'a>>) -> Counted {
    let [embeddings, usage] = node.pick(["embeddings", "usageMetadata"]);
    let embeddings = embeddings.ok_or(NotAReply::Lacks("embeddings"))?;
    for embedding in embeddings.elements() {
        let values = embedding.get("values").ok_or(NotAReply::Lacks("values"))?;
        into.push(Vector::of(values)?);
    }
    Ok(usage.and_then(|usage| usage.get("promptTokenCount")?.uint()))
}

pub(super) fn write_instances(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    let task = task_of(body);
    o.array("instances", |a| {
        for input in body.inputs {
            a.object(|o| {
                o.text("content", input.text().unwrap_or_default());
                o.text_if("task_type", task.as_deref());
            });
        }
    });
    if let Some(dimensions) = body.question.dimensions {
        o.object("parameters", |o| o.uint("outputDimensionality", dimensions));
    }
}

pub(super) fn read_predictions<'a>(
    node: Node<'a>,
    _: usize,
    into: &mut Vec<Vector<'a>>,
) -> Counted {
    let [predictions, metadata] = node.pick(["predictions", "metadata"]);
    let predictions = predictions.ok_or(NotAReply::Lacks("predictions"))?;
    let mut counted = None;
    for prediction in predictions.elements() {
        let [embeddings, values, embedding] =
            prediction.pick(["embeddings", "values", "embedding"]);
        let nested = embeddings.and_then(|embeddings| embeddings.get("values"));
        let values = nested.or(values).or(embedding);
        into.push(Vector::of(values.ok_or(NotAReply::Lacks("values"))?)?);
        let tokens = embeddings
            .and_then(|embeddings| embeddings.get("statistics")?.get("token_count")?.uint());
        if let Some(tokens) = tokens {
            counted = Some(tokens.saturating_add(counted.unwrap_or(0)));
        }
    }
    let total = metadata.and_then(|metadata| {
        let tokens = metadata.get("tokenMetadata")?.get("inputTokenCount")?;
        tokens.get("totalTokens")?.uint()
    });
    Ok(total.or(counted))
}

pub(super) fn write_content(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    for input in body.inputs {
        write_text(o, input);
    }
    o.text_if("taskType", task_of(body).as_deref());
    o.uint_if("outputDimensionality", body.question.dimensions);
}

pub(super) fn read_content<'a>(
    node: Node<'a>,
    count: usize,
    into: &mut Vec<Vector<'a>>,
) -> Counted {
    let [embedding, usage] = node.pick(["embedding", "usageMetadata"]);
    let Some(embedding) = embedding else {
        return read_batch(node, count, into);
    };
    match embedding.get("values") {
        Some(values) => into.push(Vector::of(values)?),
        None => read_list(embedding, into)?,
    }
    Ok(usage.and_then(|usage| usage.get("promptTokenCount")?.uint()))
}
