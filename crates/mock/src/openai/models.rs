//! The models the mock says it has. It answers for any other as well.

use serde::Serialize;

use super::object::CREATED;

const IDS: [&str; 4] = ["mock-small", "mock-large", "mock-reason", "mock-embed"];

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

pub(crate) fn list() -> Vec<u8> {
    super::json(&List {
        object: "list",
        data: IDS.iter().map(|id| model(id)).collect(),
    })
}

pub(crate) fn one(id: &str) -> Vec<u8> {
    let model = serde_json::to_value(model(id)).unwrap_or_default();
    super::json(&crate::replicate::described(id, model))
}

fn model(id: &str) -> Model<'_> {
    Model {
        id,
        object: "model",
        created: CREATED,
        owned_by: "mock",
    }
}
