"""Whole translations from and to Cohere, checked by the SDKs' own types. UPDATE_GOLDENS=1 writes them anew.

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
from anthropic.types import message_create_params
from cohere_sdk import BESIDE, check_event, check_reply, check_request, join_cohere
from journeys import CODECS, CREATED, FACTS, GOLDEN, events_of, translate_stream
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter

from gateway.dialects import cohere
from gateway.dialects.codec import Codec, TargetFacts
from gateway.errors import UpstreamStatus

UPDATE = bool(os.environ.get("UPDATE_GOLDENS"))
CASES = sorted(path for path in (GOLDEN / "cohere").glob("*/*") if path.is_dir())
ALL: dict[str, Codec] = {**CODECS, "cohere": cohere}
TARGETS = {**FACTS, "cohere": TargetFacts("command-a-03-2025")}
OPENAI_REQUEST: TypeAdapter[Any] = TypeAdapter(completion_create_params.CompletionCreateParams)
CLAUDE_REQUEST: TypeAdapter[Any] = TypeAdapter(message_create_params.MessageCreateParams)
CLAUDE_EVENT: TypeAdapter[Any] = TypeAdapter(at.RawMessageStreamEvent)


def cases(name: str) -> Any:
    found = [path for path in CASES if (path / name).exists()]
    assert found
    return pytest.mark.parametrize("case", found, ids=[f"{path.parent.name}-{path.name}" for path in found])


def sides(case: Path) -> tuple[str, str]:
    """The caller's dialect and the provider's."""
    caller, _, provider = case.parent.name.partition("_to_")
    return caller, provider


def compare(path: Path, got: bytes) -> None:
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(got)
    assert got.decode() == path.read_text()


def pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


@cases("request.json")
def test_cohere_request_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    request = ALL[caller].read_request((case / "request.json").read_bytes())
    written = ALL[provider].write_request(request, TARGETS[provider])
    body = json.loads(written.body)
    if provider == "openai":
        OPENAI_REQUEST.validate_python(body)
    elif provider == "anthropic":
        CLAUDE_REQUEST.validate_python(body)
    else:
        check_request(body)
    compare(case / "expected" / "request.json", pretty({"dropped": written.dropped, "body": body}))


@cases("reply.json")
def test_cohere_reply_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    reply = ALL[provider].read_reply((case / "reply.json").read_bytes())
    body = ALL[caller].write_reply(reply, request_model="asked", created=CREATED)
    if caller == "openai":
        ot.ChatCompletion.model_validate_json(body, strict=True)
    elif caller == "anthropic":
        at.Message.model_validate_json(body, strict=True)
    else:
        check_reply(body, BESIDE)
    compare(case / "expected" / "reply.json", pretty(json.loads(body)))


@cases("stream.sse")
def test_cohere_stream_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    request = ALL[caller].read_request((case / "request.json").read_bytes())
    events = events_of((case / "stream.sse").read_bytes())
    out = translate_stream(ALL[provider], ALL[caller], request, events)
    for name, data in events_of(out):
        if data == b"[DONE]":
            continue
        if caller == "openai":
            ot.ChatCompletionChunk.model_validate_json(data, strict=True)
        elif caller == "anthropic":
            assert CLAUDE_EVENT.validate_json(data, strict=True).type == name
        else:
            check_event(name, data, BESIDE)
    if caller == "cohere":
        check_reply(json.dumps(join_cohere(out)).encode(), BESIDE)
    compare(case / "expected" / "stream.sse", out)


@cases("error.json")
def test_cohere_error_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    given = json.loads((case / "error.json").read_bytes())
    body = json.dumps(given["body"]).encode()
    detail = ALL[provider].read_error(given["status"], body, "application/json")
    error = UpstreamStatus(
        given["status"],
        detail.message,
        upstream_code=detail.code,
        upstream_type=detail.type,
        param=detail.param,
    )
    compare(case / "expected" / "error.json", pretty(json.loads(ALL[caller].write_error(error, "req-7"))))
    event = ALL[caller].error_event(error)
    if caller == "cohere":
        check_event(*events_of(event)[0])
    compare(case / "expected" / "error.sse", event)
