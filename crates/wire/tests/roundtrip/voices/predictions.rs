//! Answers of Replicate's.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{pieces, texts};
use crate::answers::Answer;

fn prediction(answer: &Answer) -> Value {
    let [input, output] = answer.usage;
    json!({"id": "p", "status": "succeeded",
        "metrics": {"input_token_count": input, "output_token_count": output}})
}

pub(super) fn whole(answer: &Answer) -> Value {
    let mut whole = prediction(answer);
    whole["output"] = json!(pieces(&texts(answer)));
    whole
}

pub(super) fn stream(answer: &Answer) -> Vec<u8> {
    let mut out = "event: prediction\ndata: {\"id\":\"p\",\"status\":\"starting\"}\n\n".to_owned();
    for piece in pieces(&texts(answer)) {
        if !piece.is_empty() {
            let data = piece.replace('\n', "\ndata: ");
            write!(out, "event: output\ndata: {data}\n\n").unwrap();
        }
    }
    out += "event: done\ndata: {}\n\n";
    write!(out, "event: prediction\ndata: {}\n\n", prediction(answer)).unwrap();
    out.into_bytes()
}
