//! What a model can do, as far as anybody has said.

/// Yes, no, or not known. What is not known never counts as no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tri {
    /// Nobody has said.
    #[default]
    Unknown,
    /// It can.
    Yes,
    /// It cannot.
    No,
}

impl From<bool> for Tri {
    fn from(can: bool) -> Tri {
        if can { Tri::Yes } else { Tri::No }
    }
}

/// Something a model may be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Reads images.
    Vision,
    /// Calls functions.
    FunctionCalling,
    /// Calls several at once.
    ParallelToolCalls,
    /// Answers in JSON.
    JsonMode,
    /// Answers after a schema.
    ResponseSchema,
    /// Streams.
    Streaming,
    /// Reads prompts from a cache.
    PromptCaching,
    /// Reasons.
    Reasoning,
    /// Hears.
    AudioInput,
    /// Speaks.
    AudioOutput,
    /// Can be fine-tuned.
    Finetuneable,
    /// Searches the web.
    WebSearch,
    /// Reads PDF files.
    PdfInput,
    /// Watches films.
    VideoInput,
    /// Uses a computer.
    ComputerUse,
}

/// The letter in the data file, small for yes and capital for no, and the name in lists.
const ROWS: &[(Capability, u8, &str)] = &[
    (Capability::Vision, b'v', "vision"),
    (Capability::FunctionCalling, b'f', "function_calling"),
    (Capability::ParallelToolCalls, b'p', "parallel_tool_calls"),
    (Capability::JsonMode, b'j', "json_mode"),
    (Capability::ResponseSchema, b's', "response_schema"),
    (Capability::Streaming, b't', "streaming"),
    (Capability::PromptCaching, b'c', "prompt_caching"),
    (Capability::Reasoning, b'r', "reasoning"),
    (Capability::AudioInput, b'a', "audio_input"),
    (Capability::AudioOutput, b'o', "audio_output"),
    (Capability::Finetuneable, b'y', "finetuneable"),
    (Capability::WebSearch, b'w', "web_search"),
    (Capability::PdfInput, b'd', "pdf_input"),
    (Capability::VideoInput, b'm', "video_input"),
    (Capability::ComputerUse, b'u', "computer_use"),
];

impl Capability {
    /// All of them, in the order of lists.
    pub fn all() -> impl Iterator<Item = Capability> {
        ROWS.iter().map(|row| row.0)
    }

    /// Its name in lists and configs.
    pub fn name(self) -> &'static str {
        ROWS[self as usize].2
    }

    /// The capability of a name.
    pub fn of(name: &str) -> Option<Capability> {
        let row = ROWS.iter().find(|row| row.2 == name);
        row.map(|row| row.0)
    }
}

/// What is known of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    yes: u32,
    no: u32,
}

impl Capabilities {
    /// Whether it can.
    pub fn get(self, capability: Capability) -> Tri {
        let bit = 1 << capability as u32;
        if self.yes & bit != 0 {
            Tri::Yes
        } else if self.no & bit != 0 {
            Tri::No
        } else {
            Tri::Unknown
        }
    }

    /// Says whether it can.
    pub fn set(&mut self, capability: Capability, can: Tri) {
        let bit = 1 << capability as u32;
        self.yes &= !bit;
        self.no &= !bit;
        match can {
            Tri::Yes => self.yes |= bit,
            Tri::No => self.no |= bit,
            Tri::Unknown => {}
        }
    }

    /// What it is known to be able to do.
    pub fn can(self) -> impl Iterator<Item = Capability> {
        Capability::all().filter(move |capability| self.get(*capability) == Tri::Yes)
    }

    /// Reads letters; None when one is unknown.
    pub(crate) fn read(text: &str) -> Option<Capabilities> {
        let mut known = Capabilities::default();
        for letter in text.bytes() {
            let lower = letter.to_ascii_lowercase();
            let row = ROWS.iter().find(|row| row.1 == lower)?;
            known.set(row.0, Tri::from(letter == lower));
        }
        Some(known)
    }

    pub(crate) fn text(self) -> String {
        let letter = |row: &(Capability, u8, &str)| match self.get(row.0) {
            Tri::Unknown => None,
            Tri::Yes => Some(char::from(row.1)),
            Tri::No => Some(char::from(row.1.to_ascii_uppercase())),
        };
        ROWS.iter().filter_map(letter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_capabilities() {
        for (at, (capability, letter, name)) in ROWS.iter().enumerate() {
            assert_eq!(*capability as usize, at, "{name}");
            assert_eq!(Capability::of(name), Some(*capability));
            let same = ROWS.iter().filter(|row| row.1 == *letter);
            assert_eq!(same.count(), 1, "{name}");
        }
    }

    #[test]
    fn what_nobody_said_is_unknown_and_not_no() {
        let known = Capabilities::read("vFr").unwrap();
        assert_eq!(known.get(Capability::Vision), Tri::Yes);
        assert_eq!(known.get(Capability::FunctionCalling), Tri::No);
        assert_eq!(known.get(Capability::Streaming), Tri::Unknown);
        assert_eq!(known.text(), "vFr");
        assert_eq!(Capabilities::read("v?"), None);
    }
}
