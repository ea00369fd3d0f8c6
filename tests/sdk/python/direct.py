"""The mock without a gateway before it, as a vendor's SDK is pointed at it, and what it makes up."""

import json
import urllib.request

from conftest import MOCK_URL

TEXT = "This answer comes from a mock vendor, which made it up without reading the question."
THOUGHT = "Let me pretend to think about this for a moment."
SIGNATURE = "c2lnbmVkIGJ5IGEgbW9jaw=="
KEY = "key-0123456789"
ASKED = "What is the weather in Oslo?"
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
}
ARGUMENTS = {"city": "sample", "days": 1}
USED_UP = {"x-mock": "finish_reason=length;prompt_tokens=20;cached_tokens=8;completion_tokens=40"}


def raw(path: str, body: dict, settings: str = "") -> bytes:
    """What the mock says, before an SDK read it."""
    headers = {"content-type": "application/json"} | ({"x-mock": settings} if settings else {})
    request = urllib.request.Request(MOCK_URL + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def events(stream: bytes) -> list[dict]:
    """The data of server-sent events."""
    lines = stream.decode().splitlines()
    return [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]
