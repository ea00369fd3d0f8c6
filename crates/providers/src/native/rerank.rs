//! Documents in the order of their relevance, at vendors of every form.

use http::{HeaderName, HeaderValue};
use wire::Envelope;
use wire::ir::Refusal;
use wire::rerank::{self, Question};

use super::bedrock;
use super::question::{self, Asked, Plan, Recall, Session, call};
use crate::form::Form;
use crate::provider::Provider;
use crate::surface::Surface;

const SURFACE: Surface = Surface::Rerank;
/// The path of Bedrock's agents.
const AGENT: &str = "/rerank";
/// The hosts on which Bedrock's models are, and that of its agents in their place.
const RUNTIMES: [&str; 2] = ["bedrock-runtime.", "bedrock-runtime-fips."];
const AGENTS: &str = "bedrock-agent-runtime.";
/// Vertex AI's ranking has a host of its own.
const RANKING: &str = "/rankingConfigs/default_ranking_config:rank";
const RANKING_ROOT: &str = "https://discoveryengine.googleapis.com/v1";
const GOOGLE: &str = ".googleapis.com";
/// The path of a ranking where the vendor's models run elsewhere than at the vendor.
const ELSEWHERE: &str = "/ranking";

/// Puts a request for an order into the vendor's form.
pub fn encode(provider: &Provider, body: &Envelope, plan: &Plan<'_>) -> Result<Asked, Refusal> {
    let Some(form) = plan.form(provider, SURFACE) else {
        return forward(provider, body, plan);
    };
    let question = Question::read(body.node())?;
    let model = provider.bare_model(plan.model);
    let mut first = call("", Vec::new());
    let mut named = model.to_owned();
    let asked = match form {
        Form::Bedrock => {
            let region = bedrock::region_of(model);
            named = arn(provider, model, plan)?;
            first.region = region.map(str::to_owned);
            first.url = agents(plan);
            rerank::Form::Bedrock
        }
        Form::Vertex => {
            let project = provider.var("project_id", plan.vars);
            first.url = ranking(plan, project);
            let project = project.and_then(|project| HeaderValue::from_str(project).ok());
            let name = HeaderName::from_static("x-goog-user-project");
            first.headers.extend(project.map(|project| (name, project)));
            rerank::Form::Vertex
        }
        Form::Rankings => {
            first.url = if plan.base.as_str() == provider.base_url {
                plan.url(provider, SURFACE, model)?
            } else {
                plan.below(ELSEWHERE)
            };
            rerank::Form::Nvidia
        }
        Form::Cohere | Form::Scores | Form::Workers => {
            first.url = plan.url(provider, SURFACE, model)?;
            match form {
                Form::Cohere => rerank::Form::Cohere,
                Form::Scores => rerank::Form::Scores,
                _ => rerank::Form::Workers,
            }
        }
        _ => return Err(question::not_served(provider, SURFACE)),
    };
    let written = rerank::write(&question, asked, &plan.written(provider, &named))?;
    Ok(Asked {
        calls: written
            .body
            .map(|body| question::Call {
                body: body.into(),
                ..first
            })
            .into_iter()
            .collect(),
        dropped: written.dropped,
        session: Session {
            form: Some(form),
            recall: Recall::Rerank(written.recall),
        },
    })
}

/// The common form: the client's bytes, with the target's name of the model.
fn forward(provider: &Provider, body: &Envelope, plan: &Plan<'_>) -> Result<Asked, Refusal> {
    let model = provider.bare_model(plan.model);
    let url = plan.url(provider, SURFACE, model)?;
    let mut edit = body.edit();
    if body.text("model").as_deref() != Some(model) {
        edit.set_text("model", model);
    }
    Ok(Asked {
        calls: vec![call(&url, edit.finish())],
        dropped: Vec::new(),
        session: Session {
            form: None,
            recall: Recall::PlainRerank,
        },
    })
}

/// A model as Bedrock's agents want it named.
fn arn(provider: &Provider, model: &str, plan: &Plan<'_>) -> Result<String, Refusal> {
    // Refuses what is neither an id nor an ARN.
    bedrock::model_path(model)?;
    if model.starts_with("arn:") {
        return Ok(model.to_owned());
    }
    let region = provider.var("region", plan.vars).unwrap_or_default();
    let partition = if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    };
    Ok(format!(
        "arn:{partition}:bedrock:{region}::foundation-model/{model}"
    ))
}

/// The agents' host stands beside that of the models; anybody else's host has both.
fn agents(plan: &Plan<'_>) -> String {
    let base = plan.base.as_str();
    let runtime = RUNTIMES.iter().find(|name| plan.host().starts_with(**name));
    let root = match runtime {
        Some(name) => base.replacen(name, AGENTS, 1),
        None => base.to_owned(),
    };
    root + AGENT
}

fn ranking(plan: &Plan<'_>, project: Option<&str>) -> String {
    match project.filter(|_| plan.host().ends_with(GOOGLE)) {
        Some(project) => {
            format!("{RANKING_ROOT}/projects/{project}/locations/global{RANKING}")
        }
        None => plan.below(RANKING),
    }
}
