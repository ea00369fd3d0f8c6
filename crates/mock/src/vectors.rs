//! Embeddings in the forms of vendors that have their own. The vectors are those of OpenAI's form.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    anthropic::Form as Errors,
    behaviour::Behaviour,
    converse,
    fault::Fault,
    gemini,
    openai::{Embeddings, Refusal, text, vector},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Cohere,
    Ollama,
    Tasks,
    /// Google's, many in one call.
    Batch,
    /// Google's, one in a call.
    Content,
    /// Vertex AI's.
    Predict,
    Titan,
    BedrockCohere,
    Nova,
}

impl Form {
    /// The dialect in which errors are told.
    pub(crate) fn errors(self) -> Errors {
        match self {
            Form::Cohere => Errors::Cohere,
            Form::Ollama | Form::Tasks => Errors::Ollama,
            Form::Batch | Form::Content | Form::Predict => Errors::Gemini,
            Form::Titan | Form::BedrockCohere | Form::Nova => Errors::Converse,
        }
    }
}

/// The form that a request is in; None when it asks for something else.
pub(crate) fn form(path: &str, body: &Value) -> Option<Form> {
    let has = |name: &str| body.get(name).is_some();
    if path.ends_with("/v2/embed") {
        Some(Form::Cohere)
    } else if path.ends_with("/api/embed") {
        Some(Form::Ollama)
    } else if path.ends_with("/pipeline/feature-extraction") {
        Some(Form::Tasks)
    } else if path.ends_with(":batchEmbedContents") {
        Some(Form::Batch)
    } else if path.ends_with(":embedContent") {
        Some(Form::Content)
    } else if path.ends_with(":predict") {
        body.pointer("/instances/0/content").map(|_| Form::Predict)
    } else if !path.ends_with("/invoke") {
        None
    } else if has("inputText") {
        Some(Form::Titan)
    } else if has("texts") {
        Some(Form::BedrockCohere)
    } else {
        has("singleEmbeddingParams").then_some(Form::Nova)
    }
}

/// What a request asks for.
pub(crate) fn read(form: Form, path: &str, body: &Bytes) -> Result<Embeddings, Refusal> {
    let members: Value = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let (inputs, dimensions) = match form {
        Form::Cohere | Form::BedrockCohere => {
            let list = members.get("texts").or(members.get("inputs"));
            (list.map(texts), members.get("output_dimension"))
        }
        Form::Ollama => (members.get("input").map(texts), members.get("dimensions")),
        Form::Tasks => (members.get("inputs").map(texts), None),
        Form::Batch => (
            members
                .get("requests")
                .map(|list| each(list, "/content/parts/0/text")),
            length(members.pointer("/requests/0")),
        ),
        Form::Content => (
            members.pointer("/content/parts/0/text").map(texts),
            length(Some(&members)),
        ),
        Form::Predict => (
            members.get("instances").map(|list| each(list, "/content")),
            members.pointer("/parameters/outputDimensionality"),
        ),
        Form::Titan => (
            members.get("inputText").map(texts),
            members.get("dimensions"),
        ),
        Form::Nova => (
            members
                .pointer("/singleEmbeddingParams/text/value")
                .map(texts),
            members.pointer("/singleEmbeddingParams/embeddingDimension"),
        ),
    };
    let inputs = inputs.filter(|inputs| !inputs.is_empty());
    let dimensions = dimensions.and_then(Value::as_u64);
    let embeddings = Embeddings {
        model: model(path, &members).ok_or_else(Refusal::no_model)?,
        inputs: inputs.ok_or_else(|| Refusal::missing("input"))?,
        dimensions: dimensions.and_then(|length| u32::try_from(length).ok()),
        base64: false,
    };
    embeddings.checked()
}

/// The model of a body or of a path.
pub(crate) fn model(path: &str, members: &Value) -> Option<String> {
    if let Some(model) = members["model"].as_str() {
        return Some(model.to_owned());
    }
    if path.ends_with("/invoke") {
        return converse::model(path);
    }
    let (_, rest) = path.rsplit_once("/models/").or(path.rsplit_once("/run/"))?;
    let rest = rest
        .strip_suffix("/pipeline/feature-extraction")
        .unwrap_or(rest);
    let rest = rest.rsplit_once(':').map_or(rest, |(model, _)| model);
    Some(gemini::unescaped(rest)).filter(|model| !model.is_empty())
}

