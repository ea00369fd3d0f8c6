"""AWS's SDK reads what the mock says, frames included."""

import json

import boto3
import botocore.config
import openai
import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError
from botocore.validate import ParamValidator
from openai import OpenAI

from accepts import of_shape
from conftest import BASE_URL, KEY, MOCK_URL, gateway_only
from direct import ARGUMENTS, ASKED, PARAMETERS, SIGNATURE, TEXT, THOUGHT, raw

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
HELLO = {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
THINKING = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}
TOOLS = {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": PARAMETERS}}} for name in ("get_weather", "get_time")]}
CALLS = {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": ASKED}]}], "toolConfig": TOOLS}


def connect(settings: str = ""):
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=MOCK_URL,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="example-secret-key",
        config=botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=10),
    )
    if settings:
        client.meta.events.register("before-sign", lambda request, **_: request.headers.add_header("x-mock", settings))
    return client


@pytest.fixture(scope="module")
def client():
    return connect()


def test_a_message_is_read(client):
    answer = client.converse(**HELLO)
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": TEXT}]}
    assert answer["stopReason"] == "end_turn"
    assert answer["metrics"]["latencyMs"] == 1
    assert answer["usage"]["totalTokens"] == answer["usage"]["inputTokens"] + answer["usage"]["outputTokens"]
    assert answer["ResponseMetadata"]["RequestId"]


def test_use_and_limits_are_read():
    answer = connect("finish_reason=length;prompt_tokens=20;cached_tokens=8;completion_tokens=40").converse(**HELLO)
    usage = answer["usage"]
    assert answer["stopReason"] == "max_tokens"
    assert (usage["inputTokens"], usage["cacheReadInputTokens"], usage["outputTokens"]) == (12, 8, 40)


def test_thoughts_are_read_with_their_signature(client):
    thought, said = client.converse(**HELLO, **THINKING)["output"]["message"]["content"]
    assert thought["reasoningContent"]["reasoningText"] == {"text": THOUGHT, "signature": SIGNATURE}
    assert said == {"text": TEXT}


def test_calls_are_read_and_answered():
    answer = connect("tool_calls=2").converse(**CALLS)
    assert answer["stopReason"] == "tool_use"
    said = answer["output"]["message"]
    uses = [block["toolUse"] for block in said["content"]]
    assert [(use["name"], use["input"]) for use in uses] == [("get_weather", ARGUMENTS)] * 2
    assert uses[0]["toolUseId"] != uses[1]["toolUseId"]
    results = [{"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "wet"}]}} for use in uses]
    turns = [*CALLS["messages"], said, {"role": "user", "content": results}]
    assert connect().converse(**{**CALLS, "messages": turns})["output"]["message"]["content"] == [{"text": TEXT}]


def gathered(stream) -> tuple[list[str], dict[int, list[dict]]]:
    names, deltas = [], {}
    for event in stream:
        [(name, data)] = event.items()
        names.append(name)
        if name == "contentBlockDelta":
            deltas.setdefault(data["contentBlockIndex"], []).append(data["delta"])
    return names, deltas


def test_a_stream_of_frames_adds_up(client):
    names, deltas = gathered(client.converse_stream(**HELLO, **THINKING)["stream"])
    assert (names[0], names[-2:]) == ("messageStart", ["messageStop", "metadata"])
    thoughts = [delta["reasoningContent"] for delta in deltas[0]]
    assert "".join(thought.get("text", "") for thought in thoughts) == THOUGHT
    assert thoughts[-1] == {"signature": SIGNATURE}
    assert "".join(delta["text"] for delta in deltas[1]) == TEXT


def test_calls_in_a_stream_add_up():
    events = list(connect("tool_calls=2").converse_stream(**CALLS)["stream"])
    starts = [event["contentBlockStart"]["start"]["toolUse"] for event in events if "contentBlockStart" in event]
    assert [start["name"] for start in starts] == ["get_weather"] * 2
    _, deltas = gathered(events)
    assert [json.loads("".join(d["toolUse"]["input"] for d in deltas[at])) for at in (0, 1)] == [ARGUMENTS] * 2
    [stop] = [event["messageStop"] for event in events if "messageStop" in event]
    assert stop["stopReason"] == "tool_use"


def test_an_answer_in_a_form_is_read(client):
    schema = {"schema": json.dumps(PARAMETERS), "name": "answer"}
    form = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
    answer = client.converse(**HELLO, outputConfig=form)
    assert json.loads(answer["output"]["message"]["content"][0]["text"]) == ARGUMENTS


def test_an_image_is_taken(client):
    content = [{"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}, {"text": "What is it?"}]
    answer = client.converse(modelId=MODEL, messages=[{"role": "user", "content": content}])
    assert answer["output"]["message"]["content"] == [{"text": TEXT}]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_the_sdks_own(status, name, stream):
    client = connect(f"status={status}")
    with pytest.raises(getattr(client.exceptions, name)) as caught:
        (client.converse_stream if stream else client.converse)(**HELLO)
    response = caught.value.response
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (status, name)
    assert response["Error"]["Message"]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "validationException"),
        (408, "modelStreamErrorException"),
        (424, "modelStreamErrorException"),
        (429, "throttlingException"),
        (500, "internalServerException"),
        (503, "serviceUnavailableException"),
    ],
)
@pytest.mark.parametrize("after", [0, 2])
def test_an_error_within_a_stream_is_one(client, status, name, after):
    seen = []
    with pytest.raises(EventStreamError) as caught:
        for event in connect(f"error_in_200={after};error_status={status}").converse_stream(**HELLO)["stream"]:
            seen += event
    assert seen == ["messageStart"] + ["contentBlockDelta"] * after
    assert caught.value.response["Error"]["Code"] == name
    assert caught.value.response["Error"]["Message"]
    assert isinstance(caught.value, ClientError)
    shapes = client.meta.service_model.operation_model("ConverseStream").output_shape.members["stream"].members
    assert name in shapes and shapes[name].metadata.get("exception")


@gateway_only
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "stream_error"),
        (424, "stream_error"),
        (429, "rate_limit_exceeded"),
        (500, "stream_error"),
        (503, "stream_error"),
    ],
)
def test_an_exception_within_a_stream_reaches_a_client_of_openais(status, code):
    breaks = f"bedrock/mock:error_in_200=2;error_status={status};cadence=100ms"
    said = ""
    with OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=10) as client:
        with pytest.raises(openai.APIError) as caught:
            for chunk in client.chat.completions.create(
                model=breaks, messages=[{"role": "user", "content": "Hello"}], stream=True
            ):
                said += chunk.choices[0].delta.content or ""
    assert said and TEXT.startswith(said)
    assert caught.value.code == code


