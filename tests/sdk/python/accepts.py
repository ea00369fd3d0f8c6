"""What is wrong with a request in the eyes of its vendor's SDK: one function for each dialect.

Where the SDK has types for the request they are held against it. Where the SDK writes another form than
it takes (Google's, AWS's) it is given the request's parts, and must send the same.
"""

import base64
import json
import re
from collections.abc import Sequence
from typing import Any, Optional
from urllib.parse import unquote, urlsplit

import boto3
import botocore.awsrequest
import botocore.config
import botocore.validate
import cohere
import httpx
import httpx2
import ollama
import replicate as predictions
from anthropic import AnthropicVertex
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from google import genai
from google.genai import types as google
from google.oauth2.credentials import Credentials
from pydantic import ValidationError
from typing_extensions import Required, TypedDict

import strict

REGION = "us-east-1"


# ---- Anthropic


class Sampling(TypedDict, total=False):
    """The SDK has dropped them since its newest models refuse them; those before know them."""

    temperature: float
    top_p: float
    top_k: int


class Sampled(MessageCreateParamsNonStreaming, Sampling, total=False):
    pass


class SampledStream(MessageCreateParamsStreaming, Sampling, total=False):
    pass


# https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-7
UNSAMPLED = re.compile(r"claude-\w+-(4-[789]|[5-9])(\D|$)")


def anthropic(path: str, body: dict) -> list[str]:
    if not path.endswith("/messages"):
        return [f"{path} is no path of messages"]
    streams = body.get("stream") is True
    if UNSAMPLED.search(body.get("model", "")):
        return strict.faults(body, MessageCreateParamsStreaming if streams else MessageCreateParamsNonStreaming)
    return strict.faults(body, SampledStream if streams else Sampled)


# ---- Google


SENT: list[httpx2.Request] = []


def swallow(request: httpx2.Request) -> httpx2.Response:
    SENT.append(request)
    return httpx2.Response(200, json={})


SWALLOWING = google.HttpOptions(httpx_client=httpx2.Client(transport=httpx2.MockTransport(swallow)))
GOOGLE = genai.Client(api_key="key", http_options=SWALLOWING)
PLACE = {"project": "p1", "location": "us-east5"}
VERTEX = genai.Client(vertexai=True, credentials=Credentials("token"), http_options=SWALLOWING, **PLACE)
CLAUDE_AT_VERTEX = AnthropicVertex(
    region=PLACE["location"],
    project_id=PLACE["project"],
    access_token="token",
    # Without one the SDK wants long answers as streams.
    timeout=10,
    http_client=SWALLOWING.httpx_client,
)


def vertex(path: str, body: dict) -> list[str]:
    if "/publishers/anthropic/" in path:
        return claude_at_vertex(path, body)
    found = gemini(path, body, VERTEX)
    if found:
        return found
    # The SDK asks the version that is not everybody's yet, and here for no stream.
    theirs = SENT[0].url.path.replace("/v1beta1/", "/v1/", 1)
    return same_path(path.partition("models/")[0], theirs.partition("models/")[0])


def claude_at_vertex(path: str, body: dict) -> list[str]:
    asked = re.search(r"/models/([^/:]+):(?:rawPredict|streamRawPredict)$", path)
    if not asked or "model" in body:
        return [f"{path} is no path of a model, which stands nowhere else"]
    model = unquote(asked[1])
    rest = {name: value for name, value in body.items() if name != "anthropic_version"}
    found = anthropic("/messages", {**rest, "model": model})
    if found:
        return found
    SENT.clear()
    given = {name: rest[name] for name in ("messages", "max_tokens", "stream") if name in rest}
    CLAUDE_AT_VERTEX.messages.create(model=model, **given, extra_body=body)
    theirs = json.loads(SENT[0].content)
    return differences(body, theirs) + same_path(path, SENT[0].url.raw_path.decode())


