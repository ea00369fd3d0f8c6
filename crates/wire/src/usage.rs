//! What a call used, read from every spelling that vendors have for it.
//!
//! It must never refuse a call because its numbers are odd: what cannot be read counts as not said.

use crate::json::{Literal, MAX_DEPTH, Scanner, Walk};

/// No count is larger: every JSON reader and every database holds it exactly.
const COUNT_MAX: u64 = (1 << 53) - 1;
/// So many digits are always below it.
const DIGITS_SAFE: usize = 15;

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
    /// Of those, the ones that it keeps for an hour.
    pub cache_write_1h: u64,
    /// Whether the tokens put into a cache are among those read, as OpenAI counts them, and not
    /// beside them.
    pub writes_within: bool,
    /// Of the tokens written, those of reasoning.
    pub reasoning: u64,
    /// Of the tokens read, those of audio.
    pub audio_in: u64,
    /// Of the tokens written, those of audio.
    pub audio_out: u64,
    /// Of the tokens read, those of images.
    pub image_in: u64,
    /// Of the tokens written, those of images.
    pub image_out: u64,
    /// Searches of the web made on the way.
    pub web_searches: u64,
    /// The queue that the call went through.
    pub service: ServiceTier,
    /// Not the vendor's count but a guess.
    pub estimated: bool,
}

/// The queue that a vendor put a call into; each has its prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceTier {
    /// The usual one, or one that nothing is known of.
    #[default]
    Standard,
    /// Answered within a day.
    Batch,
    /// Answered when there is room.
    Flex,
    /// Answered first.
    Priority,
}

impl ServiceTier {
    /// Reads a vendor's word.
    pub fn of(word: &[u8]) -> ServiceTier {
        match word {
            b"batch" => ServiceTier::Batch,
            b"flex" => ServiceTier::Flex,
            b"priority" => ServiceTier::Priority,
            _ => ServiceTier::Standard,
        }
    }
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

    fn of(object: &[u8]) -> Option<Usage> {
        let mut scan = Scanner::new(object, MAX_DEPTH);
        let usage = Usage::next(&mut scan).ok()?;
        scan.end().ok().and(usage)
    }

