"""LangChain's ChatOpenAI, which reads answers more strictly than the SDK beneath it."""

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from conftest import BASE_URL, KEY, gateway_only, model


def chat(name: str = "gpt-4o-mini", **settings) -> ChatOpenAI:
    return ChatOpenAI(model=model(name), base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=30, **settings)


@tool
def get_weather(city: str) -> str:
    """Weather at a place."""
    return f"sunny in {city}"


class Forecast(BaseModel):
    """A forecast."""

    city: str
    days: int


def test_a_conversation():
    answer = chat().invoke([SystemMessage("Be brief."), HumanMessage("hello")])
    assert isinstance(answer, AIMessage) and answer.content
    assert answer.usage_metadata["total_tokens"] > 0
    assert answer.response_metadata["finish_reason"] == "stop"


def test_a_stream_with_usage():
    chunks = list(chat(stream_usage=True).stream("count"))
    assert "".join(chunk.content for chunk in chunks)
    assert sum(1 for chunk in chunks if chunk.usage_metadata) == 1


def test_a_stream_without_usage():
    chunks = list(chat(stream_usage=False).stream("count"))
    assert "".join(chunk.content for chunk in chunks)
    assert not [chunk for chunk in chunks if chunk.usage_metadata]


async def test_an_async_call_and_stream():
    assert (await chat().ainvoke("hello")).content
    assert [chunk async for chunk in chat().astream("hello")]


def test_a_batch():
    assert all(answer.content for answer in chat().batch(["a", "b", "c"]))


def test_a_tool_is_called_and_answered(mock, marker):
    bound = chat().bind_tools([get_weather], tool_choice="get_weather")
    asked = bound.invoke("the weather?")
    [call] = asked.tool_calls
    assert call["name"] == "get_weather" and "city" in call["args"]

    final = chat().invoke([HumanMessage("the weather?"), asked, ToolMessage(marker, tool_call_id=call["id"])])
    assert final.content
    assert mock.only(marker)


def test_tool_calls_are_gathered_from_a_stream():
    gathered = None
    for chunk in chat("two-calls").bind_tools([get_weather]).stream("the weather?"):
        gathered = chunk if gathered is None else gathered + chunk
    assert [call["name"] for call in gathered.tool_calls] == ["get_weather"] * 2


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output(method):
    forecast = chat().with_structured_output(Forecast, method=method).invoke("forecast")
    assert isinstance(forecast, Forecast)


def test_a_picture():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    assert chat().invoke([HumanMessage([{"type": "text", "text": "what is it?"}, picture])]).content


def test_errors_are_the_sdks_own():
    with pytest.raises(openai.RateLimitError):
        chat("rate-limited").invoke("hi")
    with pytest.raises(openai.BadRequestError, match="not to my taste"):
        chat("rejects").invoke("hi")


def test_an_error_in_the_middle_of_a_stream():
    with pytest.raises(openai.APIError):
        list(chat("breaks-midway").stream("hi"))


@gateway_only
def test_a_model_that_nobody_serves():
    settings = {"base_url": BASE_URL, "api_key": KEY, "max_retries": 0}
    with pytest.raises(openai.NotFoundError):
        ChatOpenAI(model="no-such-model", **settings).invoke("hi")
