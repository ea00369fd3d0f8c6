//! The form between into a chat request.

use super::message_writer::{Called, check, keeps};
use super::{KEEP_ALIVE, OPTIONS, custom_tools};
use crate::ir::{
    Block, Dropped, Effort, Encoded, Format, Plan, Raw, Reasoning, ReasoningMode, Recall, Refusal,
    Request, Shape, Tool, ToolChoice, ToolKind, names, said, shape, with_extra,
};
use crate::json::write::{self, Array, Object};

const SHAPE: Shape = Shape {
    ids: names::Rule::USUAL,
    names: names::Rule::USUAL,
    every_call_answered: false,
};

/// The schema of a tool that names none.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;
/// The schema of a tool that takes free text.
const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// Writes a request as Ollama reads it. What it has no word for is left out and told; a part of a
/// message that has no form here is refused.
pub fn write_request(mut request: Request<'_>, plan: &Plan<'_>) -> Result<Encoded, Refusal> {
    check(&request)?;
    let mut dropped = Dropped::default();
    note_unsayable(&request, &mut dropped);
    for turn in &mut request.turns {
        // Reasoning of others is nobody's loss.
        let lost = |block: &Block<'_>| {
            !matches!(block, Block::Thinking(_)) && !keeps(block, plan.own_history)
        };
        dropped.note_if(turn.blocks.iter().any(lost), "messages");
        turn.blocks.retain(|block| keeps(block, plan.own_history));
    }
    let names = shape(&mut request, &SHAPE);
    let recall = Recall {
        names,
        custom: custom_tools(&request),
        model: plan.model.to_owned(),
        ..Recall::default()
    };
    choose(&mut request, &mut dropped);

    let mut body = Vec::with_capacity(1024);
    write::object(&mut body, |o| {
        o.text("model", plan.model);
        let mut called = Called::default();
        o.array("messages", |a| {
            request
                .turns
                .iter()
                .for_each(|turn| called.write_turn(a, turn));
        });
        write_tools(o, &request, &mut dropped);
        write_options(o, &request);
        write_format(o, request.format.as_ref());
        write_think(o, &request.reasoning, plan.model, &mut dropped);
        o.flag_if(
            "logprobs",
            request.sampling.logprobs.filter(|wanted| *wanted),
        );
        o.uint_if("top_logprobs", request.sampling.top_logprobs);
        let keep = request.unknown.iter().find(|(name, _)| name == KEEP_ALIVE);
        o.raw_if(KEEP_ALIVE, keep.map(|(_, value)| value.as_str()));
        // Without it a stream is meant.
        o.flag("stream", plan.streaming);
    });
    let body = with_extra(body, request.extra_body.as_ref(), plan, &mut dropped);
    Ok(Encoded {
        body,
        betas: Vec::new(),
        dropped: dropped.settle(plan)?,
        recall,
    })
}

fn note_unsayable(request: &Request<'_>, dropped: &mut Dropped) {
    let lacking = [
        said::N,
        said::USER,
        said::LOGIT_BIAS,
        said::ONE_CALL_AT_A_TIME,
        said::MODALITIES,
        said::VERBOSITY,
        said::PROMPT_CACHE_KEY,
        said::SERVICE_TIER,
        said::METADATA,
        said::NAMES_OF_SPEAKERS,
        said::CACHE_MARKS,
        said::DETAIL,
        said::FAILED_RESULTS,
        said::STRICT_TOOLS,
        said::GRAMMARS,
        said::FORMAT_DESCRIPTION,
    ];
    dropped.note_said(request, &lacking);
    dropped.note_unknown(request, |name| {
        name == KEEP_ALIVE || OPTIONS.contains(&name)
    });
}

