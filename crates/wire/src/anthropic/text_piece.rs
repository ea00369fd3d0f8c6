//! A piece of text in the spelling that the vendor uses.
//!
//! Nearly every event of a stream is one, and reading it as what it is takes a fraction of what a
//! walk over any JSON takes. What is spelt otherwise, or is no JSON, is left to that walk.

use std::borrow::Cow;

use crate::json::Scanner;

const BEFORE_INDEX: &[u8] = b"{\"type\":\"content_block_delta\",\"index\":";
const BEFORE_TEXT: &[u8] = b",\"delta\":{\"type\":\"text_delta\",\"text\":";
/// Digits of a block's number.
const DIGITS_MAX: usize = 4;

/// The block that the text belongs to, and the text.
pub(super) fn read(data: &[u8]) -> Option<(u64, Cow<'_, str>)> {
    let (index, rest) = number(data.strip_prefix(BEFORE_INDEX)?)?;
    let rest = rest.strip_prefix(BEFORE_TEXT)?;
    let mut scan = Scanner::new(rest, 0);
    let text = scan.string().ok()?;
    // The vendor pads its events with blanks before the last brace.
    let end = rest.get(scan.at()..)?.strip_prefix(b"}")?;
    (end.trim_ascii() == b"}").then(|| (index, text.decode()))
}

/// The number at the start, as JSON spells it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    let (digits, rest) = bytes.split_at_checked(digits.count())?;
    let spelt = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && digits.len() <= DIGITS_MAX;
    let value = |number, digit: &u8| number * 10 + u64::from(digit - b'0');
    spelt.then(|| (digits.iter().fold(0, value), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::Node;

    /// What the walk finds in an event that is one.
    fn walked(data: &[u8]) -> Option<(u64, String)> {
        let [kind, index, delta] = Node::parse_pick(data, ["type", "index", "delta"]).ok()?;
        let [word, text] = delta?.pick(["type", "text"]);
        let is = |node: Option<Node<'_>>, word| node.and_then(Node::text).as_deref() == Some(word);
        (is(kind, "content_block_delta") && is(word, "text_delta"))
            .then(|| Some((index?.uint()?, text?.text()?.into_owned())))
            .flatten()
    }

    #[test]
    fn the_vendors_spelling_is_read() {
        for (index, text, padding, expected) in [
            ("0", "Hello", "", "Hello"),
            ("12", "a\\nb \\u00e9", "   ", "a\nb é"),
            ("3", "", "\n", ""),
            ("7", "日本", "", "日本"),
        ] {
            let data = format!(
                "{{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}{padding}}}"
            );
            let (found, text) = read(data.as_bytes()).unwrap();
            assert_eq!((found.to_string().as_str(), &*text), (index, expected));
        }
    }

    proptest! {
        /// Whatever is done to an event: what is read here, the walk reads too.
        #[test]
        fn it_never_reads_what_the_walk_does_not(
            index in "0?[0-9]{0,6}|-1|1e1",
            text in "[a-z\"\\\\\\\\nu0{}é\u{1}\r ]{0,12}",
            padding in "[ \n\t,]{0,3}",
            more in "|,\"index\":3|,\"x\":1",
            (at, byte) in (0_usize..120, any::<u8>()),
            damaged in any::<bool>(),
        ) {
            let mut data = format!(
                "{{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}{padding}{more}}}"
            )
            .into_bytes();
            if damaged && at < data.len() {
                data[at] = byte;
            }
            if let Some((index, text)) = read(&data) {
                prop_assert_eq!(walked(&data), Some((index, text.into_owned())));
            }
        }
    }
}
