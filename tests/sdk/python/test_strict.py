"""What strict.py must find, since everything that it does not find passes."""

import pytest
from anthropic.types import Message
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from cohere.types import ChatMessageV2
from google.genai import types as google

from replicate.prediction import Prediction

from strict import faults

CHAT = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
BLOCK = {"type": "tool_use", "id": "t", "name": "f", "input": {}}


def said(*blocks) -> dict:
    return {**CHAT, "messages": [{"role": "assistant", "content": list(blocks)}]}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({**CHAT, "seed": 7}, "$.seed: unknown"),
        ({**CHAT, "max_tokens": "9"}, "$.max_tokens: '9' is no <class 'int'>"),
        ({**CHAT, "max_tokens": True}, "$.max_tokens: True is no <class 'int'>"),
        ({**CHAT, "stop_sequences": [None]}, "$.stop_sequences[0]: None is no <class 'str'>"),
        ({"model": "m", "messages": []}, "$.max_tokens: required"),
        ({**CHAT, "stop_sequences": "x"}, "$.stop_sequences: 'x' is no array"),
        ({**CHAT, "thinking": {"type": "enabled"}}, "$.thinking.budget_tokens: required"),
        ({**CHAT, "tools": [{"name": "f"}]}, "$.tools[0].input_schema: required"),
        (said({**BLOCK, "index": 0}), "$.messages[0].content[0].index: unknown"),
        (said({**BLOCK, "input": "{}"}), "$.messages[0].content[0].input: '{}' is no object"),
        (said({"type": "thinking", "thinking": "x"}), "$.messages[0].content[0].signature: required"),
    ],
)
def test_what_a_type_does_not_say_is_found_where_it_is(body, fault):
    assert fault in faults(body, MessageCreateParamsNonStreaming)


def test_what_a_type_says_passes():
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    body = {**said(BLOCK), "tools": [{"name": "f", "input_schema": schema}]}
    assert faults(body, MessageCreateParamsNonStreaming) == []
    part = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0="}}
    assert faults({"role": "user", "parts": [part]}, google.Content) == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"parts": [{"inline_data": {"mimeType": "image/png", "data": ""}}]}, google.Content),
        ({"parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}, google.Content),
        ({"type": "STRUCT"}, google.Schema),
        ({"content": "hi"}, ChatMessageV2),
        ({"role": "tool", "content": "hi"}, ChatMessageV2),
        ({"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, ChatMessageV2),
        ({"id": "msg", "type": "message", "role": "assistant", "content": []}, Message),
        ({"id": "p", "model": "m", "version": None, "status": "failed"}, Prediction),
        ({"id": "p", "model": "m", "version": "v", "status": "queued"}, Prediction),
        ({"id": "p", "model": "m", "version": "v", "status": "failed", "stage": 1}, Prediction),
    ],
)
def test_other_sdks_types_are_read_as_well(value, kind):
    assert faults(value, kind)
