//! Tools as Gemini takes them, and the choice among them.

use std::borrow::Cow;

use super::model::Gemini;
use super::schema;
use crate::ir::{Format, Raw, Tool, ToolChoice, ToolKind};
use crate::json::Node;
use crate::json::write::{self, Array, Object};

/// What a function takes that says nothing about it.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;
/// What a tool for free text takes.
const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// The vendor's own tools: what clients call them, and what it does.
static OWN: [(&str, &str); 4] = [
    ("google_search", "googleSearch"),
    ("code_execution", "codeExecution"),
    ("url_context", "urlContext"),
    ("google_maps", "googleMaps"),
];

/// The vendor's own tool of that name.
fn own(name: &str) -> Option<&'static str> {
    OWN.iter()
        .find(|(word, native)| *word == name || *native == name)
        .map(|(_, native)| *native)
}

/// A tool of the vendor's own, and how it is set.
fn own_of(tool: &Tool<'_>) -> Option<(&'static str, Option<String>)> {
    match &tool.kind {
        ToolKind::WebSearch { .. } => Some(("googleSearch", None)),
        ToolKind::Vendor { kind, raw } => {
            let native = own(kind)?;
            let settings = raw.node().get(kind).filter(|node| node.is_object());
            Some((native, settings.map(|node| node.raw().to_owned())))
        }
        ToolKind::Function { .. } | ToolKind::Custom { .. } => None,
    }
}

/// What a client says of a tool of the vendor's own beside its settings.
pub(super) fn unknown_settings<'t>(tool: &'t Tool<'_>) -> Vec<Cow<'t, str>> {
    let ToolKind::Vendor { kind, raw } = &tool.kind else {
        return Vec::new();
    };
    let known = ["type", "name", "cache_control", kind];
    let names = raw.node().members().into_iter().map(|(name, _)| name);
    names.filter(|name| !known.contains(&&**name)).collect()
}

/// Whether a tool can be told here.
pub(super) fn is_sayable(tool: &Tool<'_>) -> bool {
    match tool.kind {
        ToolKind::Function { .. } | ToolKind::Custom { .. } => true,
        ToolKind::WebSearch { .. } | ToolKind::Vendor { .. } => own_of(tool).is_some(),
    }
}

/// Whether the client runs it.
pub(super) fn is_function(tool: &Tool<'_>) -> bool {
    matches!(
        tool.kind,
        ToolKind::Function { .. } | ToolKind::Custom { .. }
    )
}

/// Writes `tools`: the client's functions in one, the vendor's own each for itself.
pub(super) fn write_tools(o: &mut Object<'_>, tools: &[Tool<'_>], gemini: &Gemini) {
    if !tools.iter().any(is_sayable) {
        return;
    }
    o.array("tools", |a| {
        let mut functions = tools.iter().filter(|tool| is_function(tool)).peekable();
        if functions.peek().is_some() {
            a.object(|o| {
                o.array("functionDeclarations", |a| {
                    functions.for_each(|tool| write_function(a, tool, gemini));
                });
            });
        }
        let mut seen = Vec::new();
        for (native, settings) in tools.iter().filter_map(own_of) {
            if !seen.contains(&native) {
                seen.push(native);
                a.object(|o| o.raw(native, settings.as_deref().unwrap_or("{}")));
            }
        }
    });
}

fn write_function(a: &mut Array<'_>, tool: &Tool<'_>, gemini: &Gemini) {
    let schema = match &tool.kind {
        ToolKind::Function {
            schema: Some(schema),
            ..
        } if !schema.node().members().is_empty() => schema.node(),
        ToolKind::Custom { .. } => Node::of(FREE_TEXT),
        _ => Node::of(NO_ARGUMENTS),
    };
    a.object(|o| {
        o.text("name", &tool.name);
        o.text_if("description", tool.description.as_deref());
        write_schema(o, ["parametersJsonSchema", "parameters"], schema, gemini);
    });
}

/// Writes a schema under the name that the model reads it by: JSON Schema's, or the older form's.
pub(super) fn write_schema(
    o: &mut Object<'_>,
    [json, older]: [&str; 2],
    schema: Node<'_>,
    gemini: &Gemini,
) {
    if gemini.json_schema {
        o.raw(json, schema.raw());
    } else {
        o.raw(older, &schema::sanitise(schema));
    }
}

/// Writes `toolConfig`.
pub(super) fn write_choice(o: &mut Object<'_>, choice: Option<&ToolChoice<'_>>) {
    let (mode, names) = match choice {
        None => return,
        Some(ToolChoice::Auto) => ("AUTO", &[][..]),
        Some(ToolChoice::None) => ("NONE", &[][..]),
        Some(ToolChoice::Required) => ("ANY", &[][..]),
        Some(ToolChoice::Named(name)) => ("ANY", std::slice::from_ref(name)),
        Some(ToolChoice::Allowed {
            required: true,
            names,
        }) => ("ANY", &names[..]),
        Some(ToolChoice::Allowed { names, .. }) => ("VALIDATED", &names[..]),
    };
    o.object("toolConfig", |o| {
        o.object("functionCallingConfig", |o| {
            o.text("mode", mode);
            if !names.is_empty() {
                o.array("allowedFunctionNames", |a| {
                    for name in names {
                        a.text(name);
                    }
                });
            }
        });
    });
}

/// A schema in words, for a model that cannot be held to it now.
pub(super) fn in_words(schema: Option<&Raw<'_>>) -> String {
    let mut line = "Respond with one JSON value and nothing else.".to_owned();
    if let Some(schema) = schema {
        line.push_str(" It must be valid against this JSON Schema: ");
        line.push_str(&schema.node().compact());
    }
    line
}

/// Writes the settings of an answer's form.
pub(super) fn write_form(o: &mut Object<'_>, form: Option<&Format<'_>>, gemini: &Gemini) {
    let schema = match form {
        None | Some(Format::Text) => return,
        Some(Format::JsonObject) => None,
        Some(Format::JsonSchema { schema, .. }) => Some(schema.node()),
    };
    o.text("responseMimeType", "application/json");
    if let Some(schema) = schema {
        let names = ["responseJsonSchema", "responseSchema"];
        write_schema(o, names, schema, gemini);
    }
}

/// An object that a part of a body is written into, and whether it says anything.
pub(super) fn filled(fill: impl FnOnce(&mut Object<'_>)) -> Option<String> {
    let mut out = Vec::new();
    let mut empty = true;
    write::object(&mut out, |o| {
        fill(o);
        empty = o.is_empty();
    });
    String::from_utf8(out).ok().filter(|_| !empty)
}
