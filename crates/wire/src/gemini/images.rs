//! Pictures from words: OpenAI's question and answer, those of Imagen, and those of Gemini models
//! that draw.

use std::borrow::Cow;

use super::member::get;
use super::usage::read_usage;
use crate::ir::{NotAReply, Refusal};
use crate::json::Node;
use crate::json::write::{self, Object};

/// The shapes that a drawing model knows.
static SHAPES: [(&str, f64); 10] = [
    ("1:1", 1.0),
    ("2:3", 2.0 / 3.0),
    ("3:2", 1.5),
    ("3:4", 0.75),
    ("4:3", 4.0 / 3.0),
    ("4:5", 0.8),
    ("5:4", 1.25),
    ("9:16", 9.0 / 16.0),
    ("16:9", 16.0 / 9.0),
    ("21:9", 21.0 / 9.0),
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

/// Whether pictures of a model are asked for with `predict`; the others draw as they talk.
pub fn is_imagen(model: &str) -> bool {
    model.starts_with("imagen-")
}

/// How many calls a request for pictures takes, and the body of each.
pub fn write_images(body: Node<'_>, model: &str) -> Result<(u64, Vec<u8>), Refusal> {
    let [prompt, n, size, format, quality] =
        body.pick(["prompt", "n", "size", "response_format", "quality"]);
    let prompt = prompt
        .and_then(Node::text)
        .ok_or_else(|| Refusal::new("prompt", "prompt must be a string"))?;
    if format.and_then(Node::text).as_deref() == Some("url") {
        let what = "response_format is url; the provider gives b64_json only";
        return Err(Refusal::new("response_format", what));
    }
    let n = n.and_then(Node::uint).unwrap_or(1).clamp(1, 10);
    let size = size.and_then(Node::text).unwrap_or_default();
    let mut out = Vec::new();
    if is_imagen(model) {
        let count = if model.contains("ultra") { 1 } else { n };
        let shape = SIZES.iter().find(|(known, _)| *known == size);
        write::object(&mut out, |o| {
            o.array("instances", |a| a.object(|o| o.text("prompt", &prompt)));
            o.object("parameters", |o| {
                o.uint("sampleCount", count);
                o.text_if("aspectRatio", shape.map(|(_, shape)| *shape));
            });
        });
        return Ok((1, out));
    }
    write::object(&mut out, |o| {
        o.array("contents", |a| {
            a.object(|o| o.array("parts", |a| a.object(|o| o.text("text", &prompt))));
        });
        o.object("generationConfig", |o| {
            o.raw("responseModalities", r#"["TEXT","IMAGE"]"#);
            write_look(o, &size, quality.and_then(Node::text).as_deref());
        });
    });
    Ok((n, out))
}

fn write_look(o: &mut Object<'_>, size: &str, quality: Option<&str>) {
    let sides = size.split_once('x');
    let sides = sides.and_then(|(w, h)| Some((w.parse::<f64>().ok()?, h.parse::<f64>().ok()?)));
    let sides = sides.filter(|(w, h)| *w >= 1.0 && *h >= 1.0);
    let far = |ratio: f64, (_, other): &(&str, f64)| (ratio / other).ln().abs();
    let shape = sides.and_then(|(w, h)| {
        SHAPES
            .iter()
            .min_by(|a, b| far(w / h, a).total_cmp(&far(w / h, b)))
    });
    let large = sides.map_or(0.0, |(w, h)| w.max(h));
    let wide = match quality {
        Some("4k") => Some("4K"),
        Some("2k" | "high" | "hd") => Some("2K"),
        _ if large > 2048.0 => Some("4K"),
        _ if large > 1792.0 => Some("2K"),
        _ => None,
    };
    if shape.is_some() || wide.is_some() {
        o.object("imageConfig", |o| {
            o.text_if("aspectRatio", shape.map(|(word, _)| *word));
            o.text_if("imageSize", wide);
        });
    }
}

/// What came of a request for pictures.
#[derive(Debug, PartialEq, Eq)]
pub enum Drawn {
    /// OpenAI's answer.
    Answer(Vec<u8>),
    /// Nothing that may be shown, and why as far as it is told.
    Filtered(String),
}

/// Writes OpenAI's answer from those to its calls.
pub fn read_images(answers: &[&[u8]], created: u64) -> Result<Drawn, NotAReply> {
    let (mut pictures, mut why) = (Vec::new(), Cow::Borrowed("the provider gave no picture"));
    let mut usage = None;
    for answer in answers {
        let node = Node::parse(answer)?;
        for prediction in node
            .get("predictions")
            .map(Node::elements)
            .unwrap_or_default()
        {
            let [bytes, reason] = prediction.pick(["bytesBase64Encoded", "raiFilteredReason"]);
            pictures.extend(bytes.and_then(Node::text));
            why = reason.and_then(Node::text).unwrap_or(why);
        }
        for candidate in node
            .get("candidates")
            .map(Node::elements)
            .unwrap_or_default()
        {
            let parts = candidate
                .get("content")
                .and_then(|content| content.get("parts"));
            for part in parts.map(Node::elements).unwrap_or_default() {
                let data = get(part, "inlineData").and_then(|data| get(data, "data"));
                pictures.extend(data.and_then(Node::text));
            }
        }
        if let Some(told) = node.get("usageMetadata").map(read_usage) {
            let (read, written) = usage.unwrap_or((0_u64, 0_u64));
            usage = Some((
                read.saturating_add(told.prompt()),
                written.saturating_add(told.out),
            ));
        }
    }
    if pictures.is_empty() {
        return Ok(Drawn::Filtered(why.into_owned()));
    }
    let mut out = Vec::new();
    write::object(&mut out, |o| {
        o.uint("created", created);
        o.array("data", |a| {
            for picture in &pictures {
                a.object(|o| o.text("b64_json", picture));
            }
        });
        if let Some((read, written)) = usage {
            o.object("usage", |o| {
                o.uint("input_tokens", read);
                o.uint("output_tokens", written);
                o.uint("total_tokens", read.saturating_add(written));
            });
        }
    });
    Ok(Drawn::Answer(out))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn asked(body: &Value, model: &str) -> Result<(u64, Value), Refusal> {
        let text = body.to_string();
        let (calls, body) = write_images(Node::of(&text), model)?;
        Ok((calls, serde_json::from_slice(&body).unwrap()))
    }

    #[test]
    fn pictures_are_asked_for_in_the_models_own_way() {
        let body = |size: &str| json!({"prompt": "a cat", "n": 3, "size": size});
        for (model, size, calls, expected) in [
            (
                "imagen-4",
                "1792x1024",
                1,
                json!({"sampleCount": 3, "aspectRatio": "16:9"}),
            ),
            (
                "imagen-4-ultra",
                "1408x1024",
                1,
                json!({"sampleCount": 1, "aspectRatio": "4:3"}),
            ),
            ("imagen-4", "333x1", 1, json!({"sampleCount": 3})),
        ] {
            let (found, body) = asked(&body(size), model).unwrap();
            assert_eq!(
                (found, &body["parameters"]),
                (calls, &expected),
                "{model} {size}"
            );
        }
        for (size, expected) in [
            ("1536x1024", json!({"aspectRatio": "3:2"})),
            (
                "4096x2304",
                json!({"aspectRatio": "16:9", "imageSize": "4K"}),
            ),
            ("auto", Value::Null),
            ("0x0", Value::Null),
        ] {
            let (calls, body) = asked(&body(size), "gemini-2.5-flash-image").unwrap();
            assert_eq!(
                (calls, &body["generationConfig"]["imageConfig"]),
                (3, &expected),
                "{size}"
            );
        }
        let refusal = asked(
            &json!({"prompt": "x", "response_format": "url"}),
            "imagen-4",
        )
        .unwrap_err();
        assert_eq!(refusal.param, "response_format");
    }

    #[test]
    fn pictures_are_gathered_and_a_filter_says_why() {
        let imagen =
            br#"{"predictions":[{"bytesBase64Encoded":"AA=="},{"raiFilteredReason":"no"}]}"#;
        let drawn = br#"{"candidates":[{"content":{"parts":[{"text":"x"},{"inlineData":{"data":"BB=="}}]}}],
            "usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":3}}"#;
        let Drawn::Answer(out) = read_images(&[imagen, drawn], 7).unwrap() else {
            panic!("no picture");
        };
        let told: Value = serde_json::from_slice(&out).unwrap();
        let expected = json!({"created": 7, "data": [{"b64_json": "AA=="}, {"b64_json": "BB=="}],
            "usage": {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}});
        assert_eq!(told, expected);
        let none = br#"{"predictions":[{"raiFilteredReason":"no"}]}"#;
        assert_eq!(read_images(&[none], 7), Ok(Drawn::Filtered("no".into())));
        assert!(read_images(&[b"<html>"], 7).is_err());
    }
}
