//! Made-up text of any length, and cutting text into pieces.

const SENTENCE: &str =
    "This answer comes from a mock vendor, which made it up without reading the question.";
pub(crate) const THOUGHT: &str = "Let me pretend to think about this for a moment.";

/// The usual answer.
pub(crate) fn sentence() -> String {
    SENTENCE.to_owned()
}

/// ASCII text of so many bytes.
pub(crate) fn filler(bytes: usize) -> String {
    let period = SENTENCE.len() + 1;
    let mut text = format!("{SENTENCE} ").repeat(bytes.div_ceil(period));
    text.truncate(bytes);
    text
}

/// Cuts a text into pieces of so many bytes, or words with the space before
/// them. Characters stay whole.
pub(crate) fn pieces(text: &str, bytes: Option<usize>) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = match bytes {
            Some(bytes) => rest.ceil_char_boundary(bytes.max(1)),
            None => word_end(rest),
        };
        let (piece, tail) = rest.split_at(end);
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

fn word_end(text: &str) -> usize {
    let lead = text.len() - text.trim_start_matches(' ').len();
    text[lead..].find(' ').map_or(text.len(), |end| lead + end)
}

/// How many tokens a text passes for: one for four bytes.
pub(crate) fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_has_the_length_asked_for() {
        for bytes in [0, 1, 83, 84, 85, 1000] {
            assert_eq!(filler(bytes).len(), bytes);
        }
    }

    #[test]
    fn pieces_put_together_are_the_text() {
        for text in ["", " ", "a", "one two  three ", "grüße, 世界 und 🙂 mehr"] {
            for bytes in [None, Some(0), Some(1), Some(3), Some(100)] {
                assert_eq!(pieces(text, bytes).concat(), text);
            }
        }
        assert_eq!(pieces("one two three", None), ["one", " two", " three"]);
        assert_eq!(pieces("abcdefg", Some(3)), ["abc", "def", "g"]);
    }
}
