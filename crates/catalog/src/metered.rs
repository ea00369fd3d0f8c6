//! What a call used.

use crate::unit::Service;

/// What a call used, in counts that do not overlap but for `reasoning`, which is inside `output`.
/// Never an outward number: those follow each vendor's own habit of counting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metered {
    /// Tokens of text read, and not from a cache.
    pub uncached_in: u64,
    /// Tokens read from a cache.
    pub cache_read: u64,
    /// Tokens put into a cache for five minutes, or for the vendor's usual time.
    pub cache_write_5m: u64,
    /// Tokens put into a cache for an hour.
    pub cache_write_1h: u64,
    /// Tokens of text written, with those of reasoning.
    pub output: u64,
    /// Of `output`, those of reasoning.
    pub reasoning: u64,
    /// Tokens of audio read.
    pub audio_in: u64,
    /// Tokens of audio read from a cache.
    pub audio_cache_read: u64,
    /// Tokens of audio written.
    pub audio_out: u64,
    /// Tokens of images read.
    pub image_in: u64,
    /// Tokens of images read from a cache.
    pub image_cache_read: u64,
    /// Tokens of images written.
    pub image_out: u64,
    /// Characters read by a voice.
    pub characters: u64,
    /// Thousandths of a second of sound or film read.
    pub millis_in: u64,
    /// Thousandths of a second of sound or film made.
    pub millis_out: u64,
    /// Images made.
    pub images: u64,
    /// Their kind.
    pub image_kind: ImageKind,
    /// Pages read.
    pub pages: u64,
    /// Searches of a rerank or search call.
    pub searches: u64,
    /// Searches of the web that the model made.
    pub web_searches: u64,
    /// Calls that a vendor charges by the call.
    pub requests: u64,
    /// The queue that the call went through, as the vendor says.
    pub service: Service,
    /// Whether a count is a guess.
    pub estimated: bool,
}

/// What an image costs by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageKind {
    /// `1024x1024`, `2K`; empty when not said.
    pub size: Box<str>,
    /// `low`, `hd`; empty when not said.
    pub quality: Box<str>,
}

impl Metered {
    /// All tokens read, however they are charged: prices that rise with the length of the prompt
    /// go by it.
    pub fn prompt(&self) -> u64 {
        [
            self.uncached_in,
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.audio_in,
            self.audio_cache_read,
            self.image_in,
            self.image_cache_read,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// All tokens written.
    pub fn completion(&self) -> u64 {
        self.output
            .saturating_add(self.audio_out)
            .saturating_add(self.image_out)
    }

    /// Whether any token is counted.
    pub fn has_tokens(&self) -> bool {
        self.prompt() > 0 || self.completion() > 0
    }
}
