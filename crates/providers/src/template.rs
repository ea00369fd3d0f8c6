//! `{name}` places in URLs and paths.

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Place(&'a str),
}

/// The pieces of a template, in order. A brace without its partner is text.
pub(crate) fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = next(rest);
        rest = after;
        Some(piece)
    })
}

fn next(rest: &str) -> (Piece<'_>, &str) {
    if let Some(place) = rest.strip_prefix('{')
        && let Some((name, after)) = place.split_once('}')
    {
        return (Piece::Place(name), after);
    }
    let end = rest
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '{')
        .map_or(rest.len(), |(at, _)| at);
    let (text, after) = rest.split_at(end);
    (Piece::Text(text), after)
}

/// The names of the places of a template.
pub(crate) fn places(template: &str) -> impl Iterator<Item = &str> {
    pieces(template).filter_map(|piece| match piece {
        Piece::Place(name) => Some(name),
        Piece::Text(_) => None,
    })
}

/// Writes a template with its places filled.
pub(crate) fn fill<'a, E>(
    template: &'a str,
    out: &mut String,
    mut place: impl FnMut(&'a str, &mut String) -> Result<(), E>,
) -> Result<(), E> {
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Place(name) => place(name, out)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_and_lone_braces_are_text() {
        for (template, names) in [
            ("https://a.test/v1", vec![]),
            ("{host}/x", vec!["host"]),
            ("https://{a}.test/{b}{c}", vec!["a", "b", "c"]),
            ("a{b", vec![]),
            ("a}b{c}", vec!["c"]),
            ("", vec![]),
        ] {
            assert_eq!(places(template).collect::<Vec<_>>(), names, "{template}");
            let mut back = String::new();
            let filled: Result<(), ()> = fill(template, &mut back, |name, out| {
                out.push('{');
                out.push_str(name);
                out.push('}');
                Ok(())
            });
            assert_eq!((filled, back.as_str()), (Ok(()), template));
        }
    }
}
