//! The words after a command: switches and values, each asked for by name.
//! What nobody asked for is an error, so a misspelt flag never passes unseen.

use anyhow::{Context as _, Result, bail};

pub(crate) struct Flags(Vec<String>);

impl Flags {
    pub(crate) fn new(words: impl Iterator<Item = String>) -> Self {
        Self(words.collect())
    }

    /// All words as they were given.
    pub(crate) fn words(&self) -> Vec<String> {
        self.0.clone()
    }

    /// Whether the switch was given; asking takes it away.
    pub(crate) fn switch(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() != before
    }

    /// The value of `--name value` or `--name=value`; asking takes it away.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        let assigned = format!("{name}=");
        let Some(at) = self
            .0
            .iter()
            .position(|word| word == name || word.starts_with(&assigned))
        else {
            return Ok(None);
        };
        let word = self.0.remove(at);
        if let Some(value) = word.strip_prefix(&assigned) {
            return Ok(Some(value.to_owned()));
        }
        if at == self.0.len() {
            bail!("{name} wants a value");
        }
        Ok(Some(self.0.remove(at)))
    }

    /// A value that must be there and must parse.
    pub(crate) fn required<T: std::str::FromStr>(&mut self, name: &str) -> Result<T> {
        let text = self
            .value(name)?
            .with_context(|| format!("{name} is missing"))?;
        text.parse()
            .ok()
            .with_context(|| format!("{name} does not accept `{text}`"))
    }

    /// A comma-separated value.
    pub(crate) fn list(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        Ok(self
            .value(name)?
            .map(|text| text.split(',').map(str::to_owned).collect()))
    }

    /// The words that belong to no flag.
    pub(crate) fn rest(self) -> Result<Vec<String>> {
        match self.0.iter().find(|word| word.starts_with('-')) {
            None => Ok(self.0),
            Some(word) => bail!("`{word}` means nothing here, see `cargo xtask help`"),
        }
    }

    pub(crate) fn finish(self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(word) => bail!("`{word}` means nothing here, see `cargo xtask help`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(line: &str) -> Flags {
        Flags::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn switches_and_values_are_taken_once() {
        let mut flags = flags("--quick --out=a.md --proxies nginx,hyper");
        assert!(flags.switch("--quick"));
        assert!(!flags.switch("--quick"));
        assert_eq!(flags.value("--out").unwrap().as_deref(), Some("a.md"));
        assert_eq!(
            flags.list("--proxies").unwrap().unwrap(),
            ["nginx", "hyper"]
        );
        flags.finish().unwrap();
    }

    #[test]
    fn a_word_nobody_asked_for_is_an_error() {
        let mut flags = flags("--quikc");
        assert!(!flags.switch("--quick"));
        let error = flags.finish().unwrap_err().to_string();
        assert!(error.contains("--quikc"), "{error}");
    }

    #[test]
    fn words_are_what_is_left_without_flags() {
        let mut named = flags("sse --seconds 5 json");
        assert_eq!(named.value("--seconds").unwrap().as_deref(), Some("5"));
        assert_eq!(named.rest().unwrap(), ["sse", "json"]);
        assert!(flags("sse --second").rest().is_err());
    }

    #[test]
    fn a_value_that_is_missing_is_an_error() {
        assert!(flags("--out").value("--out").is_err());
        assert!(flags("").required::<u16>("--threads").is_err());
        assert!(
            flags("--threads many")
                .required::<u16>("--threads")
                .is_err()
        );
    }
}
