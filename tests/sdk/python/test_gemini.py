"""Google's SDK reads what the mock says."""

import base64
import json

import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

import strict
from conftest import MOCK_URL
from direct import ARGUMENTS, ASKED, KEY, PARAMETERS, SIGNATURE, TEXT, THOUGHT, USED_UP, events, raw

MODEL = "gemini-2.5-flash"
PATHS = {
    "developer": f"/v1beta/models/{MODEL}",
    "vertex": f"/v1beta1/projects/p1/locations/us-east5/publishers/google/models/{MODEL}",
}
HOMES = {
    "developer": {"api_key": KEY},
    "vertex": {"vertexai": True, "project": "p1", "location": "us-east5", "credentials": Credentials(KEY)},
}
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name=name, parameters_json_schema=PARAMETERS) for name in ("get_weather", "get_time")
    ]
)
THINKING = types.ThinkingConfig(include_thoughts=True)


def connect(home: str) -> genai.Client:
    return genai.Client(**HOMES[home], http_options=types.HttpOptions(base_url=MOCK_URL, timeout=10_000))


@pytest.fixture(scope="module", params=HOMES)
def client(request):
    return connect(request.param)


def config(headers=None, **more) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(http_options=types.HttpOptions(headers=headers) if headers else None, **more)


def test_an_answer_is_read(client):
    answer = client.models.generate_content(model=MODEL, contents="Hello", config=config())
    assert answer.text == TEXT
    assert answer.model_version == MODEL and answer.response_id
    [candidate] = answer.candidates
    assert (candidate.index, candidate.content.role) == (0, "model")
    assert candidate.finish_reason is types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage.prompt_token_count == 12
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count


def test_use_and_limits_are_read(client):
    answer = client.models.generate_content(model=MODEL, contents="Hello", config=config(USED_UP))
    usage = answer.usage_metadata
    assert answer.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS
    assert (usage.prompt_token_count, usage.cached_content_token_count, usage.candidates_token_count) == (20, 8, 40)


def test_several_candidates_are_read(client):
    answer = client.models.generate_content(model=MODEL, contents="Hello", config=config(candidate_count=2))
    assert [candidate.index for candidate in answer.candidates] == [0, 1]


def test_thoughts_are_read(client):
    answer = client.models.generate_content(model=MODEL, contents="Hello", config=config(thinking_config=THINKING))
    thought, said = answer.candidates[0].content.parts
    assert (thought.thought, thought.text) == (True, THOUGHT)
    assert (said.thought, said.text) == (None, TEXT)
    assert answer.usage_metadata.thoughts_token_count > 0


def test_calls_are_read_signed_and_answered(client):
    tools = config({"x-mock": "tool_calls=2"}, tools=[TOOL])
    answer = client.models.generate_content(model=MODEL, contents=ASKED, config=tools)
    assert [(call.name, call.args) for call in answer.function_calls] == [("get_weather", ARGUMENTS)] * 2
    said = answer.candidates[0].content
    assert said.parts[0].thought_signature == base64.b64decode(SIGNATURE)
    result = types.Part.from_function_response(name="get_weather", response={"result": "wet"})
    turns = [types.UserContent(ASKED), said, types.UserContent([result, result])]
    again = client.models.generate_content(model="gemini-3-flash", contents=turns, config=config(tools=[TOOL]))
    assert again.text == TEXT


def test_a_stream_adds_up_to_the_answer(client):
    chunks = list(
        client.models.generate_content_stream(model=MODEL, contents="Hello", config=config(thinking_config=THINKING))
    )
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
    assert "".join(part.text for part in parts if part.thought) == THOUGHT
    assert "".join(part.text for part in parts if not part.thought) == TEXT
    assert len(chunks) > 3 and {chunk.response_id for chunk in chunks} == {chunks[0].response_id}
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.STOP
    assert chunks[-1].usage_metadata.candidates_token_count > 0


def test_calls_in_a_stream_are_read(client):
    chunks = list(client.models.generate_content_stream(model=MODEL, contents=ASKED, config=config(tools=[TOOL])))
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    assert [(call.name, call.args) for call in calls] == [("get_weather", ARGUMENTS)]


def test_an_answer_in_a_form_is_read(client):
    form = config(response_mime_type="application/json", response_json_schema=PARAMETERS)
    assert client.models.generate_content(model=MODEL, contents="Hello", config=form).parsed == ARGUMENTS


def test_an_image_is_taken(client):
    image = types.Part.from_bytes(data=b"\x89PNG", mime_type="image/png")
    assert client.models.generate_content(model=MODEL, contents=[image, "What is it?"]).text == TEXT


@pytest.mark.parametrize(
    ("home", "model", "texts"),
    [
        ("developer", "gemini-embedding-001", ["wet", "cold"]),
        ("vertex", "text-embedding-005", ["wet", "cold"]),
        ("vertex", "gemini-embedding-001", ["wet", "cold"]),
        ("vertex", "gemini-embedding-001", ["wet"]),
        ("vertex", "gemini-embedding-2", ["wet"]),
    ],
)
def test_embeddings_are_read(home, model, texts):
    size = types.EmbedContentConfig(output_dimensionality=8)
    client = connect(home)
    answer = client.models.embed_content(model=model, contents=texts, config=size)
    assert [len(embedding.values) for embedding in answer.embeddings] == [8] * len(texts)
    alone = client.models.embed_content(model=model, contents=texts[0], config=size)
    assert alone.embeddings[0].values == answer.embeddings[0].values
    if home == "vertex" and "gemini" not in model:
        assert all(embedding.statistics.token_count > 0 for embedding in answer.embeddings)
        assert answer.metadata.billable_character_count == 7


@pytest.mark.parametrize(
    ("status", "error", "word"),
    [
        (400, errors.ClientError, "INVALID_ARGUMENT"),
        (401, errors.ClientError, "UNAUTHENTICATED"),
        (403, errors.ClientError, "PERMISSION_DENIED"),
        (404, errors.ClientError, "NOT_FOUND"),
        (429, errors.ClientError, "RESOURCE_EXHAUSTED"),
        (500, errors.ServerError, "INTERNAL"),
        (503, errors.ServerError, "UNAVAILABLE"),
        (504, errors.ServerError, "DEADLINE_EXCEEDED"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_the_sdks_own(client, status, error, word, stream):
    models = client.models
    ask = models.generate_content_stream if stream else models.generate_content
    with pytest.raises(error) as caught:
        list(ask(model=MODEL, contents="Hello", config=config({"x-mock": f"status={status}"})))
    assert (caught.value.code, caught.value.status) == (status, word)
    assert caught.value.message


def test_an_error_within_a_stream_is_one(client):
    with pytest.raises(errors.ServerError) as caught:
        list(client.models.generate_content_stream(model=MODEL, contents="Hello", config=config({"x-mock": "error_in_200"})))
    assert caught.value.code == 503


TURN = {"role": "user", "parts": [{"text": ASKED}]}
TEXT_ONLY = {"contents": [TURN]}
THOUGHTS = {**TEXT_ONLY, "generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
CALLS = {**TEXT_ONLY, "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": PARAMETERS}]}]}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("body", [TEXT_ONLY, THOUGHTS, CALLS], ids=["text", "thoughts", "calls"])
def test_nothing_is_said_that_the_types_do_not_know(path, body):
    whole = json.loads(raw(f"{path}:generateContent", body))
    for answer in [whole, *events(raw(f"{path}:streamGenerateContent?alt=sse", body))]:
        assert strict.faults(answer, types.GenerateContentResponse) == [], answer
