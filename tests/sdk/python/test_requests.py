"""What the gateway makes of OpenAI's requests for vendors that speak otherwise, in the eyes of their SDKs.

Each shape goes through the gateway to each model; what the mock received is held against the types of
the vendor's own SDK. The golden cases of the translation are held against them as well, as they are.
"""

import concurrent.futures
import functools
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from accepts import DIALECTS, REGION
from conftest import BASE_URL, CONFIG, KEY, Mock, gateway_only
from direct import SIGNATURE
from shapes import SHAPES
from test_replicate import connect as connect_to_replicate

CRATES = Path(__file__).parents[3] / "crates"
GOLDEN = CRATES / "wire" / "tests" / "golden"
# Two of the files are refused wherever they have to be read: no message, a seed with a fraction.
CORPUS = {
    file.stem: json.loads(file.read_text())
    for file in sorted((CRATES / "providers" / "tests" / "corpus").glob("*.json"))
    if not file.stem.startswith(("21-", "28-"))
}
ALL = {**SHAPES, **CORPUS}

TARGETS = {target["provider"]: target for target in CONFIG["targets"] if target.get("provider") in DIALECTS}
# Its own dialect is spoken only where that is needed.
MORE = {"ollama": {"min_p": 0.05}}

# What a vendor, or a model of it, has no form for: the gateway says so instead of sending it.
REFUSED = {
    "anthropic": {"audio", "08-audio", "27-video-and-vendor-parts"},
    "gemini": {"09-files"},
    "bedrock": {"audio", "07-vision", "08-audio", "09-files", "27-video-and-vendor-parts"},
    "cohere": {"audio", "pdf", "image in result", "08-audio", "09-files", "27-video-and-vendor-parts"},
    "ollama": {
        "audio", "pdf", "text file", "07-vision", "08-audio", "09-files", "27-video-and-vendor-parts",
    },
    "replicate": {
        "audio", "image", "image alone", "image in result", "pdf", "text file", "07-vision", "08-audio", "09-files",
        "27-video-and-vendor-parts",
    },
    "vertex-ai": {"audio", "07-vision", "08-audio", "09-files", "27-video-and-vendor-parts"},
    "azure-foundry": {"audio", "08-audio", "27-video-and-vendor-parts"},
}  # fmt: skip

# Cases in which the operator's `extra_body`, or a client of the vendor's own door, says what no SDK knows.
UNKNOWN = {"anthropic/extra-body", "cohere/documents-and-citations", "gemini/extra-body", "gemini/own-door"}


