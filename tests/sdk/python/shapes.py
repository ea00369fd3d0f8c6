"""What clients ask, as OpenAI's API has it: one request for each thing that has to be put in other words."""

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Its name.", "minLength": 1},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "near": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
    "additionalProperties": False,
}


def function(name: str, **more) -> dict:
    return {"type": "function", "function": {"name": name, "description": f"Does {name}.", "parameters": SCHEMA, **more}}


def call(number: int, name: str, arguments: str = '{"city":"Oslo"}') -> dict:
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def result(number: int, content) -> dict:
    return {"role": "tool", "tool_call_id": f"call_{number}", "content": content}


def part(kind: str, value) -> dict:
    return {"type": kind, kind: value}


def user(*content) -> dict:
    return {"role": "user", "content": content[0] if len(content) == 1 else list(content)}


def chat(*messages: dict, **more) -> dict:
    return {"messages": list(messages), **more}


HELLO = user("Hello")
TOOLS = [function("get_weather"), function("get_time", strict=True)]
ASKED = user("The weather in Oslo?")
IMAGE = part("image_url", {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"})
PDF = part("file", {"filename": "a b.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"})
TEXT_FILE = part("file", {"filename": "notes.txt", "file_data": "data:text/plain;base64,UmFpbi4="})
AUDIO = part("input_audio", {"data": "UklGRiQAAABXQVZF", "format": "wav"})
CACHED = {"type": "text", "text": "Long rules.", "cache_control": {"type": "ephemeral"}}
ONE_CALL = {"role": "assistant", "content": None, "tool_calls": [call(1, "get_weather")]}
ANSWER = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}

SHAPES = {
    "text": chat(HELLO),
    "stream": chat(HELLO, stream=True, stream_options={"include_usage": True}),
    "text parts": chat(user(part("text", "Hel"), part("text", "lo"))),
    "empty text": chat(user(""), {"role": "assistant", "content": ""}, user("So?")),
    "odd characters": chat(user("äöü 🦀 \u2028 \"quotes\" \\ \t\n </s>")),
    "system first": chat({"role": "system", "content": "Be brief."}, HELLO),
    "system anywhere": chat(
        HELLO,
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "Hi."},
        {"role": "developer", "content": [part("text", "Be kind.")]},
        user("So?"),
    ),
    "only system": chat({"role": "system", "content": "Be brief."}),
    "assistant first": chat({"role": "assistant", "content": "Hi."}, HELLO),
    "assistant last": chat(HELLO, {"role": "assistant", "content": "The answer is"}),
    "turns in a row": chat(HELLO, user("Anyone?"), {"role": "assistant", "content": "Yes."}, user("So?"), user("Well?")),
    "names": chat({**HELLO, "name": "ann"}, {"role": "assistant", "content": "Hi.", "name": "bob"}, user("So?")),
    "refusal in history": chat(HELLO, {"role": "assistant", "content": None, "refusal": "No."}, user("Please?")),
    "tools": chat(ASKED, tools=TOOLS),
    "bare tool": chat(ASKED, tools=[{"type": "function", "function": {"name": "now"}}]),
    "legacy functions": chat(ASKED, functions=[TOOLS[0]["function"]], function_call="auto"),
    "free text tool": chat(ASKED, tools=[{"type": "custom", "custom": {"name": "shell", "description": "Runs it."}}]),
    "tool result": chat(ASKED, ONE_CALL, result(1, '{"c":18}'), tools=TOOLS),
    "tool result in parts": chat(ASKED, ONE_CALL, result(1, [part("text", "wet"), part("text", "cold")]), tools=TOOLS),
    "empty tool result": chat(ASKED, ONE_CALL, result(1, ""), tools=TOOLS),
    "tool result without tools": chat(ASKED, ONE_CALL, result(1, "wet")),
    "parallel tools": chat(
        ASKED,
        {**ONE_CALL, "content": "I look.", "tool_calls": [call(1, "get_weather"), call(2, "get_time", "{}")]},
        result(2, "noon"),
        result(1, "wet"),
        user("So?"),
        tools=TOOLS,
        parallel_tool_calls=False,
    ),
    "two rounds of tools": chat(
        ASKED,
        ONE_CALL,
        result(1, "wet"),
        {"role": "assistant", "content": "And the time.", "tool_calls": [call(2, "get_time", "")]},
        result(2, "noon"),
        tools=TOOLS,
    ),
    "call without result": chat(ASKED, ONE_CALL, user("Never mind."), tools=TOOLS),
    "result without call": chat(ASKED, result(9, "wet"), user("So?"), tools=TOOLS),
    "odd arguments": chat(
        ASKED, {**ONE_CALL, "tool_calls": [call(1, "get_weather", "[1, 2"), call(2, "get_time", "null")]},
        result(1, "?"), result(2, "?"), tools=TOOLS,
    ),
    "choice auto": chat(ASKED, tools=TOOLS, tool_choice="auto"),
    "choice none": chat(ASKED, tools=TOOLS, tool_choice="none"),
    "choice required": chat(ASKED, tools=TOOLS, tool_choice="required"),
    "choice named": chat(ASKED, tools=TOOLS, tool_choice={"type": "function", "function": {"name": "get_time"}}),
    "choice of some": chat(
        ASKED,
        tools=TOOLS,
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "get_time"}}]},
        },
    ),
    "structured": chat(HELLO, response_format=ANSWER),
    "structured with tools": chat(ASKED, tools=TOOLS, response_format=ANSWER),
    "some json": chat(user("Hello in JSON"), response_format={"type": "json_object"}),
    "plain format": chat(HELLO, response_format={"type": "text"}),
    "image": chat(user(part("text", "What is it?"), IMAGE)),
    "image alone": chat(user(IMAGE, IMAGE)),
    "image in result": chat(ASKED, ONE_CALL, result(1, [part("text", "see"), IMAGE]), tools=TOOLS),
    "pdf": chat(user(PDF, part("text", "Sum it up."))),
    "text file": chat(user(TEXT_FILE, part("text", "Sum it up."))),
    "audio": chat(user(AUDIO, part("text", "What is said?"))),
    "cache marks": chat(
        {"role": "system", "content": [CACHED]},
        user(CACHED, part("text", "Hello")),
        tools=[{**TOOLS[0], "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    ),
    "many cache marks": chat({"role": "system", "content": [CACHED] * 3}, user(CACHED, CACHED, CACHED)),
    "stop": chat(HELLO, stop="END"),
    "many stops": chat(HELLO, stop=["a", "b", "c", "d"]),
    "sampling": chat(HELLO, temperature=0.3, max_tokens=64),
    "all of sampling": chat(
        HELLO, temperature=1.7, top_p=0.9, top_k=40, seed=7, presence_penalty=0.5, frequency_penalty=-0.5,
        max_completion_tokens=100, n=1, logit_bias={"50256": -100}, user="u-1",
    ),
    "only top_p": chat(HELLO, top_p=0.5),
    "whole numbers": chat(HELLO, temperature=1, top_p=1, presence_penalty=0),
    "one token": chat(HELLO, max_tokens=1),
    "log probabilities": chat(HELLO, logprobs=True, top_logprobs=3),
    "effort none": chat(HELLO, reasoning_effort="none"),
    "effort minimal": chat(HELLO, reasoning_effort="minimal"),
    "effort low": chat(HELLO, reasoning_effort="low"),
    "effort high": chat(HELLO, reasoning_effort="high", max_tokens=900),
    "effort with tools": chat(ASKED, tools=TOOLS, tool_choice="required", reasoning_effort="medium", temperature=0.2),
    "thinking budget": chat(HELLO, thinking={"type": "enabled", "budget_tokens": 2048}),
    "thinking off": chat(HELLO, thinking={"type": "disabled"}),
    "reasoning of others": chat(
        HELLO,
        {"role": "assistant", "content": "Hi.", "reasoning_content": "A greeting."},
        user("So?"),
        reasoning_effort="low",
    ),
    "accounting": chat(
        HELLO, user="u-1", metadata={"team": "blue"}, store=False, service_tier="auto", safety_identifier="u_9",
        prompt_cache_key="k1", verbosity="low",
    ),
    "predicted": chat(HELLO, prediction={"type": "content", "content": "Hello"}),
    "web search": chat(user("News?"), web_search_options={"search_context_size": "low"}),
}
