"""What a model said aloud reaches callers of every dialect as text, whole and streamed, and the audio is named."""

import json

import pytest
from caller_answers import CALLERS
from sample_streams import sse
from test_stream_properties import source_for

from gateway.dialects import openai_chat
from gateway.dialects.endpoints import ENDPOINTS
from gateway.dialects.losses import lost_in
from gateway.dialects.spoken import told

PROVIDER = ENDPOINTS["chat_completions"]
OTHERS = [name for name in CALLERS if name != "chat_completions"]


def reply(audio: dict[str, str]) -> bytes:
    message = {"role": "assistant", "content": None, "audio": audio}
    return json.dumps({"id": "c", "choices": [{"message": message, "finish_reason": "stop"}]}).encode()


def chunk(delta: dict[str, object], finish: str | None = None) -> bytes:
    return sse({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


@pytest.mark.parametrize("called", OTHERS)
def test_a_whole_answer_is_its_transcript(called: str) -> None:
    codec = CALLERS[called].endpoint.codec
    read = openai_chat.read_reply(reply({"id": "a", "data": "AAAA", "transcript": "It rains."}))
    assert lost_in(read, codec.name) == ("reply.audio",)
    written = codec.write_reply(told(read, codec.name), request=CALLERS[called].request)
    assert b"It rains." in written
    assert b"AAAA" not in written


@pytest.mark.parametrize("called", OTHERS)
def test_a_stream_is_its_transcript(called: str) -> None:
    source = source_for(CALLERS[called], PROVIDER)
    pieces = [{"id": "a", "transcript": "It "}, {"data": "AAAA"}, {"transcript": "rains."}]
    out = source.feed(b"".join([chunk({"audio": piece}) for piece in pieces]) + chunk({}, "stop"))
    out += source.feed(b"data: [DONE]\n\n") + source.end()
    assert source.failure is None
    assert source.dropped == ("reply.audio",)
    assert "It rains." in json.dumps(CALLERS[called].join(out))


def test_a_caller_of_openai_chat_gets_the_audio() -> None:
    read = openai_chat.read_reply(reply({"id": "a", "data": "AAAA", "transcript": "It rains."}))
    assert told(read, "openai_chat") is read
    assert lost_in(read, "openai_chat") == ()


def test_audio_without_words_leaves_an_answer_without_text() -> None:
    read = openai_chat.read_reply(reply({"id": "a", "data": "AAAA"}))
    assert told(read, "anthropic") == read
