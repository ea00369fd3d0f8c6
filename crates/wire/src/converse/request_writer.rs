//! The form between into a Converse request.

use std::borrow::Cow;

use super::FIELDS;
use super::block_writer::{self, Blocks, is_blank, is_lost, keeps, write_mark};
use super::document::Names;
use super::family::{Caches, Family, Takes, TopK};
use super::fields::{write_notes, write_schema, write_tier, write_unless_empty};
use super::thinking::Thoughts;
use super::tool::{has_calls, of_object, write_choice, write_remembered, write_spec, write_tool};
use crate::anthropic::{Choice, Chosen, ChosenSampling, Claude, JSON_TOOL, adapt_schema};
use crate::ir::{
    Block, CacheMark, Dropped, Encoded, Format, Plan, Raw, Recall, Refusal, Request, Role, Shape,
    Text, ToolChoice, ToolKind, Turn, keep_last_marks, names, said, shape, with_extra,
};
use crate::json::write::{self, Object};

const SHAPE: Shape = Shape {
    ids: names::Rule {
        also: b"_-.:",
        ..names::Rule::USUAL
    },
    names: names::Rule::USUAL,
    every_call_answered: true,
};

/// The most cache marks that are accepted.
const MARKS_MAX: usize = 4;
/// What makes a model answer in JSON.
const JSON_LINE: &str = "Respond with one JSON object and nothing else.";
/// What makes a model that cannot be forced answer through the tool.
const CALL_LINE: &str = "Give your answer by calling the tool json_output.";
/// What keeps a model from its tools that must be shown them.
const NO_CALLS_LINE: &str = "Do not call tools.";
/// Said in a user's turn where there has to be one.
const GO_ON: &str = "Continue.";

/// Writes a request as Converse reads it. What the model cannot take is left out or put in other
/// words, and told; a part of a message that has no form here is refused. The model and whether the
/// answer is a stream stand in the path, not here.
pub fn write_request(request: Request<'_>, plan: &Plan<'_>) -> Result<Encoded, Refusal> {
    let family = Family::of(plan.known_as());
    block_writer::check(&request, family)?;
    let mut work = Work::new(request, plan, family);
    work.plan_format();
    work.plan_tools();
    work.settle_turns();
    work.limit_marks();
    work.write()
}

/// Before anything is put elsewhere: what is nowhere said cannot be told any more.
fn note_unsayable(request: &Request<'_>, family: &Family, dropped: &mut Dropped) {
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
        said::NAMES_OF_SPEAKERS,
        said::DETAIL,
        said::MARKS_ON_BLANKS,
        said::GRAMMARS,
        said::SEARCH_OPTIONS,
        said::SECOND_USER,
    ];
    dropped.note_said(request, &lacking);
    if !family.takes(Takes::Status) {
        dropped.note_said(request, &[said::FAILED_RESULTS]);
    }
    for name in said::pieces_of_films(request) {
        dropped.note(name);
    }
    dropped.note_unknown(request, |_| false);
}

/// A request on its way.
struct Work<'a, 'p> {
    request: Request<'a>,
    plan: &'p Plan<'p>,
    family: &'static Family,
    claude: Option<&'static Claude>,
    dropped: Dropped,
    recall: Recall,
    system: Vec<Block<'a>>,
    thoughts: Thoughts,
    /// The schema that the answer is held to, with its name and description.
    schema: Option<(Cow<'a, str>, Option<Cow<'a, str>>, String)>,
    /// The schema of the tool whose argument is the answer.
    json_tool: Option<Raw<'a>>,
    choice: Option<Choice<'a>>,
}

