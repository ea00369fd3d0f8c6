//! Content blocks as Mistral and Databricks write them, made into the texts that OpenAI's clients expect.

use std::ops::Range;

use memchr::memmem;

use crate::json::{MAX_DEPTH, Scanner, Splice, Walk, literal, pick};

/// A range of the answer and what replaces it.
type Replacement = (Range<usize>, String);

/// Joins the texts of an answer or stream chunk whose `content` is a list of blocks: what was said
/// becomes `content`, what was thought `reasoning_content`, with signatures in `thinking_blocks`; every
/// other byte is kept.
///
/// None when nothing is to be changed. Content with a block of an unknown type is left as it is.
pub fn flatten_content_blocks(json: &str) -> Option<String> {
    if !has_listed_content(json.as_bytes()) {
        return None;
    }
    let mut replacements = replacements(json.as_bytes())
        .ok()
        .filter(|found| !found.is_empty())?;
    replacements.sort_by_key(|(range, _)| range.start);
    let mut out = Splice::new(json.as_bytes(), 0);
    let mut kept = 0;
    for (range, text) in replacements {
        out.keep(kept..range.start);
        out.insert(&text);
        kept = range.end;
    }
    out.keep(kept..json.len());
    String::from_utf8(out.finish()).ok()
}

/// A cheap look, for the many answers that have none.
fn has_listed_content(json: &[u8]) -> bool {
    const NAME: &[u8] = b"\"content\"";
    memmem::find_iter(json, NAME).any(|at| {
        let value = json[at + NAME.len()..]
            .trim_ascii_start()
            .strip_prefix(b":");
        value.is_some_and(|value| value.trim_ascii_start().starts_with(b"["))
    })
}

fn replacements(json: &[u8]) -> Walk<Vec<Replacement>> {
    let mut found = Vec::new();
    let mut scan = Scanner::new(json, MAX_DEPTH);
    scan.object(|scan, name| match name.inner {
        b"choices" => scan.array_or_skip(|scan| {
            scan.object_or_skip(|scan, name| match name.inner {
                b"delta" | b"message" => of_message(scan, &mut found),
                _ => scan.skip().map(|_| ()),
            })
        }),
        _ => scan.skip().map(|_| ()),
    })?;
    scan.end()?;
    Ok(found)
}

fn of_message(scan: &mut Scanner<'_>, found: &mut Vec<Replacement>) -> Walk {
    let mut content = None;
    let mut reasoning = None;
    scan.object_or_skip(|scan, name| {
        let value = scan.skip()?;
        let range = scan.at() - value.len()..scan.at();
        match name.inner {
            b"content" => content = Some((range, value)),
            b"reasoning_content" => reasoning = Some((range, value)),
            _ => {}
        }
        Ok(())
    })?;
    if let Some((range, value)) = content
        && let Some(blocks) = Texts::of_blocks(value)
    {
        blocks.replace(range, reasoning, found);
    }
    Ok(())
}

/// Two texts in the making, spelled as they were: two halves of a surrogate pair may come apart.
#[derive(Default)]
struct Texts {
    said: String,
    thought: String,
    /// Thoughts that are signed, as objects with commas between.
    signed: String,
}

impl Texts {
    /// None when the value is not a list or has a block of an unknown type.
    fn of_blocks(value: &[u8]) -> Option<Texts> {
        let mut texts = Texts::default();
        let known = each_element(value, |block| texts.take(block).is_some());
        known.then_some(texts)
    }

    fn take(&mut self, block: &[u8]) -> Option<()> {
        let [kind, text, thinking, summary] = pick(block, ["type", "text", "thinking", "summary"])?;
        match kind? {
            b"\"text\"" => push(&mut self.said, text?),
            b"\"thinking\"" => self.think(thinking?),
            b"\"reasoning\"" => {
                each_element(summary?, |part| self.summarise(part).is_some()).then_some(())
            }
            _ => None,
        }
    }

    fn think(&mut self, thinking: &[u8]) -> Option<()> {
        if thinking.starts_with(b"\"") {
            return push(&mut self.thought, thinking);
        }
        let known = each_element(thinking, |block| {
            let texts = pick(block, ["type", "text"]);
            matches!(texts, Some([Some(b"\"text\""), Some(text)]) if push(&mut self.thought, text).is_some())
        });
        known.then_some(())
    }

    /// One part of Databricks' reasoning.
    fn summarise(&mut self, part: &[u8]) -> Option<()> {
        let [kind, text, signature] = pick(part, ["type", "text", "signature"])?;
        if kind? != b"\"summary_text\"" {
            return None;
        }
        let text = text.unwrap_or(b"\"\"");
        push(&mut self.thought, text)?;
        if let Some(signature) = signature.filter(|signature| *signature != b"null") {
            let comma = if self.signed.is_empty() { "" } else { "," };
            self.signed.push_str(comma);
            self.signed.push_str(r#"{"type":"thinking","thinking":""#);
            push(&mut self.signed, text)?;
            self.signed.push_str(r#"","signature":""#);
            push(&mut self.signed, signature)?;
            self.signed.push_str(r#""}"#);
        }
        Some(())
    }

    fn replace(
        self,
        content: Range<usize>,
        reasoning: Option<(Range<usize>, &[u8])>,
        found: &mut Vec<Replacement>,
    ) {
        let mut said = format!("\"{}\"", self.said);
        if !self.signed.is_empty() {
            said = format!("{said},\"thinking_blocks\":[{}]", self.signed);
        }
        if self.thought.is_empty() {
            found.push((content, said));
            return;
        }
        match reasoning {
            Some((range, earlier)) => {
                let mut thought = String::new();
                // What is there and no text gives way.
                let _ = push(&mut thought, earlier);
                found.push((content, said));
                found.push((range, format!("\"{thought}{}\"", self.thought)));
            }
            None => found.push((
                content,
                format!("{said},\"reasoning_content\":\"{}\"", self.thought),
            )),
        }
    }
}

/// Whether the value is a list of which each element passes.
fn each_element(list: &[u8], mut passes: impl FnMut(&[u8]) -> bool) -> bool {
    let mut all = true;
    let mut scan = Scanner::new(list, MAX_DEPTH);
    let walked = scan.array(|scan| {
        let element = scan.skip()?;
        all = all && passes(element);
        Ok(())
    });
    walked.is_ok() && all
}

/// Appends the inside of a string.
fn push(out: &mut String, string: &[u8]) -> Option<()> {
    out.push_str(std::str::from_utf8(literal(string)?.inner).ok()?);
    Some(())
}

#[cfg(test)]
mod tests;
