//! Pictures, sounds, films and documents as parts.

use std::borrow::Cow;

use super::member::{get, pick};
use super::model::{Gemini, Home};
use crate::ir::files::Need;
use crate::ir::{Block, Source, media};
use crate::json::Node;
use crate::json::write::Object;

/// Where the vendor's own files are.
const FILES: &str = "https://generativelanguage.googleapis.com/v1beta/";
/// Pages whose films the vendor fetches itself.
const FILM_PAGES: [&str; 3] = [
    "https://www.youtube.com/",
    "https://youtube.com/",
    "https://youtu.be/",
];

/// Types by the endings of addresses.
static ENDINGS: [(&str, &str); 27] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("json", "application/json"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("avi", "video/x-msvideo"),
    ("wmv", "video/wmv"),
    ("flv", "video/x-flv"),
    ("3gp", "video/3gpp"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mp3"),
    ("aac", "audio/aac"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
];

/// A block that is no words.
pub(super) struct Media<'b> {
    source: Source<'b>,
    /// The type that the client says, where the source does not.
    said: Option<Cow<'b, str>>,
    detail: Option<&'b str>,
    /// What else the client says of a film.
    film: Option<Node<'b>>,
}

impl<'b> Media<'b> {
    /// What a block shows; None for blocks of other kinds.
    pub(super) fn of(block: &'b Block<'_>) -> Option<Media<'b>> {
        let media = |source: &'b Source<'_>| Media {
            source: borrowed(source),
            said: None,
            detail: None,
            film: None,
        };
        Some(match block {
            Block::Image(image) => Media {
                said: image.media_type.as_deref().map(Cow::Borrowed),
                detail: image.detail.as_deref(),
                ..media(&image.source)
            },
            Block::Video(video) => {
                let film = video.raw.as_ref().map(|raw| raw.node());
                Media {
                    said: film.and_then(said_of_film),
                    film,
                    ..media(&video.source)
                }
            }
            Block::File(file) => Media {
                said: file.name.as_deref().and_then(by_ending).map(Cow::Borrowed),
                ..media(&file.source)
            },
            Block::Audio(audio) => Media {
                source: Source::Base64 {
                    mime: audio_type(&audio.format),
                    data: Cow::Borrowed(&audio.data),
                },
                said: None,
                detail: None,
                film: None,
            },
            _ => return None,
        })
    }

    /// The type of what is at an address, as far as anyone says.
    fn type_at(&self, url: &str) -> Option<Cow<'_, str>> {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        self.said
            .as_deref()
            .map(Cow::Borrowed)
            .or_else(|| by_ending(path).map(Cow::Borrowed))
    }
}

fn borrowed<'b>(source: &'b Source<'_>) -> Source<'b> {
    match source {
        Source::Url(url) => Source::Url(Cow::Borrowed(url)),
        Source::Base64 { mime, data } => Source::Base64 {
            mime: Cow::Borrowed(mime),
            data: Cow::Borrowed(data),
        },
        Source::Text { mime, text } => Source::Text {
            mime: Cow::Borrowed(mime),
            text: Cow::Borrowed(text),
        },
        Source::FileId(id) => Source::FileId(Cow::Borrowed(id)),
    }
}

fn audio_type(format: &str) -> Cow<'_, str> {
    if format.contains('/') {
        Cow::Borrowed(format)
    } else {
        Cow::Owned(format!("audio/{format}"))
    }
}

fn by_ending(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    ENDINGS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(ending))
        .map(|(_, mime)| *mime)
}

/// Members of a `video_url`, or beside it.
fn of_film<'a, const N: usize>(part: Node<'a>, names: [&str; N]) -> [Option<Node<'a>>; N] {
    let outer = part.pick(names);
    let inner = part.get("video_url").map(|node| node.pick(names));
    let Some(inner) = inner else {
        return outer;
    };
    std::array::from_fn(|at| inner[at].or(outer[at]))
}

