//! Names that a client may have meant. Asked for by whoever mistypes, as often as they like, so
//! most names are passed over by a look at their letters, and only some are compared.

/// Names that are told.
const TOLD: usize = 3;
/// Names that are compared letter by letter.
const COMPARED: usize = 200;
/// Longer names are not guessed at.
const LONGEST: usize = 64;

/// The names most like `model`, the likest first.
pub(super) fn names<'n>(model: &str, known: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let wanted = plain(model);
    if wanted.is_empty() || wanted.len() > LONGEST {
        return Vec::new();
    }
    let allowed = (wanted.len() / 3).clamp(1, 6);
    let (letters, length) = (letters(model), wanted.len());
    let alike = known.filter(|name| {
        let others = self::letters(name);
        let few = (others ^ letters).count_ones() as usize <= 2 * allowed;
        let longer = others & letters == letters;
        name.len() <= LONGEST && name.len() + allowed >= length && (few || longer)
    });
    let mut near: Vec<((usize, usize), &str)> = alike
        .take(COMPARED)
        .map(|name| (distance(&wanted, &plain(name)), name))
        .filter(|((slips, _), _)| *slips <= allowed)
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.truncate(TOLD);
    near.into_iter().map(|(_, name)| name).collect()
}

/// How far the names are from each other, and letter by letter. One that continues the other is as
/// near as a small slip.
fn distance(wanted: &str, name: &str) -> (usize, usize) {
    const SAYS_SOMETHING: usize = 3;
    let distance = strsim::damerau_levenshtein(wanted, name);
    let shorter = wanted.len().min(name.len());
    let continues = name.starts_with(wanted) || wanted.starts_with(name);
    if continues && shorter >= SAYS_SOMETHING {
        (distance.min(1), distance)
    } else {
        (distance, distance)
    }
}

/// A name as it sounds.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | '.' | ' ' | ':' | '/'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Which letters and digits stand in a name, one bit for each.
fn letters(name: &str) -> u64 {
    name.bytes()
        .filter(u8::is_ascii_alphanumeric)
        .fold(0, |set, byte| set | 1 << (byte.to_ascii_lowercase() & 0x3f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likest_names_are_told_first() {
        let known = [
            "gpt-4o",
            "gpt-4o-mini",
            "gpt-5",
            "claude-sonnet-4-5",
            "llama-3.3-70b",
        ];
        for (model, expected) in [
            ("gpt4o", &["gpt-4o", "gpt-4o-mini"][..]),
            ("GPT-4O-mni", &["gpt-4o-mini", "gpt-4o"]),
            ("claude-sonet-4.5", &["claude-sonnet-4-5"]),
            ("mistral-large", &[]),
            ("", &[]),
            ("-", &[]),
        ] {
            let near = names(model, known.into_iter());
            assert!(
                near.starts_with(expected) && near.is_empty() == expected.is_empty(),
                "{model}: {near:?}"
            );
        }
        let long = "x".repeat(200);
        assert!(names(&long, [long.as_str()].into_iter()).is_empty());
    }
}
