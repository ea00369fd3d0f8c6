"""The official Python SDK, used as its documentation says, against a gateway."""

import asyncio
import json
from typing import Literal

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from conftest import BASE_URL, DIRECT, KEY, eventually, gateway_only, model

PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather at a place.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
FORCED = {"type": "function", "function": {"name": "get_weather"}}


def say(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


# ---- whole answers


def test_a_chat_is_answered(client, marker):
    answer = client.chat.completions.create(model=model("gpt-4o-mini"), messages=say(marker))

    assert answer.object == "chat.completion"
    assert answer.id and answer.created > 0 and answer.model
    [choice] = answer.choices
    assert choice.index == 0
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert choice.finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_a_conversation_arrives_turn_by_turn(client, mock, marker):
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": marker},
        {"role": "assistant", "content": "Noted.", "name": "notary"},
        {"role": "user", "content": "Umlaute: äöü, Emoji: 🦀, \"quotes\" and \\ and \u2028"},
    ]
    client.chat.completions.create(
        model=model("gpt-4o-mini"), messages=messages, temperature=0.2, seed=7, stop=["\n\n"], max_completion_tokens=64
    )

    received = json.loads(mock.only(marker)["bytes"])
    assert received["messages"] == messages
    assert received["model"] == "gpt-4o-mini"
    assert (received["temperature"], received["seed"], received["stop"]) == (0.2, 7, ["\n\n"])


def test_several_choices_come_back(client):
    answer = client.chat.completions.create(model=model("gpt-4o-mini"), messages=say("two"), n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]


def test_log_probabilities_come_back(client):
    answer = client.chat.completions.create(
        model=model("gpt-4o-mini"), messages=say("sure?"), logprobs=True, top_logprobs=2
    )
    assert answer.choices[0].logprobs.content


def test_picture_parts_arrive_byte_for_byte(client, mock, marker):
    sent = []
    content = [
        {"type": "text", "text": marker},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
    recording = client.with_options(http_client=recording_client(sent))
    recording.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": content}])

    # The model's name is the same on both sides, so not one byte has a reason to differ.
    assert mock.only(marker)["bytes"] == sent[0]


def test_fields_nobody_has_heard_of_arrive_unchanged(client, mock, marker):
    extra = {"top_k": 40, "thinking": {"type": "enabled", "budget_tokens": 1e3}, "x_list": [1.0, None, {"a": ""}]}
    client.chat.completions.create(
        model=model("gpt-4o-mini"),
        messages=say(marker),
        reasoning_effort="low",
        service_tier="auto",
        metadata={"team": "blue"},
        extra_body=extra,
    )

    received = json.loads(mock.only(marker)["bytes"])
    assert {name: received[name] for name in extra} == extra
    assert received["reasoning_effort"] == "low"
    assert received["service_tier"] == "auto"
    assert received["metadata"] == {"team": "blue"}


@gateway_only
def test_the_clients_key_stays_here(client, mock, marker):
    client.chat.completions.create(model=model("gpt-4o-mini"), messages=say(marker))
    sent = mock.only(marker)["headers"]
    assert KEY not in json.dumps(sent)


@gateway_only
def test_an_alias_is_another_name_of_a_model(client, mock, marker):
    client.chat.completions.create(model="short", messages=say(marker))
    assert json.loads(mock.only(marker)["bytes"])["model"] == "gpt-4o-mini"


def test_a_raw_response_shows_the_headers(client):
    raw = client.chat.completions.with_raw_response.create(model=model("limited"), messages=say("hi"))

    assert raw.status_code == 200
    assert raw.headers["x-ratelimit-limit-requests"] == "100"
    assert raw.headers["x-ratelimit-remaining-requests"] == "99"
    assert raw.headers["x-ratelimit-reset-requests"] == "2s"
    answer = raw.parse()
    assert answer.choices[0].message.content
    if not DIRECT:
        assert len(raw.headers["x-request-id"]) == 32
        assert answer._request_id == raw.headers["x-request-id"]
        assert raw.headers["x-gateway-provider"] == "openai"
        assert raw.headers["x-gateway-model"]
        assert float(raw.headers["x-gateway-overhead-ms"]) > 0


# ---- tools


def test_a_forced_tool_is_called(client):
    answer = client.chat.completions.create(
        model=model("gpt-4o-mini"), messages=say("hello"), tools=[WEATHER], tool_choice=FORCED
    )

    [call] = answer.choices[0].message.tool_calls
    assert call.type == "function" and call.id
    assert call.function.name == "get_weather"
    assert set(json.loads(call.function.arguments)) == {"city", "days"}
    assert answer.choices[0].finish_reason in ("tool_calls", "stop")


def test_tools_are_called_in_parallel(client):
    answer = client.chat.completions.create(
        model=model("two-calls"), messages=say("the weather?"), tools=[WEATHER], parallel_tool_calls=True
    )
    calls = answer.choices[0].message.tool_calls
    assert len(calls) == 2
    assert len({call.id for call in calls}) == 2


def test_a_tools_answer_goes_back(client, mock, marker):
    first = client.chat.completions.create(
        model=model("gpt-4o-mini"), messages=say("the weather?"), tools=[WEATHER], tool_choice="required"
    )
    [call] = first.choices[0].message.tool_calls
    messages = [
        *say("the weather?"),
        first.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": marker},
    ]
    second = client.chat.completions.create(model=model("gpt-4o-mini"), messages=messages, tools=[WEATHER])

    assert second.choices[0].message.content
    received = json.loads(mock.only(marker)["bytes"])["messages"]
    assert received[1]["tool_calls"][0]["id"] == received[2]["tool_call_id"] == call.id


def test_tool_calls_are_put_together_from_a_stream(client):
    calls = {}
    stream = client.chat.completions.create(
        model=model("two-calls"), messages=say("the weather?"), tools=[WEATHER], stream=True
    )
    for chunk in stream:
        for part in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            call = calls.setdefault(part.index, {"id": part.id, "name": "", "arguments": ""})
            call["name"] += part.function.name or ""
            call["arguments"] += part.function.arguments or ""

    assert sorted(calls) == [0, 1]
    for call in calls.values():
        assert call["id"] and call["name"] == "get_weather"
        assert set(json.loads(call["arguments"])) == {"city", "days"}


# ---- structured output


class Forecast(BaseModel):
    city: str
    unit: Literal["celsius", "fahrenheit"]
    days: list[int]


def test_an_answer_is_parsed_into_a_model(client):
    answer = client.chat.completions.parse(
        model=model("gpt-4o-mini"), messages=say("forecast"), response_format=Forecast
    )
    forecast = answer.choices[0].message.parsed
    assert isinstance(forecast, Forecast)
    assert forecast.unit == "celsius"


def test_a_json_object_is_json(client):
    answer = client.chat.completions.create(
        model=model("gpt-4o-mini"), messages=say("json please"), response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(answer.choices[0].message.content), dict)


def test_a_parsed_stream_ends_in_a_model(client):
    with client.chat.completions.stream(
        model=model("gpt-4o-mini"), messages=say("forecast"), response_format=Forecast
    ) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert isinstance(final.choices[0].message.parsed, Forecast)


# ---- streams


def test_a_stream_comes_in_pieces(client):
    stream = client.chat.completions.create(model=model("gpt-4o-mini"), messages=say("count"), stream=True)
    chunks = list(stream)

    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.object == "chat.completion.chunk" and chunk.model for chunk in chunks)
    assert [c.choices[0].delta.role for c in chunks if c.choices and c.choices[0].delta.role] == ["assistant"]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]


