//! What a file is, by its first bytes. What its sender calls it does not count.

/// The media type of an image, a PDF, an audio or a video; `None` for anything else.
pub fn sniff(bytes: &[u8]) -> Option<&'static str> {
    const STARTS: [(&[u8], &str); 13] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"%PDF-", "application/pdf"),
        (b"ID3", "audio/mpeg"),
        (b"OggS", "audio/ogg"),
        (b"fLaC", "audio/flac"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"\0\0\x01\xba", "video/mpeg"),
        (b"\0\0\x01\xb3", "video/mpeg"),
    ];
    let known = STARTS.iter().find(|(start, _)| bytes.starts_with(start));
    known
        .map(|(_, kind)| *kind)
        .or_else(|| riff(bytes))
        .or_else(|| boxes(bytes))
        .or_else(|| bmp(bytes))
        .or_else(|| mpeg_audio(bytes))
}

fn riff(bytes: &[u8]) -> Option<&'static str> {
    let form = bytes.strip_prefix(b"RIFF")?.get(4..8)?;
    match form {
        b"WEBP" => Some("image/webp"),
        b"WAVE" => Some("audio/wav"),
        b"AVI " => Some("video/x-msvideo"),
        _ => None,
    }
}

/// ISO base media: the brand says what it is.
fn boxes(bytes: &[u8]) -> Option<&'static str> {
    if bytes.get(4..8)? != b"ftyp" {
        return None;
    }
    Some(match bytes.get(8..12)? {
        b"avif" | b"avis" => "image/avif",
        b"heic" | b"heix" | b"mif1" | b"msf1" | b"heim" | b"heis" => "image/heic",
        b"M4A " | b"M4B " => "audio/mp4",
        b"qt  " => "video/quicktime",
        _ => "video/mp4",
    })
}

/// `BM` alone begins many a text: the reserved fields are nothing in a bitmap.
fn bmp(bytes: &[u8]) -> Option<&'static str> {
    let rest = bytes.strip_prefix(b"BM")?;
    (rest.get(4..8)? == [0; 4]).then_some("image/bmp")
}

/// A frame of MPEG audio: eleven set bits, then a layer and a rate that exist.
fn mpeg_audio(bytes: &[u8]) -> Option<&'static str> {
    let [0xff, second, third, ..] = bytes else {
        return None;
    };
    let synced = second & 0xe0 == 0xe0;
    let (version, layer, rate) = (second >> 3 & 3, second >> 1 & 3, third >> 4);
    (synced && version != 1 && layer != 0 && rate != 15).then_some("audio/mpeg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n\0\0"[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a..", Some("image/gif")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\x10\0\0\0WAVEfmt ", Some("audio/wav")),
            (b"RIFF\x10\0\0\0XXXX", None),
            (b"RIFF", None),
            (b"%PDF-1.7\n", Some("application/pdf")),
            (b"\0\0\0\x1cftypavif", Some("image/avif")),
            (b"\0\0\0\x1cftypisom", Some("video/mp4")),
            (b"\0\0\0\x1cftyp", None),
            (b"BM\x10\0\0\0\0\0\0\0", Some("image/bmp")),
            (b"BMW is a car", None),
            (b"\xff\xfb\x90\x64", Some("audio/mpeg")),
            (b"\xff\xff\xff\xff", None),
            (b"<!doctype html>", None),
            (br#"{"AccessKeyId":"A"}"#, None),
            (b"<svg xmlns='x'/>", None),
            (b"", None),
            (b"\xff", None),
        ] {
            assert_eq!(sniff(bytes), kind, "{bytes:?}");
        }
    }
}