/// A text or a list of them; what is no text stands as its JSON.
fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    match value {
        Value::Array(list) => list.iter().map(text).collect(),
        other => vec![text(other)],
    }
}

/// The length that Google is asked for; Vertex AI's own clients put it deeper.
fn length(request: Option<&Value>) -> Option<&Value> {
    let deeper = request?.pointer("/embedContentConfig/outputDimensionality");
    deeper.or(request?.get("outputDimensionality"))
}

/// What stands at a place of each.
fn each(list: &Value, place: &str) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    let found = items.filter_map(|item| item.pointer(place)?.as_str());
    found.map(str::to_owned).collect()
}

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(form: Form, asked: &Embeddings, behaviour: &Behaviour) -> Answer {
    if asked.model.starts_with("nope") {
        return Refusal::unknown_model(&asked.model)
            .in_form(form.errors())
            .answer();
    }
    Answer::Whole(
        StatusCode::OK,
        body(form, asked, behaviour).to_string().into_bytes(),
    )
}

/// A text's vector, each number as short as in OpenAI's form.
fn numbers(input: &str, length: Option<u32>) -> Value {
    let text = serde_json::to_string(&vector(input, length)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn body(form: Form, asked: &Embeddings, behaviour: &Behaviour) -> Value {
    let length = asked.dimensions.or(behaviour.dimensions);
    let vectors: Vec<_> = asked
        .inputs
        .iter()
        .map(|input| numbers(input, length))
        .collect();
    let counted = asked.inputs.iter().map(|input| text::tokens(input)).sum();
    let tokens = behaviour.prompt_tokens.unwrap_or(counted);
    let counts = !behaviour.has(Fault::NoUsage);
    let first = vectors.first().cloned().unwrap_or_default();
    let mut body = match form {
        Form::Cohere => {
            json!({"id": "emb-mock", "embeddings": {"float": vectors}, "texts": asked.inputs})
        }
        Form::BedrockCohere => {
            json!({"id": "emb-mock", "embeddings": vectors, "texts": asked.inputs})
        }
        Form::Ollama => json!({"model": asked.model, "embeddings": vectors}),
        Form::Tasks => return json!(vectors),
        Form::Batch => {
            let embeddings: Vec<_> = vectors
                .iter()
                .map(|vector| json!({"values": vector}))
                .collect();
            json!({"embeddings": embeddings})
        }
        Form::Content => json!({"embedding": {"values": first}}),
        Form::Predict => return predictions(asked, behaviour, &vectors),
        Form::Titan => json!({"embedding": first}),
        Form::Nova => json!({"embeddings": [{"embeddingType": "TEXT", "embedding": first}]}),
    };
    let (name, count) = match form {
        Form::Cohere | Form::BedrockCohere => {
            ("meta", json!({"billed_units": {"input_tokens": tokens}}))
        }
        Form::Ollama => ("prompt_eval_count", json!(tokens)),
        Form::Batch | Form::Content => ("usageMetadata", json!({"promptTokenCount": tokens})),
        Form::Titan => ("inputTextTokenCount", json!(tokens)),
        Form::Nova | Form::Tasks | Form::Predict => return body,
    };
    if counts {
        body[name] = count;
    }
    body
}

/// Vertex AI counts each text's tokens beside its vector, and letters for all of them. A number of
/// tokens that is set stands beside the first.
fn predictions(asked: &Embeddings, behaviour: &Behaviour, vectors: &[Value]) -> Value {
    let counts = !behaviour.has(Fault::NoUsage);
    let told = asked.inputs.iter().zip(vectors).enumerate();
    let told = told.map(|(at, (input, vector))| {
        let mut embeddings = json!({ "values": vector });
        if counts {
            let set = behaviour.prompt_tokens;
            let set = set.map(|tokens| if at == 0 { tokens } else { 0 });
            let tokens = set.unwrap_or_else(|| text::tokens(input));
            embeddings["statistics"] = json!({"truncated": false, "token_count": tokens});
        }
        json!({ "embeddings": embeddings })
    });
    let mut body = json!({ "predictions": told.collect::<Vec<_>>() });
    if counts {
        let letters: usize = asked.inputs.iter().map(|input| input.chars().count()).sum();
        body["metadata"] = json!({ "billableCharacterCount": letters });
    }
    body
}
