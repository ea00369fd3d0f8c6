//! The form between into a chat request, for doors whose calls go to a vendor of this dialect.

use super::part::write_part;
use super::tool::{write_call, write_choice, write_tool};
use crate::ir::{
    Block, Dropped, Encoded, Format, Plan, Raw, Recall, Refusal, Request, Role, ToolCall,
    ToolResult, Turn, join_texts,
};
use crate::json::write::{self, Array, Object};

/// Writes a request as an OpenAI-like vendor reads it.
///
/// Reasoning of earlier turns stays behind: this dialect has no place for it that every vendor
/// accepts. The vendor's row still has its say about single fields.
pub fn write_request(mut request: Request<'_>, plan: &Plan<'_>) -> Result<Encoded, Refusal> {
    let mut dropped = Dropped::default();
    for turn in &mut request.turns {
        turn.blocks.retain(|block| !block.is_empty());
    }
    let mut body = Vec::with_capacity(1024);
    write::object(&mut body, |o| {
        o.text("model", plan.model);
        o.array("messages", |a| {
            request
                .turns
                .iter()
                .for_each(|turn| write_turn(a, turn, &mut dropped));
        });
        write_bounds(o, &request);
        write_sampling(o, &request);
        write_tools(o, &request, &mut dropped);
        write_rest(o, &request);
    });
    dropped.note_unknown(&request, |_| false);
    Ok(Encoded {
        body,
        betas: Vec::new(),
        dropped: dropped.settle(plan)?,
        recall: Recall {
            model: plan.model.to_owned(),
            ..Recall::default()
        },
    })
}