fn said_of_film(part: Node<'_>) -> Option<Cow<'_, str>> {
    let [mime, format] = of_film(part, ["mime_type", "format"]);
    let [file] = pick(part, ["fileData"]);
    let own = file.and_then(|file| get(file, "mimeType"));
    mime.or(format)
        .or(own)
        .and_then(Node::text)
        .filter(|mime| mime.contains('/'))
}

/// Whether the type of a block that is at an address has to be found out.
pub fn need(block: &Block<'_>) -> Option<Need> {
    let media = Media::of(block)?;
    let Source::Url(url) = &media.source else {
        return None;
    };
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_known = is_film_page(url) || url.starts_with(FILES) || media.type_at(url).is_some();
    (is_web && !is_known).then_some(Need::Type)
}

/// What is wrong with a block for this home, if anything is.
pub(super) fn problem(media: &Media<'_>, home: Home) -> Option<String> {
    let typed = |url: &str| media.type_at(url).is_some();
    let needs_type = |what: &str| {
        Some(format!(
            "the provider needs the type of {what}; give mime_type, or an address that ends in one such as .png"
        ))
    };
    match &media.source {
        Source::Base64 { mime, .. } if mime.is_empty() => needs_type("the data"),
        Source::Url(url) if is_film_page(url) => None,
        Source::Url(url) if url.starts_with("gs://") && !typed(url) => needs_type("the file"),
        Source::Url(url) if home == Home::Vertex && !typed(url) => needs_type("the file"),
        Source::FileId(id) if !is_own_file(id, home) => Some(no_file(id, home)),
        _ => None,
    }
}

fn is_own_file(id: &str, home: Home) -> bool {
    is_address(id) || home == Home::Developer && id.starts_with("files/")
}

fn no_file(id: &str, home: Home) -> String {
    let known = match home {
        Home::Developer => "its own are called files/<name>",
        Home::Vertex => "give its gs:// address",
    };
    format!("the provider has no file `{id}`; {known}")
}

pub(super) fn is_film_page(url: &str) -> bool {
    FILM_PAGES.iter().any(|page| url.starts_with(page))
}

fn is_address(id: &str) -> bool {
    id.starts_with("https://") || id.starts_with("gs://")
}

/// Writes the members of a part. The type comes before the data: it is read as it comes.
pub(super) fn write_media(o: &mut Object<'_>, media: &Media<'_>, gemini: &Gemini) {
    match &media.source {
        Source::Base64 { mime, data } => inline(o, mime, data),
        Source::Text { mime, text } => inline(o, mime, &media::encode(text.as_bytes())),
        Source::Url(url) => file(o, url, media),
        Source::FileId(id) if is_address(id) => file(o, id, media),
        Source::FileId(id) => file(o, &format!("{FILES}{id}"), media),
    }
    let look = match media.detail {
        Some("low") => Some("MEDIA_RESOLUTION_LOW"),
        Some("high") => Some("MEDIA_RESOLUTION_HIGH"),
        _ => None,
    };
    if let Some(look) = look.filter(|_| gemini.third) {
        o.object("mediaResolution", |o| o.text("level", look));
    }
    if let Some(film) = media.film {
        write_film(o, film);
    }
}

fn inline(o: &mut Object<'_>, mime: &str, data: &str) {
    o.object("inlineData", |o| {
        o.text("mimeType", mime);
        o.text("data", data);
    });
}

fn file(o: &mut Object<'_>, uri: &str, media: &Media<'_>) {
    o.object("fileData", |o| {
        if !is_film_page(uri) {
            o.text_if("mimeType", media.type_at(uri).as_deref());
        }
        o.text("fileUri", uri);
    });
}

/// Which piece of a film counts, and how often it is looked at.
fn write_film(o: &mut Object<'_>, part: Node<'_>) {
    if let Some(own) = get(part, "videoMetadata").filter(|_| part.get("video_metadata").is_none()) {
        return o.raw("videoMetadata", own.raw());
    }
    let [whole, fps, start, end] = of_film(
        part,
        ["video_metadata", "fps", "start_offset", "end_offset"],
    );
    let [inner_fps, inner_start, inner_end] = whole
        .map(|whole| whole.pick(["fps", "start_offset", "end_offset"]))
        .unwrap_or_default();
    let members = [
        ("fps", fps.or(inner_fps)),
        ("startOffset", start.or(inner_start)),
        ("endOffset", end.or(inner_end)),
    ];
    if members.iter().any(|(_, value)| value.is_some()) {
        o.object("videoMetadata", |o| {
            for (name, value) in members {
                o.raw_if(name, value.map(Node::raw));
            }
        });
    }
}
