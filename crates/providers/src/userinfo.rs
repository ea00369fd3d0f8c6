//! The user and password of a URL, as the header they stand for.

use crate::percent;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The value of `Authorization` for the `user:password` of a URL.
pub(crate) fn basic(userinfo: &str) -> String {
    let mut pair = percent::decode(userinfo);
    if !pair.contains(&b':') {
        pair.push(b':');
    }
    let mut out = String::from("Basic ");
    for chunk in pair.chunks(3) {
        out.extend(quad(chunk));
    }
    out
}

fn quad(chunk: &[u8]) -> [char; 4] {
    let bits = (0..3).fold(0u32, |bits, at| {
        bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0))
    });
    std::array::from_fn(|at| {
        let index = (bits >> (18 - 6 * at)) & 63;
        if at <= chunk.len() {
            char::from(ALPHABET[index as usize])
        } else {
            '='
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_encoded_as_basic() {
        for (userinfo, value) in [
            (
                "Aladdin:open%20sesame",
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            ("user:pass", "Basic dXNlcjpwYXNz"),
            ("token", "Basic dG9rZW46"),
            ("a:bc", "Basic YTpiYw=="),
            ("a:b", "Basic YTpi"),
            ("a:bcd", "Basic YTpiY2Q="),
        ] {
            assert_eq!(basic(userinfo), value);
        }
    }
}
