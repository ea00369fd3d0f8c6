//! Percent-encoding of one path segment.

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Writes `text` as one path segment: everything but unreserved characters is escaped, so that no
/// model name can reach another path. The caller refuses `.` and `..`, which escaping cannot mend.
pub(crate) fn segment(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// The bytes that `text` stands for. A `%` that begins no escape is itself.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        (out, rest) = match escape(rest) {
            Some((decoded, after)) => (with(out, decoded), after),
            None => (with(out, byte), after),
        };
    }
    out
}

fn with(mut out: Vec<u8>, byte: u8) -> Vec<u8> {
    out.push(byte);
    out
}

fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else {
        return None;
    };
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some((digit(*high)? << 4 | digit(*low)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_stays_one_segment() {
        for (text, encoded) in [
            ("gpt-4o_2024.x~", "gpt-4o_2024.x~"),
            ("a/b", "a%2Fb"),
            ("a\\b?c#d%2F", "a%5Cb%3Fc%23d%252F"),
            ("modèle 1", "mod%C3%A8le%201"),
        ] {
            let mut out = String::new();
            segment(text, &mut out);
            assert_eq!(out, encoded);
            assert_eq!(decode(&out), text.as_bytes());
        }
    }

    #[test]
    fn a_broken_escape_is_itself() {
        assert_eq!(decode("100%"), b"100%");
        assert_eq!(decode("%4"), b"%4");
        assert_eq!(decode("%zz%41"), b"%zzA");
    }
}
