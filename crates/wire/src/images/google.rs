//! Imagen, and Gemini models that draw.

use super::{Body, Drawing, Form, Picture};
use crate::gemini::{member, read_usage};
use crate::ir::{NotAReply, Received};
use crate::json::Node;
use crate::json::write::Object;

/// The shapes that a drawing model knows.
const SHAPES: [&str; 10] = [
    "1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9",
];

/// The shapes of Imagen, by OpenAI's sizes.
static SIZES: [(&str, &str); 9] = [
    ("1024x1024", "1:1"),
    ("512x512", "1:1"),
    ("256x256", "1:1"),
    ("1792x1024", "16:9"),
    ("1536x1024", "16:9"),
    ("1024x1792", "9:16"),
    ("1024x1536", "9:16"),
    ("1408x1024", "4:3"),
    ("1024x1408", "3:4"),
];

pub(super) fn form(model: &str) -> Option<Form> {
    if model.starts_with("imagen-") || model.starts_with("imagegeneration@") {
        Some(Form::Imagen)
    } else {
        (model.starts_with("gemini-") && !model.starts_with("gemini-embedding-"))
            .then_some(Form::Gemini)
    }
}

/// The most pictures that a model makes, where there is such a bound.
pub(super) fn most(model: &str) -> Option<u64> {
    (model.starts_with("imagen-") && model.contains("ultra")).then_some(1)
}

pub(super) fn write_imagen(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    let question = body.question;
    let size = question.size.as_deref();
    let shape = SIZES
        .iter()
        .find(|(known, _)| size == Some(*known))
        .map(|(_, shape)| *shape);
    let asked = question.aspect_ratio.as_deref();
    body.dropped
        .note_if(size.is_some() && shape.or(asked).is_none(), "size");
    o.array("instances", |a| {
        a.object(|o| o.text("prompt", &question.prompt));
    });
    o.object("parameters", |o| {
        o.uint("sampleCount", body.count);
        o.text_if("aspectRatio", asked.or(shape));
    });
}

pub(super) fn read_imagen<'a>(
    answer: &Received<'a>,
    drawing: &mut Drawing<'a>,
) -> Result<(), NotAReply> {
    let predictions = Node::parse(answer.body)?.get("predictions");
    for prediction in predictions.map(Node::elements).unwrap_or_default() {
        let [bytes, reason] = prediction.pick(["bytesBase64Encoded", "raiFilteredReason"]);
        let picture = bytes.and_then(Node::text).map(Picture::Base64);
        drawing.pictures.extend(picture);
        drawing.filtered = reason.and_then(Node::text).or(drawing.filtered.take());
    }
    Ok(())
}

pub(super) fn write_gemini(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    let question = body.question;
    o.array("contents", |a| {
        a.object(|o| o.array("parts", |a| a.object(|o| o.text("text", &question.prompt))));
    });
    o.object("generationConfig", |o| {
        o.raw("responseModalities", r#"["TEXT","IMAGE"]"#);
        let shape = question.sides.and_then(|sides| sides.nearest(&SHAPES));
        let shape = question.aspect_ratio.as_deref().or(shape);
        let large = question.sides.map_or(0, super::shape::Sides::longer);
        let wide = match question.quality.as_deref() {
            Some("4k") => Some("4K"),
            Some("2k" | "high" | "hd") => Some("2K"),
            _ if large > 2048 => Some("4K"),
            _ if large > 1792 => Some("2K"),
            _ => None,
        };
        if shape.or(wide).is_some() {
            o.object("imageConfig", |o| {
                o.text_if("aspectRatio", shape);
                o.text_if("imageSize", wide);
            });
        }
    });
}

pub(super) fn read_gemini<'a>(
    answer: &Received<'a>,
    drawing: &mut Drawing<'a>,
) -> Result<(), NotAReply> {
    let [candidates, usage, feedback] =
        Node::parse(answer.body)?.pick(["candidates", "usageMetadata", "promptFeedback"]);
    for candidate in candidates.map(Node::elements).unwrap_or_default() {
        let parts = candidate
            .get("content")
            .and_then(|content| content.get("parts"));
        for part in parts.map(Node::elements).unwrap_or_default() {
            let data = member::get(part, "inlineData").and_then(|data| member::get(data, "data"));
            drawing
                .pictures
                .extend(data.and_then(Node::text).map(Picture::Base64));
        }
        let [reason, message] = candidate.pick(["finishReason", "finishMessage"]);
        let reason = reason
            .and_then(Node::text)
            .filter(|reason| reason != "STOP");
        if let Some(reason) = reason {
            drawing.filtered = message.and_then(Node::text).or(Some(reason));
        }
    }
    let blocked = feedback.and_then(|feedback| {
        let [reason, message] = feedback.pick(["blockReason", "blockReasonMessage"]);
        message.or(reason)?.text()
    });
    drawing.filtered = blocked.or(drawing.filtered.take());
    if let Some(told) = usage.map(read_usage) {
        let mut sum = drawing.usage.unwrap_or_default();
        for (sum, more) in [
            (&mut sum.uncached_in, told.uncached_in),
            (&mut sum.cache_read, told.cache_read),
            (&mut sum.out, told.out),
            (&mut sum.reasoning, told.reasoning),
            (&mut sum.image_out, told.image_out),
        ] {
            *sum = sum.saturating_add(more);
        }
        drawing.usage = Some(sum);
    }
    Ok(())
}
