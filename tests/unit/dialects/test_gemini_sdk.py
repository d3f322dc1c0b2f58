"""Google's own SDK talks to the codec: what it sends is read, what the codec writes it takes."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from gemini_journeys import CODECS, FACTS
from google import genai
from google.genai import errors, types
from journeys import GOLDEN, events_of

from gateway.dialects import gemini
from gateway.errors import UpstreamClosed, UpstreamStatus

CLAUDE = CODECS["anthropic"]
SAID = GOLDEN / "said" / "anthropic"


class Gateway(httpx.BaseTransport):
    """Answers every request of the SDK with what Claude said in a golden; keeps what Claude was asked."""

    def __init__(self, *cases: str, cut: bool = False, status: int = 200) -> None:
        self._cases: Iterator[str] = iter(cases)
        self._cut = cut
        self._status = status
        self.asked: list[Any] = []

    def handle_request(self, sent: httpx.Request) -> httpx.Response:
        if self._status != 200:
            body = gemini.write_error(UpstreamStatus(self._status, "Slow down."), "req-1")
            return httpx.Response(self._status, content=body, headers={"content-type": "application/json"})
        streams = ":streamGenerateContent" in sent.url.path
        request = gemini.read_request(sent.read(), "claude", streams)
        self.asked.append(json.loads(CLAUDE.write_request(request, FACTS["anthropic"]).body))
        case = SAID / next(self._cases)
        if not streams:
            reply = CLAUDE.read_reply((case / "reply.json").read_bytes())
            return httpx.Response(200, json=json.loads(gemini.write_reply(reply)))
        reader, writer = CLAUDE.reader(), gemini.writer(request)
        out = []
        for name, data in events_of((case / "stream.sse").read_bytes()):
            out += [writer.write(event) for event in reader.read(name, data)]
        out += [writer.error(UpstreamClosed("It broke."))] if self._cut else []
        return httpx.Response(200, content=b"".join(out), headers={"content-type": "text/event-stream"})


def client(gateway: Gateway) -> genai.Client:
    options = types.HttpOptions(httpx_client=httpx.Client(transport=gateway), base_url="http://127.0.0.1:9")
    return genai.Client(api_key="k", http_options=options)


def test_a_chat_of_the_sdk_keeps_claudes_thought_over_two_turns() -> None:
    gateway = Gateway("reasoning", "text")
    chat = client(gateway).chats.create(model="claude")
    answers = [chat.send_message("Weather?").text, chat.send_message("And now?").text]
    assert answers == ["Now Rome.", "Hello 👋"]
    said = json.loads((SAID / "reasoning" / "reply.json").read_bytes())["content"]
    assert gateway.asked[1]["messages"][1]["content"] == said


def test_a_streamed_chat_of_the_sdk_keeps_claudes_thought() -> None:
    gateway = Gateway("reasoning", "stream")
    chat = client(gateway).chats.create(model="claude")
    for question in ("Weather?", "And now?"):
        chunks = list(chat.send_message_stream(question))
    usage = chunks[-1].usage_metadata
    assert usage is not None
    assert usage.total_token_count == 125
    said = gateway.asked[1]["messages"][1]["content"]
    assert [block["type"] for block in said][:2] == ["thinking", "redacted_thinking"]
    assert said[0] == json.loads((SAID / "reasoning" / "reply.json").read_bytes())["content"][0]


def test_the_sdk_calls_what_claude_wants_called() -> None:
    config = types.GenerateContentConfig(
        system_instruction="Be brief.",
        temperature=0.5,
        tools=[
            types.Tool(function_declarations=[types.FunctionDeclaration(name="weather", description="w")])
        ],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    gateway = Gateway("parallel_tools")
    chunks = list(
        client(gateway).models.generate_content_stream(model="claude", contents="Hi", config=config)
    )
    calls = [call for chunk in chunks for call in chunk.function_calls or ()]
    assert [(call.name, call.args) for call in calls][:2] == [
        ("weather", {"city": "Oslo"}),
        ("weather", {"city": "Rome"}),
    ]
    assert gateway.asked[0]["system"] == "Be brief."
    assert gateway.asked[0]["tools"][0]["name"] == "weather"


def test_the_sdk_raises_for_a_stream_that_broke() -> None:
    with pytest.raises(errors.APIError, match="It broke"):
        list(
            client(Gateway("stream", cut=True)).models.generate_content_stream(model="claude", contents="Hi")
        )


def test_the_sdk_raises_for_an_error() -> None:
    with pytest.raises(errors.ClientError) as raised:
        client(Gateway(status=400)).models.generate_content(model="claude", contents="Hi")
    assert (raised.value.code, raised.value.status, raised.value.message) == (
        400,
        "INVALID_ARGUMENT",
        "Slow down.",
    )
