//! What single models of this dialect take, read from their names.

/// Where a model is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// The Developer API.
    Developer,
    /// Vertex AI: calls have no ids there, every file needs its type, and labels are known.
    Vertex,
}

/// How a model is told how much to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasons {
    /// It does not think.
    Never,
    /// In tokens.
    Budget {
        /// The fewest, when it thinks at all.
        min: i64,
        /// The most.
        max: i64,
        /// What comes nearest to not thinking.
        off: i64,
    },
    /// In words.
    Level {
        /// The least of them.
        least: &'static str,
        /// The one in the middle.
        medium: &'static str,
    },
}

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gemini {
    /// How it is told how much to think.
    pub reasons: Reasons,
    /// Whether it reads JSON Schema as it is. The others know a part of an older `OpenAPI`.
    pub json_schema: bool,
    /// Whether it insists on its signatures under the calls of the current turn.
    pub signed: bool,
    /// Whether its answer may have a form while it has tools, and whether it is told for each
    /// picture how closely to look: since the third generation.
    pub third: bool,
}

impl Gemini {
    /// What the model of that name takes. One that nobody knows is taken for an old one.
    pub fn of(model: &str) -> Gemini {
        let name = model.rsplit('/').next().unwrap_or(model);
        let version = version(name);
        let newest = version.is_none() && name.ends_with("-latest");
        let version = version.unwrap_or(if newest { (2, 5) } else { (2, 0) });
        let third = version.0 >= 3;
        Gemini {
            reasons: reasons(name, version),
            json_schema: version >= (2, 5),
            signed: third || newest,
            third,
        }
    }
}

fn reasons(name: &str, version: (u32, u32)) -> Reasons {
    let has = |word: &str| name.split('-').any(|part| part == word);
    let pro = has("pro");
    if has("tts") || version < (2, 5) || version.0 == 2 && has("image") {
        return Reasons::Never;
    }
    if version.0 >= 3 {
        let least = if pro { "low" } else { "minimal" };
        let medium = if pro && version == (3, 0) {
            "low"
        } else {
            "medium"
        };
        return Reasons::Level { least, medium };
    }
    let (min, max, off) = match (pro, has("lite")) {
        (true, _) => (128, 32_768, 128),
        (_, true) => (512, 24_576, 0),
        _ => (1, 24_576, 0),
    };
    Reasons::Budget { min, max, off }
}

/// The version in `gemini-2.5-flash`.
fn version(name: &str) -> Option<(u32, u32)> {
    let rest = name.strip_prefix("gemini-")?;
    let number = rest.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_its_model_takes() {
        let level = |least, medium| Reasons::Level { least, medium };
        let budget = |min, max, off| Reasons::Budget { min, max, off };
        for (name, reasons, json_schema, signed) in [
            ("gemini-1.5-pro", Reasons::Never, false, false),
            ("gemini-2.0-flash-001", Reasons::Never, false, false),
            ("gemini-2.5-pro", budget(128, 32_768, 128), true, false),
            ("gemini-2.5-flash-lite", budget(512, 24_576, 0), true, false),
            ("gemini-2.5-flash-image", Reasons::Never, true, false),
            ("gemini-2.5-flash-preview-tts", Reasons::Never, true, false),
            ("gemini-3-flash", level("minimal", "medium"), true, true),
            ("gemini-3-pro-preview", level("low", "low"), true, true),
            ("gemini-3.1-pro-preview", level("low", "medium"), true, true),
            ("gemini-flash-latest", budget(1, 24_576, 0), true, true),
            (
                "models/gemini-3-flash",
                level("minimal", "medium"),
                true,
                true,
            ),
            ("tunedModels/mine", Reasons::Never, false, false),
            ("gemma-3-27b-it", Reasons::Never, false, false),
            ("", Reasons::Never, false, false),
        ] {
            let gemini = Gemini::of(name);
            assert_eq!(
                (gemini.reasons, gemini.json_schema, gemini.signed),
                (reasons, json_schema, signed),
                "{name}"
            );
        }
    }
}
