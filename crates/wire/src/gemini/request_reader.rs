//! A `generateContent` request into the form between. Its model and whether it is a stream stand
//! in its path: the door adds both.

use std::borrow::Cow;

use super::member::{pick, same};
use super::part_reader::{Reading, instructions};
use super::schema::to_json_schema;
use crate::ir::{
    Effort, Format, MaxOutput, Raw, ReasoningMode, Refusal, Request, Role, Tool, ToolChoice,
    ToolKind, Turn,
};
use crate::json::Node;
use crate::json::write;

/// Members that have a place of their own; the model has it in the path.
const READ: [&str; 6] = [
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "model",
];

/// Reads a request. What is malformed is refused, naming its place; a member that nobody here
/// knows is kept.
pub fn read_request(body: Node<'_>) -> Result<Request<'_>, Refusal> {
    let mut request = Request {
        // Streams of this dialect always tell it.
        include_usage: true,
        ..Request::default()
    };
    let [contents, system, tools, choice, config] = pick(
        body,
        [
            "contents",
            "systemInstruction",
            "tools",
            "toolConfig",
            "generationConfig",
        ],
    );
    if let Some(system) = system.map(instructions).filter(|blocks| !blocks.is_empty()) {
        request.turns.push(Turn::new(Role::System, system));
    }
    let mut reading = Reading::default();
    let contents = contents.ok_or_else(|| Refusal::new("contents", "contents is missing"))?;
    // One alone may stand without its list.
    let list = if contents.is_object() {
        vec![contents]
    } else {
        contents.elements()
    };
    for (at, content) in list.into_iter().enumerate() {
        request.turns.push(reading.turn(content, at)?);
    }
    for tool in tools.map(Node::elements).unwrap_or_default() {
        read_tools(tool, &mut request.tools);
    }
    request.tool_choice = choice.and_then(read_choice);
    if let Some(config) = config {
        read_config(config, &mut request)?;
    }
    for (name, value) in body.members() {
        if !value.is_null() && !READ.iter().any(|read| same(&name, read)) {
            request.unknown.push((name, value.into()));
        }
    }
    Ok(request)
}

fn read_tools<'a>(tool: Node<'a>, tools: &mut Vec<Tool<'a>>) {
    for (name, value) in tool.members() {
        if same(&name, "functionDeclarations") {
            tools.extend(value.elements().into_iter().filter_map(read_function));
        } else if same(&name, "googleSearch") || same(&name, "googleSearchRetrieval") {
            tools.push(Tool {
                name: Cow::Borrowed("web_search"),
                description: None,
                kind: ToolKind::WebSearch { options: None },
                cache: None,
            });
        } else {
            let raw = tool.into();
            tools.push(Tool {
                name: Cow::Borrowed(""),
                description: None,
                kind: ToolKind::Vendor { kind: name, raw },
                cache: None,
            });
        }
    }
}

