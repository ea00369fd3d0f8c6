//! The forms in which vendors are asked for what is no chat.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::provider::Dialect;
use crate::surface::Surface;

/// A form other than OpenAI's. What a single model of a vendor wants within it is not said here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Bedrock's models, each in its maker's form, and its agents.
    Bedrock,
    /// Cohere's, version 2.
    Cohere,
    /// Google's Developer API.
    Gemini,
    /// Ollama's own.
    Ollama,
    /// Rankings by logits, as NVIDIA gives them.
    Rankings,
    /// Replicate's predictions.
    Replicate,
    /// A score for each document, in their order.
    Scores,
    /// Hugging Face's tasks.
    Tasks,
    /// Vertex AI's predictions and rankings.
    Vertex,
    /// Cloudflare's Workers AI.
    Workers,
}

impl Form {
    /// The surfaces for which it is one.
    pub const fn surfaces(self) -> &'static [Surface] {
        match self {
            Form::Bedrock | Form::Vertex => {
                &[Surface::Embeddings, Surface::Images, Surface::Rerank]
            }
            Form::Cohere => &[Surface::Embeddings, Surface::Rerank],
            Form::Gemini | Form::Tasks => &[Surface::Embeddings, Surface::Images],
            Form::Ollama => &[Surface::Embeddings],
            Form::Rankings | Form::Scores => &[Surface::Rerank],
            Form::Replicate => &[Surface::Images],
            Form::Workers => &[Surface::Images, Surface::Rerank],
        }
    }

    /// The dialect in which it tells errors.
    pub(crate) const fn dialect(self) -> Dialect {
        match self {
            Form::Bedrock => Dialect::Converse,
            Form::Cohere => Dialect::Cohere,
            Form::Gemini | Form::Vertex => Dialect::Gemini,
            _ => Dialect::OpenAi,
        }
    }
}
