"""Counting tokens in four dialects, and by estimate."""

import json
import struct
from base64 import b64encode
from typing import Any

import pytest

from gateway.dialects.codec import TargetFacts
from gateway.dialects.counting import forms
from gateway.dialects.counting.estimate import IMAGE, WHOLE, estimated, image_size, text_tokens
from gateway.errors import BadRequest, UpstreamProtocolError

FORMS: dict[str, Any] = {
    "anthropic": forms.claude,
    "gemini": forms.google,
    "responses": forms.responses,
    "bedrock": forms.aws,
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
ASKED: dict[str, Any] = {
    "anthropic": {
        "model": "m",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Hello"}],
        "tools": [{"name": "weather", "description": "Now", "input_schema": SCHEMA}],
    },
    "gemini": {
        "generateContentRequest": {
            "model": "models/m",
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": "weather", "description": "Now", "parametersJsonSchema": SCHEMA}
                    ]
                }
            ],
            "generationConfig": {"maxOutputTokens": 9, "temperature": 1},
        }
    },
    "responses": {
        "model": "m",
        "instructions": "Be brief.",
        "input": "Hello",
        "tools": [{"type": "function", "name": "weather", "description": "Now", "parameters": SCHEMA}],
    },
    "bedrock": {
        "input": {
            "converse": {
                "system": [{"text": "Be brief."}],
                "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
                "toolConfig": {
                    "tools": [
                        {
                            "toolSpec": {
                                "name": "weather",
                                "description": "Now",
                                "inputSchema": {"json": SCHEMA},
                            }
                        }
                    ]
                },
            }
        }
    },
}
NUMBER = {
    "anthropic": "input_tokens",
    "gemini": "totalTokens",
    "responses": "input_tokens",
    "bedrock": "inputTokens",
}


@pytest.mark.parametrize("target", FORMS)
@pytest.mark.parametrize("caller", FORMS)
def test_the_whole_prompt_crosses_every_pair(caller: str, target: str) -> None:
    request = FORMS[caller].read_request(json.dumps(ASKED[caller]).encode(), "m")
    written = FORMS[target].write_request(request, TargetFacts("m", max_output=100))
    assert written.dropped == ()
    again = FORMS[target].read_request(written.body, "m")
    said = [
        (message.role, [getattr(part, "text", "") for part in message.parts]) for message in again.messages
    ]
    assert said == [("system", ["Be brief."]), ("user", ["Hello"])]
    assert [(tool.name, tool.description, json.loads(tool.parameters)) for tool in again.tools] == [
        ("weather", "Now", SCHEMA)
    ]
    reply = FORMS[target].read_reply(json.dumps({NUMBER[target]: 21}).encode(), request)
    assert json.loads(FORMS[caller].write_reply(reply, request, "m", ""))[NUMBER[caller]] == 21


def test_nothing_but_the_prompt_is_asked_about() -> None:
    request = forms.google.read_request(json.dumps(ASKED["gemini"]).encode(), "m")
    body = json.loads(forms.claude.write_request(request, TargetFacts("m", max_output=100)).body)
    assert body.keys() == {"model", "messages", "system", "tools"}


def test_vertex_takes_the_conversation_as_it_is() -> None:
    request = forms.claude.read_request(json.dumps(ASKED["anthropic"]).encode(), "m")
    wrapped = json.loads(forms.google.write_request(request, TargetFacts("gemini-x")).body)
    assert wrapped["generateContentRequest"]["model"] == "models/gemini-x"
    plain = forms.google.write_request(request, TargetFacts("gemini-x", accepts=(forms.TOP_FIELDS,)))
    assert {"contents", "systemInstruction", "tools"} <= json.loads(plain.body).keys()


def test_cached_tokens_are_kept_where_there_is_a_place() -> None:
    reply = forms.google.read_reply(b'{"totalTokens": 9, "cachedContentTokenCount": 4}', None)
    request = forms.google.read_request(b'{"contents": []}', "m")
    assert json.loads(forms.google.write_reply(reply, request, "m", "")) == {
        "totalTokens": 9,
        "cachedContentTokenCount": 4,
    }
    assert json.loads(forms.responses.write_reply(reply, request, "m", "")) == {
        "object": "response.input_tokens",
        "input_tokens": 9,
    }


@pytest.mark.parametrize(
    "answer", [b"{}", b'{"input_tokens": -1}', b'{"input_tokens": true}', b"[]", b"<html>"]
)
def test_an_answer_without_a_number_is_none(answer: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        forms.claude.read_reply(answer, None)


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("bedrock", b'{"input": {"invokeModel": {"body": "e30="}}}'),
        ("bedrock", b"{}"),
        ("bedrock", b'{"input": 3}'),
        ("gemini", b'{"contents": [], "generateContentRequest": {}}'),
        ("gemini", b"[]"),
    ],
)
def test_wrappings_that_cannot_be_undone_are_the_callers_mistake(form: str, body: bytes) -> None:
    with pytest.raises(BadRequest):
        FORMS[form].read_request(body, "m")


# --- the estimate ---


def count(content: Any) -> int:
    asked = {"model": "m", "messages": [{"role": "user", "content": content}]}
    return estimated("m", forms.claude.read_request(json.dumps(asked).encode(), "m"))


def test_more_of_anything_is_more_tokens() -> None:
    empty = count("")
    assert 0 < empty < 12
    texts = ["hello there", "x = compute(1234567, {'a': [b]})", "東京は日本の首都です", "Привет мир", "🙂🙂"]
    for text in texts:
        assert empty < count(text) < count(text * 50)


def test_prose_is_about_a_token_a_word() -> None:
    prose = "The quick brown fox jumps over the lazy dog, and nobody sees it happen. " * 40
    words = len(prose.split())
    assert words <= text_tokens(prose) <= 1.4 * words


def test_endless_texts_cost_no_endless_time() -> None:
    text = "word " * WHOLE
    assert abs(text_tokens(text) - WHOLE) < WHOLE / 50


def image(data: bytes) -> Any:
    source = {"type": "base64", "media_type": "image/png", "data": b64encode(data).decode()}
    return [{"type": "image", "source": source}]


def test_images_count_by_their_size() -> None:
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 750, 1000) + bytes(9)
    gif = b"GIF89a" + struct.pack("<HH", 75, 10)
    jpeg = b"\xff\xd8\xff\xe0\x00\x04xx\xff\xc0\x00\x11\x08" + struct.pack(">HH", 600, 1000) + bytes(9)
    assert image_size(b64encode(png).decode()) == (750, 1000)
    assert image_size(b64encode(gif).decode()) == (75, 10)
    assert image_size(b64encode(jpeg).decode()) == (1000, 600)
    assert count(image(png)) - count("") == 1000
    assert count(image(b"no image at all")) - count("") == IMAGE


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x00" * 9, b"\x89PNG\r\n\x1a\n"])
def test_broken_images_have_no_size(data: bytes) -> None:
    assert image_size(b64encode(data).decode()) is None
    assert image_size("?" * 9) is None
