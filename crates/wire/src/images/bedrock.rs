//! Models on Bedrock that draw: Amazon's and Stability's.

use super::{Body, Drawing, Form, Picture};
use crate::converse::bare_id;
use crate::ir::{NotAReply, Received};
use crate::json::Node;
use crate::json::write::Object;

/// The forms by the beginnings of models' ids; the first that fits counts.
static FORMS: [(&str, Form); 4] = [
    ("amazon.nova-canvas", Form::Canvas),
    ("amazon.titan-image", Form::Canvas),
    ("stability.stable-diffusion-xl", Form::Sdxl),
    ("stability.", Form::Stability),
];

/// The shapes that Stability's models know.
const SHAPES: [&str; 9] = [
    "1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21",
];

/// Why nothing is said of a picture that was held back.
const SILENT: &str = "the picture was held back by a filter";

pub(super) fn form(known_as: &str) -> Option<Form> {
    let bare = bare_id(known_as);
    let known = FORMS.iter().find(|(start, _)| bare.starts_with(start));
    known.map(|(_, form)| *form)
}

pub(super) fn write_canvas(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    let question = body.question;
    o.text("taskType", "TEXT_IMAGE");
    o.object("textToImageParams", |o| o.text("text", &question.prompt));
    o.object("imageGenerationConfig", |o| {
        o.uint("numberOfImages", body.count);
        if let Some(sides) = question.sides {
            o.uint("width", u64::from(sides.width));
            o.uint("height", u64::from(sides.height));
        }
        let fine = matches!(question.quality.as_deref(), Some("hd" | "high" | "premium"));
        o.text("quality", if fine { "premium" } else { "standard" });
    });
}

/// Whole pictures, beside them an error or for each the reason for which it was held back.
pub(super) fn read_images<'a>(
    answer: &Received<'a>,
    drawing: &mut Drawing<'a>,
) -> Result<(), NotAReply> {
    let [images, error, reasons] =
        Node::parse(answer.body)?.pick(["images", "error", "finish_reasons"]);
    let reasons = reasons.map(Node::elements).unwrap_or_default();
    let images = images.map(Node::elements).unwrap_or_default();
    for (at, image) in images.iter().enumerate() {
        let held = reasons.get(at).filter(|reason| !reason.is_null());
        if held.is_none() {
            drawing.pictures.extend(image.text().map(Picture::Base64));
        }
    }
    let reason = reasons.iter().find(|reason| !reason.is_null()).copied();
    drawing.filtered = error
        .or(reason)
        .and_then(Node::text)
        .or(drawing.filtered.take());
    Ok(())
}

pub(super) fn write_sdxl(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    let question = body.question;
    o.array("text_prompts", |a| {
        a.object(|o| o.text("text", &question.prompt));
    });
    o.uint("samples", body.count);
    if let Some(sides) = question.sides {
        o.uint("width", u64::from(sides.width));
        o.uint("height", u64::from(sides.height));
    }
}

pub(super) fn read_sdxl<'a>(
    answer: &Received<'a>,
    drawing: &mut Drawing<'a>,
) -> Result<(), NotAReply> {
    let artifacts = Node::parse(answer.body)?.get("artifacts");
    for artifact in artifacts.map(Node::elements).unwrap_or_default() {
        let [base64, reason] = artifact.pick(["base64", "finishReason"]);
        match reason.and_then(Node::text).as_deref() {
            Some("CONTENT_FILTERED" | "ERROR") => drawing.filtered = Some(SILENT.into()),
            _ => drawing
                .pictures
                .extend(base64.and_then(Node::text).map(Picture::Base64)),
        }
    }
    Ok(())
}

pub(super) fn write_stability(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    let question = body.question;
    let shape = question.sides.and_then(|sides| sides.nearest(&SHAPES));
    o.text("prompt", &question.prompt);
    o.text_if("aspect_ratio", question.aspect_ratio.as_deref().or(shape));
    for name in ["output_format", "negative_prompt"] {
        o.text_if(name, question.text(name).as_deref());
    }
    let seed = question.body.get("seed").and_then(Node::uint);
    o.uint_if("seed", seed);
}