impl<'a, 'p> Work<'a, 'p> {
    fn new(mut request: Request<'a>, plan: &'p Plan<'p>, family: &'static Family) -> Work<'a, 'p> {
        let claude = Claude::of(plan.known_as());
        let mut dropped = Dropped::default();
        note_unsayable(&request, family, &mut dropped);
        let mut system = request.take_system();
        system.retain(|block| keeps(block, false));
        let replays = plan.own_history && family.takes(Takes::Replay);
        // Before turns are put together: one of which nothing stays leaves no gap.
        for turn in &mut request.turns {
            dropped.note_if(turn.blocks.iter().any(is_lost), "messages");
            turn.blocks.retain(|block| keeps(block, replays));
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
        Work {
            thoughts: Thoughts::of(family, claude, &request, plan, &mut dropped),
            claude: (family.reasons == super::Reasons::Claude).then_some(claude),
            request,
            plan,
            family,
            dropped,
            recall,
            system,
            schema: None,
            json_tool: None,
            choice: None,
        }
    }

    /// Whether answers and calls can be held to a schema.
    fn holds(&self) -> bool {
        self.claude
            .map_or(self.family.takes(Takes::Schema), |claude| claude.structured)
    }

    fn plan_format(&mut self) {
        match self.request.format.take() {
            None | Some(Format::Text) => {}
            Some(Format::JsonObject) => self.system.push(Block::text(JSON_LINE)),
            Some(Format::JsonSchema {
                name,
                description,
                schema,
                ..
            }) => {
                let adapted = self.holds().then(|| adapt_schema(schema.node())).flatten();
                match adapted {
                    Some(adapted) => self.schema = Some((name, description, adapted)),
                    None if self.family.takes(Takes::Tools) => {
                        let untold = said::FORMAT_DESCRIPTION.0;
                        self.dropped.note_if(description.is_some(), untold);
                        self.recall.json_tool = Some(JSON_TOOL);
                        self.json_tool = Some(schema);
                    }
                    None => {
                        let line =
                            format!("{JSON_LINE} Its JSON schema: {}", schema.node().compact());
                        self.system.push(Block::text(line));
                        self.dropped.note("response_format");
                    }
                }
            }
        }
    }

    fn plan_tools(&mut self) {
        let request = &mut self.request;
        if !self.family.takes(Takes::Tools) {
            self.dropped.note_if(!request.tools.is_empty(), "tools");
            let chosen = request.tool_choice.is_some();
            self.dropped
                .note_if(chosen && !request.tools.is_empty(), "tool_choice");
            request.tools.clear();
            return;
        }
        if let Some(ToolChoice::Allowed { names, .. }) = &request.tool_choice {
            request.tools.retain(|tool| names.contains(&tool.name));
        }
        // Tools that must not be called need not be known, unless they were.
        if request.tool_choice == Some(ToolChoice::None) {
            if has_calls(request) {
                self.system.push(Block::text(NO_CALLS_LINE));
            } else {
                request.tools.clear();
            }
            request.tool_choice = None;
        }
        // Held to a schema, the answer is a call as well, and then no tool need be called.
        let loosened = matches!(
            request.tool_choice,
            Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. })
        );
        let loosened = loosened && self.json_tool.is_some() && !request.tools.is_empty();
        self.dropped.note_if(loosened, "tool_choice");
        let json = self.json_tool.is_some();
        let wish = match (json, request.tools.is_empty(), &request.tool_choice) {
            (false, true, _) => None,
            (false, false, wish) => wish.clone(),
            (true, false, Some(choice @ ToolChoice::Named(_))) => Some(choice.clone()),
            (true, true, _) => Some(ToolChoice::Named(Cow::Borrowed(JSON_TOOL))),
            // A tool or the answer: both are calls here.
            (true, false, _) => Some(ToolChoice::Required),
        };
        self.choose(wish.as_ref());
    }

    fn choose(&mut self, wish: Option<&ToolChoice<'a>>) {
        let json = self.json_tool.is_some();
        if let Some(claude) = self.claude {
            let chosen = Chosen::of(wish, claude, self.thoughts.on());
            self.choice = chosen.choice;
            self.system.extend(chosen.line.map(Block::text));
            self.dropped
                .note_if(chosen.weakened && !json, "tool_choice");
            return;
        }
        self.choice = match wish {
            _ if !self.family.takes(Takes::ForcedTools) => None,
            None => None,
            Some(ToolChoice::Named(name)) => Some(Choice::Tool(name.clone())),
            Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => {
                Some(Choice::Any)
            }
            Some(_) => Some(Choice::Auto),
        };
        let forced = !matches!(
            wish,
            None | Some(
                ToolChoice::Auto
                    | ToolChoice::Allowed {
                        required: false,
                        ..
                    }
            )
        );
        if forced && self.choice.is_none() {
            let lost = if json {
                "response_format"
            } else {
                "tool_choice"
            };
            self.dropped.note(lost);
            let named = matches!(self.request.tool_choice, Some(ToolChoice::Named(_)));
            self.dropped.note_if(named, "tool_choice");
            self.system.extend(json.then(|| Block::text(CALL_LINE)));
        }
    }

    /// A conversation begins and ends with the user. What instructs a model that has no place for
    /// that stands before its first words.
    fn settle_turns(&mut self) {
        let family = self.family;
        let turns = &mut self.request.turns;
        let user = |blocks| Turn::new(Role::User, blocks);
        if turns.first().is_none_or(|turn| turn.role != Role::User) {
            turns.insert(0, user(vec![Block::text(GO_ON)]));
        }
        if !family.takes(Takes::System)
            && let Some(first) = turns.first_mut()
        {
            first.blocks.splice(0..0, self.system.drain(..));
        }
        let Some(last) = turns.last_mut().filter(|turn| turn.role == Role::Assistant) else {
            return;
        };
        if let Some(Block::Text(text)) = last.blocks.last_mut() {
            // A beginning that ends in a blank is refused.
            text.text = Cow::Owned(text.text.trim_end().to_owned());
        }
        let may_begin = self
            .claude
            .map_or(family.takes(Takes::Prefill), |claude| claude.prefill);
        if !may_begin {
            turns.push(user(vec![Block::text(GO_ON)]));
        }
    }

    fn limit_marks(&mut self) {
        // Within a result there is no place for one.
        for block in self
            .request
            .turns
            .iter_mut()
            .flat_map(|turn| &mut turn.blocks)
        {
            if let Block::ToolResult(result) = block {
                let marks = result.parts.iter_mut().filter_map(Block::cache_mut);
                let marks: Vec<CacheMark> = marks.filter_map(Option::take).collect();
                let several = marks.len() + usize::from(result.cache.is_some()) > 1;
                self.dropped.note_if(several, "cache_control");
                result.cache = result.cache.or(marks.last().copied());
            }
        }
        if self.family.caches != Caches::Everywhere {
            let mut turns = self.request.turns.iter().flat_map(|turn| &turn.blocks);
            let long = |block: &Block<'_>| block.cache() == Some(CacheMark::OneHour);
            let lost = turns.any(long) || self.system.iter().any(long);
            self.dropped.note_if(lost, "cache_control");
            for tool in &mut self.request.tools {
                let lost = tool.cache.take().is_some();
                self.dropped.note_if(lost, "cache_control");
            }
        }
        // A mark for the whole is one behind its last block.
        let last = self.request.turns.last_mut();
        let slot = last.and_then(|turn| turn.blocks.last_mut()?.cache_mut());
        if let Some(mark) = self.request.cache.take() {
            let stands = slot.is_some_and(|slot| *slot.get_or_insert(mark) == mark);
            self.dropped.note_if(!stands, "cache_control");
        }
        let most = if self.family.caches == Caches::No {
            0
        } else {
            MARKS_MAX
        };
        let cut = keep_last_marks(&mut self.request, &mut self.system, most);
        self.dropped.note_if(cut, "cache_control");
    }

    fn write(mut self) -> Result<Encoded, Refusal> {
        let mut body = Vec::with_capacity(2048);
        write::object(&mut body, |o| {
            self.write_turns(o);
            self.write_system(o);
            self.write_inference(o);
            self.write_tools(o);
            self.write_fields(o);
            self.write_rest(o);
        });
        let extra = self.request.extra_body.as_ref();
        let body = with_extra(body, extra, self.plan, &mut self.dropped);
        Ok(Encoded {
            body,
            betas: Vec::new(),
            dropped: self.dropped.settle(self.plan)?,
            recall: self.recall,
        })
    }

    fn write_turns(&self, o: &mut Object<'_>) {
        let mut blocks = Blocks {
            family: self.family,
            names: Names::default(),
        };
        o.array("messages", |a| {
            for turn in self
                .request
                .turns
                .iter()
                .filter(|turn| !turn.blocks.is_empty())
            {
                let role = if turn.role == Role::Assistant {
                    "assistant"
                } else {
                    "user"
                };
                a.object(|o| {
                    o.text("role", role);
                    o.array("content", |a| blocks.content(a, &turn.blocks));
                });
            }
        });
    }

    fn write_system(&self, o: &mut Object<'_>) {
        let texts = |block: &Block<'a>| match block {
            Block::Text(Text { text, cache, .. }) => Some((text.clone(), *cache)),
            _ => None,
        };
        let texts: Vec<(Cow<'_, str>, Option<CacheMark>)> =
            self.system.iter().filter_map(texts).collect();
        if texts.is_empty() {
            return;
        }
        o.array("system", |a| {
            for (text, mark) in texts {
                a.object(|o| o.text("text", &text));
                write_mark(a, mark, self.family.caches);
            }
        });
    }

    fn write_inference(&mut self, o: &mut Object<'_>) {
        let asked = self.request.max_output.map(|bound| bound.tokens);
        let max = match &self.thoughts {
            Thoughts::Claude(plan) => Some(plan.max_tokens),
            _ => asked,
        };
        let sampling = self.sampling();
        let free = !self.thoughts.unbounded();
        self.dropped.note_if(!free && max.is_some(), "max_tokens");
        let stop: Vec<_> = self
            .request
            .stop
            .iter()
            .filter(|stop| !is_blank(stop))
            .collect();
        self.dropped
            .note_if(stop.len() < self.request.stop.len(), "stop");
        write_unless_empty(o, "inferenceConfig", |o| {
            o.uint_if("maxTokens", max.filter(|_| free));
            o.number_if("temperature", sampling.temperature);
            o.number_if("topP", sampling.top_p);
            if !stop.is_empty() {
                o.array("stopSequences", |a| {
                    for stop in stop {
                        a.text(stop);
                    }
                });
            }
        });
    }

    /// How tokens are chosen, but for the number of likely ones.
    fn sampling(&mut self) -> ChosenSampling {
        let wish = &self.request.sampling;
        if let Some(claude) = self.claude {
            return ChosenSampling::of(claude, self.thoughts.on(), wish, &mut self.dropped);
        }
        if self.thoughts.unbounded() {
            self.dropped
                .note_if(wish.temperature.is_some(), "temperature");
            self.dropped.note_if(wish.top_p.is_some(), "top_p");
            return ChosenSampling::default();
        }
        let hottest = if self.family.takes(Takes::UnitTemperature) {
            1.0
        } else {
            f64::INFINITY
        };
        let hot = wish.temperature.is_some_and(|value| value > hottest);
        self.dropped.note_if(hot, "temperature");
        ChosenSampling {
            temperature: wish.temperature.map(|value| value.clamp(0.0, hottest)),
            top_p: wish.top_p,
            top_k: None,
        }
    }

    fn write_tools(&mut self, o: &mut Object<'_>) {
        let holds = self.holds();
        let mut tools = Vec::new();
        let mut any = false;
        write::array(&mut tools, |a| {
            for tool in &self.request.tools {
                let written = write_tool(a, tool, self.family, holds, &mut self.dropped);
                any |= written;
                self.dropped.note_if(!written, "tools");
            }
            if let Some(schema) = &self.json_tool {
                any = true;
                let schema = of_object(schema.node());
                write_spec(a, JSON_TOOL, Some("Give the answer."), &schema, false);
            }
            if !any && self.family.takes(Takes::Tools) {
                any = write_remembered(a, &self.request);
                self.choice = None;
            }
        });
        if !any {
            return;
        }
        let choice = self.choice.as_ref().filter(|_| !self.one_at_a_time());
        o.object("toolConfig", |o| {
            o.name("tools").extend_from_slice(&tools);
            if let Some(choice) = choice {
                write_choice(o, choice);
            }
        });
    }

    /// Whether calls one at a time are asked for in a way that leaves no place for a choice here.
    fn one_at_a_time(&self) -> bool {
        self.request.parallel_tools == Some(false)
            && self.claude.is_some()
            && !self.request.tools.is_empty()
            && matches!(self.choice, None | Some(Choice::Auto))
    }

    /// What only the model knows.
    fn write_fields(&mut self, o: &mut Object<'_>) {
        let one_at_a_time = self.one_at_a_time();
        let unheard = self.request.parallel_tools == Some(false)
            && !self.request.tools.is_empty()
            && !one_at_a_time;
        self.dropped.note_if(unheard, "parallel_tool_calls");
        let top_k = self.top_k();
        let user = self.user().filter(|_| self.claude.is_some());
        let display = self.request.reasoning.display.as_deref();
        write_unless_empty(o, FIELDS, |o| {
            self.thoughts.write(o, display);
            match (self.family.top_k, top_k) {
                (TopK::Field(name), Some(top_k)) => o.uint(name, top_k),
                (TopK::Nested(name), Some(top_k)) => {
                    o.object("inferenceConfig", |o| o.uint(name, top_k));
                }
                _ => {}
            }
            if one_at_a_time {
                o.object("tool_choice", |o| {
                    o.text("type", "auto");
                    o.flag("disable_parallel_tool_use", true);
                });
            }
            if let Some(user) = user {
                o.object("metadata", |o| o.text("user_id", user));
            }
        });
    }

    fn top_k(&mut self) -> Option<u64> {
        let wish = &self.request.sampling;
        if let Some(claude) = self.claude {
            // What is lost was told when the others were chosen.
            let mut told = Dropped::default();
            return ChosenSampling::of(claude, self.thoughts.on(), wish, &mut told).top_k;
        }
        let top_k = wish.top_k.filter(|_| self.family.top_k != TopK::No);
        self.dropped
            .note_if(wish.top_k.is_some() && top_k.is_none(), "top_k");
        top_k
    }

    fn user(&self) -> Option<&str> {
        let request = &self.request;
        request
            .user
            .as_deref()
            .or(request.safety_identifier.as_deref())
    }

    fn write_rest(&mut self, o: &mut Object<'_>) {
        let effort = self.thoughts.told_effort();
        write_unless_empty(o, "outputConfig", |o| {
            o.text_if("effort", effort);
            if let Some((name, description, schema)) = &self.schema {
                write_schema(o, name, description.as_deref(), schema);
            }
        });
        let mut dropped = std::mem::take(&mut self.dropped);
        let user = self.user().filter(|_| self.claude.is_none());
        write_notes(o, &self.request, user, &mut dropped);
        write_tier(o, self.request.service_tier.as_deref(), &mut dropped);
        self.dropped = dropped;
    }
}
