"""Ollama's SDK reads what the mock says."""

import datetime
import json

import ollama
import pytest

import strict
from conftest import MOCK_URL
from direct import ASKED, PARAMETERS, TEXT, THOUGHT, USED_UP, raw

MODEL = "llama3.2"
# The SDK leaves the bounds out of the schema that it sends.
ARGUMENTS = {"city": "sample", "days": 7}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "w", "parameters": PARAMETERS}}]
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
CALLS = {"model": MODEL, "messages": [{"role": "user", "content": ASKED}], "tools": TOOLS}


def connect(settings=None) -> ollama.Client:
    headers = settings if isinstance(settings, dict) or settings is None else {"x-mock": settings}
    return ollama.Client(MOCK_URL, headers=headers, timeout=10)


def test_an_answer_is_read():
    answer = connect().chat(**CHAT)
    assert (answer.model, answer.done, answer.done_reason) == (MODEL, True, "stop")
    assert (answer.message.role, answer.message.content) == ("assistant", TEXT)
    assert answer.message.thinking is None and answer.message.tool_calls is None
    assert answer.prompt_eval_count == 12 and answer.eval_count > 0
    assert datetime.datetime.fromisoformat(answer.created_at).tzinfo


def test_use_and_limits_are_read():
    answer = connect(USED_UP).chat(**CHAT)
    assert (answer.done_reason, answer.prompt_eval_count, answer.eval_count) == ("length", 20, 40)


def test_thoughts_are_read():
    answer = connect().chat(**CHAT, think=True)
    assert (answer.message.thinking, answer.message.content) == (THOUGHT, TEXT)


def test_calls_are_read_and_answered():
    answer = connect("tool_calls=2").chat(**CALLS)
    calls = [call.function for call in answer.message.tool_calls]
    assert [(call.name, call.arguments) for call in calls] == [("get_weather", ARGUMENTS)] * 2
    results = [{"role": "tool", "tool_name": call.name, "content": "wet"} for call in calls]
    turns = [*CALLS["messages"], answer.message, *results]
    assert connect().chat(model=MODEL, messages=turns, tools=TOOLS).message.content == TEXT


def test_a_stream_adds_up_to_the_answer():
    parts = list(connect().chat(**CHAT, think=True, stream=True))
    assert "".join(part.message.thinking or "" for part in parts) == THOUGHT
    assert "".join(part.message.content for part in parts) == TEXT
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].done_reason == "stop" and parts[-1].eval_count > 0


def test_calls_in_a_stream_are_read():
    parts = list(connect("tool_calls=2").chat(**CALLS, stream=True))
    calls = [call.function for part in parts for call in part.message.tool_calls or []]
    assert [(call.name, call.arguments) for call in calls] == [("get_weather", ARGUMENTS)] * 2


def test_an_answer_in_a_form_is_read():
    assert json.loads(connect().chat(**CHAT, format=PARAMETERS).message.content) == {"city": "sample", "days": 1}
    assert isinstance(json.loads(connect().chat(**CHAT, format="json").message.content), dict)


def test_an_image_is_taken():
    turn = {"role": "user", "content": "What is it?", "images": [b"\x89PNG"]}
    assert connect().chat(model=MODEL, messages=[turn]).message.content == TEXT


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_the_sdks_own(status, stream):
    with pytest.raises(ollama.ResponseError) as caught:
        list(connect(f"status={status}").chat(**CHAT, stream=stream))
    assert caught.value.status_code == status
    # The SDK takes the text out of the object; what it has is no JSON any more.
    assert caught.value.error and not caught.value.error.startswith("{")


def test_an_error_within_a_stream_is_one():
    with pytest.raises(ollama.ResponseError, match="overloaded"):
        list(connect("error_in_200").chat(**CHAT, stream=True))


@pytest.mark.parametrize("body", [CHAT, {**CHAT, "think": True}, CALLS], ids=["text", "thoughts", "calls"])
def test_nothing_is_said_that_the_types_do_not_know(body):
    lines = raw("/api/chat", body).splitlines() + [raw("/api/chat", {**body, "stream": False})]
    assert len(lines) > 2
    for line in lines:
        assert strict.faults(json.loads(line), ollama.ChatResponse) == [], line
