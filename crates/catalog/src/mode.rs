//! The kinds of call that a model serves.

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Chat.
    Chat,
    /// Completion of a text.
    Completion,
    /// OpenAI's responses.
    Responses,
    /// Vectors.
    Embedding,
    /// Images.
    Image,
    /// Images from images.
    ImageEdit,
    /// Speech to text.
    Transcription,
    /// Text to speech.
    Speech,
    /// Order of documents.
    Rerank,
    /// Judgement of texts.
    Moderation,
    /// Films.
    Video,
    /// Talk while it happens.
    Realtime,
    /// Search.
    Search,
    /// Text of scanned pages.
    Ocr,
    /// What no other word fits.
    Other,
}

/// The word in the data file, and the word that `/v1/models` has for it.
const ROWS: &[(Mode, &str, &str)] = &[
    (Mode::Chat, "chat", "chat"),
    (Mode::Completion, "completion", "completion"),
    (Mode::Responses, "responses", "responses"),
    (Mode::Embedding, "embedding", "embedding"),
    (Mode::Image, "image", "image"),
    (Mode::ImageEdit, "image-edit", "image_edit"),
    (Mode::Transcription, "transcription", "audio_in"),
    (Mode::Speech, "speech", "audio_out"),
    (Mode::Rerank, "rerank", "rerank"),
    (Mode::Moderation, "moderation", "moderation"),
    (Mode::Video, "video", "video"),
    (Mode::Realtime, "realtime", "realtime"),
    (Mode::Search, "search", "search"),
    (Mode::Ocr, "ocr", "ocr"),
    (Mode::Other, "other", "other"),
];

impl Mode {
    /// Its word in the data file.
    pub fn word(self) -> &'static str {
        ROWS[self as usize].1
    }

    /// Its word in the list of models.
    pub fn listed(self) -> &'static str {
        ROWS[self as usize].2
    }

    /// The mode of a word, either of the two.
    pub fn of(word: &str) -> Option<Mode> {
        let row = ROWS.iter().find(|row| row.1 == word || row.2 == word);
        row.map(|row| row.0)
    }
}

/// The modes of one model; the first is what it is mainly for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    main: Mode,
    all: u32,
}

impl Modes {
    /// Just one.
    pub fn only(main: Mode) -> Modes {
        let all = 1 << main as u32;
        Modes { main, all }
    }

    /// One more.
    pub fn and(mut self, mode: Mode) -> Modes {
        self.all |= 1 << mode as u32;
        self
    }

    /// What the model is mainly for.
    pub fn main(self) -> Mode {
        self.main
    }

    /// Whether it serves calls of a kind.
    pub fn has(self, mode: Mode) -> bool {
        self.all & (1 << mode as u32) != 0
    }

    /// Reads `chat+responses`; None when a word is unknown.
    pub fn read(text: &str) -> Option<Modes> {
        let mut words = text.split('+');
        let mut modes = Modes::only(Mode::of(words.next()?)?);
        for word in words {
            modes = modes.and(Mode::of(word)?);
        }
        Some(modes)
    }

    /// The same, written.
    pub fn text(self) -> String {
        let others = ROWS.iter().map(|row| row.0);
        let others = others.filter(|mode| *mode != self.main && self.has(*mode));
        let mut text = self.main.word().to_owned();
        for mode in others {
            text.push('+');
            text.push_str(mode.word());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_modes() {
        for (at, (mode, word, listed)) in ROWS.iter().enumerate() {
            assert_eq!(*mode as usize, at, "{word}");
            assert_eq!(Mode::of(word), Some(*mode));
            assert_eq!(Mode::of(listed), Some(*mode));
        }
    }

    #[test]
    fn modes_are_read_as_they_are_written() {
        let modes = Modes::read("responses+chat").unwrap();
        assert_eq!(modes.main(), Mode::Responses);
        assert!(modes.has(Mode::Chat) && !modes.has(Mode::Image));
        assert_eq!(modes.text(), "responses+chat");
        assert_eq!(Modes::read("chat+dance"), None);
        assert_eq!(Modes::read(""), None);
    }
}
