//! Embeddings: OpenAI's question and answer, and Gemini's.

use crate::ir::{NotAReply, Refusal, media};
use crate::json::write::{self, Object};
use crate::json::{Node, write::number};

/// Texts that one request may hold.
const BATCH_MAX: usize = 100;
/// The model whose shortened vectors are not of length one, and the length at which they are.
const UNEVEN: (&str, u64) = ("gemini-embedding-001", 3072);

/// What texts are embedded for, in the words of clients and of the vendor.
static TASKS: [(&str, &str); 6] = [
    ("search_document", "RETRIEVAL_DOCUMENT"),
    ("document", "RETRIEVAL_DOCUMENT"),
    ("search_query", "RETRIEVAL_QUERY"),
    ("query", "RETRIEVAL_QUERY"),
    ("classification", "CLASSIFICATION"),
    ("clustering", "CLUSTERING"),
];

/// What an embeddings request asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    texts: Vec<String>,
    dimensions: Option<u64>,
    task: Option<String>,
    base64: bool,
    model: String,
}

impl Embeddings {
    /// Reads OpenAI's request; `model` is the target's own name of it.
    pub fn read(body: Node<'_>, model: &str) -> Result<Embeddings, Refusal> {
        let [input, dimensions, format, task] =
            body.pick(["input", "dimensions", "encoding_format", "input_type"]);
        let wrong = || {
            let what =
                "input must be a string or an array of strings; the provider takes no tokens";
            Refusal::new("input", what)
        };
        let input = input.ok_or_else(wrong)?;
        let texts: Option<Vec<_>> = match input.text() {
            Some(text) => Some(vec![text.into_owned()]),
            None => {
                let texts = input.elements().into_iter().map(Node::text);
                texts.map(|text| Some(text?.into_owned())).collect()
            }
        };
        Ok(Embeddings {
            texts: texts.filter(|texts| !texts.is_empty()).ok_or_else(wrong)?,
            dimensions: dimensions.and_then(Node::uint),
            task: task.and_then(Node::text).map(|word| task_of(&word)),
            base64: format.and_then(Node::text).as_deref() == Some("base64"),
            model: model.to_owned(),
        })
    }

    /// The bodies for `batchEmbedContents`, in order; more than one where there are many texts.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        let batches = self.texts.chunks(BATCH_MAX);
        batches.map(|texts| self.body(texts)).collect()
    }

    fn body(&self, texts: &[String]) -> Vec<u8> {
        let mut out = Vec::new();
        let model = format!("models/{}", self.model);
        write::object(&mut out, |o| {
            o.array("requests", |a| {
                for text in texts {
                    a.object(|o| {
                        o.text("model", &model);
                        o.object("content", |o| {
                            o.array("parts", |a| a.object(|o| o.text("text", text)));
                        });
                        o.uint_if("outputDimensionality", self.dimensions);
                        o.text_if("taskType", self.task.as_deref());
                    });
                }
            });
        });
        out
    }

    /// Writes OpenAI's answer from those to the bodies; `named` is the model as the client asked
    /// for it.
    pub fn write(
        &self,
        answers: &[&[u8]],
        named: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), NotAReply> {
        let (mut vectors, mut tokens) = (Vec::new(), 0_u64);
        for answer in answers {
            let [embeddings, usage] = Node::parse(answer)?.pick(["embeddings", "usageMetadata"]);
            let embeddings = embeddings.ok_or(NotAReply::Lacks("embeddings"))?;
            for embedding in embeddings.elements() {
                let values = embedding.get("values").ok_or(NotAReply::Lacks("values"))?;
                let values = values.elements().into_iter().filter_map(Node::number);
                vectors.push(self.even(values.collect()));
            }
            let told = usage.and_then(|usage| usage.get("promptTokenCount")?.uint());
            tokens = tokens.saturating_add(told.unwrap_or(0));
        }
        if vectors.len() != self.texts.len() {
            return Err(NotAReply::Lacks("embedding for each text"));
        }
        write::object(out, |o| {
            o.text("object", "list");
            o.array("data", |a| {
                for (at, vector) in (0..).zip(&vectors) {
                    a.object(|o| {
                        o.text("object", "embedding");
                        o.uint("index", at);
                        self.write_vector(o, vector);
                    });
                }
            });
            o.text("model", named);
            o.object("usage", |o| {
                o.uint("prompt_tokens", tokens);
                o.uint("total_tokens", tokens);
            });
        });
        Ok(())
    }

    /// A vector of length one, where the vendor leaves that to others.
    fn even(&self, mut vector: Vec<f64>) -> Vec<f64> {
        let (model, native) = UNEVEN;
        let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        let cut = self
            .dimensions
            .is_some_and(|dimensions| dimensions < native);
        if self.model == model && cut && length > 0.0 {
            for value in &mut vector {
                *value /= length;
            }
        }
        vector
    }

    fn write_vector(&self, o: &mut Object<'_>, vector: &[f64]) {
        if self.base64 {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "this form has half the digits"
            )]
            let bytes = vector
                .iter()
                .flat_map(|value| (*value as f32).to_le_bytes());
            return o.text("embedding", &media::encode(&bytes.collect::<Vec<_>>()));
        }
        o.array("embedding", |a| {
            for value in vector {
                number(a.slot(), *value);
            }
        });
    }
}

