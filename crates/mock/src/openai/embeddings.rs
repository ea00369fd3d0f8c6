//! Embeddings: the same text always has the same vector, of length one.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;

use super::{request::Embeddings, text};
use crate::{behaviour::Behaviour, dice, fault::Fault};

const USUAL_LENGTH: u32 = 64;
const MOST_LENGTH: u32 = 8192;

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Item>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Item {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector {
    Numbers(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

pub(crate) fn body(asked: &Embeddings, behaviour: &Behaviour) -> Vec<u8> {
    let length = asked.dimensions.or(behaviour.dimensions);
    let items = asked.inputs.iter().enumerate().map(|(index, input)| Item {
        object: "embedding",
        index,
        embedding: encoded(vector(input, length), asked.base64),
    });
    super::json(&List {
        object: "list",
        data: items.collect(),
        model: behaviour.answer_model.as_deref().unwrap_or(&asked.model),
        usage: (!behaviour.has(Fault::NoUsage)).then(|| usage(asked, behaviour)),
    })
}

fn usage(asked: &Embeddings, behaviour: &Behaviour) -> Usage {
    let counted = asked.inputs.iter().map(|input| text::tokens(input)).sum();
    let tokens = behaviour.prompt_tokens.unwrap_or(counted);
    Usage {
        prompt_tokens: tokens,
        total_tokens: tokens,
    }
}

/// The vector of a text, of the usual length or of one that was asked for.
pub(crate) fn vector(input: &str, length: Option<u32>) -> Vec<f32> {
    let length = length.unwrap_or(USUAL_LENGTH).min(MOST_LENGTH);
    let seed = dice::hash(input.as_bytes());
    let raw: Vec<f32> = (0..length)
        .map(|at| {
            let bits = (dice::mix(seed ^ u64::from(at)) >> 48) as u16;
            f32::from(bits) / 32_768.0 - 1.0
        })
        .collect();
    let norm = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    raw.iter().map(|x| x / norm.max(f32::EPSILON)).collect()
}

fn encoded(vector: Vec<f32>, base64: bool) -> Vector {
    if !base64 {
        return Vector::Numbers(vector);
    }
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    Vector::Base64(BASE64_STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_vector_of_length_one() {
        let (a, b) = (vector("a", Some(64)), vector("b", None));
        assert_eq!(a, vector("a", None));
        assert_ne!(a, b);
        let norm: f32 = a.iter().map(|x| x * x).sum();
        assert!((norm - 1.0).abs() < 1e-4, "{norm}");
    }
}
