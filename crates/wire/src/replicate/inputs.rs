//! What a model takes, by its own schema.

use crate::json::Node;

/// The names and types of a model's inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs(Vec<Input>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Input {
    name: String,
    /// `string`, `array`, `integer`, ...; empty where the schema only refers to another.
    kind: String,
}

/// The most inputs that are remembered of one model.
const INPUTS_MAX: usize = 256;

impl Inputs {
    /// Reads a model's description, as `GET /models/{owner}/{name}` gives it, or one of a version.
    /// None when it has no schema.
    pub fn read(model: Node<'_>) -> Option<Inputs> {
        let version = model.get("latest_version").unwrap_or(model);
        let mut node = version.get("openapi_schema")?;
        for name in ["components", "schemas", "Input", "properties"] {
            node = node.get(name)?;
        }
        let inputs = node
            .members()
            .into_iter()
            .take(INPUTS_MAX)
            .map(|(name, input)| Input {
                name: name.into_owned(),
                kind: input
                    .get("type")
                    .and_then(Node::text)
                    .unwrap_or_default()
                    .into_owned(),
            });
        Some(Inputs(inputs.collect())).filter(|inputs| !inputs.0.is_empty())
    }

    /// The first of the names that the model has.
    pub(super) fn first(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().find(|name| self.has(name)).copied()
    }

    /// Whether the model has an input of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|input| input.name == name)
    }

    /// Whether that input is a list.
    pub(super) fn is_list(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|input| input.name == name && input.kind == "array")
    }
}
