//! What is wrong with a config, and where.

use std::fmt;

use crate::node::Mark;
use crate::path::{Path, Quoted};

/// One thing that is wrong, with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Where in the config, such as `targets[0].virtual_key`; empty for the config as a whole.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong. Never holds a secret.
    pub message: String,
    /// What to write instead, such as ``did you mean `weight`?``.
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn at(path: &Path<'_>, mark: Mark, message: impl Into<String>) -> Problem {
        Problem {
            path: path.to_string(),
            line: mark.line,
            column: mark.column,
            message: one_line(message.into()),
            hint: None,
        }
    }

    /// Whether this is about the part of the config at `path`, or about a part of that.
    pub(crate) fn is_within(&self, path: &str) -> bool {
        let rest = self.path.strip_prefix(path).filter(|_| !path.is_empty());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    pub(crate) fn hint(self, hint: Option<String>) -> Problem {
        Problem {
            hint: hint.map(one_line),
            ..self
        }
    }

    /// The problem as one line, with the name of the file it stands in.
    pub fn display_with<'a>(&'a self, file: &'a str) -> impl fmt::Display + 'a {
        Line {
            problem: self,
            file: Some(file),
        }
    }
}

/// The most problems that are told; nobody reads more, and a file of nothing
/// but mistakes must not become an answer many times its size.
pub(crate) const MOST_PROBLEMS: usize = 200;

/// The longest message, in characters: whatever a config holds, a problem stays readable.
const LONGEST_MESSAGE: usize = 600;

/// A message that may quote what somebody wrote, fit to be one line of a list.
fn one_line(message: String) -> String {
    let fits = message.len() <= LONGEST_MESSAGE && !message.contains(char::is_control);
    if fits {
        message
    } else {
        Quoted(&message, LONGEST_MESSAGE).to_string()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Line {
            problem: self,
            file: None,
        }
        .fmt(f)
    }
}

struct Line<'a> {
    problem: &'a Problem,
    file: Option<&'a str>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            path,
            line,
            column,
            message,
            hint,
        } = self.problem;
        match self.file {
            Some(file) => write!(f, "{file}:{line}:{column}: ")?,
            None => write!(f, "line {line}, column {column}: ")?,
        }
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        f.write_str(message)?;
        match hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a config, in the order of the text; at least one problem.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// One problem a line, each with the name of the file.
    pub fn display_with<'a>(&'a self, file: &'a str) -> impl fmt::Display + 'a {
        Lines {
            problems: &self.0,
            file: Some(file),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Lines {
            problems: &self.0,
            file: None,
        }
        .fmt(f)
    }
}

impl std::error::Error for Problems {}

struct Lines<'a> {
    problems: &'a [Problem],
    file: Option<&'a str>,
}

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            Line {
                problem,
                file: self.file,
            }
            .fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_printed_one_a_line() {
        let problem = Problem {
            path: "targets[0].wieght".into(),
            line: 5,
            column: 7,
            message: "unknown key `wieght`".into(),
            hint: Some("did you mean `weight`?".into()),
        };
        let whole = Problem {
            path: String::new(),
            hint: None,
            ..problem.clone()
        };
        let problems = Problems(vec![problem, whole]);
        assert_eq!(
            problems.display_with("gw.yaml").to_string(),
            "gw.yaml:5:7: targets[0].wieght: unknown key `wieght` (did you mean `weight`?)\n\
             gw.yaml:5:7: unknown key `wieght`"
        );
        assert!(
            problems
                .to_string()
                .starts_with("line 5, column 7: targets[0].wieght: ")
        );
    }
}
