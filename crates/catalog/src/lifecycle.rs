//! Where a model stands between its first day and its last.

use crate::day::Day;

/// What is known of a model's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle<'a> {
    /// Whether it is a preview.
    pub preview: bool,
    /// Whether its vendor advises against it.
    pub deprecated: bool,
    /// The day from which it is not served.
    pub retires: Option<Day>,
    /// What its vendor names in its place.
    pub successor: Option<&'a str>,
}

/// Where it stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Served, but not settled.
    Preview,
    /// Served.
    Active,
    /// Served, and the end is in sight.
    Deprecated,
    /// Not served.
    Retired,
}

impl Status {
    /// Its word in lists.
    pub fn word(self) -> &'static str {
        match self {
            Status::Preview => "preview",
            Status::Active => "ga",
            Status::Deprecated => "deprecated",
            Status::Retired => "sunset",
        }
    }
}

impl<'a> Lifecycle<'a> {
    /// Where it stands.
    pub fn status(&self, today: Day) -> Status {
        match self.retires {
            Some(retires) if retires <= today => Status::Retired,
            Some(_) => Status::Deprecated,
            None if self.deprecated => Status::Deprecated,
            None if self.preview => Status::Preview,
            None => Status::Active,
        }
    }

    /// Reads `p`, `d`, a day and `>successor`, all optional.
    pub(crate) fn read(text: &'a str) -> Option<Lifecycle<'a>> {
        let (text, successor) = match text.split_once('>') {
            Some((text, successor)) => (text, Some(successor).filter(|id| !id.is_empty())),
            None => (text, None),
        };
        let (preview, text) = flag(text, 'p');
        let (deprecated, text) = flag(text, 'd');
        let retires = match text {
            "" => None,
            day => Some(day.parse().ok()?),
        };
        Some(Lifecycle {
            preview,
            deprecated,
            retires,
            successor,
        })
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.preview {
            text.push('p');
        }
        if self.deprecated {
            text.push('d');
        }
        if let Some(day) = self.retires {
            text.push_str(&day.to_string());
        }
        if let Some(successor) = self.successor {
            text.push('>');
            text.push_str(successor);
        }
        text
    }
}

fn flag(text: &str, letter: char) -> (bool, &str) {
    match text.strip_prefix(letter) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_deprecated_until_its_last_day_and_retired_from_it() {
        let status = |text: &str, today: &str| {
            let life = Lifecycle::read(text).unwrap();
            assert_eq!(life.text(), text);
            life.status(today.parse().unwrap())
        };
        let today = "2026-11-24";
        assert_eq!(status("", today), Status::Active);
        assert_eq!(status("p", today), Status::Preview);
        assert_eq!(status("d>next", today), Status::Deprecated);
        assert_eq!(status("2026-11-25>next", today), Status::Deprecated);
        assert_eq!(status("pd2026-11-24", today), Status::Retired);
        assert_eq!(Lifecycle::read("soon"), None);
    }
}