fn read_function(function: Node<'_>) -> Option<Tool<'_>> {
    let [name, description, older, schema] = pick(
        function,
        ["name", "description", "parameters", "parametersJsonSchema"],
    );
    let schema = schema
        .map(Raw::from)
        .or_else(|| older.map(|older| Raw::from(to_json_schema(older))));
    Some(Tool {
        name: name?.text()?,
        description: description.and_then(Node::text),
        kind: ToolKind::Function {
            schema,
            strict: None,
        },
        cache: None,
    })
}

fn read_choice(config: Node<'_>) -> Option<ToolChoice<'_>> {
    let [config] = pick(config, ["functionCallingConfig"]);
    let [mode, names] = pick(config?, ["mode", "allowedFunctionNames"]);
    let names = names.map(Node::elements).unwrap_or_default().into_iter();
    let mut names: Vec<_> = names.filter_map(Node::text).collect();
    let mode = mode.and_then(Node::text).unwrap_or_default();
    Some(match (&*mode.to_ascii_uppercase(), names.len()) {
        ("NONE", _) => ToolChoice::None,
        ("ANY", 0) => ToolChoice::Required,
        ("ANY", 1) => ToolChoice::Named(names.remove(0)),
        ("ANY", _) => ToolChoice::Allowed {
            required: true,
            names,
        },
        ("VALIDATED", 1..) => ToolChoice::Allowed {
            required: false,
            names,
        },
        _ => ToolChoice::Auto,
    })
}

fn read_config<'a>(config: Node<'a>, request: &mut Request<'a>) -> Result<(), Refusal> {
    let mut form = Form::default();
    let mut rest = Vec::new();
    for (name, value) in config.members() {
        if value.is_null() || sampling(&name, value, request)? || form.take(&name, value) {
            continue;
        }
        if same(&name, "thinkingConfig") {
            thinking(value, request);
        } else if same(&name, "responseModalities") {
            let words = value.elements().into_iter().filter_map(Node::text);
            request.modalities = words
                .map(|word| Cow::Owned(word.to_ascii_lowercase()))
                .collect();
        } else {
            rest.push((name, value));
        }
    }
    request.format = form.format();
    // What no other vendor has a word for goes to this one as it came.
    if !rest.is_empty() {
        let mut out = Vec::new();
        write::object(&mut out, |o| {
            for (name, value) in &rest {
                o.raw(name, value.raw());
            }
        });
        let raw = Raw::from(String::from_utf8(out).unwrap_or_default());
        request
            .unknown
            .push((Cow::Borrowed("generationConfig"), raw));
    }
    Ok(())
}

/// Takes a member that says how tokens are chosen; whether it was one.
fn sampling<'a>(name: &str, value: Node<'a>, request: &mut Request<'a>) -> Result<bool, Refusal> {
    let wrong = |expected: &str| {
        let place = format!("generationConfig.{name}");
        let what = format!("{place} must be {expected}");
        Refusal::new(place, what)
    };
    let number = || value.number().ok_or_else(|| wrong("a number"));
    let count = || {
        value
            .uint()
            .ok_or_else(|| wrong("a whole number, 0 or more"))
    };
    let is = |wanted: &str| same(name, wanted);
    let sampling = &mut request.sampling;
    match () {
        () if is("temperature") => sampling.temperature = Some(number()?),
        () if is("topP") => sampling.top_p = Some(number()?),
        // Some clients write whole numbers with a fraction of nothing.
        () if is("topK") => sampling.top_k = Some(count()?),
        () if is("candidateCount") => sampling.n = Some(count()?),
        () if is("seed") => {
            sampling.seed = Some(value.int().ok_or_else(|| wrong("a whole number"))?);
        }
        () if is("presencePenalty") => sampling.presence_penalty = Some(number()?),
        () if is("frequencyPenalty") => sampling.frequency_penalty = Some(number()?),
        () if is("responseLogprobs") => sampling.logprobs = value.flag(),
        () if is("logprobs") => sampling.top_logprobs = Some(count()?),
        () if is("maxOutputTokens") => {
            request.max_output = Some(MaxOutput {
                tokens: count()?,
                completion: true,
            });
        }
        () if is("stopSequences") => {
            let stops = value.elements().into_iter();
            request.stop = stops.filter_map(Node::text).collect();
        }
        () => return Ok(false),
    }
    Ok(true)
}

/// What is said of the answer's form.
#[derive(Default)]
struct Form<'a> {
    mime: Option<Cow<'a, str>>,
    older: Option<Node<'a>>,
    schema: Option<Node<'a>>,
}

impl<'a> Form<'a> {
    fn take(&mut self, name: &str, value: Node<'a>) -> bool {
        match () {
            () if same(name, "responseMimeType") => self.mime = value.text(),
            () if same(name, "responseSchema") => self.older = Some(value),
            () if same(name, "responseJsonSchema") => self.schema = Some(value),
            () => return false,
        }
        true
    }

    fn format(self) -> Option<Format<'a>> {
        let schema = self
            .schema
            .map(Raw::from)
            .or_else(|| self.older.map(|older| Raw::from(to_json_schema(older))));
        match (self.mime.as_deref(), schema) {
            (Some("application/json" | "text/x.enum"), Some(schema)) => Some(Format::JsonSchema {
                name: Cow::Borrowed("response"),
                description: None,
                schema,
                strict: None,
            }),
            (Some("application/json"), None) => Some(Format::JsonObject),
            (Some("text/plain"), _) => Some(Format::Text),
            _ => None,
        }
    }
}

fn thinking(config: Node<'_>, request: &mut Request<'_>) {
    let [level, budget, shown] = pick(
        config,
        ["thinkingLevel", "thinkingBudget", "includeThoughts"],
    );
    let reasoning = &mut request.reasoning;
    let level = level
        .and_then(Node::text)
        .map(|word| word.to_ascii_lowercase());
    reasoning.effort = level.as_deref().and_then(Effort::of);
    reasoning.budget = budget.and_then(Node::int);
    if reasoning.budget.is_some_and(|budget| budget < 0) {
        // As the model likes: for those that have no word for it, some.
        reasoning.effort.get_or_insert(Effort::Medium);
    }
    let shown = shown.and_then(Node::flag) == Some(true);
    if reasoning.is_unsaid() && shown {
        reasoning.mode = Some(ReasoningMode::Adaptive);
    }
    if !shown {
        reasoning.display = Some(Cow::Borrowed("omitted"));
    }
}
