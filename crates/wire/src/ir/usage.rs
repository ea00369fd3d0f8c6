//! What was used, in counters that do not overlap.

use crate::json::write::Object;
use crate::usage::{self, ServiceTier};

/// What was used. No token is counted twice, except that `reasoning` is part of `out`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read afresh.
    pub uncached_in: u64,
    /// Tokens read from a cache.
    pub cache_read: u64,
    /// Tokens put into a cache for five minutes.
    pub cache_write_5m: u64,
    /// Tokens put into a cache for an hour.
    pub cache_write_1h: u64,
    /// Tokens written.
    pub out: u64,
    /// Of the tokens written, those of reasoning.
    pub reasoning: u64,
    /// Of the tokens read, those of audio.
    pub audio_in: u64,
    /// Of the tokens written, those of audio.
    pub audio_out: u64,
    /// Of the tokens read, those of pictures.
    pub image_in: u64,
    /// Of the tokens written, those of pictures.
    pub image_out: u64,
    /// Searches that were paid for.
    pub search_units: u64,
    /// The queue that the call went through.
    pub service: ServiceTier,
    /// The vendor's own total, when it gave one.
    pub total: Option<u64>,
}

impl Usage {
    /// Tokens put into a cache.
    pub fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    /// Tokens read, from a cache or not; those written into one stand beside.
    pub fn prompt(&self) -> u64 {
        self.uncached_in.saturating_add(self.cache_read)
    }

    /// Writes it as OpenAI's `usage` member.
    pub(crate) fn write(&self, object: &mut Object<'_>) {
        let total = self.prompt().saturating_add(self.out);
        let written = Some(self.cache_write()).filter(|count| *count > 0);
        let read = Some(self.cache_read).filter(|count| *count > 0);
        let reasoning = Some(self.reasoning).filter(|count| *count > 0);
        let [audio_in, audio_out] =
            [self.audio_in, self.audio_out].map(|count| Some(count).filter(|count| *count > 0));
        object.object("usage", |o| {
            o.uint("prompt_tokens", self.prompt());
            o.uint("completion_tokens", self.out);
            o.uint("total_tokens", self.total.unwrap_or(total));
            o.uint_if("cache_read_tokens", read);
            o.uint_if("cache_write_tokens", written);
            o.uint_if("reasoning_tokens", reasoning);
            if read.or(written).or(audio_in).is_some() {
                o.object("prompt_tokens_details", |o| {
                    o.uint_if("cached_tokens", read);
                    o.uint_if("cache_write_tokens", written);
                    o.uint_if("audio_tokens", audio_in);
                });
            }
            if reasoning.or(audio_out).is_some() {
                o.object("completion_tokens_details", |o| {
                    o.uint_if("reasoning_tokens", reasoning);
                    o.uint_if("audio_tokens", audio_out);
                });
            }
        });
    }
}

impl From<usage::Usage> for Usage {
    fn from(usage: usage::Usage) -> Usage {
        let written_within = if usage.writes_within {
            usage.cache_write
        } else {
            0
        };
        let for_an_hour = usage.cache_write_1h.min(usage.cache_write);
        Usage {
            uncached_in: [usage.cached, written_within]
                .into_iter()
                .fold(usage.input, u64::saturating_sub),
            cache_read: usage.cached,
            cache_write_5m: usage.cache_write - for_an_hour,
            cache_write_1h: for_an_hour,
            out: usage.output,
            reasoning: usage.reasoning,
            audio_in: usage.audio_in,
            audio_out: usage.audio_out,
            image_in: usage.image_in,
            image_out: usage.image_out,
            search_units: usage.web_searches,
            service: usage.service,
            ..Usage::default()
        }
    }
}

impl From<Usage> for usage::Usage {
    fn from(usage: Usage) -> usage::Usage {
        usage::Usage {
            input: usage.prompt(),
            output: usage.out,
            cached: usage.cache_read,
            cache_write: usage.cache_write(),
            cache_write_1h: usage.cache_write_1h,
            // They stand beside what was read, always.
            writes_within: false,
            reasoning: usage.reasoning,
            audio_in: usage.audio_in,
            audio_out: usage.audio_out,
            image_in: usage.image_in,
            image_out: usage.image_out,
            web_searches: usage.search_units,
            service: usage.service,
            ..usage::Usage::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a12_what_is_priced_is_what_was_used() {
        let usage = Usage {
            uncached_in: 25,
            cache_read: 4,
            cache_write_5m: 5,
            cache_write_1h: 1,
            out: 15,
            reasoning: 5,
            search_units: 2,
            service: ServiceTier::Priority,
            ..Usage::default()
        };
        let metered = usage::Usage::from(usage);
        assert_eq!(
            (metered.input, metered.cached, metered.cache_write),
            (29, 4, 6)
        );
        assert_eq!((metered.output, metered.reasoning), (15, 5));
        assert_eq!((metered.cache_write_1h, metered.web_searches), (1, 2));
        assert_eq!(Usage::from(metered), usage, "there and back");
    }
}
