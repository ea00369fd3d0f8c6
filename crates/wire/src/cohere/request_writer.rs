//! The form between into a chat request.

use super::message_writer::{check, file_text, keeps, write_turn};
use super::tool::{choice_word, narrow, write_tool};
use crate::ir::{
    Block, Dropped, Effort, Encoded, File, Format, Plan, Raw, Reasoning, ReasoningMode, Recall,
    Refusal, Request, Shape, ToolKind, names, said, shape, with_extra,
};
use crate::json::write::{self, Object};

const SHAPE: Shape = Shape {
    ids: names::Rule::USUAL,
    names: names::Rule::USUAL,
    every_call_answered: false,
};

/// The most texts at which an answer may be told to stop.
const STOPS_MAX: usize = 5;

/// Writes a request as Cohere reads it. What it has no word for is left out and told; a part of a
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
    let custom = request
        .tools
        .iter()
        .filter(|tool| matches!(tool.kind, ToolKind::Custom { .. }));
    let recall = Recall {
        names,
        custom: custom.map(|tool| tool.name.to_string()).collect(),
        model: plan.model.to_owned(),
        ..Recall::default()
    };
    narrow(&mut request.tools, request.tool_choice.as_ref());

    let mut body = Vec::with_capacity(1024);
    write::object(&mut body, |o| {
        o.text("model", plan.model);
        o.array("messages", |a| {
            request.turns.iter().for_each(|turn| write_turn(a, turn));
        });
        write_documents(o, &request);
        write_sampling(o, &request, &mut dropped);
        write_tools(o, &request, &mut dropped);
        write_format(o, request.format.as_ref());
        write_thinking(o, &request.reasoning);
        if plan.streaming {
            o.flag("stream", true);
        }
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
        said::SOME_TOP_LOGPROBS,
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
        said::FILE_CONTEXTS,
        said::CITED_FILES,
        said::FAILED_RESULTS,
        said::GRAMMARS,
        said::FORMAT_DESCRIPTION,
    ];
    dropped.note_said(request, &lacking);
    dropped.note_unknown(request, |_| false);
}

/// Text files of the conversation stand beside it.
fn write_documents(o: &mut Object<'_>, request: &Request<'_>) {
    let files: Vec<(&File<'_>, String)> = request
        .turns
        .iter()
        .flat_map(|turn| &turn.blocks)
        .filter_map(|block| match block {
            Block::File(file) => Some((file, file_text(file)?)),
            _ => None,
        })
        .collect();
    if files.is_empty() {
        return;
    }
    o.array("documents", |a| {
        for (at, (file, text)) in files.iter().enumerate() {
            a.object(|o| {
                o.text("id", &format!("doc_{at}"));
                o.object("data", |o| {
                    o.text_if("title", file.name.as_deref());
                    o.text("text", text);
                });
            });
        }
    });
}

fn write_sampling(o: &mut Object<'_>, request: &Request<'_>, dropped: &mut Dropped) {
    let sampling = &request.sampling;
    o.uint_if("max_tokens", request.max_output.map(|bound| bound.tokens));
    o.number_if("temperature", sampling.temperature);
    o.number_if("p", sampling.top_p);
    o.uint_if("k", sampling.top_k);
    if let Some(seed) = sampling.seed {
        o.raw("seed", &seed.to_string());
    }
    for (name, penalty) in [
        ("frequency_penalty", sampling.frequency_penalty),
        ("presence_penalty", sampling.presence_penalty),
    ] {
        let beyond = penalty.is_some_and(|value| !(0.0..=1.0).contains(&value));
        dropped.note_if(beyond, name);
        o.number_if(name, penalty.map(|value| value.clamp(0.0, 1.0)));
    }
    dropped.note_if(request.stop.len() > STOPS_MAX, "stop");
    if !request.stop.is_empty() {
        o.array("stop_sequences", |a| {
            request
                .stop
                .iter()
                .take(STOPS_MAX)
                .for_each(|stop| a.text(stop));
        });
    }
    if sampling.logprobs == Some(true) {
        o.flag("logprobs", true);
    }
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
    let choice = request.tool_choice.as_ref();
    if !any {
        dropped.note_if(choice.is_some() && !request.tools.is_empty(), "tool_choice");
        return;
    }
    o.name("tools").extend_from_slice(&tools);
    if request.tools.iter().any(said::is_strict) {
        o.flag("strict_tools", true);
    }
    o.text_if("tool_choice", choice.and_then(choice_word));
}

fn write_format(o: &mut Object<'_>, format: Option<&Format<'_>>) {
    let schema = match format {
        None | Some(Format::Text) => return,
        Some(Format::JsonObject) => None,
        Some(Format::JsonSchema { schema, .. }) => Some(schema),
    };
    o.object("response_format", |o| {
        o.text("type", "json_object");
        o.raw_if("json_schema", schema.map(Raw::as_str));
    });
}

fn write_thinking(o: &mut Object<'_>, reasoning: &Reasoning<'_>) {
    if reasoning.is_unsaid() {
        return;
    }
    let off = reasoning.mode == Some(ReasoningMode::Disabled)
        || reasoning.budget == Some(0)
        || reasoning.budget.is_none() && reasoning.effort == Some(Effort::None);
    // Below zero: as the model likes.
    let budget = match reasoning.budget {
        Some(budget) => u64::try_from(budget).ok(),
        None => reasoning.effort.map(Effort::budget),
    };
    o.object("thinking", |o| {
        if off {
            o.text("type", "disabled");
        } else {
            o.text("type", "enabled");
            o.uint_if("token_budget", budget);
        }
    });
}
