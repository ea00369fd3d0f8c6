//! A strict reader of both text formats: what it lets pass, scrapers take.

use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Family {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) samples: Vec<Sample>,
}

pub(super) struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

impl Family {
    /// The names of its samples' labels, `le` aside; the same in all of them.
    pub(super) fn label_names(&self) -> String {
        let names = self.samples.iter().map(|sample| {
            let names = sample.labels.keys().map(String::as_str);
            names
                .filter(|name| *name != "le")
                .collect::<Vec<_>>()
                .join(" ")
        });
        names
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join(" | ")
    }
}

impl Sample {
    /// The series as `name{a=1,b=2}`, labels by name.
    pub(super) fn series(&self) -> String {
        format!("{}{}", self.name, shown(&self.labels))
    }
}

fn shown(labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<_> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    if labels.is_empty() {
        return String::new();
    }
    format!("{{{}}}", labels.join(","))
}

/// The families of a page, or the first thing that is wrong with it.
pub(super) fn check(page: &str, openmetrics: bool) -> Result<Vec<Family>, String> {
    let body = if openmetrics {
        page.strip_suffix("# EOF\n").ok_or("no EOF at the end")?
    } else {
        page
    };
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("the last line has no end".into());
    }
    let mut families: Vec<Family> = Vec::new();
    let mut helped = None;
    for line in body.lines() {
        if let Some(about) = line.strip_prefix("# HELP ") {
            let (name, text) = about.split_once(' ').ok_or("HELP without text")?;
            if text.is_empty() || helped.replace(name.to_owned()).is_some() {
                return Err(format!("stray HELP: {line}"));
            }
        } else if let Some(about) = line.strip_prefix("# TYPE ") {
            let (name, kind) = about.split_once(' ').ok_or("TYPE without kind")?;
            if helped.take().as_deref() != Some(name) {
                return Err(format!("TYPE without its HELP: {line}"));
            }
            if !["counter", "gauge", "histogram"].contains(&kind) || !is_name(name) {
                return Err(format!("bad TYPE: {line}"));
            }
            if families.iter().any(|family| family.name == name) {
                return Err(format!("family told twice: {name}"));
            }
            families.push(Family {
                name: name.into(),
                kind: kind.into(),
                samples: Vec::new(),
            });
        } else {
            let sample = sample(line).map_err(|problem| format!("{problem}: {line}"))?;
            let family = families.last_mut().ok_or("a sample before any TYPE")?;
            if helped.is_some() || !names_of(family, openmetrics).contains(&sample.name) {
                return Err(format!("sample outside its family {}: {line}", family.name));
            }
            family.samples.push(sample);
        }
    }
    let mut seen = BTreeSet::new();
    for family in &families {
        if family.samples.is_empty() {
            return Err(format!("family without samples: {}", family.name));
        }
        if openmetrics && family.name.ends_with("_total") {
            return Err(format!("reserved suffix: {}", family.name));
        }
        if let Some(twice) = family.samples.iter().find(|s| !seen.insert(s.series())) {
            return Err(format!("series told twice: {}", twice.series()));
        }
        match family.kind.as_str() {
            "counter" => counter(family)?,
            "histogram" => histogram(family)?,
            _ => {}
        }
    }
    Ok(families)
}

/// The sample names that a family of this kind may have.
fn names_of(family: &Family, openmetrics: bool) -> Vec<String> {
    let suffixes: &[&str] = match family.kind.as_str() {
        "histogram" => &["_bucket", "_count", "_sum"],
        "counter" if openmetrics => &["_total"],
        _ => &[""],
    };
    suffixes
        .iter()
        .map(|suffix| format!("{}{suffix}", family.name))
        .collect()
}

