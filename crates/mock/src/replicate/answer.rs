//! Predictions as Replicate writes them, and their streams.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Asked, Prediction, Stage};
use crate::{
    answer::{Answer, Event, Kind},
    anthropic::Form,
    behaviour::Behaviour,
    fault::Fault,
    openai::{Refusal, reply::Reply},
};

const TIME: &str = "2026-01-01T00:00:00.000Z";

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(prediction: &Prediction, behaviour: &Behaviour) -> Answer {
    let Some(chat) = &prediction.chat else {
        return Refusal::no_model().in_form(Form::Replicate).answer();
    };
    if chat.model.starts_with("nope") {
        return Refusal::unknown_model(&chat.model)
            .in_form(Form::Replicate)
            .answer();
    }
    let reply = Reply::new(chat, behaviour);
    let status = match prediction.asked {
        Asked::Stream => return Answer::Stream(events(&reply)),
        Asked::Create { .. } => StatusCode::CREATED,
        Asked::Look | Asked::Stop => StatusCode::OK,
    };
    Answer::Whole(status, whole(prediction, &reply, behaviour))
}

fn whole(prediction: &Prediction, reply: &Reply<'_>, behaviour: &Behaviour) -> Vec<u8> {
    let Prediction { id, root, .. } = prediction;
    let mut urls = json!({
        "get": format!("{root}/predictions/{id}"),
        "cancel": format!("{root}/predictions/{id}/cancel"),
    });
    if prediction.chat.as_ref().is_some_and(|chat| chat.stream) {
        urls["stream"] = format!("{root}/predictions/{id}/stream").into();
    }
    let status = match prediction.stage {
        Stage::Starting => "starting",
        Stage::Processing => "processing",
        Stage::Stopped => "canceled",
        Stage::Finished => end(reply),
    };
    let mut answer = json!({
        "id": id,
        "model": reply.model,
        "created_at": TIME,
        "status": status,
        "output": null,
        "error": null,
        "urls": urls,
    });
    if status == "failed" {
        answer["error"] = reply.text.as_str().into();
    } else if prediction.stage == Stage::Finished {
        answer["output"] = reply.pieces().into();
    }
    if prediction.stage == Stage::Finished && !behaviour.has(Fault::NoUsage) {
        answer["metrics"] = metrics(reply);
    }
    if behaviour.has(Fault::NoFinish) {
        answer["status"] = Value::Null;
    }
    answer.to_string().into_bytes()
}

/// How it ended; a word that is not OpenAI's is taken as it is.
fn end<'a>(reply: &Reply<'a>) -> &'a str {
    match reply.finish {
        "stop" | "length" => "succeeded",
        other => other,
    }
}

fn metrics(reply: &Reply<'_>) -> Value {
    json!({
        "input_token_count": reply.usage.prompt_tokens,
        "output_token_count": reply.usage.completion_tokens,
        "predict_time": 0.1,
    })
}

/// What is said, as it is: its data is no JSON.
fn events(reply: &Reply<'_>) -> Vec<Event> {
    let pieces = reply.pieces().into_iter();
    let output = pieces.map(|piece| Event::named(Kind::Content, "output", piece));
    let done = match end(reply) {
        "failed" => r#"{"reason":"error"}"#,
        "canceled" => r#"{"reason":"canceled"}"#,
        _ => "{}",
    };
    output
        .chain([Event::named(Kind::Finish, "done", done)])
        .collect()
}
