//! The messages of a call, read without building them: whose they are, what they say, how long
//! they are.

use std::borrow::Cow;
use std::cell::OnceCell;

use config::Role;
use wire::Envelope;
use wire::json::{elements, members, string};

use super::USUAL_OUTPUT;

/// Bytes that are about one token, in the tongues and tokenisers that are used most.
const BYTES_A_TOKEN: usize = 4;
/// What a message costs besides its text.
const MESSAGE_TOKENS: u64 = 4;
/// What a part that is no text is taken to cost: a picture of usual size.
const PART_TOKENS: u64 = 800;
/// No vendor gives more answers to one call.
const MOST_CHOICES: u64 = 128;

/// What a body says, read when somebody asks.
pub struct Text<'a> {
    body: &'a Envelope,
    messages: OnceCell<Vec<Message<'a>>>,
}

/// One message.
pub struct Message<'a> {
    /// Whose it is; none of the known roles is nobody's.
    pub role: Option<Role>,
    /// What it says.
    pub text: Cow<'a, str>,
    /// The rest of it, in tokens.
    extra: u64,
}

impl<'a> Text<'a> {
    /// The text of this body; nothing is read yet.
    pub fn of(body: &'a Envelope) -> Text<'a> {
        Text {
            body,
            messages: OnceCell::new(),
        }
    }

    /// The messages.
    pub fn messages(&self) -> &[Message<'a>] {
        self.messages.get_or_init(|| {
            let raw = self.body.raw("messages").unwrap_or_default();
            let raw = elements(raw).unwrap_or_default();
            raw.into_iter().map(message).collect()
        })
    }

    /// How long the prompt is, in tokens: an estimate.
    pub fn prompt_tokens(&self) -> u64 {
        let messages = self.messages().iter();
        let said: u64 = messages
            .map(|message| MESSAGE_TOKENS + tokens(message.text.len()) + message.extra)
            .sum();
        let tools = self.body.value("tools").map_or(0, <[u8]>::len);
        said + tokens(tools)
    }

    /// How long an answer will be, in tokens: the client's own bound, or the usual length.
    pub fn expected_output(&self) -> u64 {
        let bound = |name| self.whole(name).filter(|bound| *bound > 0);
        bound("max_completion_tokens")
            .or_else(|| bound("max_tokens"))
            .unwrap_or(USUAL_OUTPUT)
    }

    /// How many answers are wanted.
    pub fn choices(&self) -> u64 {
        self.whole("n").unwrap_or(1).clamp(1, MOST_CHOICES)
    }

    /// Whom the client says it asks for.
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.body.text("user").filter(|user| !user.is_empty())
    }

    fn whole(&self, name: &str) -> Option<u64> {
        self.body.get::<u64>(name).ok().flatten()
    }
}

fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_A_TOKEN) as u64
}

fn message(raw: &str) -> Message<'_> {
    let mut message = Message {
        role: None,
        text: Cow::Borrowed(""),
        extra: 0,
    };
    for (name, value) in members(raw).unwrap_or_default() {
        match &*name {
            "role" => message.role = string(value).and_then(|role| role_of(&role)),
            "content" if value.starts_with('[') => {
                for part in elements(value).unwrap_or_default() {
                    match part_text(part) {
                        Some(text) if message.text.is_empty() => message.text = text,
                        Some(text) => message.text.to_mut().push_str(&text),
                        None => message.extra += PART_TOKENS,
                    }
                }
            }
            "content" => message.text = string(value).unwrap_or_default(),
            _ => message.extra += tokens(value.len()),
        }
    }
    message
}

fn role_of(role: &str) -> Option<Role> {
    match role {
        "user" => Some(Role::User),
        "system" | "developer" => Some(Role::System),
        "assistant" => Some(Role::Assistant),
        "tool" | "function" => Some(Role::Tool),
        _ => None,
    }
}

/// The text of a part that is text.
fn part_text(part: &str) -> Option<Cow<'_, str>> {
    if part.starts_with('"') {
        return string(part);
    }
    let mut text = None;
    for (name, value) in members(part).ok()? {
        match &*name {
            "type" if !matches!(&*string(value)?, "text" | "input_text" | "output_text") => {
                return None;
            }
            "text" => text = string(value),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Envelope {
        Envelope::parse(text.to_owned().into(), wire::envelope::Limits::default()).unwrap()
    }

    #[test]
    fn messages_are_read_whatever_form_their_content_has() {
        let body = body(
            r#"{"messages":[
                {"role":"developer","content":"rules"},
                {"role":"user","content":[{"type":"text","text":"a\ud800"},{"type":"image_url","image_url":{"url":"data:x"}},{"text":"b","type":"text"}]},
                {"role":"assistant","content":null,"tool_calls":[{"id":"12345678"}]},
                {"role":"robot","content":7},
                5],"max_tokens":9,"n":3,"user":"u"}"#,
        );
        let text = Text::of(&body);
        let read: Vec<_> = text
            .messages()
            .iter()
            .map(|message| (message.role, &*message.text))
            .collect();
        assert_eq!(
            read,
            [
                (Some(Role::System), "rules"),
                (Some(Role::User), "a\u{fffd}b"),
                (Some(Role::Assistant), ""),
                (None, ""),
                (None, ""),
            ]
        );
        // Five messages, two texts of two tokens, a picture, twenty-one bytes of a tool call.
        assert_eq!(text.prompt_tokens(), 5 * 4 + 2 + 2 + 800 + 5);
        assert_eq!((text.expected_output(), text.choices()), (9, 3));
        assert_eq!(text.user().as_deref(), Some("u"));
    }

    #[test]
    fn a_body_that_says_little_has_the_usual_length() {
        let body = body(r#"{"messages":"no list","max_tokens":"many","n":0,"user":""}"#);
        let text = Text::of(&body);
        assert_eq!(text.messages().len(), 0);
        assert_eq!(
            (text.expected_output(), text.choices(), text.prompt_tokens()),
            (USUAL_OUTPUT, 1, 0)
        );
        assert_eq!(text.user(), None);
    }
}
