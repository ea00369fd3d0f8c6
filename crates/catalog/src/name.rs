//! Names of models, and how one version's name leads to its model's.

/// The name, then what is left of it when marks are taken off that leave the model the same:
/// `ft:` and what a fine-tuning adds, `-latest`, and the date of a version (`-2024-11-20`,
/// `-20241120`, `@20241120`). Each rule once, in that order; nothing else is ever taken off.
pub(crate) fn shorter(name: &str) -> impl Iterator<Item = &str> {
    let base = tuned(name);
    let latest = base.unwrap_or(name).strip_suffix("-latest");
    let dated = undated(base.unwrap_or(name));
    [Some(name), base, latest, dated].into_iter().flatten()
}

/// `ft:gpt-4o-mini-2024-07-18:acme::abc` is a `ft:gpt-4o-mini-2024-07-18`.
fn tuned(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("ft:")?;
    let end = rest.find(':')?;
    name.get(.."ft:".len() + end)
}

fn undated(name: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let split = |width: usize| {
        let at = name.len().checked_sub(width)?;
        Some((name.get(..at)?, name.get(at..)?))
    };
    if let Some((name, date)) = split("-20241120".len()) {
        let digits = date.get(1..).is_some_and(digits);
        if digits && date.starts_with(['-', '@']) && date[1..].starts_with("20") {
            return Some(name).filter(|name| !name.is_empty());
        }
    }
    let (name, date) = split("-2024-11-20".len())?;
    let day = date.strip_prefix('-')?;
    day.parse::<crate::day::Day>().ok()?;
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_marks_a_version_is_taken_off() {
        for (name, others) in [
            ("gpt-4o", &[][..]),
            ("gpt-4o-2024-11-20", &["gpt-4o"]),
            ("claude-sonnet-4-5-20250929", &["claude-sonnet-4-5"]),
            ("claude-haiku-4-5@20251001", &["claude-haiku-4-5"]),
            ("grok-4-latest", &["grok-4"]),
            (
                "ft:gpt-4o-2024-08-06:acme::x1",
                &["ft:gpt-4o-2024-08-06", "ft:gpt-4o"],
            ),
            ("llama-3.3-70b", &[]),
            ("model-12345678", &[]),
            ("-20241120", &[]),
            ("mistral-large-2411", &[]),
            ("é-2024-11-20", &["é"]),
            ("aé024-11-20", &[]),
        ] {
            let found: Vec<&str> = shorter(name).skip(1).collect();
            assert_eq!(found, others, "{name}");
            assert_eq!(shorter(name).next(), Some(name));
        }
    }
}
