//! Pictures, at vendors of every form.

use http::HeaderMap;
use http::header::{ACCEPT, HeaderValue};
use wire::Envelope;
use wire::images::{self, Question};
use wire::ir::Refusal;

use super::question::{self, Asked, Call, Plan, Recall, Session, call, unknown};
use super::{bedrock, gemini, replicate};
use crate::endpoint::dated_route;
use crate::form::Form;
use crate::provider::Provider;
use crate::surface::Surface;

const SURFACE: Surface = Surface::Images;

/// Puts a request for pictures into the vendor's form.
pub fn encode(provider: &Provider, body: &Envelope, plan: &Plan<'_>) -> Result<Asked, Refusal> {
    encode_for(provider, body, plan, None)
}

/// The same where it is known what a model of Replicate's takes.
pub fn encode_for(
    provider: &Provider,
    body: &Envelope,
    plan: &Plan<'_>,
    inputs: Option<&wire::replicate::Inputs>,
) -> Result<Asked, Refusal> {
    let Some(form) = plan.form(provider, SURFACE) else {
        return forward(provider, body, plan);
    };
    let question = Question::read(body.node())?;
    let model = provider.bare_model(plan.model);
    let unknown = || unknown(provider, plan, SURFACE);
    let mut headers = HeaderMap::new();
    let (asked, model, url) = match form {
        Form::Gemini | Form::Vertex => {
            let id = gemini::bare(model);
            let asked = images::Form::of_google(plan.family.unwrap_or(id)).ok_or_else(unknown)?;
            let ask = match asked {
                images::Form::Imagen => "predict",
                _ => "generateContent",
            };
            let home = if form == Form::Vertex {
                "/publishers/google"
            } else {
                ""
            };
            let path = format!("{home}/models/{}:{ask}", gemini::segment(model, id)?);
            (asked, id, plan.below(&path))
        }
        Form::Bedrock => {
            let path = bedrock::model_path(model)? + "/invoke";
            let asked = images::Form::at_bedrock(plan.family.unwrap_or(model));
            (asked.ok_or_else(unknown)?, model, plan.below(&path))
        }
        Form::Replicate => {
            let (path, prefer) = replicate::pictures::create(model)?;
            headers = prefer;
            (images::Form::Replicate, model, plan.below(&path))
        }
        Form::Tasks => {
            let id = model.split(':').next().unwrap_or(model);
            (images::Form::Tasks, id, plan.url(provider, SURFACE, id)?)
        }
        Form::Workers => {
            let url = plan.url(provider, SURFACE, model)?;
            (images::Form::Workers, model, url)
        }
        _ => return Err(question::not_served(provider, SURFACE)),
    };
    let written = images::write(&question, asked, &plan.written(provider, model), inputs)?;
    let mut first = Call {
        headers,
        ..call(&url, Vec::new())
    };
    match form {
        Form::Bedrock => first.region = bedrock::region_of(model).map(str::to_owned),
        Form::Tasks => {
            let png = HeaderValue::from_static("image/png");
            first.headers.insert(ACCEPT, png);
        }
        _ => {}
    }
    let bodies = written.bodies.into_iter();
    Ok(Asked {
        calls: bodies
            .map(|body| Call {
                body: body.into(),
                ..first.clone()
            })
            .collect(),
        dropped: written.dropped,
        session: Session {
            form: Some(form),
            recall: Recall::Images(written.recall),
        },
    })
}

/// OpenAI's form: the client's bytes with the few changes that the row asks for.
fn forward(provider: &Provider, body: &Envelope, plan: &Plan<'_>) -> Result<Asked, Refusal> {
    let rules = &provider.images;
    let model = provider.bare_model(plan.model);
    let url = plan.url(provider, SURFACE, model)?;
    let mut dropped = Vec::new();
    let mut edit = body.edit();
    // Where it stands in the path, it does not stand here.
    let dated = dated_route(provider, SURFACE, plan.vars);
    if dated.is_some_and(|route| route.path.contains("{model}")) {
        edit.remove("model");
    } else if body.text("model").as_deref() != Some(model) {
        edit.set_text("model", model);
    }
    for field in &rules.drop {
        if body.raw(field).is_some_and(|raw| raw != "null") {
            dropped.push(field.clone());
        }
        edit.remove(field);
    }
    let known_as = plan.family.unwrap_or(model);
    if rules
        .only_base64
        .iter()
        .any(|start| known_as.starts_with(start.as_str()))
    {
        if body.text("response_format").as_deref() == Some("url") {
            let what = format!("response_format: {known_as} gives b64_json only, not url");
            return Err(Refusal::new("response_format", what));
        }
        edit.remove("response_format");
    }
    Ok(Asked {
        calls: vec![call(&url, edit.finish())],
        dropped,
        session: Session {
            form: None,
            recall: Recall::PlainImages,
        },
    })
}
