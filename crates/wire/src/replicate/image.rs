//! Pictures: a request in OpenAI's form into an input, and where they are.

use std::borrow::Cow;

use super::Inputs;
use super::prediction::{Prediction, Status};
use crate::ir::{
    Dropped, Encoded, NotAReply, Plan, Raw, Recall, Refusal, note_strangers, with_extra,
};
use crate::json::Node;
use crate::json::write::{self, Object};

/// Members that are read, or ask for what is done afterwards.
const KNOWN: [&str; 7] = [
    "model",
    "prompt",
    "n",
    "size",
    "response_format",
    "output_format",
    "extra_body",
];

/// Writes a request for pictures, with what the model is known to take.
pub fn write_image_request(
    body: Node<'_>,
    plan: &Plan<'_>,
    inputs: Option<&Inputs>,
) -> Result<Encoded, Refusal> {
    let [prompt, n, size, output, extra] =
        body.pick(["prompt", "n", "size", "output_format", "extra_body"]);
    let prompt = prompt
        .and_then(Node::text)
        .filter(|prompt| !prompt.trim().is_empty())
        .ok_or_else(|| Refusal::new("prompt", "prompt is missing; expected a text"))?;
    let size = size.and_then(Node::text).filter(|size| size != "auto");
    let size = size.as_deref().map(read_size).transpose()?;
    let mut dropped = Dropped::default();
    note_strangers(body, &KNOWN, &mut dropped);
    let mut written = Vec::with_capacity(256);
    write::object(&mut written, |o| {
        o.text_if(
            "version",
            plan.model.split_once(':').map(|(_, version)| version),
        );
        o.object("input", |o| {
            o.text("prompt", &prompt);
            o.uint_if("num_outputs", n.and_then(Node::uint));
            if let Some(size) = size {
                write_size(o, size, plan.model, inputs);
            }
            let output = output.and_then(Node::text);
            o.text_if("output_format", output.as_deref());
        });
    });
    let extra = extra.map(Raw::from);
    let body = with_extra(written, extra.as_ref(), plan, &mut dropped);
    Ok(Encoded {
        body,
        betas: Vec::new(),
        dropped: dropped.settle(plan)?,
        recall: Recall {
            model: plan.model.to_owned(),
            ..Recall::default()
        },
    })
}

fn read_size(size: &str) -> Result<(u64, u64), Refusal> {
    let sides = size.split_once('x');
    let sides = sides.and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    sides
        .filter(|(width, height)| *width > 0 && *height > 0)
        .ok_or_else(|| {
            Refusal::new(
                "size",
                format!("size is {size:?}; expected one like 1024x1024"),
            )
        })
}

/// Models that take the ratio of the sides, where nothing else is known of them.
const BY_RATIO: &str = "black-forest-labs/flux";

/// Some models take sides, others their ratio.
fn write_size(
    o: &mut Object<'_>,
    (width, height): (u64, u64),
    model: &str,
    inputs: Option<&Inputs>,
) {
    let ratio = match inputs {
        Some(inputs) => inputs.has("aspect_ratio") && !inputs.has("width"),
        None => model.starts_with(BY_RATIO),
    };
    if ratio {
        let common = common_divisor(width, height);
        o.text(
            "aspect_ratio",
            &format!("{}:{}", width / common, height / common),
        );
    } else {
        o.uint("width", width);
        o.uint("height", height);
    }
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 {
        a.max(1)
    } else {
        common_divisor(b, a % b)
    }
}

/// Where the pictures of a finished prediction are.
pub fn picture_urls(body: &[u8]) -> Result<Vec<Cow<'_, str>>, NotAReply> {
    let prediction = Prediction::of(Node::parse(body)?).ok_or(NotAReply::Lacks("status"))?;
    if let Some(error) = prediction.failure() {
        return Err(NotAReply::Vendor(error));
    }
    if prediction.status() != Some(Status::Succeeded) {
        return Err(NotAReply::Lacks("final status"));
    }
    let output = prediction.output().ok_or(NotAReply::Lacks("output"))?;
    let list = if output.is_array() {
        output.elements()
    } else {
        vec![output]
    };
    let urls: Vec<_> = list.into_iter().filter_map(Node::text).collect();
    if urls.is_empty() {
        return Err(NotAReply::Lacks("output"));
    }
    Ok(urls)
}
