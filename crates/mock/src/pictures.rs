//! Pictures in every vendor's form. All of them are the same one.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    answer::Answer, anthropic::Form as Errors, behaviour::Behaviour, openai::Refusal, vectors,
};

/// The beginning of every picture here.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Pictures that one call may ask for.
const MOST: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    OpenAi,
    Imagen,
    Gemini,
    Canvas,
    Sdxl,
    Stability,
    Replicate,
    Tasks,
    Workers,
}

/// What a request for pictures asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pictures {
    pub(crate) form: Form,
    pub(crate) model: String,
    count: usize,
    url: bool,
}

impl Form {
    /// The dialect in which errors are told.
    pub(crate) fn errors(self) -> Errors {
        match self {
            Form::Imagen | Form::Gemini => Errors::Gemini,
            Form::Canvas | Form::Sdxl | Form::Stability => Errors::Converse,
            Form::Tasks => Errors::Ollama,
            Form::Replicate => Errors::Replicate,
            Form::OpenAi | Form::Workers => Errors::OpenAi,
        }
    }
}

/// The form that a request is in; None when it asks for something else.
pub(crate) fn form(path: &str, body: &Value) -> Option<Form> {
    let has = |name: &str| body.get(name).is_some();
    if path.ends_with("/images/generations") {
        Some(Form::OpenAi)
    } else if path.ends_with(":predict") {
        body.pointer("/instances/0/prompt").map(|_| Form::Imagen)
    } else if path.ends_with(":generateContent") {
        let modes = body.pointer("/generationConfig/responseModalities")?;
        modes
            .as_array()?
            .contains(&json!("IMAGE"))
            .then_some(Form::Gemini)
    } else if path.ends_with("/predictions") {
        let input = body.get("input")?;
        let draws = ["num_outputs", "width", "aspect_ratio", "output_format"];
        draws
            .iter()
            .any(|name| input.get(name).is_some())
            .then_some(Form::Replicate)
    } else if path.contains("/hf-inference/models/") {
        Some(Form::Tasks)
    } else if path.contains("/run/") {
        has("prompt").then_some(Form::Workers)
    } else if !path.ends_with("/invoke") {
        None
    } else if has("textToImageParams") {
        Some(Form::Canvas)
    } else if has("text_prompts") {
        Some(Form::Sdxl)
    } else {
        has("prompt").then_some(Form::Stability)
    }
}

/// What a request asks for.
pub(crate) fn read(form: Form, path: &str, body: &Bytes) -> Result<Pictures, Refusal> {
    let members: Value = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let at = |place: &str| members.pointer(place);
    let (prompt, count) = match form {
        Form::OpenAi => (at("/prompt"), at("/n")),
        Form::Imagen => (at("/instances/0/prompt"), at("/parameters/sampleCount")),
        Form::Gemini => (at("/contents/0/parts/0/text"), None),
        Form::Canvas => (
            at("/textToImageParams/text"),
            at("/imageGenerationConfig/numberOfImages"),
        ),
        Form::Sdxl => (at("/text_prompts/0/text"), at("/samples")),
        Form::Replicate => (at("/input/prompt"), at("/input/num_outputs")),
        Form::Tasks => (at("/inputs"), None),
        Form::Stability | Form::Workers => (at("/prompt"), None),
    };
    if prompt.and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(Refusal::missing("prompt"));
    }
    let count = count.and_then(Value::as_u64).unwrap_or(1).clamp(1, MOST);
    Ok(Pictures {
        form,
        model: model(form, path, &members).ok_or_else(Refusal::no_model)?,
        count: usize::try_from(count).unwrap_or(1),
        url: members["response_format"] == "url",
    })
}

fn model(form: Form, path: &str, members: &Value) -> Option<String> {
    if form == Form::Replicate {
        let name = path.split_once("/models/").map(|(_, name)| name);
        let name = name.and_then(|name| name.strip_suffix("/predictions"));
        return Some(name.or(members["version"].as_str())?.to_owned());
    }
    vectors::model(path, members)
}

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(asked: &Pictures, behaviour: &Behaviour) -> Answer {
    if asked.model.starts_with("nope") {
        return Refusal::unknown_model(&asked.model)
            .in_form(asked.form.errors())
            .answer();
    }
    let body = match asked.form {
        Form::Tasks => PNG.to_vec(),
        _ => body(asked, behaviour).to_string().into_bytes(),
    };
    Answer::Whole(StatusCode::OK, body)
}

fn body(asked: &Pictures, behaviour: &Behaviour) -> Value {
    let base64 = BASE64_STANDARD.encode(PNG);
    let list = |item: Value| vec![item; asked.count];
    let url = "https://pictures.example/mock.png";
    match asked.form {
        Form::OpenAi if asked.url => json!({"created": 1, "data": list(json!({"url": url}))}),
        Form::OpenAi => json!({"created": 1, "data": list(json!({"b64_json": base64}))}),
        Form::Imagen => json!({"predictions": list(json!({"bytesBase64Encoded": base64}))}),
        Form::Gemini => {
            let part = json!({"inlineData": {"mimeType": "image/png", "data": base64}});
            let tokens = behaviour.prompt_tokens.unwrap_or(4);
            json!({
                "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": tokens, "candidatesTokenCount": 1290},
            })
        }
        Form::Canvas => json!({"images": list(json!(base64))}),
        Form::Stability => json!({"images": [base64], "finish_reasons": [null]}),
        Form::Sdxl => {
            json!({"artifacts": list(json!({"base64": base64, "finishReason": "SUCCESS"}))})
        }
        Form::Replicate => {
            json!({"id": "p1", "status": "succeeded", "output": list(json!(url))})
        }
        Form::Tasks | Form::Workers => {
            json!({"result": {"image": base64}, "success": true, "errors": [], "messages": []})
        }
    }
}
