//! The form between into a prediction's input.

use super::Inputs;
use crate::ir::files::place;
use crate::ir::{
    Block, Dropped, Effort, Encoded, Image, Plan, Recall, Refusal, Request, Role, Turn, media,
    said, with_extra,
};
use crate::json::Node;
use crate::json::write::{self, Object};

/// The names under which models take the answer's bound.
const BOUNDS: [&str; 4] = [
    "max_tokens",
    "max_new_tokens",
    "max_output_tokens",
    "max_completion_tokens",
];
/// The names under which they take instructions.
const INSTRUCTIONS: [&str; 2] = ["system_prompt", "system_instruction"];
/// The names under which they take pictures.
const IMAGES: [&str; 3] = ["image_input", "images", "image"];
/// The names under which they take where to stop.
const STOPS: [&str; 2] = ["stop_sequences", "stop"];
/// Writes a request for a model of which nothing is known: what most language models take.
pub fn write_request(request: Request<'_>, plan: &Plan<'_>) -> Result<Encoded, Refusal> {
    write_request_for(request, plan, None)
}

/// Writes a request for a model that takes these inputs. What it has none for is left out and told;
/// a part of a message that has no form here is refused.
pub fn write_request_for(
    mut request: Request<'_>,
    plan: &Plan<'_>,
    inputs: Option<&Inputs>,
) -> Result<Encoded, Refusal> {
    check(&request, inputs)?;
    let mut dropped = Dropped::default();
    note_unsayable(&request, &mut dropped);
    for turn in &mut request.turns {
        turn.blocks.retain(|block| !block.is_empty());
    }
    let mut body = Vec::with_capacity(1024);
    write::object(&mut body, |o| {
        // A version is asked for by its id; a model without one by its path.
        o.text_if(
            "version",
            plan.model.split_once(':').map(|(_, version)| version),
        );
        o.object("input", |o| {
            write_conversation(o, &mut request, inputs);
            write_images(o, &request, inputs);
            write_bounds(o, &request, inputs, &mut dropped);
            write_sampling(o, &request, inputs, &mut dropped);
            write_reasoning(o, &request, inputs, &mut dropped);
        });
        if plan.streaming {
            o.flag("stream", true);
        }
    });
    let body = with_extra(body, request.extra_body.as_ref(), plan, &mut dropped);
    Ok(Encoded {
        body,
        betas: Vec::new(),
        dropped: dropped.settle(plan)?,
        recall: Recall {
            model: plan.model.to_owned(),
            max_output: request.max_output.map(|bound| bound.tokens),
            ..Recall::default()
        },
    })
}

fn check(request: &Request<'_>, inputs: Option<&Inputs>) -> Result<(), Refusal> {
    let images = inputs.is_some_and(|inputs| inputs.first(&IMAGES).is_some());
    for (at, turn) in request.turns.iter().enumerate() {
        for (number, block) in turn.blocks.iter().enumerate() {
            let sayable = match block {
                Block::Text(_) | Block::Refusal(_) | Block::Thinking(_) => true,
                Block::Image(image) => {
                    images && turn.role == Role::User && media::to_url(&image.source).is_some()
                }
                // What an earlier model said is carried or left out.
                _ => turn.role == Role::Assistant,
            };
            let bad = match block {
                Block::ToolResult(_) => block
                    .with_parts()
                    .skip(1)
                    .find(|(_, part)| !matches!(part, Block::Text(_))),
                _ => Some((None, block)).filter(|_| !sayable),
            };
            if let Some((part, block)) = bad {
                let place = place(at, number, part);
                let takes = if images { "text and images" } else { "text" };
                let what = format!(
                    "{place}: the model takes no part of type {}; it takes {takes}",
                    block.kind()
                );
                return Err(Refusal::new(place, what));
            }
        }
    }
    Ok(())
}

fn note_unsayable(request: &Request<'_>, dropped: &mut Dropped) {
    let kept = |block: &Block<'_>| {
        let words = matches!(
            block,
            Block::Text(_) | Block::Refusal(_) | Block::Thinking(_)
        );
        words || matches!(block, Block::Image(_) | Block::ToolResult(_))
    };
    let assistant = |turn: &&Turn<'_>| turn.role == Role::Assistant;
    let mut own = request
        .turns
        .iter()
        .filter(assistant)
        .flat_map(|turn| &turn.blocks);
    let formed = !matches!(request.format, None | Some(crate::ir::Format::Text));
    let tools = !request.tools.is_empty();
    for (there, param) in [
        (tools, "tools"),
        (tools && request.tool_choice.is_some(), "tool_choice"),
        (formed, "response_format"),
        (own.any(|block| !kept(block)), "messages"),
    ] {
        dropped.note_if(there, param);
    }
    let lacking = [
        said::N,
        said::ONE_CALL_AT_A_TIME,
        said::LOGPROBS,
        said::SOME_TOP_LOGPROBS,
        said::USER,
        said::LOGIT_BIAS,
        said::MODALITIES,
        said::VERBOSITY,
        said::PROMPT_CACHE_KEY,
        said::SERVICE_TIER,
        said::METADATA,
        said::NAMES_OF_SPEAKERS,
        said::CACHE_MARKS,
        said::DETAIL,
        said::FAILED_RESULTS,
    ];
    dropped.note_said(request, &lacking);
    dropped.note_unknown(request, |_| false);
}