def gemini(path: str, body: dict, client: genai.Client = GOOGLE) -> list[str]:
    asked = re.search(r"/models/([^/:?]+):(generateContent|streamGenerateContent\?alt=sse)$", path)
    if not asked:
        return [f"{path} is no path of generateContent"]
    rest = {name: value for name, value in body.items() if name not in ("contents", "generationConfig")}
    config = {**rest, **body.get("generationConfig", {})}
    found = strict.faults(body.get("contents"), list[google.Content], "$.contents")
    found += strict.faults(config, google.GenerateContentConfig)
    if found:
        return found
    SENT.clear()
    try:
        client.models._generate_content(
            model=asked[1],
            contents=[google.Content.model_validate(content) for content in body["contents"]],
            config=google.GenerateContentConfig.model_validate(config),
        )
    except (ValueError, ValidationError) as refusal:
        return [str(refusal)]
    ours, theirs = usual(body), usual(json.loads(SENT[0].content))
    return differences({"generation_config": {}, **ours}, theirs)


# Words of an enum, which Google reads in either case.
ENUMS = ("type", "thinking_level")


def usual(value, name=""):
    """One spelling for what Google reads in more than one."""
    if isinstance(value, dict):
        named = {re.sub("[A-Z]", lambda big: "_" + big[0].lower(), name): member for name, member in value.items()}
        # The SDK puts this into schemas on its own.
        return {name: usual(member, name) for name, member in named.items() if name != "property_ordering"}
    if isinstance(value, list):
        # The SDK has its own order of tools.
        items = [usual(item, name) for item in value]
        return sorted(items, key=str) if name == "tools" else items
    if isinstance(value, str) and name in ("data", "thought_signature"):
        return value.translate(str.maketrans("-_", "+/"))
    return value.upper() if isinstance(value, str) and name in ENUMS else value


# ---- AWS


BEDROCK = boto3.client(
    "bedrock-runtime",
    region_name=REGION,
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="example-secret-key",
    config=botocore.config.Config(retries={"total_max_attempts": 1}),
)
AWS_SENT: list[botocore.awsrequest.AWSPreparedRequest] = []


def keep_aws(request, **_):
    AWS_SENT.append(request)

    class Raw:
        def stream(self, *_, **__):
            yield b"{}"

        def read(self, *_, **__):
            return b""

    return botocore.awsrequest.AWSResponse(request.url, 200, {"content-type": "application/json"}, Raw())


BEDROCK.meta.events.register("before-send.bedrock-runtime", keep_aws)


def bedrock(path: str, body: dict) -> list[str]:
    asked = re.search(r"/model/([^/]+)/converse(-stream)?$", path)
    if not asked:
        return [f"{path} is no path of Converse"]
    name, call = ("ConverseStream", BEDROCK.converse_stream) if asked[2] else ("Converse", BEDROCK.converse)
    shape = BEDROCK.meta.service_model.operation_model(name).input_shape
    model = unquote(asked[1])
    given = {**of_shape(body, shape), "modelId": model}
    report = botocore.validate.ParamValidator().validate(given, shape)
    if report.has_errors():
        return report.generate_report().split("\n")
    AWS_SENT.clear()
    call(**given)
    [sent] = AWS_SENT
    written = json.loads(sent.body)
    return differences(body, written) + same_path(asked[0], urlsplit(sent.url).path)


