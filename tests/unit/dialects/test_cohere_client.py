"""Cohere's own SDK as the caller: what it sends is read, and what it gets it understands."""

import json
from typing import Any

import cohere as sdk
import httpx
import pytest
from journeys import CREATED, GOLDEN, events_of, translate_stream

from gateway.dialects import anthropic, cohere, openai_chat
from gateway.dialects.codec import TargetFacts
from gateway.errors import UpstreamStatus

ANSWERS = GOLDEN / "said" / "anthropic"
TOOL = sdk.ToolV2(
    function=sdk.ToolV2Function(name="weather", description="Weather now", parameters={"type": "object"})
)


class Provider:
    """Answers the SDK as the gateway would with Claude behind it, and keeps what was asked."""

    def __init__(self, case: str, status: int = 200) -> None:
        self.case = ANSWERS / case
        self.status = status
        self.requests: list[Any] = []

    def __call__(self, http: httpx.Request) -> httpx.Response:
        assert http.url.path == "/v2/chat"
        request = cohere.read_request(http.content)
        self.requests.append(request)
        if self.status != 200:
            return httpx.Response(
                self.status, content=cohere.write_error(UpstreamStatus(self.status, "no"), "r")
            )
        if request.stream:
            events = events_of((self.case / "stream.sse").read_bytes())
            body = translate_stream(anthropic, cohere, request, events)
            return httpx.Response(200, content=body, headers={"content-type": "text/event-stream"})
        reply = anthropic.read_reply((self.case / "reply.json").read_bytes())
        return httpx.Response(200, content=cohere.write_reply(reply, created=CREATED))


def client(provider: Provider) -> sdk.ClientV2:
    transport = httpx.MockTransport(provider)
    return sdk.ClientV2("key", base_url="http://gateway", httpx_client=httpx.Client(transport=transport))


def test_the_sdk_goes_on_with_what_it_got() -> None:
    thinking = Provider("reasoning")
    chat = client(thinking)
    turns: list[Any] = [{"role": "user", "content": "Cold?"}]
    first = chat.chat(model="claude", messages=turns, tools=[TOOL], thinking=sdk.Thinking(type="enabled"))
    chat.chat(model="claude", messages=[*turns, first.message, {"role": "user", "content": "Sure?"}])
    answer = json.loads((thinking.case / "reply.json").read_bytes())
    written = anthropic.write_request(thinking.requests[1], TargetFacts("claude-sonnet-4-6"))
    assert json.loads(written.body)["messages"][1]["content"] == answer["content"]
    assert [request.unknown for request in thinking.requests] == [(), ()]
    assert [request.extras for request in thinking.requests] == [(), ()]


def test_the_sdk_reads_a_stream_of_parallel_calls() -> None:
    calls: list[list[str]] = []
    last: Any = None
    for event in client(Provider("parallel_tools")).chat_stream(
        model="claude", messages=[sdk.UserChatMessageV2(content="Both?")], tools=[TOOL]
    ):
        last = event
        if event.type == "tool-call-start":
            calls.append([event.delta.message.tool_calls.function.name, ""])
        elif event.type == "tool-call-delta":
            calls[event.index][1] += event.delta.message.tool_calls.function.arguments
    assert [(name, json.loads(arguments)) for name, arguments in calls] == [
        ("weather", {"city": "Oslo"}),
        ("weather", {"city": "Rome"}),
        ("now", {}),
    ]
    assert last.delta.finish_reason == "TOOL_CALL"
    assert last.delta.usage.tokens.input_tokens == 100


def test_the_sdk_raises_by_status() -> None:
    with pytest.raises(sdk.TooManyRequestsError) as caught:
        client(Provider("text", 429)).chat(
            model="claude",
            messages=[sdk.UserChatMessageV2(content="Hi")],
            request_options={"max_retries": 0},
        )
    assert caught.value.body == {"id": "r", "message": "no"}


def test_what_the_sdk_sends_reaches_openai() -> None:
    provider = Provider("text")
    client(provider).chat(
        model="gpt",
        messages=[
            sdk.SystemChatMessageV2(content="Be brief."),
            sdk.UserChatMessageV2(
                content=[
                    sdk.TextContent(text="What is it?"),
                    sdk.ImageUrlContent(image_url=sdk.ImageUrl(url="data:image/png;base64,AAAA")),
                ]
            ),
        ],
        documents=[sdk.Document(id="d", data={"text": "A cat."})],
        safety_mode="OFF",
        seed=3,
    )
    written = openai_chat.write_request(provider.requests[0], TargetFacts("gpt"))
    assert json.loads(written.body) == {
        "model": "gpt",
        "seed": 3,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "id: d\ntext: A cat."},
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ],
            },
        ],
    }
    assert written.dropped == ("messages.content.documents", "safety_mode")