/// What a turn says in words.
fn words(turn: &Turn<'_>) -> String {
    let words = turn.blocks.iter().filter_map(|block| match block {
        Block::Text(text) => Some(text.text.to_string()),
        Block::Refusal(text) => Some(text.to_string()),
        Block::ToolResult(result) => {
            Some(format!("[tool result {}]: {}", result.id, result.text()))
        }
        _ => None,
    });
    words.collect::<Vec<_>>().join("\n")
}

fn role(turn: &Turn<'_>) -> &'static str {
    match turn.role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

fn write_conversation(o: &mut Object<'_>, request: &mut Request<'_>, inputs: Option<&Inputs>) {
    if inputs.is_some_and(|inputs| inputs.has("messages")) {
        return o.array("messages", |a| {
            for turn in &request.turns {
                a.object(|o| {
                    o.text("role", role(turn));
                    o.text("content", &words(turn));
                });
            }
        });
    }
    let own_place = inputs.and_then(|inputs| inputs.first(&INSTRUCTIONS));
    if let Some(name) = own_place {
        let system = request.take_system();
        let text = crate::ir::join_texts(&system, "\n");
        o.text_if(name, Some(&*text).filter(|text| !text.is_empty()));
    }
    o.text("prompt", &prompt(&request.turns, inputs.is_some()));
}

/// The conversation as lines. A lone question to a model that is known stands bare.
fn prompt(turns: &[Turn<'_>], known: bool) -> String {
    if let ([turn], true) = (turns, known)
        && turn.role == Role::User
    {
        return words(turn);
    }
    let lines = turns
        .iter()
        .map(|turn| format!("{}: {}\n", role(turn), words(turn)));
    lines.chain(["assistant: ".to_owned()]).collect()
}

fn write_images(o: &mut Object<'_>, request: &Request<'_>, inputs: Option<&Inputs>) {
    let urls = request
        .turns
        .iter()
        .flat_map(|turn| &turn.blocks)
        .filter_map(|block| match block {
            Block::Image(Image { source, .. }) => media::to_url(source),
            _ => None,
        });
    let urls: Vec<_> = urls.collect();
    let Some((inputs, name)) = inputs.and_then(|inputs| Some((inputs, inputs.first(&IMAGES)?)))
    else {
        return;
    };
    match urls.last() {
        None => {}
        Some(_) if inputs.is_list(name) => {
            o.array(name, |a| urls.iter().for_each(|url| a.text(url)));
        }
        Some(last) => o.text(name, last),
    }
}

fn write_bounds(
    o: &mut Object<'_>,
    request: &Request<'_>,
    inputs: Option<&Inputs>,
    dropped: &mut Dropped,
) {
    if let Some(bound) = request.max_output {
        let name = inputs.map_or(Some("max_tokens"), |inputs| inputs.first(&BOUNDS));
        let said = if bound.completion {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        dropped.note_if(name.is_none(), said);
        o.uint_if(name.unwrap_or_default(), name.map(|_| bound.tokens));
    }
    if request.stop.is_empty() {
        return;
    }
    match inputs.map_or(Some("stop_sequences"), |inputs| inputs.first(&STOPS)) {
        None => dropped.note("stop"),
        Some(name) if inputs.is_some_and(|inputs| inputs.is_list(name)) => {
            o.array(name, |a| request.stop.iter().for_each(|stop| a.text(stop)));
        }
        // One text, with commas between.
        Some(name) => {
            dropped.note_if(request.stop.iter().any(|stop| stop.contains(',')), "stop");
            o.text(name, &request.stop.join(","));
        }
    }
}

fn write_sampling(
    o: &mut Object<'_>,
    request: &Request<'_>,
    inputs: Option<&Inputs>,
    dropped: &mut Dropped,
) {
    let sampling = &request.sampling;
    let mut values = Vec::new();
    write::object(&mut values, |o| {
        o.number_if("temperature", sampling.temperature);
        o.number_if("top_p", sampling.top_p);
        o.uint_if("top_k", sampling.top_k);
        o.raw_if(
            "seed",
            sampling.seed.map(|seed| seed.to_string()).as_deref(),
        );
        o.number_if("presence_penalty", sampling.presence_penalty);
        o.number_if("frequency_penalty", sampling.frequency_penalty);
    });
    let values = String::from_utf8(values).unwrap_or_default();
    for (name, value) in Node::of(&values).members() {
        if inputs.is_none_or(|inputs| inputs.has(&name)) {
            o.raw(&name, value.raw());
        } else {
            dropped.note(name.into_owned());
        }
    }
}

fn write_reasoning(
    o: &mut Object<'_>,
    request: &Request<'_>,
    inputs: Option<&Inputs>,
    dropped: &mut Dropped,
) {
    let reasoning = &request.reasoning;
    if reasoning.is_unsaid() {
        return;
    }
    let budget = reasoning
        .budget
        .and_then(|budget| u64::try_from(budget).ok());
    let effort = budget.map(Effort::of_budget).or(reasoning.effort);
    match (inputs, effort) {
        (Some(inputs), Some(effort)) if inputs.has("reasoning_effort") => {
            o.text("reasoning_effort", effort.word());
        }
        (Some(inputs), Some(effort)) if inputs.has("thinking_budget") => {
            o.uint("thinking_budget", budget.unwrap_or(effort.budget()));
        }
        (_, Some(Effort::None)) => {}
        _ => dropped.note("reasoning_effort"),
    }
}
