//! Vendors that answer with a picture itself, or with where it is.

use std::borrow::Cow;

use super::{Body, Drawing, Picture};
use crate::ir::{NotAReply, Received, media};
use crate::json::Node;
use crate::json::write::Object;
use crate::replicate;

/// Bytes that show what a file is.
const HEAD: usize = 12;

/// Nothing: the body is written elsewhere.
pub(super) fn write_nothing(_: &mut Body<'_, '_>, _: &mut Object<'_>) {}

pub(super) fn read_prediction<'a>(
    answer: &Received<'a>,
    drawing: &mut Drawing<'a>,
) -> Result<(), NotAReply> {
    let urls = replicate::picture_urls(answer.body)?;
    drawing.pictures.extend(urls.into_iter().map(Picture::Url));
    Ok(())
}

pub(super) fn write_task(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    o.text("inputs", &body.question.prompt);
    if let Some(sides) = body.question.sides {
        o.object("parameters", |o| {
            o.uint("width", u64::from(sides.width));
            o.uint("height", u64::from(sides.height));
        });
    }
}

pub(super) fn write_worker(body: &mut Body<'_, '_>, o: &mut Object<'_>) {
    o.text("prompt", &body.question.prompt);
    if let Some(sides) = body.question.sides {
        o.uint("width", u64::from(sides.width));
        o.uint("height", u64::from(sides.height));
    }
}

/// A picture's bytes, or JSON with one.
pub(super) fn read_raw<'a>(
    answer: &Received<'a>,
    drawing: &mut Drawing<'a>,
) -> Result<(), NotAReply> {
    if is_picture(answer) {
        let data = media::encode(answer.body);
        drawing.pictures.push(Picture::Base64(Cow::Owned(data)));
        return Ok(());
    }
    let node = Node::parse(answer.body)?;
    let [result, success] = node.pick(["result", "success"]);
    if success.and_then(Node::flag) == Some(false) {
        return Err(NotAReply::Lacks("picture"));
    }
    let found = pictures(result.unwrap_or(node));
    drawing.pictures.extend(found);
    Ok(())
}

fn is_picture(answer: &Received<'_>) -> bool {
    let said = answer
        .media_type
        .is_some_and(|kind| kind.trim_start().starts_with("image/"));
    // A head of base64 is enough to see a beginning.
    let head = answer.body.get(..answer.body.len().min(HEAD));
    let head = head.map(media::encode);
    let shown = head.as_deref().and_then(media::sniff);
    (said && !answer.body.is_empty()) || shown.is_some_and(|mime| mime.starts_with("image/"))
}

/// The pictures of an object, wherever it has them.
fn pictures(node: Node<'_>) -> Vec<Picture<'_>> {
    let [image, images, data] = node.pick(["image", "images", "data"]);
    let list = images.or(data).filter(|list| list.is_array());
    let items = match (list, image) {
        (Some(list), _) => list.elements(),
        (None, Some(image)) => vec![image],
        (None, None) if node.is_array() => node.elements(),
        (None, None) => vec![node],
    };
    items.into_iter().filter_map(picture).collect()
}

fn picture(node: Node<'_>) -> Option<Picture<'_>> {
    let [data, url] = node.pick(["b64_json", "url"]);
    let text = node.text().or_else(|| data.or(url)?.text())?;
    if text.starts_with("https://") {
        return Some(Picture::Url(text));
    }
    // A data URI is the picture itself.
    let data = match text.split_once(";base64,") {
        Some((head, data)) if head.starts_with("data:") => Cow::Owned(data.to_owned()),
        _ => text,
    };
    (!data.is_empty()).then_some(Picture::Base64(data))
}
