//! Embeddings, at vendors of every form.

use wire::Envelope;
use wire::embeddings::{self, Question, Recall};
use wire::ir::Refusal;
use wire::json::Node;

use super::question::{self, Asked, Plan, Session, call, unknown};
use super::{bedrock, gemini};
use crate::form::Form;
use crate::provider::Provider;
use crate::rules::Blank;
use crate::surface::Surface;

const SURFACE: Surface = Surface::Embeddings;

/// Puts a request for embeddings into the vendor's form.
pub fn encode(provider: &Provider, body: &Envelope, plan: &Plan<'_>) -> Result<Asked, Refusal> {
    let Some(form) = plan.form(provider, SURFACE) else {
        return forward(provider, body, plan);
    };
    let question = Question::read(body.node())?;
    let model = provider.bare_model(plan.model);
    let known_as = plan.family.unwrap_or(model);
    let unknown = || unknown(provider, plan, SURFACE);
    let (asked, model, url) = match form {
        Form::Gemini => {
            let id = gemini::bare(model);
            let path = format!("/models/{}:batchEmbedContents", gemini::segment(model, id)?);
            (embeddings::Form::Gemini, id, plan.below(&path))
        }
        Form::Vertex => {
            let id = gemini::bare(model);
            let asked = embeddings::Form::at_vertex(plan.family.unwrap_or(id));
            let asked = asked.ok_or_else(unknown)?;
            let ask = match asked {
                embeddings::Form::VertexContent => "embedContent",
                _ => "predict",
            };
            let id_in_path = gemini::segment(model, id)?;
            let path = format!("/publishers/google/models/{id_in_path}:{ask}");
            (asked, id, plan.below(&path))
        }
        Form::Bedrock => {
            let path = bedrock::model_path(model)? + "/invoke";
            let asked = embeddings::Form::at_bedrock(known_as).ok_or_else(unknown)?;
            (asked, model, plan.below(&path))
        }
        Form::Tasks => {
            // Whom the router would choose for a chat has no place in a task's path.
            let id = model.split(':').next().unwrap_or(model);
            (
                embeddings::Form::Tasks,
                id,
                plan.url(provider, SURFACE, id)?,
            )
        }
        Form::Cohere => {
            let url = plan.url(provider, SURFACE, model)?;
            (embeddings::Form::Cohere, model, url)
        }
        Form::Ollama => {
            let url = plan.url(provider, SURFACE, model)?;
            (embeddings::Form::Ollama, model, url)
        }
        _ => return Err(question::not_served(provider, SURFACE)),
    };
    let written = embeddings::write(&question, asked, &plan.written(provider, model))?;
    let region = bedrock::region_of(model).filter(|_| form == Form::Bedrock);
    let bodies = written.bodies.into_iter();
    Ok(Asked {
        calls: bodies
            .map(|body| question::Call {
                region: region.map(str::to_owned),
                ..call(&url, body)
            })
            .collect(),
        dropped: written.dropped,
        session: Session {
            form: Some(form),
            recall: question::Recall::Embeddings(written.recall),
        },
    })
}

/// OpenAI's form: the client's bytes with the few changes that the row asks for.
fn forward(provider: &Provider, body: &Envelope, plan: &Plan<'_>) -> Result<Asked, Refusal> {
    let rules = &provider.embeddings;
    let model = provider.bare_model(plan.model);
    let url = plan.url(provider, SURFACE, model)?;
    let inputs = inputs(provider, body)?;
    let mut dropped = Vec::new();
    let mut edit = body.edit();
    if body.text("model").as_deref() != Some(model) {
        edit.set_text("model", model);
    }
    for rename in rules.rename.iter().filter(|rename| rename.is_for(model)) {
        edit.rename(&rename.from, &rename.to);
    }
    for field in &rules.drop {
        if body.raw(field).is_some_and(|raw| raw != "null") {
            dropped.push(field.clone());
        }
        edit.remove(field);
    }
    let base64 = body.text("encoding_format").as_deref() == Some("base64");
    if base64 && !rules.base64 {
        edit.set_text("encoding_format", "float");
    }
    let whole = edit.finish();
    let most = rules.most.unwrap_or(usize::MAX).max(1);
    let (bodies, counts) = if inputs.len() <= most {
        (vec![whole], vec![inputs.len()])
    } else {
        let whole = Envelope::parse(whole, wire::Limits::default())
            .map_err(|error| Refusal::new("input", error.to_string()))?;
        let split = inputs.chunks(most).map(|part| {
            let mut edit = whole.edit();
            edit.set_raw("input", list(part));
            edit.finish()
        });
        (
            split.collect(),
            inputs.chunks(most).map(<[_]>::len).collect(),
        )
    };
    let as_asked = !base64 || rules.base64;
    Ok(Asked {
        calls: bodies.into_iter().map(|body| call(&url, body)).collect(),
        dropped,
        session: Session {
            form: None,
            recall: question::Recall::Embeddings(Recall::of_openai(counts, base64, as_asked)),
        },
    })
}

fn list(inputs: &[Node<'_>]) -> String {
    let inputs: Vec<_> = inputs.iter().map(|input| input.raw()).collect();
    format!("[{}]", inputs.join(","))
}

/// What stands there to be embedded, each by itself. A refusal where the vendor is known not to
/// take it.
fn inputs<'b>(provider: &Provider, body: &'b Envelope) -> Result<Vec<Node<'b>>, Refusal> {
    let rules = &provider.embeddings;
    let refused = |what: &str| {
        let what = format!("input: {} {what}", provider.id);
        Err(Refusal::new("input", what))
    };
    let Some(input) = body
        .raw("input")
        .map(Node::of)
        .filter(|input| !input.is_null())
    else {
        let what = "input is missing; expected a text or a list of texts";
        return Err(Refusal::new("input", what));
    };
    let elements = input.elements();
    if input.is_array() && elements.is_empty() {
        let what = "input is []; expected a text or a list of texts";
        return Err(Refusal::new("input", what));
    }
    // One list of numbers is one input.
    let numbers = elements
        .first()
        .is_some_and(|first| first.number().is_some());
    let inputs = if !input.is_array() || numbers {
        vec![input]
    } else {
        elements
    };
    let tokens = inputs.iter().any(|input| input.is_array());
    if tokens && !rules.tokens {
        return refused("takes texts, not tokens");
    }
    let blank = |text: &str| match rules.blank {
        Blank::Taken => false,
        Blank::Empty => text.is_empty(),
        Blank::Refused => text.trim().is_empty(),
    };
    let says_nothing = |input: &Node<'_>| input.text().is_some_and(|text| blank(&text));
    if rules.blank != Blank::Taken && inputs.iter().any(says_nothing) {
        return refused("takes no text that says nothing");
    }
    Ok(inputs)
}
