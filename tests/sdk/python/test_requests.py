"""What the gateway makes of OpenAI's requests for vendors that speak otherwise, in the eyes of their SDKs.

Each shape goes through the gateway to each model; what the mock received is held against the types of
the vendor's own SDK. The golden cases of the translation are held against them as well, as they are.
"""

import concurrent.futures
import functools
import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from accepts import DIALECTS, REGION
from conftest import BASE_URL, CONFIG, KEY, Mock, gateway_only
from shapes import SHAPES

CRATES = Path(__file__).parents[3] / "crates"
GOLDEN = CRATES / "wire" / "tests" / "golden"
CORPUS = {file.stem: json.loads(file.read_text()) for file in (CRATES / "providers" / "tests" / "corpus").glob("*.json")}
ALL = {**SHAPES, **CORPUS}

TARGETS = {target["provider"]: target for target in CONFIG["targets"] if target.get("provider") in DIALECTS}
# Its own dialect is spoken only where that is needed.
MORE = {"ollama": {"min_p": 0.05}}

# What a vendor has no word for is refused before it is sent.
REFUSED: set[tuple[str, str]] = set()


def ask(vendor: str, model: str, shape: str) -> tuple[int, str, str]:
    body = json.dumps({**ALL[shape], **MORE.get(vendor, {}), "model": model}).encode()
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(BASE_URL + "/chat/completions", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers["x-upstream-request-id"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers["x-upstream-request-id"], refused.read().decode()


@functools.cache
def answered(vendor: str, model: str) -> dict[str, tuple[int, dict | None, str]]:
    """For each shape what the client got, and what the vendor."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = dict(zip(ALL, pool.map(functools.partial(ask, vendor, model), ALL)))
    received = {f"req_{request['sequence']:016x}": request for request in Mock().received("")}
    return {shape: (status, received.get(id), text) for shape, (status, id, text) in answers.items()}


CASES = [(vendor, model, shape) for vendor, target in TARGETS.items() for model in target["models"] for shape in ALL]


@gateway_only
@pytest.mark.parametrize(("vendor", "model", "shape"), CASES)
def test_a_vendor_gets_what_its_sdk_could_have_sent(vendor, model, shape):
    status, received, text = answered(vendor, model)[shape]
    if status == 400 and received is None:
        assert (vendor, shape) in REFUSED, text
        return
    assert status == 200 and received, text
    assert DIALECTS[vendor](received["path"], json.loads(received["bytes"])) == []
