//! The form between into a Messages request.

use std::borrow::Cow;

use super::JSON_TOOL;
use super::block_writer::{self, Blocks, keeps};
use super::claude::Claude;
use super::sampling;
use super::schema;
use super::thinking::ThoughtPlan;
use super::tool::{Choice, Chosen, write_cache, write_choice, write_tool};
use crate::ir::{
    Block, Dropped, Encoded, Format, Plan, Raw, Recall, Refusal, Request, Role, Shape, Text,
    ToolChoice, ToolKind, Turn, keep_last_marks, names, said, shape, with_extra,
};
use crate::json::write::{self, Object};

const SHAPE: Shape = Shape {
    ids: names::Rule::USUAL,
    names: names::Rule::USUAL,
    every_call_answered: true,
};

/// The most cache marks that are accepted.
const MARKS_MAX: usize = 4;
/// What makes a model without a better way answer in JSON.
const JSON_LINE: &str = "Respond with one JSON object and nothing else.";
/// The beginning of every such answer.
const JSON_START: &str = "{";
/// Said where nobody said anything: no conversation is without a turn.
const GO_ON: &str = "Continue.";

/// Writes a request as Anthropic reads it. What the model cannot take is left out or put in other
/// words, and told; a part of a message that has no form here is refused.
pub fn write_request(request: Request<'_>, plan: &Plan<'_>) -> Result<Encoded, Refusal> {
    block_writer::check(&request)?;
    let mut work = Work::new(request, plan);
    let own = work.plan.own_history;
    work.thought
        .fit(work.claude, &work.request, own, &mut work.dropped);
    work.plan_format();
    work.plan_tools();
    let cut = keep_last_marks(&mut work.request, &mut work.system, MARKS_MAX);
    work.dropped.note_if(cut, "cache_control");
    work.write()
}

/// Before anything is put elsewhere: what is nowhere said cannot be told any more.
fn note_unsayable(request: &Request<'_>, dropped: &mut Dropped) {
    let lacking = [
        said::N,
        said::SEED,
        said::PRESENCE_PENALTY,
        said::FREQUENCY_PENALTY,
        said::LOGPROBS,
        said::TOP_LOGPROBS,
        said::LOGIT_BIAS,
        said::MODALITIES,
        said::VERBOSITY,
        said::PROMPT_CACHE_KEY,
        said::METADATA,
        said::NAMES_OF_SPEAKERS,
        said::DETAIL,
        said::MARKS_ON_NOTHING,
        said::GRAMMARS,
        said::SEARCH_OPTIONS_BUT_PLACE,
        said::FORMAT_DESCRIPTION,
        said::SECOND_USER,
    ];
    dropped.note_said(request, &lacking);
    dropped.note_unknown(request, |_| false);
}

/// A request on its way.
struct Work<'a, 'p> {
    request: Request<'a>,
    plan: &'p Plan<'p>,
    claude: &'static Claude,
    dropped: Dropped,
    recall: Recall,
    system: Vec<Block<'a>>,
    thought: ThoughtPlan,
    /// The schema that the answer is held to.
    schema: Option<String>,
    /// The schema of the tool whose argument is the answer.
    json_tool: Option<Raw<'a>>,
    choice: Option<Choice<'a>>,
}

impl<'a, 'p> Work<'a, 'p> {
    fn new(mut request: Request<'a>, plan: &'p Plan<'p>) -> Work<'a, 'p> {
        let claude = Claude::of(plan.known_as());
        let mut dropped = Dropped::default();
        note_unsayable(&request, &mut dropped);
        let system = request.take_system();
        // Before turns are put together: one of which nothing stays leaves no gap.
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
        let max = request.max_output.map(|bound| bound.tokens);
        Work {
            thought: ThoughtPlan::of(claude, &request.reasoning, max, plan.streaming),
            request,
            plan,
            claude,
            dropped,
            recall,
            system,
            schema: None,
            json_tool: None,
            choice: None,
        }
    }

