"""Anthropic's SDK reads what the mock says."""

import json
import urllib.error

import anthropic
import pytest
from anthropic.types import ErrorResponse, Message, RawMessageStreamEvent

import strict
from conftest import MOCK_URL
from direct import ARGUMENTS, ASKED, KEY, PARAMETERS, SIGNATURE, TEXT, THOUGHT, USED_UP, events, raw

# One of whose end the SDK does not warn.
MODEL = "claude-opus-4-6"
TOOLS = [{"name": "get_weather", "input_schema": PARAMETERS}, {"name": "get_time", "input_schema": PARAMETERS}]
THINKING = {"type": "adaptive"}
CHAT = {"model": MODEL, "max_tokens": 2000, "messages": [{"role": "user", "content": "Hello"}]}
CALLS = {**CHAT, "tools": TOOLS, "messages": [{"role": "user", "content": ASKED}]}


VERTEX = "/v1/projects/p1/locations/us-east5/publishers/anthropic/models"
# Its own home, and the clouds that serve it.
HOMES = {
    "own": lambda **more: anthropic.Anthropic(api_key=KEY, base_url=MOCK_URL, **more),
    "vertex": lambda **more: anthropic.AnthropicVertex(
        project_id="p1", region="us-east5", access_token=KEY, base_url=f"{MOCK_URL}/v1", **more
    ),
    "foundry": lambda **more: anthropic.AnthropicFoundry(api_key=KEY, base_url=f"{MOCK_URL}/anthropic", **more),
}


@pytest.fixture(scope="module", params=HOMES)
def client(request):
    with HOMES[request.param](max_retries=0, timeout=10) as client:
        yield client


def test_a_message_is_read(client):
    message = client.messages.create(**CHAT)
    assert (message.type, message.role, message.model) == ("message", "assistant", MODEL)
    assert message.id.startswith("msg_")
    assert message._request_id
    [block] = message.content
    assert (block.type, block.text) == ("text", TEXT)
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.usage.input_tokens == 12 and message.usage.output_tokens > 0


def test_use_and_limits_are_read(client):
    message = client.messages.create(**CHAT, extra_headers=USED_UP)
    usage = message.usage
    assert message.stop_reason == "max_tokens"
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (12, 8, 40)


def test_thoughts_are_read_with_their_signature(client):
    message = client.messages.create(**CHAT, thinking=THINKING)
    thought, said = message.content
    assert (thought.type, thought.thinking, thought.signature) == ("thinking", THOUGHT, SIGNATURE)
    assert said.text == TEXT
    assert message.usage.output_tokens_details.thinking_tokens > 0


def test_calls_are_read_and_answered(client):
    message = client.messages.create(**CALLS, extra_headers={"x-mock": "tool_calls=2"})
    assert message.stop_reason == "tool_use"
    assert [block.type for block in message.content] == ["tool_use", "tool_use"]
    assert [(block.name, block.input) for block in message.content] == [("get_weather", ARGUMENTS)] * 2
    first, second = (block.id for block in message.content)
    assert first.startswith("toolu_") and first != second
    results = [{"type": "tool_result", "tool_use_id": id, "content": "wet"} for id in (first, second)]
    turns = [*CALLS["messages"], {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    assert client.messages.create(**{**CALLS, "messages": turns}).content[0].text == TEXT


def test_a_stream_adds_up_to_the_message(client):
    whole = client.messages.create(**CHAT, thinking=THINKING)
    with client.messages.stream(**CHAT, thinking=THINKING) as stream:
        seen = [event.type for event in stream]
        final = stream.get_final_message()
    assert final.to_dict(exclude_none=True) == whole.to_dict(exclude_none=True)
    assert {"message_start", "thinking", "signature", "text", "content_block_stop", "message_stop"} <= set(seen)


def test_calls_in_a_stream_add_up(client):
    with client.messages.stream(**CALLS, extra_headers={"x-mock": "tool_calls=2"}) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        final = stream.get_final_message()
    assert len(pieces) > 2 and final.stop_reason == "tool_use"
    assert [(block.name, block.input) for block in final.content] == [("get_weather", ARGUMENTS)] * 2


def test_an_answer_in_a_form_is_read(client):
    form = {"format": {"type": "json_schema", "schema": PARAMETERS}}
    message = client.messages.create(**CHAT, output_config=form)
    assert message.content[0].text == '{"city":"sample","days":1}'


def test_an_image_is_taken(client):
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}
    turn = {"role": "user", "content": [{"type": "image", "source": source}]}
    assert client.messages.create(**{**CHAT, "messages": [turn]}).content[0].text == TEXT


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.APIStatusError, "overloaded_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_the_sdks_own(client, status, error, kind, stream):
    settings = {"x-mock": f"status={status};retry_after=7"}
    with pytest.raises(error) as caught:
        client.messages.create(**CHAT, stream=stream, extra_headers=settings)
    assert caught.value.status_code == status
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.body["error"]["type"] == kind
    assert strict.faults(caught.value.body, ErrorResponse) == []


def test_an_error_within_a_stream_is_one(client):
    with pytest.raises(anthropic.APIStatusError) as caught:
        for _ in client.messages.create(**CHAT, stream=True, extra_headers={"x-mock": "error_in_200"}):
            pass
    assert caught.value.body["error"]["type"] == "overloaded_error"


def test_a_connection_that_breaks_is_one(client):
    with pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**CHAT, extra_headers={"x-mock": "reset"})


def test_vertex_wants_the_model_in_the_path_alone():
    body = in_the_path(CHAT)
    without = {name: value for name, value in body.items() if name != "anthropic_version"}
    for refused in ({**body, "model": MODEL}, without):
        with pytest.raises(urllib.error.HTTPError) as caught:
            raw(f"{VERTEX}/{MODEL}:rawPredict", refused)
        assert caught.value.code == 400
        assert strict.faults(json.load(caught.value), ErrorResponse) == []


def in_the_path(body: dict) -> dict:
    rest = {name: value for name, value in body.items() if name != "model"}
    return {**rest, "anthropic_version": "vertex-2023-10-16"}


PATHS = {
    "own": ("/v1/messages", "/v1/messages", dict),
    "vertex": (f"{VERTEX}/{MODEL}:rawPredict", f"{VERTEX}/{MODEL}:streamRawPredict", in_the_path),
}


@pytest.mark.parametrize("home", PATHS)
@pytest.mark.parametrize("body", [CHAT, {**CHAT, "thinking": THINKING}, CALLS], ids=["text", "thoughts", "calls"])
def test_nothing_is_said_that_the_types_do_not_know(home, body):
    whole, streamed, put = PATHS[home]
    assert strict.faults(json.loads(raw(whole, put(body))), Message) == []
    for event in events(raw(streamed, put({**body, "stream": True}))):
        assert event["type"] == "ping" or strict.faults(event, RawMessageStreamEvent) == [], event
