//! What the property tests draw from: JSON in every spelling, and ways to break it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const SPACES: [&str; 8] = ["", "", "", "", " ", "\n", "\t\r\n", "  \n  "];

/// Pieces of string content, valid in any order.
const PIECES: [&str; 20] = [
    "a",
    "Z9",
    " ",
    "héllo",
    "日本語",
    "😀",
    "\u{7f}",
    "\u{2028}",
    "\\\"",
    "\\\\",
    "\\/",
    "\\b\\f\\n\\r\\t",
    "\\u0041",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\uDC00",
    "{}[],:",
    "0123456789abcdef0123456789abcdef",
    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3ODkrLw==",
];

const SCALARS: [&str; 18] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-12",
    "1.50",
    "0.0",
    "1e5",
    "1E+5",
    "2e-7",
    "1.0E00",
    "123456789012345678901234567890",
    "1e999",
    "-0.1e-999",
    "\"\"",
    "3.14159",
];

/// The inside of a string.
pub(crate) fn string_inside() -> impl Strategy<Value = String> {
    vec(select(&PIECES[..]), 0..8).prop_map(|pieces| pieces.concat())
}

fn space() -> impl Strategy<Value = &'static str> {
    select(&SPACES[..])
}

/// A value's text, valid, with whitespace around it.
pub(crate) fn json_text() -> impl Strategy<Value = String> {
    let string = string_inside().prop_map(|inside| format!("\"{inside}\""));
    let leaf = prop_oneof![select(&SCALARS[..]).prop_map(str::to_owned), string];
    let padded = |text: BoxedStrategy<String>| {
        (space(), text, space()).prop_map(|(a, b, c)| format!("{a}{b}{c}"))
    };
    let leaf = padded(leaf.boxed());
    leaf.prop_recursive(5, 48, 6, move |inner| {
        let array =
            vec(inner.clone(), 0..5).prop_map(|elements| format!("[{}]", elements.join(",")));
        let empty = select(&["[ ]", "{\n}", "{}", "[]"][..]).prop_map(str::to_owned);
        padded(prop_oneof![array, object_text(inner), empty].boxed())
    })
}

/// The same without what `serde_json` accepts and cannot build.
pub(crate) fn buildable_json() -> impl Strategy<Value = String> {
    json_text().prop_map(|text| {
        text.replace("\\ud800", "~")
            .replace("\\uDC00", "~")
            .replace("1e999", "1e9")
    })
}

fn object_text(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let member = (space(), string_inside(), space(), value)
        .prop_map(|(a, name, b, value)| format!("{a}\"{name}\"{b}:{value}"));
    vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(",")))
}

/// Bytes that mean something in JSON, and some that never do.
const ALPHABET: &[u8] =
    b"{}[]:,\"\\/ubfnrt0123456789+-.eEtruefalsn \t\r\n\0\x1f\x7f\x80\xc3\xa9\xff";

/// Bytes that are seldom JSON but look like it.
pub(crate) fn json_like() -> impl Strategy<Value = Vec<u8>> {
    vec(select(ALPHABET), 0..40)
}

/// A change to a text: where (as a fraction), what is taken out, what is put in.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    at: u16,
    out: usize,
    new: Vec<u8>,
}

/// Some damage to a text.
pub(crate) fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = (any::<u16>(), 0..3_usize, vec(select(ALPHABET), 0..3))
        .prop_map(|(at, out, new)| Damage { at, out, new });
    vec(one, 1..4)
}

/// The text with the damage done.
pub(crate) fn damaged(text: &str, damages: &[Damage]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for damage in damages {
        let at = usize::from(damage.at) * bytes.len() / (usize::from(u16::MAX) + 1);
        let end = bytes.len().min(at + damage.out);
        bytes.splice(at..end, damage.new.iter().copied());
    }
    bytes
}

/// The bytes in chunks cut at the given places (as fractions).
pub(crate) fn chunked(bytes: &[u8], cuts: &[u16]) -> Vec<Vec<u8>> {
    let mut places: Vec<_> = cuts
        .iter()
        .map(|cut| usize::from(*cut) * (bytes.len() + 1) / (usize::from(u16::MAX) + 1))
        .collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| bytes[pair[0]..pair[1]].to_vec())
        .collect()
}
