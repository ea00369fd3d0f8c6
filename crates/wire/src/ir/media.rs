//! Data URIs, and what bytes show of themselves.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::block::Source;

/// Where the bytes behind a URL are: in the URL itself, or at it. A broken data URI is an error.
pub fn source(url: Cow<'_, str>) -> Result<Source<'_>, BadDataUri> {
    let is_data = url
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("data:"));
    if !is_data {
        return Ok(Source::Url(url));
    }
    let uri = match url {
        Cow::Borrowed(url) => DataUri::parse(url)?,
        Cow::Owned(url) => DataUri::parse(&url)?.into_owned(),
    };
    Ok(uri.into_source())
}

/// A data URI says nothing usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data URI is malformed: expected `data:<type>;base64,<data>`")]
pub struct BadDataUri;

struct DataUri<'a> {
    mime: Cow<'a, str>,
    data: Cow<'a, str>,
}

impl<'a> DataUri<'a> {
    fn parse(uri: &'a str) -> Result<DataUri<'a>, BadDataUri> {
        let (head, payload) = uri[5..].split_once(',').ok_or(BadDataUri)?;
        let mut params = head.split(';').map(str::trim);
        let mime = params.next().unwrap_or_default();
        let data = if params.any(|param| param.eq_ignore_ascii_case("base64")) {
            Cow::Borrowed(payload)
        } else {
            Cow::Owned(STANDARD.encode(unescape(payload)))
        };
        let mime = if mime.is_empty() { "text/plain" } else { mime };
        Ok(DataUri {
            mime: true_mime(mime, &data),
            data,
        })
    }

    fn into_owned(self) -> DataUri<'static> {
        DataUri {
            mime: Cow::Owned(self.mime.into_owned()),
            data: Cow::Owned(self.data.into_owned()),
        }
    }

    fn into_source(self) -> Source<'a> {
        Source::Base64 {
            mime: self.mime,
            data: self.data,
        }
    }
}

/// What `%41` stands for; a plus is a plus.
fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = (*byte == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        at += if escaped.is_some() { 3 } else { 1 };
        out.push(escaped.unwrap_or(*byte));
    }
    out
}

/// The beginnings by which files are known.
const MAGIC: [(&[u8], &str); 5] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"RIFF", "image/webp"),
];

/// Characters of base64 that hold every beginning: 12 bytes.
const HEAD: usize = 16;

/// The media type that the bytes show, when they show one.
pub fn sniff(base64: &str) -> Option<&'static str> {
    let head = base64.get(..HEAD.min(base64.len()))?.trim_end_matches('=');
    let head = head.get(..head.len() - usize::from(head.len() % 4 == 1))?;
    let lenient = STANDARD_NO_PAD
        .decode(head)
        .or_else(|_| URL_SAFE_NO_PAD.decode(head));
    let bytes = lenient.ok()?;
    let (_, mime) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic))?;
    let webp = *mime != "image/webp" || bytes.get(8..12).is_some_and(|kind| kind == b"WEBP");
    webp.then_some(*mime)
}

/// The media type of base64 data: what the bytes show, else what was said.
pub fn true_mime<'a>(said: &'a str, base64: &str) -> Cow<'a, str> {
    if let Some(shown) = sniff(base64) {
        return if said == shown {
            Cow::Borrowed(said)
        } else {
            Cow::Borrowed(shown)
        };
    }
    if said.eq_ignore_ascii_case("image/jpg") {
        return Cow::Borrowed("image/jpeg");
    }
    if said.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(said.to_ascii_lowercase());
    }
    Cow::Borrowed(said)
}

/// The text of base64 data; None when it is not UTF-8.
pub fn decode_text(base64: &str) -> Option<String> {
    let bytes = STANDARD.decode(base64.trim()).ok()?;
    String::from_utf8(bytes).ok()
}

/// The bytes as base64.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A source as a URL again.
pub fn to_url<'s>(source: &'s Source<'_>) -> Option<Cow<'s, str>> {
    Some(match source {
        Source::Url(url) => Cow::Borrowed(&**url),
        Source::Base64 { mime, data } => Cow::Owned(format!("data:{mime};base64,{data}")),
        Source::Text { mime, text } => Cow::Owned(format!(
            "data:{mime};base64,{}",
            STANDARD.encode(text.as_bytes())
        )),
        Source::FileId(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<(String, String), BadDataUri> {
        Ok(match source(Cow::Borrowed(url))? {
            Source::Base64 { mime, data } => (mime.into_owned(), data.into_owned()),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a11_data_uris_are_read_in_every_form() {
        for (uri, mime, data) in [
            (
                "data:image/png;base64,iVBORw0KGgo=",
                "image/png",
                "iVBORw0KGgo=",
            ),
            ("data:image/jpg;base64,AAAA", "image/jpeg", "AAAA"),
            // The bytes know better than the label.
            (
                "data:image/jpeg;base64,iVBORw0KGgo=",
                "image/png",
                "iVBORw0KGgo=",
            ),
            (
                "data:text/plain;base64;charset=utf-8,aGk=",
                "text/plain",
                "aGk=",
            ),
            ("data:;base64,aGk=", "text/plain", "aGk="),
            (
                "data:text/plain;charset=utf-8,a%2Bb+c",
                "text/plain",
                "YStiK2M=",
            ),
            ("data:,hi", "text/plain", "aGk="),
            ("DATA:Image/PNG;BASE64,AAAA", "image/png", "AAAA"),
            (
                "data:application/octet-stream;base64,JVBERi0xLjQ=",
                "application/pdf",
                "JVBERi0xLjQ=",
            ),
            ("data:,50%", "text/plain", "NTAl"),
        ] {
            assert_eq!(read(uri), Ok((mime.into(), data.into())), "{uri}");
        }
        assert_eq!(read("data:image/png;base64"), Err(BadDataUri));
    }

    #[test]
    fn an_address_stays_one() {
        let url = "https://x.example/a.png";
        assert_eq!(source(Cow::Borrowed(url)), Ok(Source::Url(url.into())));
        assert_eq!(source(Cow::Borrowed("é")), Ok(Source::Url("é".into())));
    }

    #[test]
    fn webp_is_told_from_other_riff_files() {
        assert_eq!(sniff(&encode(b"RIFF\0\0\0\0WEBPVP8 ")), Some("image/webp"));
        assert_eq!(sniff(&encode(b"RIFF\0\0\0\0WAVEfmt ")), None);
        assert_eq!(sniff("é"), None);
        assert_eq!(sniff("A"), None);
        assert_eq!(sniff(""), None);
    }
}
