"""A picture that a model made reaches callers of Bedrock's; for others it is named as lost."""

import json
from typing import Any

import pytest
from bedrock_journeys import parse_stream

from gateway.dialects import bedrock, gemini
from gateway.dialects.losses import StreamLosses, lost_in
from gateway.schemas.chat import ChatRequest

ASKED: ChatRequest = bedrock.read_request(b'{"messages":[]}', "m", True)
DATA = "iVBORw0K"
IMAGE = {"image": {"format": "png", "source": {"bytes": DATA}}}
OTHERS = ["openai_chat", "openai_responses", "anthropic", "cohere"]


def gemini_says(media_type: str = "image/png") -> bytes:
    parts = [{"text": "Look:"}, {"inlineData": {"mimeType": media_type, "data": DATA}}, {"text": "Nice."}]
    return json.dumps({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}).encode()


def bedrock_says() -> bytes:
    message = {"role": "assistant", "content": [{"text": "Look:"}, IMAGE]}
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    return json.dumps({"output": {"message": message}, "stopReason": "end_turn", "usage": usage}).encode()


def content(body: bytes) -> Any:
    return json.loads(body)["output"]["message"]["content"]


def test_bedrocks_own_picture_is_written_again() -> None:
    reply = bedrock.read_reply(bedrock_says(), "amazon.nova-pro-v1:0")
    assert content(bedrock.write_reply(reply)) == [{"text": "Look:"}, IMAGE]
    assert lost_in(reply, "bedrock") == ()
    assert {lost_in(reply, dialect) for dialect in [*OTHERS, "gemini"]} == {("reply.image",)}


def test_geminis_picture_reaches_a_bedrock_caller() -> None:
    reply = gemini.read_reply(gemini_says())
    assert content(bedrock.write_reply(reply)) == [{"text": "Look:"}, IMAGE, {"text": "Nice."}]
    assert lost_in(reply, "bedrock") == ()
    assert {lost_in(reply, dialect) for dialect in OTHERS} == {("reply.inlineData",)}


def test_a_format_that_bedrock_has_no_word_for_is_named() -> None:
    reply = gemini.read_reply(gemini_says("image/tiff"))
    assert content(bedrock.write_reply(reply)) == [{"text": "Look:"}, {"text": "Nice."}]
    assert lost_in(reply, "bedrock") == ("reply.inlineData",)


@pytest.mark.parametrize("media_type", ["image/png", "image/tiff"])
def test_geminis_picture_in_a_stream(media_type: str) -> None:
    reader, writer, losses = gemini.reader(), bedrock.writer(ASKED), StreamLosses("bedrock")
    out = []
    for event in [*reader.read("", gemini_says(media_type)), *reader.end()]:
        losses.see(event, None)
        out.append(writer.write(event))
    events = parse_stream(b"".join(out))
    shown = media_type == "image/png"
    assert losses.names() == (() if shown else ("reply.inlineData",))
    assert len([event for event in events if "image" in str(event)]) == 2 * shown
    stops = [event for event in events if "contentBlockStop" in event]
    assert [stop["contentBlockStop"]["contentBlockIndex"] for stop in stops] == list(range(2 + shown))