fn task_of(word: &str) -> String {
    let known = TASKS.iter().find(|(known, _)| *known == word);
    known.map_or_else(|| word.to_ascii_uppercase(), |(_, task)| (*task).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &Value) -> Result<Embeddings, Refusal> {
        let text = body.to_string();
        Embeddings::read(Node::of(&text), "gemini-embedding-001")
    }

    #[test]
    fn texts_are_asked_for_in_batches_and_answered_in_order() {
        let texts: Vec<_> = (0..101).map(|number| format!("t{number}")).collect();
        let asked =
            read(&json!({"input": texts, "dimensions": 2, "input_type": "search_query"})).unwrap();
        let bodies = asked.bodies();
        let sizes = bodies.iter().map(|body| {
            let body: Value = serde_json::from_slice(body).unwrap();
            let first = &body["requests"][0];
            assert_eq!(first["model"], "models/gemini-embedding-001");
            assert_eq!(
                (&first["outputDimensionality"], &first["taskType"]),
                (&json!(2), &json!("RETRIEVAL_QUERY"))
            );
            body["requests"].as_array().unwrap().len()
        });
        assert_eq!(sizes.collect::<Vec<_>>(), [100, 1]);

        let vectors = |count: usize| {
            json!({"embeddings": vec![json!({"values": [3, 4]}); count]}).to_string()
        };
        let answers = [vectors(100), vectors(1)];
        let answers = [answers[0].as_bytes(), answers[1].as_bytes()];
        let mut out = Vec::new();
        asked.write(&answers, "asked", &mut out).unwrap();
        let told: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            told["data"][100],
            json!({"object": "embedding", "index": 100, "embedding": [0.6, 0.8]})
        );
        assert_eq!(
            asked.write(&answers[..1], "asked", &mut out),
            Err(NotAReply::Lacks("embedding for each text"))
        );
    }

    #[test]
    fn base64_is_little_endian_and_tokens_are_refused() {
        let asked = read(&json!({"input": "x", "encoding_format": "base64"})).unwrap();
        let mut out = Vec::new();
        asked
            .write(&[br#"{"embeddings":[{"values":[1.0]}]}"#], "m", &mut out)
            .unwrap();
        let told: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(told["data"][0]["embedding"], "AACAPw==");
        for input in [json!([1, 2]), json!([]), json!(7), Value::Null] {
            assert_eq!(read(&json!({"input": input})).unwrap_err().param, "input");
        }
    }
}
