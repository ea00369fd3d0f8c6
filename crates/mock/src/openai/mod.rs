//! The OpenAI dialect: reading requests, and answers as OpenAI writes them.
//! Knows neither sockets nor time.

mod embeddings;
mod models;
mod object;
mod refusal;
pub(crate) mod reply;
mod request;
pub(crate) mod sample;
mod stream;
pub(crate) mod text;
mod whole;

pub(crate) use embeddings::vector;
pub(crate) use refusal::Refusal;
pub(crate) use request::{Call, Chat, Embeddings, wants_a_call};

use http::StatusCode;

use crate::{
    answer::Answer,
    anthropic::{self, Form},
    ask::Ask,
    behaviour::Behaviour,
    cohere, converse, gemini, ollama, pictures, ranks, replicate, vectors,
};

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(ask: &Ask, behaviour: &Behaviour) -> Answer {
    let unknown = ask.model().filter(|model| model.starts_with("nope"));
    if let (Some(model), Form::OpenAi) = (unknown, ask.form()) {
        return Refusal::unknown_model(model).answer();
    }
    match ask {
        Ask::Chat(chat) if chat.stream => Answer::Stream(stream::events(chat, behaviour)),
        Ask::Chat(chat) => ok(whole::body(chat, behaviour)),
        Ask::Messages(chat) => anthropic::answer(chat, behaviour),
        Ask::Cohere(chat) => cohere::answer(chat, behaviour),
        Ask::Ollama(chat) => ollama::answer(chat, behaviour),
        Ask::Converse(chat) => converse::answer(chat, behaviour),
        Ask::Generate(chat) => gemini::answer(chat, behaviour),
        Ask::Prediction(prediction) => replicate::answer(prediction, behaviour),
        Ask::Embeddings(embeddings) => ok(embeddings::body(embeddings, behaviour)),
        Ask::Vectors(form, embeddings) => vectors::answer(*form, embeddings, behaviour),
        Ask::Pictures(asked) => pictures::answer(asked, behaviour),
        Ask::Ranks(asked) => ranks::answer(asked, behaviour),
        Ask::Models => ok(models::list()),
        Ask::Model(id) => ok(models::one(id)),
    }
}

fn ok(body: Vec<u8>) -> Answer {
    Answer::Whole(StatusCode::OK, body)
}

/// Serialising our own plain structures cannot fail; were it to, the empty
/// answer would show it.
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
