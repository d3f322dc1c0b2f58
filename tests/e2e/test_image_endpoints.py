"""Images through the official SDK: made, edited and varied, whole and as they become clear."""

from collections.abc import Iterator

import openai
import pytest
import wire
from fault_server import CLOSE, FaultServer
from gateway_process import CALLER_KEY, Gateway

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
IMAGES = {
    "created": 1,
    "data": [{"b64_json": "aGk="}],
    "usage": {
        "input_tokens": 40,
        "input_tokens_details": {"image_tokens": 30, "text_tokens": 10},
        "output_tokens": 90,
        "total_tokens": 130,
    },
}


@pytest.fixture
def client(media_gateway: Gateway, openai_upstream: FaultServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{media_gateway.url}/v1", api_key=CALLER_KEY, max_retries=0) as one:
        yield one


def becoming_clear(kind: str) -> list[bytes]:
    return [
        wire.named({"type": f"{kind}.partial_image", "b64_json": "AA==", "partial_image_index": 0}),
        wire.named({"type": f"{kind}.completed", "b64_json": "AAA=", "usage": IMAGES["usage"]}),
    ]


def counted(gateway: Gateway, endpoint: str) -> float:
    return gateway.metric("gateway_tokens_total", endpoint=endpoint, type="output")


def test_an_edit_passes_every_picture(
    client: openai.OpenAI, media_gateway: Gateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(wire.as_json(IMAGES))
    before = counted(media_gateway, "images_edits")
    reply = client.images.edit(
        model="openai/gpt-image-1",
        image=[("a.png", PICTURE), ("b.png", PICTURE[::-1])],
        mask=("m.png", b"mask"),
        prompt="a boat",
    )
    assert reply.data is not None
    assert reply.data[0].b64_json == "aGk="
    seen = openai_upstream.only
    assert seen.path == "/v1/images/edits"
    assert PICTURE in seen.body
    assert PICTURE[::-1] in seen.body
    assert b'name="model"\r\n\r\ngpt-image-1\r\n' in seen.body
    assert counted(media_gateway, "images_edits") == before + 90


def test_a_variation(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(IMAGES))
    client.images.create_variation(model="openai/dall-e-2", image=("a.png", PICTURE))
    assert openai_upstream.only.path == "/v1/images/variations"


def test_an_edit_is_seen_while_it_becomes_clear(
    client: openai.OpenAI, media_gateway: Gateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(wire.stream(becoming_clear("image_edit")))
    before = counted(media_gateway, "images_edits")
    events = list(
        client.images.edit(model="openai/gpt-image-1", image=("a.png", PICTURE), prompt="a boat", stream=True)
    )
    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]
    openai_upstream.wait(lambda: counted(media_gateway, "images_edits") == before + 90)


def test_a_picture_is_seen_while_it_becomes_clear(
    client: openai.OpenAI, media_gateway: Gateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.script(wire.stream(becoming_clear("image_generation")))
    before = counted(media_gateway, "images_generations")
    events = list(client.images.generate(model="openai/gpt-image-1", prompt="a boat", stream=True))
    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    openai_upstream.wait(lambda: counted(media_gateway, "images_generations") == before + 90)


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/images/edits"])
def test_a_picture_that_never_becomes_clear_is_an_error(
    media_gateway: Gateway, openai_upstream: FaultServer, path: str
) -> None:
    openai_upstream.script([wire.STREAM_HEAD, wire.chunk(becoming_clear("image_generation")[0]), CLOSE])
    asked = {"model": "openai/gpt-image-1", "prompt": "a boat", "stream": True}
    reply = media_gateway.post(path, asked)
    names = [name or data for name, data in wire.events_of(reply.body)]
    assert names[0] == "image_generation.partial_image"
    assert "error" in names[-1]
