"""Each golden is one whole translation. UPDATE_GOLDENS=1 writes them anew; the diff is then the review.

In a case's directory: `request.json`, `reply.json`, `stream.sse`, `error.json` are what comes in (the first from the
caller, the others from the provider); what goes out stands beside each under `expected/`.
"""

import json
import os
from pathlib import Path
from typing import Any

import anthropic.types as at
import openai.types.chat as ot
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import message_create_params
from anthropic.types.shared import ErrorResponse
from journeys import (
    CODECS,
    CREATED,
    FACTS,
    GOLDEN,
    events_of,
    join_anthropic,
    join_openai,
    translate_stream,
)
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter

from gateway.errors import UpstreamStatus

UPDATE = bool(os.environ.get("UPDATE_GOLDENS"))
CASES = sorted(path for path in GOLDEN.glob("*/*") if path.is_dir())
OPENAI_REQUEST: TypeAdapter[Any] = TypeAdapter(completion_create_params.CompletionCreateParams)
ANTHROPIC_REQUEST: TypeAdapter[Any] = TypeAdapter(message_create_params.MessageCreateParams)
ANTHROPIC_EVENT: TypeAdapter[Any] = TypeAdapter(at.RawMessageStreamEvent)


def cases(name: str) -> Any:
    found = [path for path in CASES if (path / name).exists()]
    assert found
    return pytest.mark.parametrize("case", found, ids=[f"{path.parent.name}-{path.name}" for path in found])


def sides(case: Path) -> tuple[str, str]:
    """The caller's dialect and the provider's."""
    caller, _, provider = case.parent.name.partition("_to_")
    return caller, provider


def request_of(case: Path) -> Any:
    caller, _ = sides(case)
    return CODECS[caller].read_request((case / "request.json").read_bytes())


def compare(path: Path, got: bytes) -> None:
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(got)
    assert got.decode() == path.read_text()


def pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


@cases("request.json")
def test_request_is_translated(case: Path) -> None:
    _, provider = sides(case)
    written = CODECS[provider].write_request(request_of(case), FACTS[provider])
    body = json.loads(written.body)
    if provider == "openai":
        OPENAI_REQUEST.validate_python(body)
    else:
        ANTHROPIC_REQUEST.validate_python(body)
    compare(case / "expected" / "request.json", pretty({"dropped": written.dropped, "body": body}))


@cases("reply.json")
def test_reply_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    reply = CODECS[provider].read_reply((case / "reply.json").read_bytes())
    body = CODECS[caller].write_reply(reply, created=CREATED)
    if caller == "openai":
        ot.ChatCompletion.model_validate_json(body, strict=True)
    else:
        at.Message.model_validate_json(body, strict=True)
    compare(case / "expected" / "reply.json", pretty(json.loads(body)))


@cases("stream.sse")
def test_stream_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    events = events_of((case / "stream.sse").read_bytes())
    out = translate_stream(CODECS[provider], CODECS[caller], request_of(case), events)
    for name, data in events_of(out):
        if data == b"[DONE]":
            continue
        if caller == "openai":
            assert name == ""
            ot.ChatCompletionChunk.model_validate_json(data, strict=True)
        else:
            assert ANTHROPIC_EVENT.validate_json(data, strict=True).type == name
    compare(case / "expected" / "stream.sse", out)
    joined_by_sdk(caller, out)


def joined_by_sdk(caller: str, out: bytes) -> None:
    """The official SDKs put the stream together as the tests of this directory do."""
    events = [data for _, data in events_of(out) if data != b"[DONE]"]
    if caller == "openai":
        state: Any = ChatCompletionStreamState()
        for data in events:
            state.handle_chunk(ot.ChatCompletionChunk.model_validate_json(data))
        message = state.get_final_completion().choices[0].message.to_dict()
        expected = join_openai(out)["message"]
        assert message.get("content", "") == (expected["content"] or "")
        assert message.get("reasoning_details", []) == expected["reasoning_details"]
        for call, known in zip(message.get("tool_calls") or [], expected["tool_calls"], strict=True):
            assert call["function"]["arguments"] == known["function"]["arguments"]
        return
    snapshot: Any = None
    pieces: dict[int, bytes] = {}
    for data in events:
        event = ANTHROPIC_EVENT.validate_json(data)
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=pieces)
    assert [block.to_dict() for block in snapshot.content] == join_anthropic(out)["content"]


@cases("error.json")
def test_error_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    given = json.loads((case / "error.json").read_bytes())
    detail = CODECS[provider].read_error(
        given["status"], json.dumps(given["body"]).encode(), "application/json"
    )
    error = UpstreamStatus(
        given["status"],
        detail.message,
        upstream_code=detail.code,
        upstream_type=detail.type,
        param=detail.param,
    )
    body = CODECS[caller].write_error(error, "req-7")
    if caller == "anthropic":
        ErrorResponse.model_validate_json(body)
    compare(case / "expected" / "error.json", pretty(json.loads(body)))
    compare(case / "expected" / "error.sse", CODECS[caller].error_event(error))