GUARDED = {**HELLO, "guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1", "trace": "enabled"}}


def test_a_guardrail_that_steps_in_is_told():
    client = connect("finish_reason=guardrail_intervened;text=Blocked.")
    answer = client.converse(**GUARDED)
    assert (answer["stopReason"], answer["output"]["message"]["content"]) == ("guardrail_intervened", [{"text": "Blocked."}])
    events = list(client.converse_stream(**GUARDED)["stream"])
    assert events[-2] == {"messageStop": {"stopReason": "guardrail_intervened"}}
    traces = [answer["trace"], events[-1]["metadata"]["trace"]]
    assert [trace["guardrail"]["inputAssessment"]["mock"]["topicPolicy"]["topics"] for trace in traces] == [TOPICS] * 2


TOPICS = [{"name": "mock", "type": "DENY", "action": "BLOCKED"}]


@pytest.mark.parametrize(
    ("body", "settings"),
    [(HELLO, ""), ({**HELLO, **THINKING}, ""), (CALLS, ""), (GUARDED, "finish_reason=guardrail_intervened")],
    ids=["text", "thoughts", "calls", "guardrail"],
)
def test_nothing_is_said_that_the_shapes_do_not_know(client, body, settings):
    path = f"/model/{MODEL}/converse"
    sent = {name: member for name, member in body.items() if name != "modelId"}
    model = client.meta.service_model
    assert unknown(json.loads(raw(path, sent, settings)), model.operation_model("Converse").output_shape) == ""
    frames = EventStreamBuffer()
    frames.add_data(raw(path + "-stream", sent, settings))
    shapes = model.operation_model("ConverseStream").output_shape.members["stream"].members
    seen = 0
    for frame in frames:
        name, data = frame.headers[":event-type"], json.loads(frame.payload)
        data.pop("p", None)  # padding, of which the shapes do not speak
        assert unknown(data, shapes[name]) == "", name
        seen += 1
    assert seen > 4


def unknown(value, shape) -> str:
    return ParamValidator().validate(of_shape(value, shape), shape).generate_report()