def test_usage_comes_once_when_it_was_asked_for(client):
    chunks = list(
        client.chat.completions.create(
            model=model("gpt-4o-mini"), messages=say("hi"), stream=True, stream_options={"include_usage": True}
        )
    )
    [usage] = [chunk.usage for chunk in chunks if chunk.usage]
    assert usage.total_tokens > 0
    assert chunks[-1].usage == usage and chunks[-1].choices == []


@pytest.mark.parametrize("options", [None, {"include_usage": False}])
def test_no_usage_and_no_empty_chunk_when_it_was_not(client, options):
    arguments = {} if options is None else {"stream_options": options}
    chunks = list(
        client.chat.completions.create(model=model("gpt-4o-mini"), messages=say("hi"), stream=True, **arguments)
    )
    assert not [chunk for chunk in chunks if chunk.usage]
    assert not [chunk for chunk in chunks if not chunk.choices]


def test_a_stream_shows_its_headers(client):
    with client.chat.completions.with_streaming_response.create(
        model=model("gpt-4o-mini"), messages=say("hi"), stream=True
    ) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        if not DIRECT:
            assert len(raw.headers["x-request-id"]) == 32
            assert raw.headers["x-gateway-provider"] == "openai"
            assert raw.headers["cache-control"] == "no-cache"
            assert raw.headers["x-accel-buffering"] == "no"
        lines = [line for line in raw.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"


def test_a_stream_that_is_left_early_harms_nobody(client, mock):
    for _ in range(3):
        stream = client.chat.completions.create(model=model("slow-stream"), messages=say("go on"), stream=True)
        next(iter(stream))
        stream.close()

    answer = client.chat.completions.create(model=model("gpt-4o-mini"), messages=say("still there?"))
    assert answer.choices[0].message.content
    eventually(lambda: mock.stats()["hangups"] >= 3, "the vendor's streams are cut")


# ---- async


async def test_many_calls_at_once(async_client):
    async def one(number: int) -> str:
        answer = await async_client.chat.completions.create(
            model=model("gpt-4o-mini"), messages=say(f"number {number}")
        )
        return answer.id

    ids = await asyncio.gather(*(one(number) for number in range(20)))
    assert all(ids)


async def test_an_async_stream(async_client):
    stream = await async_client.chat.completions.create(
        model=model("gpt-4o-mini"), messages=say("count"), stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage.total_tokens > 0


async def test_a_cancelled_task_leaves_the_gateway_well(async_client):
    async def read():
        async for _ in await async_client.chat.completions.create(
            model=model("slow-stream"), messages=say("go on"), stream=True
        ):
            pass

    task = asyncio.create_task(read())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    answer = await async_client.chat.completions.create(model=model("gpt-4o-mini"), messages=say("and now?"))
    assert answer.choices


# ---- errors


@gateway_only
@pytest.mark.parametrize("key", ["fgw_" + "0" * 64, "wrong"])
def test_a_wrong_key(key):
    with pytest.raises(openai.AuthenticationError) as caught:
        OpenAI(base_url=BASE_URL, api_key=key, max_retries=0).chat.completions.create(
            model="gpt-4o-mini", messages=say("hi")
        )
    assert caught.value.status_code == 401
    assert caught.value.code == "invalid_api_key"
    assert caught.value.type == "authentication_error"
    assert key not in str(caught.value)


@gateway_only
@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_nobody_serves(client, stream):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=say("hi"), stream=stream)
    assert caught.value.code == "model_not_found"
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id


def test_a_model_that_the_vendor_does_not_know(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model=model("unknown-there"), messages=say("hi"))
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("stream", [False, True])
def test_a_rate_limit_says_when_to_come_back(client, stream):
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=model("rate-limited"), messages=say("hi"), stream=stream)
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize("stream", [False, True])
def test_a_wrong_request_brings_the_vendors_own_words(client, stream):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model("rejects"), messages=say("hi"), stream=stream)
    assert "messages[0] is not to my taste" in caught.value.message
    assert caught.value.type == "invalid_request_error"