/// There is no word for a choice: what must not be called is not offered, and that something must
/// be called cannot be said.
fn choose(request: &mut Request<'_>, dropped: &mut Dropped) {
    let tools = &mut request.tools;
    let must = match &request.tool_choice {
        None | Some(ToolChoice::Auto) => false,
        Some(ToolChoice::None) => {
            tools.clear();
            false
        }
        Some(ToolChoice::Required) => true,
        Some(ToolChoice::Named(name)) => {
            if tools.iter().any(|tool| tool.name == *name) {
                tools.retain(|tool| tool.name == *name);
            }
            true
        }
        Some(ToolChoice::Allowed { required, names }) => {
            tools.retain(|tool| names.contains(&tool.name));
            *required
        }
    };
    dropped.note_if(must, "tool_choice");
}

fn write_tools(o: &mut Object<'_>, request: &Request<'_>, dropped: &mut Dropped) {
    let mut tools = Vec::new();
    let mut any = false;
    write::array(&mut tools, |a| {
        for tool in &request.tools {
            let written = write_tool(a, tool);
            any |= written;
            dropped.note_if(!written, "tools");
        }
    });
    if any {
        o.name("tools").extend_from_slice(&tools);
    }
}

fn write_tool(a: &mut Array<'_>, tool: &Tool<'_>) -> bool {
    let schema = match &tool.kind {
        ToolKind::Function { schema, .. } => schema.as_ref().map_or(NO_ARGUMENTS, Raw::as_str),
        ToolKind::Custom { .. } => FREE_TEXT,
        ToolKind::WebSearch { .. } | ToolKind::Vendor { .. } => return false,
    };
    a.object(|o| {
        o.text("type", "function");
        o.object("function", |o| {
            o.text("name", &tool.name);
            o.text_if("description", tool.description.as_deref());
            o.raw("parameters", schema);
        });
    });
    true
}

fn write_options(o: &mut Object<'_>, request: &Request<'_>) {
    let sampling = &request.sampling;
    let mut options = Vec::new();
    let mut none = true;
    write::object(&mut options, |o| {
        o.uint_if("num_predict", request.max_output.map(|bound| bound.tokens));
        o.number_if("temperature", sampling.temperature);
        o.number_if("top_p", sampling.top_p);
        o.uint_if("top_k", sampling.top_k);
        o.raw_if(
            "seed",
            sampling.seed.map(|seed| seed.to_string()).as_deref(),
        );
        o.number_if("presence_penalty", sampling.presence_penalty);
        o.number_if("frequency_penalty", sampling.frequency_penalty);
        if !request.stop.is_empty() {
            o.array("stop", |a| {
                request.stop.iter().for_each(|stop| a.text(stop));
            });
        }
        for (name, value) in &request.unknown {
            if OPTIONS.contains(&&**name) {
                o.raw(name, value.as_str());
            }
        }
        none = o.is_empty();
    });
    if !none {
        o.name("options").extend_from_slice(&options);
    }
}

fn write_format(o: &mut Object<'_>, format: Option<&Format<'_>>) {
    match format {
        None | Some(Format::Text) => {}
        Some(Format::JsonObject) => o.text("format", "json"),
        Some(Format::JsonSchema { schema, .. }) => o.raw("format", schema.as_str()),
    }
}

/// Most models think or do not; GPT-OSS has three degrees of it.
fn write_think(o: &mut Object<'_>, reasoning: &Reasoning<'_>, model: &str, dropped: &mut Dropped) {
    if reasoning.is_unsaid() {
        return;
    }
    let effort = match reasoning.budget.map(u64::try_from) {
        Some(Ok(tokens)) => Some(Effort::of_budget(tokens)),
        Some(Err(_)) => None,
        None => reasoning.effort,
    };
    if reasoning.mode == Some(ReasoningMode::Disabled) || effort == Some(Effort::None) {
        return o.flag("think", false);
    }
    let name = model.rsplit('/').next().unwrap_or(model);
    match effort {
        Some(effort) if name.starts_with("gpt-oss") => {
            let degree = effort.clamp(Effort::Low, Effort::High);
            o.text("think", degree.word());
        }
        effort => {
            dropped.note_if(effort.is_some(), "reasoning_effort");
            o.flag("think", true);
        }
    }
}