fn counter(family: &Family) -> Result<(), String> {
    let bad = |sample: &&Sample| {
        !(sample.name.ends_with("_total") && sample.value >= 0.0 && sample.value.is_finite())
    };
    match family.samples.iter().find(bad) {
        Some(sample) => Err(format!("bad counter: {}", sample.series())),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Buckets {
    bounds: Vec<f64>,
    counts: Vec<f64>,
    count: Option<f64>,
    sum: Option<f64>,
}

fn histogram(family: &Family) -> Result<(), String> {
    let mut by_labels: BTreeMap<String, Buckets> = BTreeMap::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le");
        let buckets = by_labels.entry(shown(&labels)).or_default();
        match (sample.name.strip_prefix(&family.name), bound) {
            (Some("_bucket"), Some(bound)) => {
                buckets.bounds.push(number(&bound)?);
                buckets.counts.push(sample.value);
            }
            (Some("_count"), None) => buckets.count = Some(sample.value),
            (Some("_sum"), None) => buckets.sum = Some(sample.value),
            _ => return Err(format!("bad histogram sample: {}", sample.series())),
        }
    }
    for (labels, buckets) in by_labels {
        let ascending = buckets.bounds.is_sorted_by(|a, b| a < b);
        let cumulative = buckets.counts.is_sorted();
        let complete = buckets.bounds.last() == Some(&f64::INFINITY)
            && buckets.counts.last().copied() == buckets.count
            && buckets.sum.is_some_and(|sum| sum >= 0.0);
        if !(ascending && cumulative && complete) {
            return Err(format!("bad histogram: {}{labels}", family.name));
        }
    }
    Ok(())
}

fn sample(line: &str) -> Result<Sample, String> {
    let name_end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, rest) = line.split_at(name_end);
    if !is_name(name) {
        return Err("bad name".into());
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    Ok(Sample {
        name: name.into(),
        labels,
        value: number(value)?,
    })
}

/// Labels up to the closing brace, and what follows it.
fn labels(text: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"").ok_or("a label without a value")?;
        let (value, after) = quoted(after)?;
        if !is_name(name) || name.contains(':') {
            return Err(format!("bad label name {name:?}"));
        }
        if labels.insert(name.to_owned(), value).is_some() {
            return Err(format!("label {name} twice"));
        }
        rest = match after.strip_prefix(',') {
            Some(more) if !more.starts_with('}') => more,
            None if after.starts_with('}') => after,
            _ => return Err("labels not parted by one comma".into()),
        };
    }
    if labels.is_empty() {
        return Err("empty braces".into());
    }
    Ok((labels, &rest[1..]))
}

/// A label's value up to its closing quote, unescaped, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, c @ ('"' | '\\'))) => c,
                _ => return Err("bad escape".into()),
            }),
            c if c.is_control() => return Err("control character in a label".into()),
            c => value.push(c),
        }
    }
    Err("a label without an end".into())
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        _ if text.contains(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+' | 'e')) => {
            Err(format!("not a number: {text:?}"))
        }
        _ => text.parse().map_err(|_| format!("not a number: {text:?}")),
    }
}

#[test]
fn the_checker_refuses_what_scrapers_refuse() {
    let head = "# HELP a_total x\n# TYPE a_total counter\n";
    for (page, openmetrics) in [
        ("a 1\n", false),
        ("# HELP a x\n# TYPE b gauge\nb 1\n", false),
        (&format!("{head}a_total 1"), false),
        (&format!("{head}a_total -1\n"), false),
        (&format!("{head}a_total 1\na_total 2\n"), false),
        (&format!("{head}a_total{{}} 1\n"), false),
        (&format!("{head}a_total{{x=\"1\",}} 1\n"), false),
        (&format!("{head}a_total{{x=\"1\" y=\"2\"}} 1\n"), false),
        (&format!("{head}a_total{{x=\"\\t\"}} 1\n"), false),
        (&format!("{head}b 1\n"), false),
        (
            &format!("{head}a_total 1\n{head}a_total{{x=\"1\"}} 1\n"),
            false,
        ),
        (head, false),
        (&format!("{head}a_total 1\n# EOF\n"), true),
        ("# HELP a x\n# TYPE a counter\na_total 1\n", true),
        ("# HELP a x\n# TYPE a counter\na 1\n# EOF\n", true),
        (
            "# HELP h x\n# TYPE h histogram\nh_sum 1\nh_count 1\nh_bucket{le=\"1\"} 1\n",
            false,
        ),
        (
            "# HELP h x\n# TYPE h histogram\nh_sum 1\nh_count 2\nh_bucket{le=\"+Inf\"} 1\n",
            false,
        ),
    ] {
        assert!(check(page, openmetrics).is_err(), "{page}");
    }
    assert!(check(&format!("{head}a_total 1\n"), false).is_ok());
    assert!(
        check(
            "# HELP a x\n# TYPE a counter\na_total{x=\"\\\"\"} 1e3\n# EOF\n",
            true
        )
        .is_ok()
    );
}