fn write_bounds(o: &mut Object<'_>, request: &Request<'_>) {
    if let Some(bound) = request.max_output {
        let name = if bound.completion {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        o.uint(name, bound.tokens);
    }
    if !request.stop.is_empty() {
        o.array("stop", |a| {
            request.stop.iter().for_each(|stop| a.text(stop));
        });
    }
    if request.stream {
        o.flag("stream", true);
        // Metered always, whoever asked.
        o.object("stream_options", |o| o.flag("include_usage", true));
    }
}

fn write_sampling(o: &mut Object<'_>, request: &Request<'_>) {
    let sampling = &request.sampling;
    o.number_if("temperature", sampling.temperature);
    o.number_if("top_p", sampling.top_p);
    o.uint_if("top_k", sampling.top_k);
    o.uint_if("n", sampling.n);
    if let Some(seed) = sampling.seed {
        o.raw("seed", &seed.to_string());
    }
    o.number_if("presence_penalty", sampling.presence_penalty);
    o.number_if("frequency_penalty", sampling.frequency_penalty);
    o.flag_if("logprobs", sampling.logprobs);
    o.uint_if("top_logprobs", sampling.top_logprobs);
    o.raw_if("logit_bias", sampling.logit_bias.as_ref().map(Raw::as_str));
}

fn write_tools(o: &mut Object<'_>, request: &Request<'_>, dropped: &mut Dropped) {
    let mut any = false;
    let mut tools = Vec::new();
    write::array(&mut tools, |a| {
        for tool in &request.tools {
            let written = write_tool(a, tool);
            any |= written;
            dropped.note_if(!written, "tools");
        }
    });
    if !any {
        return;
    }
    o.name("tools").extend_from_slice(&tools);
    if let Some(choice) = &request.tool_choice {
        write_choice(o.name("tool_choice"), choice);
    }
    o.flag_if("parallel_tool_calls", request.parallel_tools);
}

fn write_rest(o: &mut Object<'_>, request: &Request<'_>) {
    match &request.format {
        None => {}
        Some(Format::Text) => o.object("response_format", |o| o.text("type", "text")),
        Some(Format::JsonObject) => o.object("response_format", |o| o.text("type", "json_object")),
        Some(Format::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) => o.object("response_format", |o| {
            o.text("type", "json_schema");
            o.object("json_schema", |o| {
                o.text("name", name);
                o.text_if("description", description.as_deref());
                o.raw("schema", schema.as_str());
                o.flag_if("strict", *strict);
            });
        }),
    }
    let effort = request.reasoning.effort.or_else(|| {
        let budget = u64::try_from(request.reasoning.budget?).ok()?;
        Some(crate::ir::Effort::of_budget(budget))
    });
    o.text_if("reasoning_effort", effort.map(crate::ir::Effort::word));
    o.text_if("verbosity", request.verbosity.as_deref());
    o.text_if("user", request.user.as_deref());
    o.text_if("safety_identifier", request.safety_identifier.as_deref());
    o.text_if("prompt_cache_key", request.prompt_cache_key.as_deref());
    o.text_if("service_tier", request.service_tier.as_deref());
    o.raw_if("metadata", request.metadata.as_ref().map(Raw::as_str));
    if !request.modalities.is_empty() {
        o.array("modalities", |a| {
            request.modalities.iter().for_each(|word| a.text(word));
        });
    }
}

fn write_turn(a: &mut Array<'_>, turn: &Turn<'_>, dropped: &mut Dropped) {
    match turn.role {
        Role::System => write_message(a, "system", turn, dropped),
        Role::Developer => write_message(a, "developer", turn, dropped),
        Role::User => write_user(a, turn, dropped),
        Role::Assistant => write_assistant(a, turn),
    }
}

/// Results first, each a message of its own, then what the user says.
fn write_user(a: &mut Array<'_>, turn: &Turn<'_>, dropped: &mut Dropped) {
    let mut said = Vec::new();
    for block in &turn.blocks {
        match block {
            Block::ToolResult(result) => write_result(a, result),
            other => said.push(other),
        }
    }
    // A result is words here; its pictures follow as if the user had shown them.
    let mut shown = Vec::new();
    for block in &turn.blocks {
        let Block::ToolResult(result) = block else {
            continue;
        };
        let mut others = result
            .parts
            .iter()
            .filter(|part| !matches!(part, Block::Text(_)))
            .peekable();
        if others.peek().is_some() {
            shown.push(Block::text(format!("Result of {}:", result.id)));
            shown.extend(others.cloned());
        }
    }
    let blocks: Vec<_> = shown.iter().chain(said).collect();
    if !blocks.is_empty() {
        a.object(|o| {
            o.text("role", "user");
            write_content(o, &blocks, dropped);
            o.text_if("name", turn.name.as_deref());
        });
    }
}

fn write_result(a: &mut Array<'_>, result: &ToolResult<'_>) {
    a.object(|o| {
        o.text("role", "tool");
        o.text("tool_call_id", &result.id);
        let text = result.text();
        if result.is_error {
            o.text("content", &format!("Error: {text}"));
        } else {
            o.text("content", &text);
        }
    });
}

fn write_message(a: &mut Array<'_>, role: &str, turn: &Turn<'_>, dropped: &mut Dropped) {
    let blocks: Vec<_> = turn.blocks.iter().collect();
    if blocks.is_empty() {
        return;
    }
    a.object(|o| {
        o.text("role", role);
        write_content(o, &blocks, dropped);
        o.text_if("name", turn.name.as_deref());
    });
}

/// One text stays a string.
fn write_content(o: &mut Object<'_>, blocks: &[&Block<'_>], dropped: &mut Dropped) {
    if let [Block::Text(text)] = blocks {
        return o.text("content", &text.text);
    }
    o.array("content", |a| {
        for block in blocks {
            dropped.note_if(!write_part(a, block), "messages");
        }
    });
}

fn write_assistant(a: &mut Array<'_>, turn: &Turn<'_>) {
    let text = join_texts(&turn.blocks, "");
    let calls: Vec<&ToolCall<'_>> = turn
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::ToolCall(call) => Some(call),
            _ => None,
        })
        .collect();
    let refusal = turn.blocks.iter().find_map(|block| match block {
        Block::Refusal(text) => Some(text),
        _ => None,
    });
    // Reasoning alone is nothing that could be said here.
    if text.is_empty() && calls.is_empty() && refusal.is_none() {
        return;
    }
    a.object(|o| {
        o.text("role", "assistant");
        if text.is_empty() {
            o.raw("content", "null");
        } else {
            o.text("content", &text);
        }
        o.text_if("refusal", refusal.map(AsRef::as_ref));
        o.text_if("name", turn.name.as_deref());
        if !calls.is_empty() {
            o.array("tool_calls", |a| {
                for call in &calls {
                    a.object(|o| write_call(o, call));
                }
            });
        }
    });
}
