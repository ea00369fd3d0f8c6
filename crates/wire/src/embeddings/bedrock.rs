//! Embeddings of Amazon's models on Bedrock. Each call takes one text.

use super::{Body, Counted, Form, Input, Question, Vector, no_dimensions, task};
use crate::converse::bare_id;
use crate::ir::{NotAReply, Plan, Refusal};
use crate::json::Node;
use crate::json::write::Object;

/// The forms by the beginnings of models' ids; the first that fits counts.
static FORMS: [(&str, Form); 4] = [
    ("amazon.titan-embed-image", Form::TitanImage),
    ("amazon.titan-embed", Form::Titan),
    ("cohere.embed", Form::BedrockCohere),
    ("amazon.nova", Form::Nova),
];

/// Models of before lengths could be chosen.
const ONE_LENGTH: [&str; 2] = ["titan-embed-text-v1", "titan-embed-g1"];

pub(super) fn form(known_as: &str) -> Option<Form> {
    let bare = bare_id(known_as);
    let (_, form) = FORMS.iter().find(|(start, _)| bare.starts_with(start))?;
    // Nova's others talk.
    (*form != Form::Nova || bare.contains("embed")).then_some(*form)
}

fn text<'b>(body: &'b Body<'_, '_>) -> &'b str {
    body.inputs
        .first()
        .and_then(Input::text)
        .unwrap_or_default()
}

fn note_type(body: &mut Body<'_, '_>) {
    body.dropped
        .note_if(body.question.input_type.is_some(), "input_type");
}

pub(super) fn check_titan(question: &Question<'_>, plan: &Plan<'_>) -> Result<(), Refusal> {
    let known_as = plan.known_as();
    if ONE_LENGTH.iter().any(|old| known_as.contains(old)) {
        no_dimensions(question, plan)?;
    }
    Ok(())
}

pub(super) fn write_titan(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    note_type(body);
    o.text("inputText", text(body));
    o.uint_if("dimensions", body.question.dimensions);
}

pub(super) fn write_titan_image(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    note_type(body);
    o.text("inputText", text(body));
    if let Some(dimensions) = body.question.dimensions {
        o.object("embeddingConfig", |o| {
            o.uint("outputEmbeddingLength", dimensions);
        });
    }
}

pub(super) fn read_titan<'a>(node: Node<'a>, _: usize, into: &mut Vec<Vector<'a>>) -> Counted {
    let [embedding, tokens] = node.pick(["embedding", "inputTextTokenCount"]);
    into.push(Vector::of(embedding.ok_or(NotAReply::Lacks("embedding"))?)?);
    Ok(tokens.and_then(Node::uint))
}

pub(super) fn write_nova(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    let word = body.question.input_type.as_deref();
    let own = word.map(str::to_ascii_uppercase);
    let purpose = match (word.and_then(task::of), own.as_deref()) {
        (Some(task), _) => task.nova,
        (None, Some(own)) => own,
        (None, None) => "GENERIC_INDEX",
    };
    o.text("taskType", "SINGLE_EMBEDDING");
    o.object("singleEmbeddingParams", |o| {
        o.text("embeddingPurpose", purpose);
        o.uint_if("embeddingDimension", body.question.dimensions);
        o.object("text", |o| {
            o.text("truncationMode", "END");
            o.text("value", text(body));
        });
    });
}

pub(super) fn read_nova<'a>(node: Node<'a>, _: usize, into: &mut Vec<Vector<'a>>) -> Counted {
    let [embeddings, tokens] = node.pick(["embeddings", "inputTokenCount"]);
    let list = embeddings.map(Node::elements).unwrap_or_default();
    let first = list.first().and_then(|first| first.get("embedding"));
    into.push(Vector::of(first.ok_or(NotAReply::Lacks("embedding"))?)?);
    Ok(tokens.and_then(Node::uint))
}