    fn plan_format(&mut self) {
        match self.request.format.take() {
            None | Some(Format::Text) => {}
            Some(Format::JsonObject) => {
                self.system.push(Block::text(JSON_LINE));
                let ends_with_user = self
                    .request
                    .turns
                    .last()
                    .is_some_and(|turn| turn.role == Role::User);
                if self.claude.prefill
                    && !self.thought.on
                    && ends_with_user
                    && self.request.tools.is_empty()
                {
                    self.recall.prefilled = Some(JSON_START);
                }
            }
            Some(Format::JsonSchema { schema, .. }) => {
                let adapted = self
                    .claude
                    .structured
                    .then(|| schema::adapt(schema.node()))
                    .flatten();
                if adapted.is_none() {
                    self.recall.json_tool = Some(JSON_TOOL);
                    self.json_tool = Some(schema);
                }
                self.schema = adapted;
            }
        }
    }

    fn plan_tools(&mut self) {
        let request = &mut self.request;
        if let Some(ToolChoice::Allowed { names, .. }) = &request.tool_choice {
            request.tools.retain(|tool| names.contains(&tool.name));
        }
        // Held to a schema, the answer is a call as well, and then no tool need be called.
        let loosened = matches!(
            request.tool_choice,
            Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. })
        );
        let loosened = loosened && self.json_tool.is_some() && !request.tools.is_empty();
        self.dropped.note_if(loosened, "tool_choice");
        let wish = match (
            &self.json_tool,
            request.tools.is_empty(),
            &request.tool_choice,
        ) {
            (None, true, _) => None,
            (None, false, wish) => wish.clone(),
            (Some(_), true, _) => Some(ToolChoice::Named(Cow::Borrowed(JSON_TOOL))),
            // A tool or the answer: both are calls here.
            (Some(_), false, Some(ToolChoice::None)) => {
                Some(ToolChoice::Named(Cow::Borrowed(JSON_TOOL)))
            }
            (Some(_), false, Some(choice @ ToolChoice::Named(_))) => Some(choice.clone()),
            (Some(_), false, _) => Some(ToolChoice::Required),
        };
        let chosen = Chosen::of(wish.as_ref(), self.claude, self.thought.on);
        self.choice = chosen.choice;
        self.system.extend(chosen.line.map(Block::text));
        self.dropped
            .note_if(chosen.weakened && self.json_tool.is_none(), "tool_choice");
    }

    fn write(mut self) -> Result<Encoded, Refusal> {
        let mut body = Vec::with_capacity(2048);
        let mut betas = Vec::new();
        write::object(&mut body, |o| {
            o.text("model", self.plan.model);
            o.uint("max_tokens", self.thought.max_tokens);
            self.write_system(o);
            self.write_turns(o, &mut betas);
            self.write_tools(o);
            self.write_sampling(o);
            self.write_rest(o);
        });
        let extra = self.request.extra_body.as_ref();
        let body = with_extra(body, extra, self.plan, &mut self.dropped);
        Ok(Encoded {
            body,
            betas,
            dropped: self.dropped.settle(self.plan)?,
            recall: self.recall,
        })
    }

    fn write_system(&self, o: &mut Object<'_>) {
        let marked = |block: &Block<'_>| matches!(block, Block::Text(Text { cache: Some(_), .. }));
        match &self.system[..] {
            [] => {}
            [
                Block::Text(Text {
                    text, cache: None, ..
                }),
            ] => o.text("system", text),
            blocks => o.array("system", |a| {
                for block in blocks {
                    let Block::Text(text) = block else {
                        continue;
                    };
                    a.object(|o| {
                        o.text("type", "text");
                        o.text("text", &text.text);
                        write_cache(o, text.cache.filter(|_| marked(block)));
                    });
                }
            }),
        }
    }

    fn write_turns(&mut self, o: &mut Object<'_>, betas: &mut Vec<&'static str>) {
        let mut blocks = Blocks { betas };
        let turns = &mut self.request.turns;
        if turns.iter().all(|turn| turn.blocks.is_empty()) {
            // Instructions alone are no conversation.
            turns.push(Turn::new(Role::User, vec![Block::text(GO_ON)]));
        }
        if let Some(last) = self
            .request
            .turns
            .last_mut()
            .filter(|turn| turn.role == Role::Assistant)
            && let Some(Block::Text(text)) = last.blocks.last_mut()
        {
            // A beginning that ends in a blank is refused.
            text.text = Cow::Owned(text.text.trim_end().to_owned());
            last.blocks.retain(|block| !block.is_empty());
        }
        o.array("messages", |a| {
            for turn in &self.request.turns {
                if turn.blocks.is_empty() {
                    continue;
                }
                let role = if turn.role == Role::Assistant {
                    "assistant"
                } else {
                    "user"
                };
                a.object(|o| {
                    o.text("role", role);
                    blocks.content(o, &turn.blocks);
                });
            }
            if let Some(start) = self.recall.prefilled {
                a.object(|o| {
                    o.text("role", "assistant");
                    o.text("content", start);
                });
            }
        });
    }

    fn write_tools(&mut self, o: &mut Object<'_>) {
        let mut tools = Vec::new();
        let mut any = false;
        write::array(&mut tools, |a| {
            for tool in &self.request.tools {
                let written = write_tool(a, tool, self.claude, &mut self.dropped);
                any |= written;
                self.dropped.note_if(!written, "tools");
            }
            if let Some(schema) = &self.json_tool {
                any = true;
                a.object(|o| {
                    o.text("name", JSON_TOOL);
                    o.text("description", "Give the answer.");
                    o.raw("input_schema", schema.as_str());
                });
            }
        });
        if any {
            o.name("tools").extend_from_slice(&tools);
            write_choice(o, self.choice.as_ref(), self.request.parallel_tools);
        } else {
            let forced = self.request.tool_choice.is_some() && !self.request.tools.is_empty();
            self.dropped.note_if(forced, "tool_choice");
        }
    }

    fn write_sampling(&mut self, o: &mut Object<'_>) {
        let chosen = sampling::Chosen::of(
            self.claude,
            self.thought.on,
            &self.request.sampling,
            &mut self.dropped,
        );
        o.number_if("temperature", chosen.temperature);
        o.number_if("top_p", chosen.top_p);
        o.uint_if("top_k", chosen.top_k);
        let mut stops = self
            .request
            .stop
            .iter()
            .filter(|stop| !stop.trim().is_empty())
            .peekable();
        if stops.peek().is_some() {
            o.array("stop_sequences", |a| stops.for_each(|stop| a.text(stop)));
        }
        let blank = self.request.stop.iter().any(|stop| stop.trim().is_empty());
        self.dropped.note_if(blank, "stop");
        if self.plan.streaming {
            o.flag("stream", true);
        }
    }

    fn write_rest(&mut self, o: &mut Object<'_>) {
        self.thought
            .write(o, self.request.reasoning.display.as_deref());
        if self.thought.effort.is_some() || self.schema.is_some() {
            o.object("output_config", |o| {
                o.text_if("effort", self.thought.effort.map(crate::ir::Effort::word));
                if let Some(schema) = &self.schema {
                    o.object("format", |o| {
                        o.text("type", "json_schema");
                        o.raw("schema", schema);
                    });
                }
            });
        }
        let user = self
            .request
            .user
            .as_deref()
            .or(self.request.safety_identifier.as_deref());
        if let Some(user) = user {
            o.object("metadata", |o| o.text("user_id", user));
        }
        match self.request.service_tier.as_deref() {
            None => {}
            Some("auto") => o.text("service_tier", "auto"),
            Some("default" | "standard_only") => o.text("service_tier", "standard_only"),
            Some(_) => self.dropped.note("service_tier"),
        }
        write_cache(o, self.request.cache);
    }
}
