"""Cohere's SDK reads what the mock says."""

import json

import cohere
import pytest
from cohere.core import ApiError

import strict
from conftest import MOCK_URL
from direct import ARGUMENTS, ASKED, KEY, PARAMETERS, TEXT, THOUGHT, USED_UP, events, raw

MODEL = "command-a-reasoning-08-2025"
TOOLS = [
    {"type": "function", "function": {"name": name, "description": name, "parameters": PARAMETERS}}
    for name in ("get_weather", "get_time")
]
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
CALLS = {"model": MODEL, "messages": [{"role": "user", "content": ASKED}], "tools": TOOLS}
THINKING = cohere.Thinking(type="enabled", token_budget=500)


@pytest.fixture(scope="module")
def client():
    return cohere.ClientV2(api_key=KEY, base_url=MOCK_URL, timeout=10)


def options(settings) -> dict:
    return {"additional_headers": settings if isinstance(settings, dict) else {"x-mock": settings}, "max_retries": 0}


def test_an_answer_is_read(client):
    answer = client.chat(**CHAT)
    assert answer.id and answer.finish_reason == "COMPLETE"
    assert answer.message.role == "assistant" and answer.message.tool_calls is None
    [block] = answer.message.content
    assert (block.type, block.text) == ("text", TEXT)
    assert answer.usage.tokens.input_tokens == answer.usage.billed_units.input_tokens == 12
    assert answer.usage.tokens.output_tokens > 0


def test_use_and_limits_are_read(client):
    answer = client.chat(**CHAT, request_options=options(USED_UP))
    assert answer.finish_reason == "MAX_TOKENS"
    tokens = answer.usage.tokens
    assert (tokens.input_tokens, answer.usage.cached_tokens, tokens.output_tokens) == (20, 8, 40)


def test_thoughts_are_read(client):
    thought, said = client.chat(**CHAT, thinking=THINKING).message.content
    assert (thought.type, thought.thinking) == ("thinking", THOUGHT)
    assert (said.type, said.text) == ("text", TEXT)


def test_calls_are_read_and_answered(client):
    answer = client.chat(**CALLS, request_options=options("tool_calls=2"))
    assert answer.finish_reason == "TOOL_CALL" and answer.message.content is None
    calls = answer.message.tool_calls
    assert [(call.type, call.function.name) for call in calls] == [("function", "get_weather")] * 2
    assert [json.loads(call.function.arguments) for call in calls] == [ARGUMENTS] * 2
    assert calls[0].id != calls[1].id
    results = [{"role": "tool", "tool_call_id": call.id, "content": "wet"} for call in calls]
    turns = [*CALLS["messages"], {"role": "assistant", "tool_calls": calls}, *results]
    assert client.chat(model=MODEL, messages=turns, tools=TOOLS).message.content[0].text == TEXT


def test_a_stream_adds_up_to_the_answer(client):
    seen = list(client.chat_stream(**CHAT, thinking=THINKING))
    assert (seen[0].type, seen[-1].type) == ("message-start", "message-end")
    assert seen[0].id and seen[0].delta.message.role == "assistant"
    starts = [event.delta.message.content.type for event in seen if event.type == "content-start"]
    assert starts == ["thinking", "text"]
    deltas = [event.delta.message.content for event in seen if event.type == "content-delta"]
    assert "".join(delta.thinking or "" for delta in deltas) == THOUGHT
    assert "".join(delta.text or "" for delta in deltas) == TEXT
    end = seen[-1].delta
    assert end.finish_reason == "COMPLETE" and end.usage.tokens.output_tokens > 0


def test_calls_in_a_stream_add_up(client):
    seen = list(client.chat_stream(**CALLS, request_options=options("tool_calls=2")))
    starts = [event.delta.message.tool_calls for event in seen if event.type == "tool-call-start"]
    assert [start.function.name for start in starts] == ["get_weather"] * 2
    for at in (0, 1):
        deltas = [event for event in seen if event.type == "tool-call-delta" and event.index == at]
        pieces = [delta.delta.message.tool_calls.function.arguments for delta in deltas]
        assert json.loads("".join(pieces)) == ARGUMENTS
    assert seen[-1].delta.finish_reason == "TOOL_CALL"


def test_an_answer_in_a_form_is_read(client):
    form = cohere.JsonObjectResponseFormatV2(json_schema=PARAMETERS)
    assert json.loads(client.chat(**CHAT, response_format=form).message.content[0].text) == ARGUMENTS


def test_an_image_is_taken(client):
    content = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}}]
    assert client.chat(model=MODEL, messages=[{"role": "user", "content": content}]).message.content[0].text == TEXT


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, cohere.BadRequestError),
        (401, cohere.UnauthorizedError),
        (403, cohere.ForbiddenError),
        (404, cohere.NotFoundError),
        (422, cohere.UnprocessableEntityError),
        (429, cohere.TooManyRequestsError),
        (500, cohere.InternalServerError),
        (503, cohere.ServiceUnavailableError),
        (504, cohere.GatewayTimeoutError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_the_sdks_own(client, status, error, stream):
    ask = client.chat_stream if stream else client.chat
    with pytest.raises(error) as caught:
        list(ask(**CHAT, request_options=options(f"status={status};retry_after=7")))
    assert isinstance(caught.value, ApiError) and caught.value.status_code == status
    assert caught.value.headers["retry-after"] == "7"
    assert caught.value.body["message"] and caught.value.body["id"]


def test_an_error_within_a_stream_is_told(client):
    *_, last = client.chat_stream(**CHAT, request_options=options("error_in_200"))
    assert (last.type, last.delta.finish_reason) == ("message-end", "ERROR")
    assert last.delta.error


# https://docs.cohere.com/docs/streaming shows more in it than the SDK has a type for.
OPENING = frozenset({cohere.ChatMessageStartEventDeltaMessage})
THOUGHTS = {**CHAT, "thinking": {"type": "enabled"}}


@pytest.mark.parametrize("body", [CHAT, THOUGHTS, CALLS], ids=["text", "thoughts", "calls"])
def test_nothing_is_said_that_the_types_do_not_know(body):
    assert strict.faults(json.loads(raw("/v2/chat", body)), cohere.V2ChatResponse) == []
    for event in events(raw("/v2/chat", {**body, "stream": True})):
        assert strict.faults(event, cohere.V2ChatStreamResponse, free=OPENING) == [], event
