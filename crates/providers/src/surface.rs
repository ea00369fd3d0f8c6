//! The kinds of call a vendor can serve, and where each stands below an API root.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of call.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// A chat answered in one piece.
    Chat,
    /// A chat answered as a stream of events.
    ChatStream,
    /// The older text completion.
    Completions,
    /// Texts to vectors.
    Embeddings,
    /// Text to images.
    Images,
    /// Images to images.
    ImageEdits,
    /// Speech to text.
    Transcription,
    /// Speech to English text.
    Translation,
    /// Text to speech.
    Speech,
    /// Documents ordered by relevance.
    Rerank,
    /// Texts and images judged.
    Moderations,
    /// Uploaded files.
    Files,
    /// Jobs over files.
    Batches,
    /// The Responses API.
    Responses,
    /// Any other path below the root, forwarded as it stands.
    Passthrough,
}

impl Surface {
    /// Every surface, in the order in which they are shown.
    pub const ALL: [Surface; 15] = [
        Surface::Chat,
        Surface::ChatStream,
        Surface::Completions,
        Surface::Embeddings,
        Surface::Images,
        Surface::ImageEdits,
        Surface::Transcription,
        Surface::Translation,
        Surface::Speech,
        Surface::Rerank,
        Surface::Moderations,
        Surface::Files,
        Surface::Batches,
        Surface::Responses,
        Surface::Passthrough,
    ];

    /// The name used in rows, metrics and logs.
    pub const fn label(self) -> &'static str {
        self.row().0
    }

    /// Its usual path below an API root.
    pub const fn path(self) -> &'static str {
        self.row().1
    }

    const fn row(self) -> (&'static str, &'static str) {
        match self {
            Surface::Chat => ("chat", "/chat/completions"),
            Surface::ChatStream => ("chat_stream", "/chat/completions"),
            Surface::Completions => ("completions", "/completions"),
            Surface::Embeddings => ("embeddings", "/embeddings"),
            Surface::Images => ("images", "/images/generations"),
            Surface::ImageEdits => ("image_edits", "/images/edits"),
            Surface::Transcription => ("transcription", "/audio/transcriptions"),
            Surface::Translation => ("translation", "/audio/translations"),
            Surface::Speech => ("speech", "/audio/speech"),
            Surface::Rerank => ("rerank", "/rerank"),
            Surface::Moderations => ("moderations", "/moderations"),
            Surface::Files => ("files", "/files"),
            Surface::Batches => ("batches", "/batches"),
            Surface::Responses => ("responses", "/responses"),
            Surface::Passthrough => ("passthrough", ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_the_name_in_rows() {
        for surface in Surface::ALL {
            let json = serde_json::to_string(&surface).unwrap();
            assert_eq!(json, format!("\"{}\"", surface.label()));
        }
    }
}