def test_a_request_the_vendor_cannot_process(client):
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.chat.completions.create(model=model("unprocessable"), messages=say("hi"))
    assert "temperature is out of this world" in caught.value.response.text


@gateway_only
@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"temperature": 3}, "temperature"),
        ({"stop": 5}, "stop"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_a_wrong_field_is_named_before_anything_is_sent(client, mock, marker, body, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            **{"model": "gpt-4o-mini", "messages": say(marker), **body}, extra_body={"x": marker}
        )
    assert caught.value.code == "invalid_request"
    assert param in caught.value.message
    assert not mock.received(marker)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("broken", 502, "upstream_error"),
        ("overloaded", 503, "upstream_overloaded"),
        ("bad-credential", 502, "upstream_auth_error"),
        ("timed-out", 504, "upstream_timeout"),
    ],
)
@gateway_only
def test_a_vendors_failure(client, name, status, code):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=model(name), messages=say("hi"))
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert caught.value.type == "upstream_error"
    assert caught.value.response.headers.get("retry-after") == ("3" if name == "overloaded" else None)


def test_a_vendors_failure_is_retried_by_the_sdk(client, mock, marker):
    with pytest.raises(openai.InternalServerError):
        client.with_options(max_retries=1).chat.completions.create(model=model("broken"), messages=say(marker))
    assert len(mock.received(marker)) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_the_clients_own_timeout(client, stream):
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.5).chat.completions.create(
            model=model("never-answers"), messages=say("hi"), stream=stream
        )


def test_an_error_in_the_middle_of_a_stream(client):
    read = []
    with pytest.raises(openai.APIError):
        for chunk in client.chat.completions.create(model=model("breaks-midway"), messages=say("hi"), stream=True):
            read.append(chunk)
    assert read


@gateway_only
def test_a_stream_that_is_cut_does_not_look_complete(client):
    read = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(model=model("cut-midway"), messages=say("hi"), stream=True):
            read.append(chunk)
    assert read
    assert caught.value.type == "stream_error"


# ---- models


def test_models_are_listed(client):
    ids = [found.id for found in client.models.list()]
    assert ids and len(ids) == len(set(ids))
    if not DIRECT:
        assert "gpt-4o-mini" in ids and "two-calls" in ids
        assert all(found.object == "model" and found.owned_by for found in client.models.list())


def test_one_model_is_retrieved(client):
    found = client.models.retrieve("gpt-4o-mini")
    assert (found.id, found.object) == ("gpt-4o-mini", "model")


@gateway_only
def test_a_model_that_is_not_there(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("no-such-model")
    assert caught.value.code == "model_not_found"


def recording_client(bodies: list[bytes]):
    """An HTTP client of the SDK's own kind that keeps the bodies it sends."""
    return openai.DefaultHttpxClient(
        event_hooks={"request": [lambda request: bodies.append(request.read())]}, timeout=30
    )