    /// Reads the value that comes next.
    pub(crate) fn next(scan: &mut Scanner<'_>) -> Walk<Option<Usage>> {
        if scan.peek() != Some(b'{') {
            return scan.skip().map(|_| None);
        }
        let mut counts = Counts::default();
        scan.object(|scan, name| counts.member(scan, name))?;
        Ok(counts.usage())
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

/// The counters of a usage object as they are named there; of duplicates the last.
#[derive(Default)]
struct Counts {
    prompt: Option<u64>,
    input: Option<u64>,
    completion: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    cache_read: Option<u64>,
    cache_hit: Option<u64>,
    /// Anthropic's, which stand beside its `input_tokens` and not within.
    read_beside: Option<u64>,
    written_beside: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
    searches: Option<u64>,
    service: Option<ServiceTier>,
    /// Anthropic's, by how long the cache keeps them.
    written_parts: Option<Parts>,
    tools: Option<Parts>,
    prompt_parts: Option<Parts>,
    input_parts: Option<Parts>,
    completion_parts: Option<Parts>,
    output_parts: Option<Parts>,
}

/// The counters of a details object.
#[derive(Default)]
struct Parts {
    cached: Option<u64>,
    cache_write: Option<u64>,
    cache_creation: Option<u64>,
    reasoning: Option<u64>,
    audio: Option<u64>,
    image: Option<u64>,
    for_an_hour: Option<u64>,
    web_searches: Option<u64>,
}

impl Counts {
    fn member(&mut self, scan: &mut Scanner<'_>, name: Literal<'_>) -> Walk {
        let slot = with_bytes(name, |name| {
            Some(match name {
                b"prompt_tokens" => Slot::Count(&mut self.prompt),
                b"input_tokens" => Slot::Count(&mut self.input),
                b"completion_tokens" => Slot::Count(&mut self.completion),
                b"output_tokens" => Slot::Count(&mut self.output),
                b"total_tokens" => Slot::Count(&mut self.total),
                b"cached_tokens" => Slot::Count(&mut self.cached),
                b"cache_read_tokens" => Slot::Count(&mut self.cache_read),
                b"prompt_cache_hit_tokens" => Slot::Count(&mut self.cache_hit),
                b"cache_read_input_tokens" => Slot::Count(&mut self.read_beside),
                b"cache_creation_input_tokens" => Slot::Count(&mut self.written_beside),
                b"cache_write_tokens" => Slot::Count(&mut self.cache_write),
                b"reasoning_tokens" => Slot::Count(&mut self.reasoning),
                b"prompt_tokens_details" => Slot::Parts(&mut self.prompt_parts),
                b"input_tokens_details" => Slot::Parts(&mut self.input_parts),
                b"completion_tokens_details" => Slot::Parts(&mut self.completion_parts),
                b"output_tokens_details" => Slot::Parts(&mut self.output_parts),
                b"cache_creation" => Slot::Parts(&mut self.written_parts),
                b"server_tool_use" => Slot::Parts(&mut self.tools),
                b"num_search_queries" => Slot::Count(&mut self.searches),
                b"service_tier" => Slot::Service(&mut self.service),
                _ => return None,
            })
        });
        match slot {
            Some(Slot::Count(slot)) => *slot = count(scan.skip()?),
            Some(Slot::Parts(slot)) => Parts::read(slot, scan)?,
            Some(Slot::Service(slot)) => {
                let word = scan.string_or_skip()?;
                *slot = word.map(|word| ServiceTier::of(word.inner));
            }
            None => _ = scan.skip()?,
        }
        Ok(())
    }

    /// None when nothing is counted.
    fn usage(&self) -> Option<Usage> {
        [
            self.prompt,
            self.input,
            self.completion,
            self.output,
            self.total,
        ]
        .iter()
        .any(Option::is_some)
        .then(|| self.sum())
    }

    fn sum(&self) -> Usage {
        let nothing = Parts::default();
        let read = self.prompt_parts.as_ref().or(self.input_parts.as_ref());
        let read = read.unwrap_or(&nothing);
        let written = self
            .completion_parts
            .as_ref()
            .or(self.output_parts.as_ref());
        let written = written.unwrap_or(&nothing);
        let part = |parts: &Option<Parts>, count: fn(&Parts) -> Option<u64>| {
            parts.as_ref().and_then(count)
        };
        let beside = [self.cache_write, self.written_beside];
        let within = [read.cache_write, read.cache_creation];
        let mut usage = Usage {
            input: most([self.prompt, self.input]),
            output: most([self.completion, self.output]),
            cached: most([
                self.cached,
                self.cache_read,
                self.cache_hit,
                self.read_beside,
                read.cached,
            ]),
            cache_write: most(beside).max(most(within)),
            cache_write_1h: part(&self.written_parts, |parts| parts.for_an_hour).unwrap_or(0),
            writes_within: most(beside) == 0 && most(within) > 0,
            reasoning: most([self.reasoning, written.reasoning]),
            audio_in: read.audio.unwrap_or(0),
            audio_out: written.audio.unwrap_or(0),
            image_in: read.image.unwrap_or(0),
            image_out: written.image.unwrap_or(0),
            web_searches: most([self.searches, part(&self.tools, |tools| tools.web_searches)]),
            service: self.service.unwrap_or_default(),
            estimated: false,
        };
        if self.prompt.is_none() {
            usage.input = add(usage.input, self.read_beside.unwrap_or(0));
        }
        usage.heed_total(self.total.unwrap_or(0));
        usage
    }
}

impl Parts {
    /// Reads the value that comes next into a slot; None when it is not an object.
    fn read(slot: &mut Option<Parts>, scan: &mut Scanner<'_>) -> Walk {
        *slot = None;
        if scan.peek() != Some(b'{') {
            return scan.skip().map(|_| ());
        }
        let parts = slot.insert(Parts::default());
        scan.object(|scan, name| parts.member(scan, name))
    }

    fn member(&mut self, scan: &mut Scanner<'_>, name: Literal<'_>) -> Walk {
        let value = scan.skip()?;
        let slot = with_bytes(name, |name| {
            Some(match name {
                b"cached_tokens" => &mut self.cached,
                b"cache_write_tokens" => &mut self.cache_write,
                b"cache_creation_tokens" => &mut self.cache_creation,
                b"reasoning_tokens" => &mut self.reasoning,
                b"audio_tokens" => &mut self.audio,
                b"image_tokens" => &mut self.image,
                b"ephemeral_1h_input_tokens" => &mut self.for_an_hour,
                b"web_search_requests" => &mut self.web_searches,
                _ => return None,
            })
        });
        if let Some(slot) = slot {
            *slot = count(value);
        }
        Ok(())
    }
}

/// Where the value of a member belongs.
enum Slot<'a> {
    Count(&'a mut Option<u64>),
    Parts(&'a mut Option<Parts>),
    Service(&'a mut Option<ServiceTier>),
}

/// Calls with what a name stands for.
fn with_bytes<T>(name: Literal<'_>, call: impl FnOnce(&[u8]) -> T) -> T {
    if name.escaped {
        call(name.decode().as_bytes())
    } else {
        call(name.inner)
    }
}

/// A count in any spelling. Below zero is zero, what is too large is the largest.
fn count(raw: &[u8]) -> Option<u64> {
    if raw.len() <= DIGITS_SAFE && raw.iter().all(u8::is_ascii_digit) {
        let digits = raw.iter().map(|digit| u64::from(digit - b'0'));
        return digits.reduce(|sum, digit| 10 * sum + digit);
    }
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
