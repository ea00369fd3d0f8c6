//! How the process ends: codes that scripts can tell apart, one `Error:` on stderr.

use std::fmt;
use std::process::ExitCode;

/// Why a command failed. Usage errors are the argument parser's and end with 2.
#[derive(Debug)]
pub(crate) enum Exit {
    /// It did not work: code 1.
    Failure(anyhow::Error),
    /// The configuration is wrong: code 3.
    Config(String),
}

impl Exit {
    /// Prints what went wrong, if anything did, and gives the code.
    pub(crate) fn report(done: Result<(), Exit>) -> ExitCode {
        let Err(exit) = done else {
            return ExitCode::SUCCESS;
        };
        #[expect(clippy::print_stderr, reason = "the last word of a command")]
        {
            eprintln!("Error: {exit}");
        }
        ExitCode::from(match exit {
            Exit::Failure(_) => 1,
            Exit::Config(_) => 3,
        })
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Failure(error) => write!(f, "{error:#}"),
            Exit::Config(problems) => f.write_str(problems),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Exit {
    fn from(error: E) -> Exit {
        Exit::Failure(error.into())
    }
}
