//! Fuzz targets: every decoder that outside bytes reach, and what must hold of it whatever they are.
//!
//! A target is a function of bytes that panics when a decoder breaks its word. The same targets
//! run in three ways: over the seeds and a little damage in the tests (`tests/short.rs`), guided by
//! coverage for as long as one likes (`cargo xtask fuzz`), and over one input to see a find again.
//!
//! What is held against every decoder, besides that it does not panic: cutting its input anywhere
//! changes nothing, reading twice is reading once, what comes out is whole documents, a stream has
//! one end, and neither memory nor output nor time grows faster than the input.

mod cloud;
mod converse;
mod dialect;
mod encode;
mod eventstream;
mod grammar;
mod growth;
mod input;
mod json;
mod mutation;
mod ndjson;
mod openai;
mod seeds;
mod sse;

pub use mutation::Mutator;
pub use seeds::{dictionary, seeds};

/// What the short run and the guided one count memory with.
#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// One decoder, or those of one dialect, under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// How many decoders stand behind it: the first byte of an input chooses.
    pub kinds: u8,
    check: fn(&input::Input<'_>),
}

/// All targets.
pub const TARGETS: [Target; 13] = [
    Target::new("sse", 1, sse::check),
    Target::new("eventstream", 3, eventstream::check),
    Target::new("ndjson", 1, ndjson::check),
    Target::new("json", 4, json::check),
    Target::new("openai", 6, openai::check),
    Target::new("anthropic", 4, dialect::anthropic),
    Target::new("gemini", 4, dialect::gemini),
    Target::new("converse", 4, converse::check),
    Target::new("cohere", 3, dialect::cohere),
    Target::new("ollama", 3, dialect::ollama),
    Target::new("replicate", 5, dialect::replicate),
    Target::new("encode", 1, encode::check),
    Target::new("cloud", 8, cloud::check),
];

impl Target {
    const fn new(name: &'static str, kinds: u8, check: fn(&input::Input<'_>)) -> Target {
        Target { name, kinds, check }
    }

    /// The target of this name.
    pub fn named(name: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Runs the target over one input. Panics when something does not hold.
    pub fn run(&self, bytes: &[u8]) {
        // Loaded once, and not on an input's account.
        providers::builtin();
        if let Some(input) = input::Input::of(bytes, self.kinds) {
            growth::bounded(ALLOCATOR, bytes.len(), || (self.check)(&input));
        }
    }
}
