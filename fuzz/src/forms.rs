//! What is asked beside chats, in every vendor's form: vectors, pictures, orders of documents. A
//! line is the client's question, the lines behind it are what the vendor answers.

use wire::embeddings;
use wire::images;
use wire::ir::{Plan, Received};
use wire::json::Node;
use wire::rerank;

use crate::dialect::{MODELS, assert_body, assert_written};
use crate::input::Input;
use crate::json::assert_document;

const VECTORS: [embeddings::Form; 12] = [
    embeddings::Form::OpenAi,
    embeddings::Form::Gemini,
    embeddings::Form::Vertex,
    embeddings::Form::VertexSingle,
    embeddings::Form::VertexContent,
    embeddings::Form::Cohere,
    embeddings::Form::BedrockCohere,
    embeddings::Form::Titan,
    embeddings::Form::TitanImage,
    embeddings::Form::Nova,
    embeddings::Form::Ollama,
    embeddings::Form::Tasks,
];

const PICTURES: [images::Form; 9] = [
    images::Form::OpenAi,
    images::Form::Replicate,
    images::Form::Imagen,
    images::Form::Gemini,
    images::Form::Canvas,
    images::Form::Sdxl,
    images::Form::Stability,
    images::Form::Tasks,
    images::Form::Workers,
];

const ORDERS: [rerank::Form; 6] = [
    rerank::Form::Cohere,
    rerank::Form::Bedrock,
    rerank::Form::Vertex,
    rerank::Form::Nvidia,
    rerank::Form::Scores,
    rerank::Form::Workers,
];

pub(crate) fn check(input: &Input<'_>) {
    let mut lines = input.data.splitn(2, |byte| *byte == b'\n');
    let question = Node::parse(lines.next().unwrap_or_default());
    let answer = Received {
        body: lines.next().unwrap_or_default(),
        media_type: [None, Some("image/png"), Some("application/json")][usize::from(input.cut % 3)],
        input_tokens: (input.cut & 64 == 0).then_some(7),
    };
    let Ok(question) = question else { return };
    let plan = Plan {
        provider: "acme",
        model: MODELS[usize::from(input.cut) % MODELS.len()],
        family: None,
        reject: input.cut & 128 != 0,
        streaming: false,
        own_history: true,
    };
    match input.kind {
        0 => vectors(input, question, &answer, &plan),
        1 => pictures(input, question, &answer, &plan),
        _ => orders(input, question, &answer, &plan),
    }
}

fn vectors(input: &Input<'_>, question: Node<'_>, answer: &Received<'_>, plan: &Plan<'_>) {
    let form = VECTORS[usize::from(input.knob) % VECTORS.len()];
    let Ok(question) = embeddings::Question::read(question) else {
        return;
    };
    let Ok(written) = embeddings::write(&question, form, plan) else {
        return;
    };
    assert!(!written.bodies.is_empty());
    for body in &written.bodies {
        assert_body(body, input.data.len());
    }
    let answers = vec![*answer; written.bodies.len()];
    if let Ok(told) = written.recall.read(&answers, "asked") {
        assert_document(&told.body);
        // Every call has the same answer.
        assert_written(told.body.len(), input.data.len() * answers.len());
    }
}

fn pictures(input: &Input<'_>, question: Node<'_>, answer: &Received<'_>, plan: &Plan<'_>) {
    let form = PICTURES[usize::from(input.knob) % PICTURES.len()];
    let Ok(question) = images::Question::read(question) else {
        return;
    };
    let Ok(written) = images::write(&question, form, plan, None) else {
        return;
    };
    for body in &written.bodies {
        assert_body(body, input.data.len());
    }
    let answers = vec![*answer; written.bodies.len()];
    let mut drawn = written.recall.read(&answers, &[], 77);
    if let Ok(images::Drawn::Fetch(urls)) = &drawn {
        let fetched = vec![&b"picture"[..]; urls.len()];
        drawn = written.recall.read(&answers, &fetched, 77);
        assert!(
            !matches!(drawn, Ok(images::Drawn::Fetch(_))),
            "what was fetched is wanted again"
        );
    }
    if let Ok(images::Drawn::Told(told)) = drawn {
        assert_document(&told.body);
        assert_written(told.body.len(), input.data.len() * answers.len());
    }
    let _ = images::read_openai(answer.body).is_ok();
}

fn orders(input: &Input<'_>, question: Node<'_>, answer: &Received<'_>, plan: &Plan<'_>) {
    let form = ORDERS[usize::from(input.knob) % ORDERS.len()];
    let Ok(question) = rerank::Question::read(question) else {
        return;
    };
    let Ok(written) = rerank::write(&question, form, plan) else {
        return;
    };
    if let Some(body) = &written.body {
        assert_body(body, input.data.len());
    }
    let answer_of_call = written.body.as_ref().map(|_| answer);
    if let Ok(told) = written.recall.read(answer_of_call, "id", "asked") {
        assert_document(&told.body);
        assert_written(told.body.len(), input.data.len());
    }
    let _ = rerank::read_common(answer.body).is_ok();
}
