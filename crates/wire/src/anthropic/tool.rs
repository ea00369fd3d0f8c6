//! Tools as Anthropic takes them, and the choice among them.

use std::borrow::Cow;

use super::claude::{Claude, Forced};
use super::schema;
use crate::ir::{CacheMark, Dropped, Raw, Tool, ToolChoice, ToolKind, said};
use crate::json::Node;
use crate::json::write::{Array, Object};

/// What a function takes that says nothing about it.
pub(crate) const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;
/// What a tool for free text takes.
pub(crate) const FREE_TEXT: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;
/// The vendor's own search.
const SEARCH: &str = "web_search_20250305";

/// Whether a tool's type is one of Anthropic's own: they end in a date.
pub(super) fn is_own(kind: &str) -> bool {
    let bytes = kind.as_bytes();
    bytes.len() > 9
        && bytes[bytes.len() - 9] == b'_'
        && bytes[bytes.len() - 8..].iter().all(u8::is_ascii_digit)
}

/// Writes one tool; whether there is a way to.
pub(super) fn write_tool(
    a: &mut Array<'_>,
    tool: &Tool<'_>,
    claude: &Claude,
    dropped: &mut Dropped,
) -> bool {
    match &tool.kind {
        ToolKind::Function { schema, strict } => {
            let strict = strict.unwrap_or(false) && claude.structured;
            let node = schema.as_ref().map_or(Node::of(NO_ARGUMENTS), Raw::node);
            let adapted = strict.then(|| schema::adapt(node)).flatten();
            dropped.note_if(
                said::is_strict(tool) && adapted.is_none(),
                said::STRICT_TOOLS.0,
            );
            a.object(|o| {
                o.text("name", &tool.name);
                o.text_if("description", tool.description.as_deref());
                let usable = if node.members().is_empty() {
                    NO_ARGUMENTS
                } else {
                    node.raw()
                };
                o.raw("input_schema", adapted.as_deref().unwrap_or(usable));
                if adapted.is_some() {
                    o.flag("strict", true);
                }
                write_cache(o, tool.cache);
            });
        }
        ToolKind::Custom { .. } => a.object(|o| {
            o.text("name", &tool.name);
            o.text_if("description", tool.description.as_deref());
            o.raw("input_schema", FREE_TEXT);
            write_cache(o, tool.cache);
        }),
        ToolKind::WebSearch { options } => a.object(|o| {
            o.text("type", SEARCH);
            o.text("name", "web_search");
            write_location(o, options.as_ref().map(Raw::node));
            write_cache(o, tool.cache);
        }),
        ToolKind::Vendor { kind, raw } if is_own(kind) => a.raw(raw.as_str()),
        ToolKind::Vendor { .. } => return false,
    }
    true
}

/// Where the user is, for searches.
fn write_location(o: &mut Object<'_>, options: Option<Node<'_>>) {
    let Some(location) = options.and_then(|options| options.get("user_location")) else {
        return;
    };
    let place = location.get("approximate").unwrap_or(location);
    o.object("user_location", |o| {
        o.text("type", "approximate");
        for (name, value) in place.members() {
            if name != "type" && !value.is_null() {
                o.raw(&name, value.raw());
            }
        }
    });
}

/// Writes a cache mark.
pub(super) fn write_cache(o: &mut Object<'_>, mark: Option<CacheMark>) {
    let Some(mark) = mark else {
        return;
    };
    o.object("cache_control", |o| {
        o.text("type", "ephemeral");
        match mark {
            CacheMark::Usual => {}
            CacheMark::FiveMinutes => o.text("ttl", "5m"),
            CacheMark::OneHour => o.text("ttl", "1h"),
        }
    });
}

/// What is sent as `tool_choice`, and what has to be said in words instead.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen<'a> {
    /// The choice.
    pub(crate) choice: Option<Choice<'a>>,
    /// A line for the instructions.
    pub(crate) line: Option<String>,
    /// Whether it is less than the client asked for.
    pub(crate) weakened: bool,
}

/// Anthropic's choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice<'a> {
    Auto,
    Any,
    Tool(Cow<'a, str>),
    None,
}

impl<'a> Chosen<'a> {
    /// The choice for a model that may be thinking.
    pub(crate) fn of(wish: Option<&ToolChoice<'a>>, claude: &Claude, thinking: bool) -> Chosen<'a> {
        let free = |choice| Chosen {
            choice: Some(choice),
            ..Chosen::default()
        };
        let (choice, line) = match wish {
            None => return Chosen::default(),
            Some(
                ToolChoice::Auto
                | ToolChoice::Allowed {
                    required: false, ..
                },
            ) => {
                return free(Choice::Auto);
            }
            Some(ToolChoice::None) => return free(Choice::None),
            Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => {
                (Choice::Any, "You must call one of the tools.".to_owned())
            }
            Some(ToolChoice::Named(name)) => (
                Choice::Tool(name.clone()),
                format!("You must call the tool {name}."),
            ),
        };
        let allowed = match claude.forced {
            Forced::Always => true,
            Forced::NotThinking => !thinking,
            Forced::Never => false,
        };
        if allowed {
            return free(choice);
        }
        Chosen {
            choice: Some(Choice::Auto),
            line: Some(line),
            weakened: true,
        }
    }
}

/// Writes `tool_choice`. A call at a time is a property of the choice here.
pub(super) fn write_choice(
    o: &mut Object<'_>,
    choice: Option<&Choice<'_>>,
    parallel: Option<bool>,
) {
    let one_at_a_time = parallel == Some(false);
    let choice = match (choice, one_at_a_time) {
        (Some(choice), _) => choice,
        (None, true) => &Choice::Auto,
        (None, false) => return,
    };
    o.object("tool_choice", |o| {
        match choice {
            Choice::Auto => o.text("type", "auto"),
            Choice::Any => o.text("type", "any"),
            Choice::None => o.text("type", "none"),
            Choice::Tool(name) => {
                o.text("type", "tool");
                o.text("name", name);
            }
        }
        if one_at_a_time && *choice != Choice::None {
            o.flag("disable_parallel_tool_use", true);
        }
    });
}