def send(body: dict) -> tuple[int, str, str]:
    """The status, the vendor's id of the request, the answer."""
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(BASE_URL + "/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers["x-upstream-request-id"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers["x-upstream-request-id"], refused.read().decode()


def ask(vendor: str, model: str, shape: str) -> tuple[int, str, str]:
    return send({**ALL[shape], **MORE.get(vendor, {}), "model": model})


def received() -> dict[str, dict]:
    """What the vendor got, by its ids."""
    return {f"req_{request['sequence']:016x}": request for request in Mock().received("")}


@functools.cache
def answered(vendor: str, model: str) -> dict[str, tuple[int, dict | None, str]]:
    """For each shape what the client got, and what the vendor."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = dict(zip(ALL, pool.map(functools.partial(ask, vendor, model), ALL)))
    got = received()
    return {shape: (status, got.get(id), text) for shape, (status, id, text) in answers.items()}


CASES = [(vendor, model, shape) for vendor, target in TARGETS.items() for model in target["models"] for shape in ALL]


@gateway_only
@pytest.mark.parametrize(("vendor", "model", "shape"), CASES)
def test_a_vendor_gets_what_its_sdk_could_have_sent(vendor, model, shape):
    status, got, text = answered(vendor, model)[shape]
    if status == 400 and got is None:
        assert shape in REFUSED[vendor], text
        return
    assert status == 200 and got, text
    assert DIALECTS[vendor](got["path"], json.loads(got["bytes"])) == []


@gateway_only
@pytest.mark.parametrize("vendor", REFUSED)
def test_what_has_no_form_is_refused_with_its_place(vendor):
    for shape in REFUSED[vendor]:
        refused = [answered(vendor, model)[shape] for model in TARGETS[vendor]["models"]]
        texts = [text for status, got, text in refused if status == 400 and got is None]
        assert texts and all(re.search(r"messages\[\d\]\.content\[\d\]", text) for text in texts), shape


KINDS = {"string": str, "integer": int, "number": (int, float)}


@gateway_only
@pytest.mark.parametrize("model", TARGETS["replicate"]["models"])
def test_a_prediction_is_asked_for_in_the_words_that_its_model_takes(model):
    described = connect_to_replicate().models.get(TARGETS["replicate"]["models"][model].partition(":")[0])
    takes = described.latest_version.openapi_schema["components"]["schemas"]["Input"]["properties"]
    asked = [(ALL[shape], got) for shape, (_, got, _) in answered("replicate", model).items() if got]
    assert len(asked) > 70
    for shape, got in asked:
        body = json.loads(got["bytes"])
        for name, value in body["input"].items():
            assert isinstance(value, KINDS[takes[name]["type"]]), (name, value)
        # The SDK waits from one second to sixty, and for no stream.
        waits = dict(got["headers"]).get("prefer")
        assert body.get("stream", False) == shape.get("stream", False)
        assert waits is None if shape.get("stream") else 1 <= int(waits.removeprefix("wait=")) <= 60


THINKERS = [
    ("anthropic", "claude-opus-4-6"),
    ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("gemini", "gemini-3-flash"),
    ("vertex-ai", "vertex-gemini-3-flash"),
    ("vertex-ai", "vertex-claude-opus-4-6"),
    ("azure-foundry", "foundry-claude-opus-4-6"),
]


@gateway_only
@pytest.mark.parametrize("stray", [{}, {"content": "I think."}], ids=["as it came", "changed"])
@pytest.mark.parametrize(("vendor", "model"), THINKERS)
def test_a_signed_thought_goes_back_to_who_signed_it(vendor, model, stray):
    first = {"model": model, **SHAPES["tools"], "reasoning_effort": "low", "max_tokens": 4000}
    status, _, text = send(first)
    assert status == 200, text
    said = json.loads(text)["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "wet"} for call in said["tool_calls"]]
    second = {**first, "messages": [*first["messages"], {**said, **stray}, *results]}
    status, id, text = send(second)
    assert status == 200, text
    got = received()[id]
    assert SIGNATURE.encode() in got["bytes"]
    assert DIALECTS[vendor](got["path"], json.loads(got["bytes"])) == []


def golden() -> list[str]:
    files = [file for vendor in DIALECTS for file in (GOLDEN / vendor).glob("*/request.vendor.json")]
    return sorted(f"{file.parts[-3]}/{file.parts[-2]}" for file in files)


@pytest.mark.parametrize("case", golden())
def test_the_golden_cases_are_what_sdks_could_have_sent(case):
    vendor, folder = case.split("/")[0], GOLDEN / case
    body = json.loads((folder / "request.vendor.json").read_text())
    asked = folder / "request.openai.json"
    model = json.loads(asked.read_text())["model"] if asked.exists() else "model"
    segment = urllib.parse.quote(model, safe="")
    created = "" if "version" in body else f"/models/{model}"
    paths = {
        "gemini": f"/models/{segment}:generateContent",
        "bedrock": f"/model/{segment}/converse",
        "vertex-ai": f"/v1/projects/p1/locations/us-east5/publishers/google/models/{segment}:generateContent",
        "replicate": f"/v1{created}/predictions",
    }
    path = paths.get(vendor, {"cohere": "/v2/chat", "ollama": "/api/chat"}.get(vendor, "/v1/messages"))
    found = DIALECTS[vendor](path, body)
    assert bool(found) == (case in UNKNOWN), found


@gateway_only
@pytest.mark.parametrize("model", TARGETS["bedrock"]["models"])
@pytest.mark.parametrize("shape", ["text", "stream", "odd characters", "pdf"])
def test_requests_are_signed_as_aws_own_signer_signs_them(model, shape):
    _, got, text = answered("bedrock", model)[shape]
    assert got, text
    headers = dict(got["headers"])
    keys = TARGETS["bedrock"]["auth"]["aws"]
    credential, names, signature = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=(\S+), ?SignedHeaders=(\S+), ?Signature=([0-9a-f]{64})", headers["authorization"]
    ).groups()
    time = headers["x-amz-date"]
    assert credential == f"{keys['access_key_id']}/{time[:8]}/{REGION}/bedrock/aws4_request"
    assert {"host", "x-amz-date"} <= set(names.split(";"))

    signer = SigV4Auth(Credentials(keys["access_key_id"], keys["secret_access_key"]), "bedrock", REGION)
    url = f"http://{headers['host']}{got['path']}"
    signed = {name: headers[name] for name in names.split(";")}
    request = AWSRequest("POST", url, headers=signed, data=got["bytes"])
    request.context["timestamp"] = time
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert signature == expected
