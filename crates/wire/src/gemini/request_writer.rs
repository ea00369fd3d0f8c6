//! The form between into a `generateContent` request. The model stands in the path, not here.

use super::extra::{Extra, voice};
use super::model::{Gemini, Home};
use super::part_writer::{Pen, check, keeps};
use super::thinking::Thought;
use super::tool::{
    filled, in_words, is_function, is_sayable, unknown_settings, write_choice, write_form,
    write_tools,
};
use crate::ir::{
    Block, Dropped, Encoded, Format, Plan, Recall, Refusal, Request, Shape, ToolKind, names, said,
    shape,
};
use crate::json::write::{self, Object};

const SHAPE: Shape = Shape {
    ids: names::Rule {
        also: b"_-.:",
        max: 256,
        starts_like_a_word: false,
    },
    names: names::Rule {
        also: b"_-.",
        max: 64,
        starts_like_a_word: true,
    },
    every_call_answered: true,
};

/// The most texts at which an answer may stop.
const STOPS_MAX: usize = 5;

/// What has no word here.
const LACKING: [said::Said; 14] = [
    said::NAMES_OF_SPEAKERS,
    said::ONE_CALL_AT_A_TIME,
    said::LOGIT_BIAS,
    said::VERBOSITY,
    said::PROMPT_CACHE_KEY,
    said::METADATA,
    said::CACHE_MARKS,
    said::FILE_NAMES,
    said::FILE_CONTEXTS,
    said::CITED_FILES,
    said::STRICT_TOOLS,
    said::GRAMMARS,
    said::SEARCH_OPTIONS,
    said::FORMAT_DESCRIPTION,
];

/// Writes a request as Gemini reads it. What the model cannot take is left out or put in other
/// words, and told; a part of a message that has no form here is refused.
pub fn write_request(
    request: Request<'_>,
    plan: &Plan<'_>,
    home: Home,
) -> Result<Encoded, Refusal> {
    check(&request, home)?;
    let mut work = Work::new(request, plan, home);
    work.note_unsayable();
    work.plan_format();
    work.write()
}

/// A request on its way.
struct Work<'a, 'p> {
    request: Request<'a>,
    plan: &'p Plan<'p>,
    gemini: Gemini,
    home: Home,
    dropped: Dropped,
    recall: Recall,
    system: Vec<Block<'a>>,
    thought: Thought,
    extra: Extra,
}

impl<'a, 'p> Work<'a, 'p> {
    fn new(mut request: Request<'a>, plan: &'p Plan<'p>, home: Home) -> Work<'a, 'p> {
        let gemini = Gemini::of(plan.model);
        let mut dropped = Dropped::default();
        // Before anything is put elsewhere: what is nowhere said cannot be told any more.
        dropped.note_said(&request, &LACKING);
        if !gemini.third {
            dropped.note_said(&request, &[said::DETAIL]);
        }
        let extra = Extra::of(&request, plan, home, &mut dropped);
        let system = request.take_system();
        for turn in &mut request.turns {
            let role = turn.role;
            let kept = |block: &Block<'_>| keeps(block, role, plan.own_history);
            // Reasoning of others is nobody's loss.
            let lost = |block: &Block<'_>| !matches!(block, Block::Thinking(_)) && !kept(block);
            dropped.note_if(turn.blocks.iter().any(lost), "messages");
            turn.blocks.retain(kept);
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
            thought: Thought::of(gemini.reasons, &request.reasoning),
            request,
            plan,
            gemini,
            home,
            dropped,
            recall,
            system,
            extra,
        }
    }

    fn note_unsayable(&mut self) {
        let request = &self.request;
        let tier = request.service_tier.as_deref();
        let users = [
            (request.user.is_some(), "user"),
            (request.safety_identifier.is_some(), "safety_identifier"),
        ];
        for (there, param) in users {
            self.dropped.note_if(there, param);
        }
        for name in request.tools.iter().flat_map(unknown_settings) {
            self.dropped.note(format!("tools[].{name}"));
        }
        for (there, param) in [
            (self.thought.unheard, "reasoning_effort"),
            (request.stop.len() > STOPS_MAX, "stop"),
            (
                !request.tools.iter().all(is_sayable)
                    || self.extra.cached && !request.tools.is_empty(),
                "tools",
            ),
            (
                tier.is_some_and(|tier| tier != "auto" && tier_word(tier).is_none()),
                "service_tier",
            ),
        ] {
            self.dropped.note_if(there, param);
        }
    }

