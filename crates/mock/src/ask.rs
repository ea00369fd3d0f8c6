//! From method, path and body to what was asked. The path is matched by its
//! end, so that every vendor's root works.

use bytes::Bytes;
use http::{Method, request::Parts};
use serde_json::Value;

use crate::{
    anthropic::{self, Form},
    cohere, converse, gemini, ollama,
    openai::{Chat, Embeddings, Refusal},
    pictures::{self, Pictures},
    ranks::{self, Ranks},
    replicate::{self, Prediction},
    vectors, vertex,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    Chat(Chat),
    /// A chat in Anthropic's dialect.
    Messages(Chat),
    /// A chat in Cohere's dialect.
    Cohere(Chat),
    /// A chat in Ollama's own dialect.
    Ollama(Chat),
    /// A chat in Bedrock's dialect.
    Converse(Chat),
    /// A chat in Google's dialect.
    Generate(Chat),
    /// What is asked of a prediction of Replicate's.
    Prediction(Prediction),
    Embeddings(Embeddings),
    /// Embeddings in a vendor's own form.
    Vectors(vectors::Form, Embeddings),
    Pictures(Pictures),
    Ranks(Ranks),
    Models,
    Model(String),
}

impl Ask {
    pub(crate) fn read(parts: &Parts, body: &Bytes) -> Result<Ask, Refusal> {
        let (method, path) = (&parts.method, parts.uri.path());
        let (get, post) = (method == Method::GET, method == Method::POST);
        if let Some(ask) = beside(path, body).filter(|_| post) {
            ask
        } else if post && path.ends_with("/chat/completions") {
            Chat::read(path, body).map(Ask::Chat)
        } else if post && path.ends_with("/messages") {
            anthropic::read(body).map(Ask::Messages)
        } else if post && path.ends_with("/v2/chat") {
            cohere::read(body).map(Ask::Cohere)
        } else if post && path.ends_with("/api/chat") {
            ollama::read(body).map(Ask::Ollama)
        } else if post && converse::is_chat(path) {
            converse::read(path, body).map(Ask::Converse)
        } else if let Some(asked) = replicate::read(method, path, &parts.headers, body) {
            asked.map(Ask::Prediction)
        } else if let Some(asked) = vertex::asked(path).filter(|_| post) {
            vertex::read(asked, path, body)
        } else if let Some(asked) = gemini::asked(path).filter(|_| post) {
            gemini::read(asked, body).map(Ask::Generate)
        } else if post && path.ends_with("/embeddings") {
            Embeddings::read(path, body).map(Ask::Embeddings)
        } else if get && path.ends_with("/models") {
            Ok(Ask::Models)
        } else if let Some((_, id)) = path.split_once("/models/").filter(|_| get) {
            Ok(Ask::Model(id.to_owned()))
        } else {
            Err(Refusal::no_route(method, path))
        }
    }

    /// Bytes of text it holds.
    pub(crate) fn weight(&self) -> usize {
        let texts = match self {
            Ask::Chat(chat)
            | Ask::Messages(chat)
            | Ask::Cohere(chat)
            | Ask::Ollama(chat)
            | Ask::Converse(chat)
            | Ask::Generate(chat) => chat.weight(),
            Ask::Embeddings(embeddings) | Ask::Vectors(_, embeddings) => {
                embeddings.inputs.iter().map(String::len).sum()
            }
            Ask::Ranks(ranks) => ranks.weight(),
            Ask::Pictures(_) | Ask::Prediction(_) | Ask::Models | Ask::Model(_) => 0,
        };
        texts + self.model().map_or(0, str::len)
    }

    /// The dialect in which errors are told.
    pub(crate) fn form(&self) -> Form {
        match self {
            Ask::Messages(_) => Form::Messages,
            Ask::Cohere(_) => Form::Cohere,
            Ask::Ollama(_) => Form::Ollama,
            Ask::Converse(_) => Form::Converse,
            Ask::Generate(_) => Form::Gemini,
            Ask::Vectors(form, _) => form.errors(),
            Ask::Pictures(asked) => asked.form.errors(),
            Ask::Ranks(asked) => asked.form.errors(),
            Ask::Prediction(_) => Form::Replicate,
            _ => Form::OpenAi,
        }
    }

    pub(crate) fn model(&self) -> Option<&str> {
        match self {
            Ask::Chat(chat)
            | Ask::Messages(chat)
            | Ask::Cohere(chat)
            | Ask::Ollama(chat)
            | Ask::Converse(chat)
            | Ask::Generate(chat) => Some(&chat.model),
            Ask::Embeddings(embeddings) | Ask::Vectors(_, embeddings) => Some(&embeddings.model),
            Ask::Pictures(asked) => Some(&asked.model),
            Ask::Ranks(asked) => Some(&asked.model),
            Ask::Prediction(prediction) => {
                let order = prediction.order.as_ref();
                order.map(|order| order.chat.model.as_str())
            }
            Ask::Models => None,
            Ask::Model(id) => Some(id),
        }
    }
}

/// What is asked beside chats, where path and body say so together.
fn beside(path: &str, body: &Bytes) -> Option<Result<Ask, Refusal>> {
    let paths = [
        "/embed",
        ":embedContent",
        ":batchEmbedContents",
        ":predict",
        ":generateContent",
        "/invoke",
        "/images/generations",
        "/predictions",
        "/hf-inference/",
        "/run/",
        "/rerank",
        ":rank",
        "/ranking",
        "/reranking",
        "/inference/",
    ];
    // Chats are many and large: their bodies are not read twice.
    if !paths
        .iter()
        .any(|known| path.ends_with(known) || path.contains(known))
    {
        return None;
    }
    let members: Value = serde_json::from_slice(body).ok()?;
    if let Some(form) = vectors::form(path, &members) {
        let asked = vectors::read(form, path, body);
        return Some(asked.map(|asked| Ask::Vectors(form, asked)));
    }
    if let Some(form) = pictures::form(path, &members) {
        return Some(pictures::read(form, path, body).map(Ask::Pictures));
    }
    let form = ranks::form(path, &members)?;
    Some(ranks::read(form, path, body).map(Ask::Ranks))
}
