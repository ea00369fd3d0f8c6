//! How every vendor says an answer, whole and as a stream.

use serde_json::{Value, json};
use wire::eventstream::{self, encode};
use wire::ir::{Face, NotAReply, Reader, Recall, Reply};
use wire::{anthropic, cohere, converse, gemini, ollama, openai, replicate};

use super::answers::{Answer, Item, Kind};

const MAX_EVENT: usize = 1 << 20;

pub(crate) struct Voice {
    pub(crate) name: &'static str,
    pub(crate) id: &'static str,
    pub(crate) model: &'static str,
    pub(crate) says: &'static [Kind],
    /// Whether reasoning comes first and calls last.
    pub(crate) ordered: bool,
    /// Whether reasoning is signed.
    pub(crate) signs: bool,
    pub(crate) whole: fn(&Answer) -> Value,
    pub(crate) stream: fn(&Answer) -> Vec<u8>,
    /// Reads a whole answer and writes it for the client.
    pub(crate) read: fn(&[u8], &Face, &mut Vec<u8>),
    pub(crate) reader: fn() -> Box<dyn Reader>,
}

pub(crate) static VOICES: [Voice; 7] = [
    Voice {
        name: "anthropic",
        id: "msg_1",
        model: "claude",
        says: &[
            Kind::Text,
            Kind::Cited,
            Kind::Thought,
            Kind::Hidden,
            Kind::Call,
        ],
        ordered: false,
        signs: true,
        whole: messages::whole,
        stream: messages::stream,
        read: |body, face, out| told(anthropic::read_reply(body, &recall()), face, out),
        reader: || Box::new(anthropic::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "converse",
        id: "own",
        model: "asked",
        says: &[
            Kind::Text,
            Kind::Cited,
            Kind::Thought,
            Kind::Hidden,
            Kind::Call,
        ],
        ordered: false,
        signs: true,
        whole: frames::whole,
        stream: frames::stream,
        read: |body, face, out| told(converse::read_reply(body, &recall()), face, out),
        reader: || Box::new(converse::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "gemini",
        id: "r",
        model: "g",
        says: &[Kind::Text, Kind::Thought, Kind::Call],
        ordered: false,
        signs: true,
        whole: candidates::whole,
        stream: candidates::stream,
        read: |body, face, out| told(gemini::read_reply(body, &recall()), face, out),
        reader: || Box::new(gemini::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "cohere",
        id: "c",
        model: "asked",
        says: &[Kind::Text, Kind::Thought, Kind::Call],
        ordered: true,
        signs: false,
        whole: commands::whole,
        stream: commands::stream,
        read: |body, face, out| told(cohere::read_reply(body, &recall()), face, out),
        reader: || Box::new(cohere::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "ollama",
        id: "own",
        model: "q",
        says: &[Kind::Text, Kind::Thought, Kind::Call],
        ordered: true,
        signs: false,
        whole: lines::whole,
        stream: lines::stream,
        read: |body, face, out| told(ollama::read_reply(body, &recall()), face, out),
        reader: || Box::new(ollama::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "replicate",
        id: "p",
        model: "asked",
        says: &[Kind::Text],
        ordered: true,
        signs: false,
        whole: predictions::whole,
        stream: predictions::stream,
        read: |body, face, out| told(replicate::read_reply(body, &recall()), face, out),
        reader: || Box::new(replicate::reader(recall(), MAX_EVENT)),
    },
    Voice {
        name: "openai",
        id: "o",
        model: "gpt",
        says: &[Kind::Text, Kind::Thought, Kind::Hidden, Kind::Call],
        ordered: true,
        signs: true,
        whole: chunks::whole,
        stream: chunks::stream,
        read: |body, face, out| told(openai::read_reply(body), face, out),
        reader: || Box::new(openai::reader(MAX_EVENT)),
    },
];

fn recall() -> Recall {
    Recall {
        model: "m".to_owned(),
        ..Recall::default()
    }
}

fn told(reply: Result<Reply<'_>, NotAReply>, face: &Face, out: &mut Vec<u8>) {
    openai::write_reply(&reply.unwrap(), face, out);
}

/// A text in two pieces.
fn pieces(text: &str) -> [&str; 2] {
    let middle = text.floor_char_boundary(text.len() / 2);
    text.split_at(middle).into()
}

fn texts(answer: &Answer) -> String {
    let texts = answer.items.iter().filter_map(|item| match item {
        Item::Text(text) => Some(&**text),
        _ => None,
    });
    texts.collect()
}

fn thoughts(answer: &Answer) -> String {
    let texts = answer.items.iter().filter_map(|item| match item {
        Item::Thought(text, _) => Some(&**text),
        _ => None,
    });
    texts.collect()
}

fn calls(answer: &Answer) -> impl Iterator<Item = (&str, &str, &Value)> {
    answer.items.iter().filter_map(|item| match item {
        Item::Call(id, name, arguments) => Some((&**id, &**name, arguments)),
        _ => None,
    })
}

fn sse(events: &[(&str, Value)]) -> Vec<u8> {
    let events = events.iter().map(|(name, data)| match *name {
        "" => format!("data: {data}\n\n"),
        name => format!("event: {name}\ndata: {data}\n\n"),
    });
    events.collect::<String>().into_bytes()
}

mod messages {
    use super::*;

    fn citation(url: &str) -> Value {
        json!({"type": "web_search_result_location", "url": url, "title": "t", "cited_text": "c",
            "encrypted_index": "e"})
    }

    fn block(item: &Item) -> Value {
        match item {
            Item::Text(text) => json!({"type": "text", "text": text}),
            Item::Cited(text, url) => {
                json!({"type": "text", "text": text, "citations": [citation(url)]})
            }
            Item::Thought(text, signature) => {
                json!({"type": "thinking", "thinking": text, "signature": signature})
            }
            Item::Hidden(data) => json!({"type": "redacted_thinking", "data": data}),
            Item::Call(id, name, arguments) => {
                json!({"type": "tool_use", "id": id, "name": name, "input": arguments})
            }
        }
    }

    const ENDS: [&str; 3] = ["end_turn", "max_tokens", "tool_use"];

    pub(super) fn whole(answer: &Answer) -> Value {
        let [input, output] = answer.usage;
        json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
            "content": answer.items.iter().map(block).collect::<Vec<_>>(),
            "stop_reason": answer.end(ENDS),
            "usage": {"input_tokens": input, "output_tokens": output}})
    }

    pub(super) fn stream(answer: &Answer) -> Vec<u8> {
        let [input, output] = answer.usage;
        let mut events = vec![(
            "message_start",
            json!({"type": "message_start", "message":
            {"id": "msg_1", "model": "claude", "usage": {"input_tokens": input, "output_tokens": 1}}}),
        )];
        for (at, item) in answer.items.iter().enumerate() {
            let (start, deltas) = opened(item);
            events.push((
                "content_block_start",
                json!({"type": "content_block_start", "index": at,
                "content_block": start}),
            ));
            for delta in deltas {
                events.push((
                    "content_block_delta",
                    json!({"type": "content_block_delta",
                    "index": at, "delta": delta}),
                ));
            }
            events.push((
                "content_block_stop",
                json!({"type": "content_block_stop", "index": at}),
            ));
        }
        events.push((
            "message_delta",
            json!({"type": "message_delta",
            "delta": {"stop_reason": answer.end(ENDS)}, "usage": {"output_tokens": output}}),
        ));
        events.push(("message_stop", json!({"type": "message_stop"})));
        sse(&events)
    }

    /// A block as it begins, and what comes of it later.
    fn opened(item: &Item) -> (Value, Vec<Value>) {
        let text =
            |text: &str| pieces(text).map(|piece| json!({"type": "text_delta", "text": piece}));
        match item {
            Item::Text(words) => (json!({"type": "text", "text": ""}), text(words).into()),
            Item::Cited(words, url) => {
                let mut deltas = text(words).to_vec();
                let citation = citation(url);
                deltas.insert(1, json!({"type": "citations_delta", "citation": citation}));
                (json!({"type": "text", "text": "", "citations": []}), deltas)
            }
            Item::Thought(words, signature) => {
                let thought = |piece| json!({"type": "thinking_delta", "thinking": piece});
                let mut deltas = pieces(words).map(thought).to_vec();
                deltas.push(json!({"type": "signature_delta", "signature": signature}));
                (
                    json!({"type": "thinking", "thinking": "", "signature": ""}),
                    deltas,
                )
            }
            Item::Hidden(_) => (block(item), Vec::new()),
            Item::Call(id, name, arguments) => {
                let arguments = arguments.to_string();
                let piece = |piece| json!({"type": "input_json_delta", "partial_json": piece});
                let start = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                (start, pieces(&arguments).map(piece).into())
            }
        }
    }
}

mod frames {
    use super::*;

    const ENDS: [&str; 3] = ["end_turn", "max_tokens", "tool_use"];

    fn citation(url: &str) -> Value {
        json!({"title": "t", "location": {"web": {"url": url, "domain": "x.example"}}})
    }

    fn usage(answer: &Answer) -> Value {
        let [input, output] = answer.usage;
        json!({"inputTokens": input, "outputTokens": output, "totalTokens": input + output})
    }

    pub(super) fn whole(answer: &Answer) -> Value {
        let blocks = answer.items.iter().map(|item| match item {
            Item::Text(text) => json!({"text": text}),
            Item::Cited(text, url) => json!({"citationsContent":
                {"content": [{"text": text}], "citations": [citation(url)]}}),
            Item::Thought(text, signature) => json!({"reasoningContent": {"reasoningText":
                {"text": text, "signature": signature}}}),
            Item::Hidden(data) => json!({"reasoningContent": {"redactedContent": data}}),
            Item::Call(id, name, arguments) => {
                json!({"toolUse": {"toolUseId": id, "name": name, "input": arguments}})
            }
        });
        json!({"output": {"message": {"role": "assistant", "content": blocks.collect::<Vec<_>>()}},
            "stopReason": answer.end(ENDS), "usage": usage(answer)})
    }

    pub(super) fn stream(answer: &Answer) -> Vec<u8> {
        let mut out = Vec::new();
        let mut event = |name: &str, payload: Value| {
            let headers = [
                (":message-type", eventstream::Value::Text("event")),
                (":event-type", eventstream::Value::Text(name)),
            ];
            encode(&mut out, &headers, payload.to_string().as_bytes()).unwrap();
        };
        event("messageStart", json!({"role": "assistant"}));
        for (at, item) in answer.items.iter().enumerate() {
            if let Item::Call(id, name, _) = item {
                event(
                    "contentBlockStart",
                    json!({"contentBlockIndex": at,
                    "start": {"toolUse": {"toolUseId": id, "name": name}}}),
                );
            }
            for delta in deltas(item) {
                event(
                    "contentBlockDelta",
                    json!({"contentBlockIndex": at, "delta": delta}),
                );
            }
            event("contentBlockStop", json!({"contentBlockIndex": at}));
        }
        event("messageStop", json!({"stopReason": answer.end(ENDS)}));
        event(
            "metadata",
            json!({"usage": usage(answer), "metrics": {"latencyMs": 1}}),
        );
        out
    }

    fn deltas(item: &Item) -> Vec<Value> {
        match item {
            Item::Text(text) => pieces(text).map(|piece| json!({"text": piece})).into(),
            Item::Cited(text, url) => {
                vec![json!({"text": text}), json!({"citation": citation(url)})]
            }
            Item::Thought(text, signature) => {
                let thought = |piece| json!({"reasoningContent": {"text": piece}});
                let mut deltas = pieces(text).map(thought).to_vec();
                deltas.push(json!({"reasoningContent": {"signature": signature}}));
                deltas
            }
            Item::Hidden(data) => vec![json!({"reasoningContent": {"redactedContent": data}})],
            Item::Call(_, _, arguments) => {
                let arguments = arguments.to_string();
                pieces(&arguments)
                    .map(|piece| json!({"toolUse": {"input": piece}}))
                    .into()
            }
        }
    }
}

mod candidates {
    use super::*;

    fn usage(answer: &Answer) -> Value {
        let [input, output] = answer.usage;
        json!({"promptTokenCount": input, "candidatesTokenCount": output,
            "totalTokenCount": input + output})
    }

    fn end(answer: &Answer) -> &'static str {
        answer.end(["STOP", "MAX_TOKENS", "STOP"])
    }

    fn part(item: &Item) -> Value {
        match item {
            Item::Text(text) | Item::Cited(text, _) => json!({"text": text}),
            Item::Thought(text, signature) => {
                json!({"text": text, "thought": true, "thoughtSignature": signature})
            }
            Item::Hidden(data) => json!({"text": "", "thoughtSignature": data}),
            Item::Call(id, name, arguments) => {
                json!({"functionCall": {"id": id, "name": name, "args": arguments}})
            }
        }
    }

    pub(super) fn whole(answer: &Answer) -> Value {
        let parts: Vec<_> = answer.items.iter().map(part).collect();
        json!({"responseId": "r", "modelVersion": "g", "usageMetadata": usage(answer),
            "candidates": [{"content": {"parts": parts}, "finishReason": end(answer)}]})
    }

    pub(super) fn stream(answer: &Answer) -> Vec<u8> {
        let piece = |part: Value| {
            (
                "",
                json!({"responseId": "r", "modelVersion": "g",
                "candidates": [{"content": {"parts": [part]}}]}),
            )
        };
        let mut events = Vec::new();
        for item in &answer.items {
            match item {
                Item::Text(text) => {
                    events.extend(pieces(text).map(|text| piece(json!({"text": text}))));
                }
                item => events.push(piece(part(item))),
            }
        }
        events.push((
            "",
            json!({"responseId": "r", "modelVersion": "g",
            "usageMetadata": usage(answer), "candidates": [{"finishReason": end(answer)}]}),
        ));
        sse(&events)
    }
}

mod commands {
    use super::*;

    const ENDS: [&str; 3] = ["COMPLETE", "MAX_TOKENS", "TOOL_CALL"];

    fn usage(answer: &Answer) -> Value {
        let [input, output] = answer.usage;
        json!({"tokens": {"input_tokens": input, "output_tokens": output}})
    }

    pub(super) fn whole(answer: &Answer) -> Value {
        let (thought, text) = (thoughts(answer), texts(answer));
        let mut message = json!({"role": "assistant"});
        let mut content = Vec::new();
        if answer.has_calls() {
            message["tool_plan"] = thought.into();
        } else if !thought.is_empty() {
            content.push(json!({"type": "thinking", "thinking": thought}));
        }
        if !text.is_empty() {
            content.push(json!({"type": "text", "text": text}));
        }
        message["content"] = content.into();
        let calls = calls(answer).map(|(id, name, arguments)| {
            json!({"id": id, "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()}})
        });
        message["tool_calls"] = calls.collect();
        json!({"id": "c", "finish_reason": answer.end(ENDS), "message": message,
            "usage": usage(answer)})
    }

    pub(super) fn stream(answer: &Answer) -> Vec<u8> {
        let mut events = vec![event("message-start", None, json!({"role": "assistant"}))];
        events[0].1["id"] = "c".into();
        let (thought, text) = (thoughts(answer), texts(answer));
        let mut at = 0;
        let mut block = |events: &mut Vec<_>, kind: &str, text: &str| {
            if text.is_empty() {
                return;
            }
            let content = |piece: &str| json!({"content": {kind: piece}});
            let mut start = content("");
            start["content"]["type"] = kind.into();
            events.push(event("content-start", Some(at), start));
            for piece in pieces(text) {
                events.push(event("content-delta", Some(at), content(piece)));
            }
            events.push(event("content-end", Some(at), json!({})));
            at += 1;
        };
        if answer.has_calls() {
            for piece in pieces(&thought) {
                events.push(event("tool-plan-delta", None, json!({"tool_plan": piece})));
            }
        } else {
            block(&mut events, "thinking", &thought);
        }
        block(&mut events, "text", &text);
        for (at, (id, name, arguments)) in calls(answer).enumerate() {
            events.push(event(
                "tool-call-start",
                Some(at),
                json!({"tool_calls": {"id": id,
                "type": "function", "function": {"name": name, "arguments": ""}}}),
            ));
            for piece in pieces(&arguments.to_string()) {
                events.push(event(
                    "tool-call-delta",
                    Some(at),
                    json!({"tool_calls": {"function": {"arguments": piece}}}),
                ));
            }
            events.push(event("tool-call-end", Some(at), json!({})));
        }
        events.push((
            "message-end",
            json!({"type": "message-end",
            "delta": {"finish_reason": answer.end(ENDS), "usage": usage(answer)}}),
        ));
        sse(&events)
    }

    fn event(name: &'static str, at: Option<usize>, message: Value) -> (&'static str, Value) {
        let mut event = json!({"type": name, "delta": {"message": message}});
        if let Some(at) = at {
            event["index"] = at.into();
        }
        (name, event)
    }
}

mod lines {
    use super::*;

    fn call((id, name, arguments): (&str, &str, &Value)) -> Value {
        json!({"id": id, "function": {"name": name, "arguments": arguments}})
    }

    fn last(answer: &Answer, message: Value) -> Value {
        let [input, output] = answer.usage;
        json!({"model": "q", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": true,
            "done_reason": answer.end(["stop", "length", "stop"]),
            "prompt_eval_count": input, "eval_count": output})
    }

    pub(super) fn whole(answer: &Answer) -> Value {
        let calls: Vec<_> = calls(answer).map(call).collect();
        let message = json!({"role": "assistant", "content": texts(answer),
            "thinking": thoughts(answer), "tool_calls": calls});
        last(answer, message)
    }

    pub(super) fn stream(answer: &Answer) -> Vec<u8> {
        let line = |message: Value| json!({"model": "q", "message": message, "done": false});
        let mut lines = Vec::new();
        for piece in pieces(&thoughts(answer)) {
            lines.push(line(
                json!({"role": "assistant", "content": "", "thinking": piece}),
            ));
        }
        for piece in pieces(&texts(answer)) {
            lines.push(line(json!({"role": "assistant", "content": piece})));
        }
        for call in calls(answer).map(call) {
            lines.push(line(
                json!({"role": "assistant", "content": "", "tool_calls": [call]}),
            ));
        }
        lines.push(last(answer, json!({"role": "assistant", "content": ""})));
        let lines = lines.iter().map(|line| format!("{line}\n"));
        lines.collect::<String>().into_bytes()
    }
}

mod predictions {
    use super::*;

    fn prediction(answer: &Answer) -> Value {
        let [input, output] = answer.usage;
        json!({"id": "p", "status": "succeeded",
            "metrics": {"input_token_count": input, "output_token_count": output}})
    }

    pub(super) fn whole(answer: &Answer) -> Value {
        let mut whole = prediction(answer);
        whole["output"] = json!(pieces(&texts(answer)));
        whole
    }

    pub(super) fn stream(answer: &Answer) -> Vec<u8> {
        let mut out =
            "event: prediction\ndata: {\"id\":\"p\",\"status\":\"starting\"}\n\n".to_owned();
        for piece in pieces(&texts(answer)) {
            if !piece.is_empty() {
                let data = piece.replace('\n', "\ndata: ");
                out += &format!("event: output\ndata: {data}\n\n");
            }
        }
        out += "event: done\ndata: {}\n\n";
        out += &format!("event: prediction\ndata: {}\n\n", prediction(answer));
        out.into_bytes()
    }
}

mod chunks {
    use super::*;

    const ENDS: [&str; 3] = ["stop", "length", "tool_calls"];

    fn usage(answer: &Answer) -> Value {
        let [input, output] = answer.usage;
        json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
    }

    pub(super) fn whole(answer: &Answer) -> Value {
        let calls = calls(answer).map(|(id, name, arguments)| {
            json!({"id": id, "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()}})
        });
        json!({"id": "o", "model": "gpt", "usage": usage(answer), "choices": [{"index": 0,
            "message": {"role": "assistant", "content": texts(answer),
                "reasoning_content": thoughts(answer),
                "thinking_blocks": answer.items.iter().filter_map(thought).collect::<Vec<_>>(),
                "tool_calls": calls.collect::<Vec<_>>()},
            "finish_reason": answer.end(ENDS)}]})
    }

    /// One of `thinking_blocks`.
    fn thought(item: &Item) -> Option<Value> {
        match item {
            Item::Thought(text, signature) => {
                Some(json!({"type": "thinking", "thinking": text, "signature": signature}))
            }
            Item::Hidden(data) => Some(json!({"type": "redacted_thinking", "data": data})),
            _ => None,
        }
    }

    pub(super) fn stream(answer: &Answer) -> Vec<u8> {
        let chunk = |delta: Value, end: Value| {
            (
                "",
                json!({"id": "o", "model": "gpt",
                "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}),
            )
        };
        let mut events = vec![chunk(
            json!({"role": "assistant", "content": ""}),
            Value::Null,
        )];
        for item in &answer.items {
            if let Item::Thought(text, _) = item {
                for piece in pieces(text) {
                    events.push(chunk(json!({"reasoning_content": piece}), Value::Null));
                }
            }
            if let Some(mut state) = thought(item) {
                // The words came before.
                if let Item::Thought(..) = item {
                    state["thinking"] = "".into();
                }
                events.push(chunk(json!({"thinking_blocks": [state]}), Value::Null));
            }
        }
        for piece in pieces(&texts(answer)) {
            events.push(chunk(json!({"content": piece}), Value::Null));
        }
        for (at, (id, name, arguments)) in calls(answer).enumerate() {
            events.push(chunk(
                json!({"tool_calls": [{"index": at, "id": id, "type": "function",
                "function": {"name": name, "arguments": ""}}]}),
                Value::Null,
            ));
            for piece in pieces(&arguments.to_string()) {
                events.push(chunk(
                    json!({"tool_calls": [{"index": at,
                    "function": {"arguments": piece}}]}),
                    Value::Null,
                ));
            }
        }
        events.push(chunk(json!({}), answer.end(ENDS).into()));
        events.push((
            "",
            json!({"id": "o", "model": "gpt", "choices": [], "usage": usage(answer)}),
        ));
        let mut out = sse(&events);
        out.extend_from_slice(b"data: [DONE]\n\n");
        out
    }
}
