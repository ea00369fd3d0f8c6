//! What a call used, read from every spelling that vendors have for it.
//!
//! It must never refuse a call because its numbers are odd: what cannot be read counts as not said.

use crate::json::pick;

/// No count is larger: every JSON reader and every database holds it exactly.
const COUNT_MAX: u64 = (1 << 53) - 1;

const COUNTERS: [&str; 12] = [
    "prompt_tokens",
    "input_tokens",
    "completion_tokens",
    "output_tokens",
    "total_tokens",
    "cached_tokens",
    "cache_read_tokens",
    "prompt_cache_hit_tokens",
    // Anthropic's, which stand beside its `input_tokens` and not within.
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
];
const INPUT_DETAILS: [&str; 2] = ["prompt_tokens_details", "input_tokens_details"];
const INPUT_PARTS: [&str; 4] = [
    "cached_tokens",
    "audio_tokens",
    "cache_write_tokens",
    "cache_creation_tokens",
];
const OUTPUT_DETAILS: [&str; 2] = ["completion_tokens_details", "output_tokens_details"];
const OUTPUT_PARTS: [&str; 2] = ["reasoning_tokens", "audio_tokens"];

/// What was used, in counters with OpenAI's meaning: `input` includes `cached` and `output`
/// includes `reasoning`; `cache_write` stands beside `input`.
///
/// The numbers are the vendor's own. One that says more is cached than was read is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Of the tokens read, those from a cache.
    pub cached: u64,
    /// Tokens put into a cache.
    pub cache_write: u64,
    /// Of the tokens written, those of reasoning.
    pub reasoning: u64,
    /// Of the tokens read, those of audio.
    pub audio_in: u64,
    /// Of the tokens written, those of audio.
    pub audio_out: u64,
    /// Not the vendor's count but a guess.
    pub estimated: bool,
}

impl Usage {
    /// Tokens read and written.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Reads a usage object: numbers given as floats or strings, null, missing, and every spelling
    /// that is known. None when the text is not an object or counts nothing.
    pub fn read(raw_usage_object: &str) -> Option<Usage> {
        Usage::of(raw_usage_object.as_bytes())
    }

    pub(crate) fn of(object: &[u8]) -> Option<Usage> {
        let counters = pick(object, COUNTERS)?.map(|raw| raw.and_then(count));
        let [prompt, input, completion, output, total, rest @ ..] = counters;
        let [
            cached,
            cache_read,
            cache_hit,
            read_beside,
            written_beside,
            cache_write,
            reasoning,
        ] = rest;
        if [prompt, input, completion, output, total]
            .iter()
            .all(Option::is_none)
        {
            return None;
        }
        let [cached_within, audio_in, write_within, creation_within] =
            details(object, INPUT_DETAILS, INPUT_PARTS);
        let [reasoning_within, audio_out] = details(object, OUTPUT_DETAILS, OUTPUT_PARTS);
        let mut usage = Usage {
            input: most([prompt, input]),
            output: most([completion, output]),
            cached: most([cached, cache_read, cache_hit, read_beside, cached_within]),
            cache_write: most([cache_write, written_beside, write_within, creation_within]),
            reasoning: most([reasoning, reasoning_within]),
            audio_in: audio_in.unwrap_or(0),
            audio_out: audio_out.unwrap_or(0),
            estimated: false,
        };
        if prompt.is_none() {
            usage.input = add(usage.input, read_beside.unwrap_or(0));
        }
        usage.heed_total(total.unwrap_or(0));
        Some(usage)
    }

    /// Some say only the total; some leave reasoning out of the output and count it in the total.
    fn heed_total(&mut self, total: u64) {
        if self.total() == 0 {
            self.input = total;
        } else if self.reasoning > 0 && total == self.total().saturating_add(self.reasoning) {
            self.output = add(self.output, self.reasoning);
        }
    }
}

fn most<const N: usize>(counts: [Option<u64>; N]) -> u64 {
    counts.into_iter().flatten().max().unwrap_or(0)
}

fn add(left: u64, right: u64) -> u64 {
    left.saturating_add(right).min(COUNT_MAX)
}

/// The counts within a member that has one of two names.
fn details<const N: usize>(object: &[u8], names: [&str; 2], within: [&str; N]) -> [Option<u64>; N] {
    let found = pick(object, names).unwrap_or_default();
    let counters = found
        .into_iter()
        .flatten()
        .find_map(|raw| pick(raw, within))
        .unwrap_or([None; N]);
    counters.map(|raw| raw.and_then(count))
}

/// A count in any spelling. Below zero is zero, what is too large is the largest.
fn count(raw: &[u8]) -> Option<u64> {
    let raw = std::str::from_utf8(raw).ok()?;
    let bare = raw.trim_matches('"').trim();
    let count = bare.parse::<u64>().ok().or_else(|| {
        let number: f64 = bare
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())?;
        // Saturating by definition.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(number as u64)
    })?;
    Some(count.min(COUNT_MAX))
}

#[cfg(test)]
mod tests;
