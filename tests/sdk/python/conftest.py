"""Clients of the suite, and a look at what the vendor behind the gateway received.

FERROGW_BASE_URL, FERROGW_KEY   the gateway, started with ../gateway.json
MOCK_URL                        the mock vendor behind it

With FERROGW_BASE_URL pointing at the mock itself the suite checks itself: what only a gateway does
is skipped, and the names of ../gateway.json are translated here instead.
"""

import base64
import json
import os
import time
import urllib.request
import uuid
from pathlib import Path

import pytest
from openai import AsyncOpenAI, OpenAI

MOCK_URL = os.environ["MOCK_URL"].rstrip("/").removesuffix("/v1")
ROOT = os.environ["FERROGW_BASE_URL"].rstrip("/").removesuffix("/v1")
BASE_URL = ROOT + "/v1"
KEY = os.environ["FERROGW_KEY"]
DIRECT = ROOT == MOCK_URL

CONFIG = json.loads((Path(__file__).parent.parent / "gateway.json").read_text())
MODELS = CONFIG["targets"][0]["models"]

gateway_only = pytest.mark.skipif(DIRECT, reason="only a gateway does this")


def model(name: str) -> str:
    """The name to ask for: the gateway's, or the vendor's own when there is no gateway."""
    return MODELS[name] if DIRECT else name


class Mock:
    """What the vendor received."""

    def received(self, marker: str) -> list[dict]:
        """Requests whose body holds the marker, oldest first."""
        found = []
        for request in self._get("/_mock/requests"):
            body = base64.b64decode(request["body"])
            if marker.encode() in body:
                found.append({**request, "bytes": body})
        return found

    def only(self, marker: str) -> dict:
        found = self.received(marker)
        assert len(found) == 1, f"{len(found)} requests hold {marker}"
        return found[0]

    def stats(self) -> dict:
        return self._get("/_mock/stats")

    def _get(self, path: str):
        with urllib.request.urlopen(MOCK_URL + path, timeout=10) as answer:
            return json.load(answer)


def eventually(look, what: str, patience: float = 10.0):
    """Asks until there is an answer."""
    end = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"not within {patience} s: {what}"
        time.sleep(0.05)


@pytest.fixture
def client():
    with OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
async def async_client():
    async with AsyncOpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
def mock():
    return Mock()


@pytest.fixture
def marker():
    """A text that no other request holds."""
    return f"marker-{uuid.uuid4().hex}"
