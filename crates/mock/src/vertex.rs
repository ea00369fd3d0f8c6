//! Vertex AI's paths of models that are not Google's: each is asked in its publisher's dialect.

use bytes::Bytes;

use crate::{anthropic, ask::Ask, gemini, openai::Chat, openai::Refusal};

/// What is asked of a model, behind its name in the path.
const ASKS: [&str; 2] = [":rawPredict", ":streamRawPredict"];

/// What a path says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) model: String,
    /// Whether its dialect is Anthropic's; all others have OpenAI's.
    pub(crate) claude: bool,
}

/// What a path of a publisher's model asks for.
pub(crate) fn asked(path: &str) -> Option<Asked> {
    let path = ASKS.iter().find_map(|ask| path.strip_suffix(ask))?;
    let (_, rest) = path.rsplit_once("/publishers/")?;
    let (publisher, model) = rest.split_once("/models/")?;
    Some(Asked {
        model: gemini::unescaped(model),
        claude: publisher == "anthropic",
    })
}

/// What a request asks for, as far as the answer depends on it.
pub(crate) fn read(asked: Asked, path: &str, body: &Bytes) -> Result<Ask, Refusal> {
    if asked.claude {
        return anthropic::read_at_vertex(asked.model, body).map(Ask::Messages);
    }
    Chat::read(path, body).map(Ask::Chat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_publisher_says_the_dialect() {
        let project = "/v1/projects/p/locations/l/publishers";
        for (path, expected) in [
            (
                "/anthropic/models/claude-4@1:rawPredict",
                Some(("claude-4@1", true)),
            ),
            (
                "/anthropic/models/mock%3Acut:streamRawPredict",
                Some(("mock:cut", true)),
            ),
            (
                "/mistralai/models/mistral:rawPredict",
                Some(("mistral", false)),
            ),
            ("/google/models/gemini:generateContent", None),
        ] {
            let asked = asked(&format!("{project}{path}"));
            let asked = asked.as_ref().map(|asked| (&*asked.model, asked.claude));
            assert_eq!(asked, expected, "{path}");
        }
        assert_eq!(asked("/models/claude:rawPredict"), None);
    }
}
