"""Replicate's SDK reads what the mock says, from request to request."""

import json

import httpx
import pytest
import replicate
from replicate.exceptions import ModelError, ReplicateError
from replicate.prediction import Prediction
from replicate.stream import ServerSentEvent
from replicate.version import Version

import strict
from conftest import MOCK_URL
from direct import KEY, TEXT, raw

MODEL = "meta/meta-llama-3-8b-instruct"
VERSION = "c0ffee"
HELLO = {"prompt": "Hello"}
OUTPUT = ServerSentEvent.EventType.OUTPUT


def connect(settings: str = "") -> replicate.Client:
    headers = {"x-mock": settings} if settings else {}
    client = replicate.Client(KEY, base_url=MOCK_URL, timeout=httpx.Timeout(10), headers=headers)
    client.poll_interval = 0.01
    return client


@pytest.fixture(scope="module")
def client():
    return connect()


def create(client: replicate.Client, **more) -> Prediction:
    # `predictions.create(model=...)` forgets how long it is to wait.
    return client.models.predictions.create(MODEL, HELLO, **more)


REFERENCES = [MODEL, f"{MODEL}:{VERSION}"]


@pytest.mark.parametrize("reference", REFERENCES)
# What is told at the end of its wait the SDK takes for the output, finished or not.
@pytest.mark.parametrize(("settings", "wait"), [("", True), ("", 5), ("", False), ("looks=3", False)])
def test_a_run_gives_the_output(reference, settings, wait):
    assert "".join(connect(settings).run(reference, input=HELLO, wait=wait)) == TEXT


async def test_a_run_gives_the_output_to_those_who_do_not_wait(client):
    assert "".join(await client.async_run(MODEL, input=HELLO)) == TEXT


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_stream_adds_up_to_the_output(client, reference):
    events = list(client.stream(reference, input=HELLO))
    assert [event.event for event in events[:-1]] == [OUTPUT] * (len(events) - 1)
    assert "".join(str(event) for event in events) == TEXT
    assert events[-1].event is ServerSentEvent.EventType.DONE and events[-1].data == "{}"
    assert len({event.id for event in events}) == len(events) > 3


def test_a_prediction_is_followed_to_its_end():
    prediction = create(connect("looks=2;prompt_tokens=20;completion_tokens=40"))
    assert (prediction.status, prediction.output, prediction.started_at) == ("starting", None, None)
    assert (prediction.model, prediction.version, prediction.input) == (MODEL, "hidden", HELLO)
    prediction.reload()
    assert prediction.status == "processing" and prediction.completed_at is None
    prediction.wait()
    assert prediction.status == "succeeded" and "".join(prediction.output) == TEXT
    assert prediction.error is None and prediction.completed_at
    assert (prediction.metrics["input_token_count"], prediction.metrics["output_token_count"]) == (20, 40)


def test_a_wait_is_for_the_end(client):
    assert create(client, wait=True).status == "succeeded"
    assert create(connect("looks=1"), wait=True).status == "processing"
    assert "".join(create(connect("looks=1")).output_iterator()) == TEXT


@pytest.mark.parametrize(
    ("version", "model"), [(VERSION, "mock/model"), (f"{MODEL}:{VERSION}", MODEL)], ids=["alone", "with its model"]
)
def test_a_version_is_asked_by_itself(client, version, model):
    prediction = client.predictions.create(version=version, input=HELLO, wait=True)
    assert (prediction.model, prediction.version) == (model, version)
    assert "".join(prediction.output) == TEXT


def test_a_model_is_described_with_its_versions(client):
    model = client.models.get(MODEL)
    assert (model.id, model.visibility) == (MODEL, "public")
    [listed] = model.versions.list().results
    version = model.versions.get(listed.id)
    assert model.latest_version == listed == version
    told = client._request("GET", f"/v1/models/{MODEL}/versions/{listed.id}").json()
    assert strict.faults(told, Version) == []
    schemas = version.openapi_schema["components"]["schemas"]
    assert schemas["Input"]["properties"]["prompt"] == {"type": "string"}
    assert client.predictions.create(version=version, input=HELLO).version == version.id
    assert client.run(model, input=HELLO, wait=False) == client.run(MODEL, input=HELLO)


def test_a_prediction_that_fails_says_why():
    client = connect("finish_reason=failed;text=Out of memory.")
    for reference in REFERENCES:
        with pytest.raises(ModelError, match="Out of memory.") as caught:
            list(client.run(reference, input=HELLO, wait=False))
        assert caught.value.prediction.status == "failed" and caught.value.prediction.output is None
    assert list(client.stream(MODEL, input=HELLO))[-1].data == '{"reason":"error"}'


def test_a_prediction_is_cancelled():
    prediction = create(connect("looks=1000"), stream=True)
    prediction.cancel()
    assert prediction.status == "canceled" and prediction.completed_at
    prediction.reload()
    assert (prediction.status, prediction.output, prediction.error) == ("canceled", None, None)
    assert list(create(connect("finish_reason=canceled"), stream=True).stream())[-1].data == '{"reason":"canceled"}'


def test_who_asked_for_no_stream_gets_none(client):
    with pytest.raises(ReplicateError):
        list(create(client).stream())


@pytest.mark.parametrize("status", [400, 401, 402, 404, 422, 429, 500, 503])
def test_errors_are_the_sdks_own(status):
    client = connect(f"status={status}")
    for ask in (create, lambda client: client.run(f"{MODEL}:{VERSION}", input=HELLO)):
        with pytest.raises(ReplicateError) as caught:
            ask(client)
        assert caught.value.status == status
        assert caught.value.title and caught.value.detail


def test_what_is_not_there_is_not_found(client):
    for ask in (
        lambda: client.predictions.get("p0"),
        lambda: client.predictions.cancel("p0"),
        lambda: client.run("nope/model", input=HELLO),
    ):
        with pytest.raises(ReplicateError) as caught:
            ask()
        assert caught.value.status == 404


def test_an_error_within_a_stream_is_one():
    prediction = create(connect("looks=1"), stream=True)
    prediction._client = connect("error_in_200=2")
    seen = []
    with pytest.raises(RuntimeError, match="overloaded"):
        for event in prediction.stream():
            seen.append(event.event)
    assert seen == [OUTPUT] * 2
    with pytest.raises(ModelError, match="overloaded"):
        connect("error_in_200").run(MODEL, input=HELLO)


@pytest.mark.parametrize("settings", ["", "looks=1", "finish_reason=failed", "finish_reason=canceled", "error_in_200"])
@pytest.mark.parametrize("stream", [False, True])
def test_nothing_is_said_that_the_types_do_not_know(settings, stream):
    body = {"input": HELLO, "version": VERSION, "stream": stream}
    prediction = json.loads(raw("/v1/predictions", body, settings))
    assert strict.faults(prediction, Prediction) == []
