//! Writes what a guided run starts from: `seeds` names the targets, `seeds TARGET FOLDER` writes
//! a target's seeds and, beside the folder, its dictionary in libFuzzer's form.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::fmt::Write as _;
use std::fs;
use std::io::{Error, Result};
use std::path::Path;

use ferrogw_fuzz::{TARGETS, Target, dictionary, seeds};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words[..] {
        [] => {
            for target in &TARGETS {
                println!("{}", target.name);
            }
            Ok(())
        }
        [name, folder] => {
            let target = Target::named(name);
            let unknown = || Error::other(format!("no target is called `{name}`"));
            write(target.ok_or_else(unknown)?, Path::new(folder))
        }
        _ => Err(Error::other("expected nothing, or a target and a folder")),
    }
}

fn write(target: &Target, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (number, seed) in seeds(target).into_iter().enumerate() {
        fs::write(folder.join(format!("{number:04}")), seed)?;
    }
    let words: Vec<String> = dictionary(target)
        .iter()
        .map(|word| escaped(word))
        .collect();
    fs::write(folder.with_extension("dict"), words.concat())
}

/// A line of a dictionary, every byte as its number.
fn escaped(word: &str) -> String {
    let mut line = "\"".to_owned();
    for byte in word.bytes() {
        // Writing to a string cannot fail.
        let _ = write!(line, "\\x{byte:02x}");
    }
    line.push_str("\"\n");
    line
}
