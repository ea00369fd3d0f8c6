//! Results as a table, as JSON or as YAML.

use std::fmt::Write;

use serde_json::Value;

use crate::exit::Exit;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For both.
    Yaml,
}

/// Prints a result; `table` is asked for its lines only when they are wanted.
#[expect(clippy::print_stdout, reason = "results go to stdout")]
pub(crate) fn print(
    format: Format,
    value: &Value,
    table: impl FnOnce() -> String,
) -> Result<(), Exit> {
    match format {
        Format::Table => print!("{}", table()),
        Format::Json => println!("{}", serde_json::to_string_pretty(value)?),
        Format::Yaml => print!("{}", yaml(value)),
    }
    Ok(())
}

/// A value in YAML's block form; strings are quoted as JSON does, which YAML reads too.
pub(crate) fn yaml(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0);
    out
}

fn block(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, inner) in members {
                let _ = write!(
                    out,
                    "{:indent$}{}:",
                    "",
                    scalar(&Value::String(name.clone())),
                    indent = depth * 2
                );
                nested(out, inner, depth);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for inner in elements {
                let _ = write!(out, "{:indent$}-", "", indent = depth * 2);
                nested(out, inner, depth);
            }
        }
        flat => {
            let _ = writeln!(out, "{}", scalar(flat));
        }
    }
}

fn nested(out: &mut String, value: &Value, depth: usize) {
    let deep = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        _ => false,
    };
    if deep {
        out.push('\n');
        block(out, value, depth + 1);
    } else {
        let _ = writeln!(out, " {}", scalar(value));
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Words that YAML reads as themselves and as nothing else.
fn is_plain(text: &str) -> bool {
    const TAKEN: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let body = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    starts && body && !TAKEN.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_says_what_json_says() {
        let value = json!({
            "a": [1, {"b": "no", "c": [], "d": {}}, [true, null]],
            "e f": "x: y",
            "g": "plain-word.v1",
        });
        assert_eq!(
            yaml(&value),
            "a:\n  - 1\n  -\n    b: \"no\"\n    c: []\n    d: {}\n  -\n    - true\n    - null\n\"e f\": \"x: y\"\ng: plain-word.v1\n"
        );
    }
}
