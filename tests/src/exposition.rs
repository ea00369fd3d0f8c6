//! Prometheus text, read for its numbers.

use std::collections::BTreeMap;

/// The samples of one scrape.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Sample>);

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Samples {
    /// Reads a scrape; fails on a line it cannot read.
    pub fn read(text: &str) -> Samples {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Samples(
            lines
                .map(|line| sample(line).unwrap_or_else(|| panic!("not a sample: {line:?}")))
                .collect(),
        )
    }

    /// The sum over all series of this name that carry these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        // Not `sum()`: of nothing at all that is -0.
        self.matching(name, labels)
            .map(|sample| sample.value)
            .fold(0.0, |sum, value| sum + value)
    }

    /// Like [`Samples::sum`], for what is counted in whole numbers.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let sum = self.sum(name, labels);
        assert!(sum >= 0.0 && sum.fract() == 0.0, "{name} is {sum}");
        format!("{sum:.0}").parse().expect("a whole number")
    }

    /// Whether there is a series of this name; for a histogram, its count.
    pub fn has(&self, name: &str) -> bool {
        let count = format!("{name}_count");
        self.0
            .iter()
            .any(|sample| sample.name == name || sample.name == count)
    }

    /// The values a label takes over all series of this name.
    pub fn values(&self, name: &str, label: &str) -> Vec<&str> {
        let all = self.matching(name, &[]);
        all.filter_map(|sample| sample.labels.get(label).map(String::as_str))
            .collect()
    }

    fn matching(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter(move |sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(label, value)| sample.labels.get(*label).is_some_and(|is| is == value))
        })
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (series, value) = match line.rfind('}') {
        Some(end) => line.split_at(end + 1),
        None => line.split_once(' ')?,
    };
    let value = value.split_whitespace().next()?.parse().ok()?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, read_labels(labels.strip_suffix('}')?)?),
        None => (series, BTreeMap::new()),
    };
    Some(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

fn read_labels(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"")?;
        let end = closing_quote(rest)?;
        labels.insert(
            name.trim_start_matches(',').to_owned(),
            rest[..end].replace("\\\"", "\""),
        );
        text = &rest[end + 1..];
    }
    Some(labels)
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, letter)| {
        let closes = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        closes.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_name_and_labels() {
        let text = "# HELP a b\na_total{x=\"1\",y=\"p,q\\\"r\"} 2\na_total{x=\"2\"} 3\nb 4.5\nc_count{le=\"+Inf\"} 1 99\n# EOF\n";
        let samples = Samples::read(text);
        assert!((samples.sum("a_total", &[]) - 5.0).abs() < 1e-9);
        assert!((samples.sum("a_total", &[("y", "p,q\"r")]) - 2.0).abs() < 1e-9);
        assert_eq!(samples.count("a_total", &[]), 5);
        assert!((samples.sum("b", &[]) - 4.5).abs() < 1e-9);
        assert!(samples.has("c") && !samples.has("d"));
        assert_eq!(samples.values("a_total", "x"), ["1", "2"]);
    }
}