def of_shape(value, shape):
    """JSON as the SDK takes it: bytes instead of their base64. What no shape has stays, to be found."""
    if shape is None or getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        return {name: of_shape(member, shape.members.get(name)) for name, member in value.items()}
    if shape.type_name == "map" and isinstance(value, dict):
        return {name: of_shape(member, shape.value) for name, member in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [of_shape(item, shape.member) for item in value]
    if shape.type_name == "blob" and isinstance(value, str):
        return base64.b64decode(value, validate=True)
    return value


# ---- Cohere


class Document(cohere.Document):
    """https://docs.cohere.com/docs/tool-use-overview gives results as texts; the SDK knows objects only."""

    data: str | dict[str, Any]


class DocumentPart(cohere.DocumentToolContent):
    document: Document


class ToolMessage(cohere.ToolChatMessageV2):
    content: str | list[cohere.TextToolContent | DocumentPart]


Message = cohere.UserChatMessageV2 | cohere.AssistantChatMessageV2 | cohere.SystemChatMessageV2 | ToolMessage


class CohereChat(TypedDict, total=False):
    """The arguments of the SDK's `chat` and `chat_stream`, which has no type for them all."""

    model: Required[str]
    messages: Required[list[Message]]
    tools: list[cohere.ToolV2]
    strict_tools: bool
    documents: list[str | cohere.Document]
    citation_options: cohere.CitationOptions
    response_format: cohere.ResponseFormatV2
    safety_mode: cohere.V2ChatRequestSafetyMode
    max_tokens: int
    stop_sequences: list[str]
    temperature: float
    seed: int
    frequency_penalty: float
    presence_penalty: float
    k: int
    p: float
    logprobs: bool
    tool_choice: cohere.V2ChatRequestToolChoice
    thinking: cohere.Thinking
    priority: int
    stream: bool


def cohere_v2(path: str, body: dict) -> list[str]:
    if not path.endswith("/v2/chat"):
        return [f"{path} is no path of chats"]
    return strict.faults(body, CohereChat)


# ---- Ollama


class OllamaOptions(ollama.Options):
    """https://docs.ollama.com/modelfile#valid-parameters-and-values has one that the SDK has not."""

    min_p: Optional[float] = None


class OllamaMessage(ollama.Message):
    images: Optional[Sequence[bytes]] = None


class OllamaChat(ollama._types.ChatRequest):
    """The SDK lets mappings through unread where it has types for them."""

    messages: Sequence[OllamaMessage]
    options: Optional[OllamaOptions] = None


# Schemas have more members than the SDK's functions turn into one.
OLLAMA_FREE = frozenset({ollama.Tool.Function.Parameters, ollama.Tool.Function.Parameters.Property})


def ollama_chat(path: str, body: dict) -> list[str]:
    if not path.endswith("/api/chat"):
        return [f"{path} is no path of chats"]
    return strict.faults(body, OllamaChat, free=OLLAMA_FREE)


# ---- Replicate


class ReplicatePrediction(TypedDict, total=False):
    """The arguments of the SDK's `create`; how long to wait stands in a header."""

    input: Required[dict[str, Any]]
    version: str
    stream: bool
    webhook: str
    webhook_completed: str
    webhook_events_filter: list[str]


CREATED: list[httpx.Request] = []


def create(request: httpx.Request) -> httpx.Response:
    CREATED.append(request)
    return httpx.Response(201, json={"id": "p1", "model": "m", "version": "v", "status": "starting"})


REPLICATE = predictions.Client("token", transport=httpx.MockTransport(create))


def replicate(path: str, body: dict) -> list[str]:
    asked = re.search(r"/v1(?:/models/([^/]+)/([^/]+))?/predictions$", path)
    if not asked:
        return [f"{path} is no path of predictions"]
    found = strict.faults(body, ReplicatePrediction)
    if found:
        return found
    CREATED.clear()
    if asked[1]:
        REPLICATE.models.predictions.create(model=(asked[1], asked[2]), **body)
    else:
        REPLICATE.predictions.create(**body)
    [sent] = CREATED
    return differences(body, json.loads(sent.content)) + same_path(asked[0], sent.url.path)


# ---- all of them


def same_path(ours: str, theirs: str) -> list[str]:
    return [] if ours == theirs else [f"{ours} is not {theirs}"]


def differences(ours, theirs, at="$") -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = [*ours, *(name for name in theirs if name not in ours)]
        return [f for name in names for f in differences(ours.get(name), theirs.get(name), f"{at}.{name}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [f for i, pair in enumerate(zip(ours, theirs)) for f in differences(*pair, f"{at}[{i}]")]
    return [] if ours == theirs else [f"{at}: {ours!r:.120} where the SDK sends {theirs!r:.120}"]


DIALECTS = {
    "anthropic": anthropic,
    "gemini": gemini,
    "bedrock": bedrock,
    "cohere": cohere_v2,
    "ollama": ollama_chat,
    "replicate": replicate,
    "vertex-ai": vertex,
    "azure-foundry": anthropic,
}
