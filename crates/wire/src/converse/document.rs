//! Formats of media as Converse names them, and documents' names, about which it is particular.

use std::borrow::Cow;

use crate::ir::{File, Source, media};

/// Pictures.
const IMAGES: [(&str, &str); 4] = [
    ("image/png", "png"),
    ("image/jpeg", "jpeg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
];

/// Moving pictures, by media type and by ending.
const VIDEOS: [(&str, &str, &str); 10] = [
    ("video/mp4", "mp4", "mp4"),
    ("video/quicktime", "mov", "mov"),
    ("video/x-matroska", "mkv", "mkv"),
    ("video/webm", "webm", "webm"),
    ("video/x-flv", "flv", "flv"),
    ("video/mpeg", "mpeg", "mpeg"),
    ("video/mpg", "mpg", "mpg"),
    ("video/x-ms-wmv", "wmv", "wmv"),
    ("video/wmv", "wmv", "wmv"),
    ("video/3gpp", "3gp", "three_gp"),
];

/// Documents, by media type and by ending.
const DOCUMENTS: [(&str, &str, &str); 10] = [
    ("application/pdf", "pdf", "pdf"),
    ("text/csv", "csv", "csv"),
    ("application/msword", "doc", "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
        "docx",
    ),
    ("application/vnd.ms-excel", "xls", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
        "xlsx",
    ),
    ("text/html", "html", "html"),
    ("text/markdown", "md", "md"),
    ("text/plain", "txt", "txt"),
    ("application/json", "json", "txt"),
];

/// The most characters of a document's name.
const NAME_MAX: usize = 200;
/// The name of a document that has none.
const UNNAMED: &str = "document";

/// What a picture's media type is called.
pub(super) fn image_format(mime: &str) -> Option<&'static str> {
    let row = IMAGES.iter().find(|(known, _)| *known == mime);
    row.map(|(_, format)| *format)
}

/// What the kind of a video is called; one at an address shows it by its ending.
pub(super) fn video_format(source: &Source<'_>) -> Option<&'static str> {
    match source {
        Source::Base64 { mime, .. } => by_mime(&VIDEOS, mime),
        Source::Url(url) => by_ending(&VIDEOS, url),
        Source::Text { .. } | Source::FileId(_) => None,
    }
}

/// What a document is sent as.
pub(super) struct Document<'f> {
    pub(super) format: &'static str,
    pub(super) bytes: Bytes<'f>,
}

/// Where a document's bytes are.
pub(super) enum Bytes<'f> {
    /// Here, in base64.
    Here(Cow<'f, str>),
    /// In S3.
    There(&'f str),
}

/// How a file is sent; None when there is no way to. Pictures are no documents.
pub(super) fn document<'f>(file: &'f File<'_>) -> Option<Document<'f>> {
    let name = file.name.as_deref().unwrap_or_default();
    let (format, bytes) = match &file.source {
        Source::Base64 { mime, data } => {
            let known = by_mime(&DOCUMENTS, mime).or_else(|| by_ending(&DOCUMENTS, name));
            let words = mime.starts_with("text/").then_some("txt");
            (known.or(words)?, Bytes::Here(Cow::Borrowed(&**data)))
        }
        Source::Text { mime, text } => {
            let format = by_mime(&DOCUMENTS, mime).unwrap_or("txt");
            let data = media::encode(text.as_bytes());
            (format, Bytes::Here(Cow::Owned(data)))
        }
        Source::Url(url) => {
            let known = by_ending(&DOCUMENTS, url).or_else(|| by_ending(&DOCUMENTS, name));
            (known?, Bytes::There(url))
        }
        Source::FileId(_) => return None,
    };
    Some(Document { format, bytes })
}

type Row = (&'static str, &'static str, &'static str);

fn by_mime(rows: &[Row], mime: &str) -> Option<&'static str> {
    rows.iter()
        .find(|(known, ..)| *known == mime)
        .map(|(.., format)| *format)
}

fn by_ending(rows: &[Row], name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    rows.iter()
        .find(|(_, known, _)| known.eq_ignore_ascii_case(ending))
        .map(|(.., format)| *format)
}

/// The names of one request's documents: each may be used once.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// The name under which a file is sent.
    pub(super) fn sent(&mut self, name: Option<&str>) -> &str {
        let name = plain(name.unwrap_or_default());
        let free = |name: &str| self.0.iter().all(|used| used != name);
        let name = if free(&name) {
            name
        } else {
            let numbered = (2..=self.0.len() + 2).map(|number| format!("{name}-{number}"));
            numbered.into_iter().find(|name| free(name)).unwrap_or(name)
        };
        self.0.push(name);
        self.0.last().map_or(UNNAMED, String::as_str)
    }
}

/// A name without its ending, in letters that are allowed.
fn plain(name: &str) -> String {
    let stem = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 5 => stem,
        _ => name,
    };
    let mut out = String::with_capacity(stem.len().min(NAME_MAX));
    for c in stem.chars().take(NAME_MAX) {
        match c {
            ' ' | '\t' | '\n' if out.ends_with(' ') || out.is_empty() => {}
            ' ' | '\t' | '\n' => out.push(' '),
            '-' | '(' | ')' | '[' | ']' => out.push(c),
            c if c.is_ascii_alphanumeric() => out.push(c),
            _ => out.push('-'),
        }
    }
    out.truncate(out.trim_end().len());
    if out.is_empty() {
        UNNAMED.to_owned()
    } else {
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_used_once() {
        let mut names = Names::default();
        for (name, sent) in [
            (Some("Q3 report.pdf"), "Q3 report"),
            (Some("Q3 report.docx"), "Q3 report-2"),
            (Some("Q3 report.txt"), "Q3 report-3"),
            (Some("a_b/c  d (1) [x].pdf"), "a-b-c d (1) [x]"),
            (Some("größe.csv"), "gr--e"),
            (Some(".pdf"), "-pdf"),
            (Some("   "), "document"),
            (None, "document-2"),
        ] {
            assert_eq!(names.sent(name), sent, "{name:?}");
        }
        assert_eq!(names.sent(Some(&"x".repeat(300))).len(), NAME_MAX);
    }
}
