"""The common request is read in one pass: it says the same as the patient reader, and an image is in no error."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_bedrock_requests import REQUEST as BEDROCK
from test_gemini_roundtrip import CONTENT
from test_gemini_roundtrip import REQUEST as GEMINI
from test_responses_roundtrip import R_ITEM, R_REQUEST

from bench.translation_samples import MODELS, with_image
from gateway.dialects import bedrock, gemini, openai_responses
from gateway.dialects.codec import Codec, TargetFacts
from gateway.dialects.endpoints import ENDPOINTS
from gateway.errors import BadRequest
from gateway.schemas.chat import ChatRequest

SLOWLY = "a_field_that_nobody_knows"
IMAGE = 1 << 16


def alike(codec: Codec, body: dict[str, Any]) -> None:
    """A field that nobody knows makes the reader patient, and changes nothing else."""
    quick = codec.read_request(json.dumps(body).encode())
    patient = codec.read_request(json.dumps({**body, SLOWLY: 1}).encode())
    extras = tuple([extra for extra in patient.extras if extra.name != SLOWLY])
    assert len(extras) < len(patient.extras)
    assert settled(msgspec.structs.replace(patient, extras=extras)) == settled(quick)


def settled(request: ChatRequest) -> str:
    """Without the white space of JSON that is carried."""
    return json.dumps(msgspec.to_builtins(request, enc_hook=str), sort_keys=True).replace(" ", "")


@given(R_REQUEST, st.lists(R_ITEM, min_size=1, max_size=6))
def test_property_responses_are_read_alike(body: dict[str, Any], items: list[Any]) -> None:
    alike(openai_responses, {**body, "input": items})


@given(GEMINI, st.lists(CONTENT, min_size=1, max_size=4))
def test_property_gemini_is_read_alike(body: dict[str, Any], contents: list[Any]) -> None:
    alike(gemini, {**body, "contents": contents})


@given(BEDROCK)
def test_property_bedrock_is_read_alike(body: dict[str, Any]) -> None:
    alike(bedrock, {name: value for name, value in body.items() if name != SLOWLY})


def test_an_unknown_field_of_a_message_is_named() -> None:
    said = {"role": "user", "content": [{"text": "Hi."}], "novelty": 1}
    assert bedrock.read_request(json.dumps({"messages": [said]}).encode()).unknown == ("messages.novelty",)
    turn = {"role": "user", "parts": [{"text": "Hi."}], "novelty": 1}
    assert gemini.read_request(json.dumps({"contents": [turn]}).encode()).unknown == ("contents.novelty",)


@pytest.mark.parametrize("called", MODELS)
@pytest.mark.parametrize("provider", MODELS)
def test_an_image_arrives_whole(called: str, provider: str) -> None:
    body = with_image(ENDPOINTS[called], IMAGE)
    data = max(body.split(b'"'), key=len).rpartition(b",")[2]
    written = ENDPOINTS[provider].codec.write_request(
        ENDPOINTS[called].codec.read_request(body), TargetFacts(model=MODELS[provider])
    )
    assert written.body.count(data) == 1
    assert written.dropped == ()


def spoiled(body: bytes) -> list[bytes]:
    """The image where something else belongs, and JSON that breaks in it and behind it."""
    data = max(body.split(b'"'), key=len)
    at = body.index(data)
    return [
        body[: at + len(data) // 2],
        body.rstrip(b"]}"),
        body[: at + 100] + b"\xff" + body[at + 100 :],
        body[: at + 100] + b"\n" + body[at + 100 :],
        body[: at - 1] + b'{"x":"' + data + b'"}' + body[at + len(data) + 1 :],
        body.replace(b'"user"', b'"' + data + b'"'),
        body.replace(b'"text":', b'"text":5,"then":"' + data + b'","was":'),
        body.replace(b'"text":', b'"' + data[:5000] + b'":{},"text":7,"was":'),
        body.replace(b'"type":"', b'"type":"' + data),
    ]


@pytest.mark.parametrize("called", MODELS)
def test_an_image_is_in_no_error(called: str) -> None:
    codec, refused = ENDPOINTS[called].codec, 0
    for body in spoiled(with_image(ENDPOINTS[called], IMAGE)):
        try:
            request = codec.read_request(body)
        except BadRequest as error:
            refused += 1
            said = f"{error} {error.param}"
            assert len(said) < 500
        else:
            assert sum(map(len, request.unknown)) < 1000
    assert refused >= 5