    /// A model that cannot have a form beside its tools is told of it in words.
    fn plan_format(&mut self) {
        let tools = self.request.tools.iter().any(is_sayable);
        if !tools || self.gemini.third {
            return;
        }
        let line = match self.request.format.take() {
            None | Some(Format::Text) => return,
            Some(Format::JsonObject) => in_words(None),
            Some(Format::JsonSchema { schema, .. }) => in_words(Some(&schema)),
        };
        self.system.push(Block::text(line));
        self.dropped.note("response_format");
    }

    fn write(self) -> Result<Encoded, Refusal> {
        let mut body = Vec::with_capacity(2048);
        let pen = Pen {
            gemini: self.gemini,
            home: self.home,
            own_history: self.plan.own_history,
        };
        write::object(&mut body, |o| {
            pen.contents(o, &self.request.turns);
            if !self.extra.cached {
                self.write_system(o);
            }
            let config = filled(|o| {
                self.write_sampling(o);
                self.write_answer(o);
            });
            o.raw_if("generationConfig", config.as_deref());
            if !self.extra.cached {
                write_tools(o, &self.request.tools, &self.gemini);
                if self.request.tools.iter().any(is_function) {
                    write_choice(o, self.request.tool_choice.as_ref());
                }
            }
            let tier = self.request.service_tier.as_deref();
            o.text_if("serviceTier", tier.and_then(tier_word));
        });
        Ok(Encoded {
            body: self.extra.on(body),
            betas: Vec::new(),
            dropped: self.dropped.settle(self.plan)?,
            recall: self.recall,
        })
    }

    fn write_system(&self, o: &mut Object<'_>) {
        let texts = self.system.iter().filter_map(|block| match block {
            Block::Text(text) => Some(&*text.text),
            Block::Refusal(text) => Some(&**text),
            _ => None,
        });
        let texts: Vec<_> = texts.filter(|text| !text.trim().is_empty()).collect();
        if !texts.is_empty() {
            o.object("systemInstruction", |o| {
                o.array("parts", |a| {
                    a.object(|o| o.text("text", &texts.join("\n")));
                });
            });
        }
    }

    fn write_sampling(&self, o: &mut Object<'_>) {
        let sampling = &self.request.sampling;
        o.number_if("temperature", sampling.temperature);
        o.number_if("topP", sampling.top_p);
        o.uint_if("topK", sampling.top_k);
        o.uint_if("candidateCount", sampling.n);
        if let Some(seed) = sampling.seed {
            o.raw("seed", &seed32(seed).to_string());
        }
        let max = self.request.max_output.map(|bound| bound.tokens);
        o.uint_if("maxOutputTokens", max);
        o.number_if("presencePenalty", sampling.presence_penalty);
        o.number_if("frequencyPenalty", sampling.frequency_penalty);
        if sampling.logprobs == Some(true) {
            o.flag("responseLogprobs", true);
            o.uint_if("logprobs", sampling.top_logprobs);
        }
        let stops = self.request.stop.iter().filter(|stop| !stop.is_empty());
        let mut stops = stops.take(STOPS_MAX).peekable();
        if stops.peek().is_some() {
            o.array("stopSequences", |a| stops.for_each(|stop| a.text(stop)));
        }
    }

    fn write_answer(&self, o: &mut Object<'_>) {
        write_form(o, self.request.format.as_ref(), &self.gemini);
        self.thought.write(o);
        let modalities = &self.request.modalities;
        if modalities.iter().any(|word| word != "text") {
            o.array("responseModalities", |a| {
                for word in modalities {
                    a.text(&word.to_ascii_uppercase());
                }
            });
        }
        if let Some(voice) = voice(&self.request) {
            o.object("speechConfig", |o| {
                o.object("voiceConfig", |o| {
                    o.object("prebuiltVoiceConfig", |o| o.text("voiceName", &voice));
                });
            });
        }
    }
}

/// The vendor's word for a price class.
fn tier_word(tier: &str) -> Option<&'static str> {
    Some(match tier {
        "default" | "standard" | "standard_only" => "standard",
        "flex" => "flex",
        "priority" => "priority",
        _ => return None,
    })
}

/// Seeds are small here; a large one keeps its lower half, so that equal ones stay equal.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half is what is wanted"
)]
fn seed32(seed: i64) -> i32 {
    seed as i32
}
