//! What was probably meant.

/// Longer words are not guessed at: nobody mistypes them, and comparing costs their square.
const LONGEST: usize = 64;

/// The one of `options` that `word` was probably meant to be.
pub(crate) fn closest<'a>(
    word: &str,
    options: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let wanted = plain(word);
    let allowed = (word.chars().count() / 4).max(1);
    options
        .into_iter()
        .map(|option| (strsim::damerau_levenshtein(&wanted, &plain(option)), option))
        .filter(|(distance, option)| *distance <= allowed && *distance < option.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, option)| option)
}

/// [`closest`] as a hint.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    options: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    closest(word, options).map(|option| format!("did you mean `{option}`?"))
}

/// A word as it sounds: `virtualKey`, `virtual-key` and `virtual_key` are one.
fn plain(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_understood() {
        let options = [
            "virtual_key",
            "weight",
            "timeouts",
            "openai",
            "azure-openai",
            "log",
        ];
        for (word, meant) in [
            ("wieght", Some("weight")),
            ("virtualKey", Some("virtual_key")),
            ("Virtual-Key", Some("virtual_key")),
            ("timeout", Some("timeouts")),
            ("opnai", Some("openai")),
            ("azure_openai", Some("azure-openai")),
            ("logs", Some("log")),
            ("a", None),
            ("", None),
            ("prompt", None),
        ] {
            assert_eq!(closest(word, options), meant, "{word}");
        }
        assert_eq!(closest(&"weight".repeat(100), options), None);
    }
}
