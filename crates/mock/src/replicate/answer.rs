//! Predictions as Replicate writes them, and their streams.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Asked, Order, Prediction, Stage};
use crate::{
    answer::{Answer, Event, Kind},
    anthropic::Form,
    behaviour::Behaviour,
    fault::Fault,
    openai::{Refusal, reply::Reply},
};

pub(super) const TIME: &str = "2026-01-01T00:00:00.000Z";
/// The version of a model that chooses it itself.
const HIDDEN: &str = "hidden";

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(prediction: &Prediction, behaviour: &Behaviour) -> Answer {
    let Some(order) = &prediction.order else {
        return Refusal::no_model().in_form(Form::Replicate).answer();
    };
    let chat = &order.chat;
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
    Answer::Whole(status, whole(prediction, order, &reply, behaviour))
}

/// What is told of every prediction.
pub(super) fn told(id: &str, model: &str, version: Option<&str>) -> Value {
    json!({
        "id": id,
        "model": model,
        "version": version.unwrap_or(HIDDEN),
        "created_at": TIME,
        "logs": "",
    })
}

/// More of it.
pub(super) fn with(mut prediction: Value, more: Value) -> Value {
    if let (Value::Object(prediction), Value::Object(more)) = (&mut prediction, more) {
        prediction.extend(more);
    }
    prediction
}

fn whole(
    prediction: &Prediction,
    order: &Order,
    reply: &Reply<'_>,
    behaviour: &Behaviour,
) -> Vec<u8> {
    let Prediction { id, root, .. } = prediction;
    let mut urls = json!({
        "get": format!("{root}/predictions/{id}"),
        "cancel": format!("{root}/predictions/{id}/cancel"),
    });
    if order.chat.stream {
        urls["stream"] = format!("{root}/predictions/{id}/stream").into();
    }
    let status = match prediction.stage {
        Stage::Starting => "starting",
        Stage::Processing => "processing",
        Stage::Stopped => "canceled",
        Stage::Finished => end(reply),
    };
    let told = told(id, order.model(reply.model), order.version.as_deref());
    let now = json!({
        "input": order.input,
        "status": status,
        "output": null,
        "error": null,
        "urls": urls,
    });
    let mut answer = with(told, now);
    if prediction.stage != Stage::Starting {
        answer["started_at"] = TIME.into();
    }
    if matches!(prediction.stage, Stage::Finished | Stage::Stopped) {
        answer["completed_at"] = TIME.into();
    }
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
