"""Each golden is one whole translation to or from the Responses API. UPDATE_GOLDENS=1 writes them anew.

The files of a case are those of `test_dialect_goldens`.
"""

import json
import os
from pathlib import Path
from typing import Any

import anthropic.types as at
import openai.types.chat as ot
import pytest
from anthropic.types import message_create_params
from anthropic.types.shared import ErrorResponse
from journeys import CODECS, CREATED, FACTS, GOLDEN, events_of, join_anthropic, join_openai, translate_stream
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter
from responses_sdk import REQUEST, joined, judged

from gateway.dialects import openai_responses
from gateway.errors import UpstreamStatus

UPDATE = bool(os.environ.get("UPDATE_GOLDENS"))
ALL = {**CODECS, "responses": openai_responses}
TARGETS = {**FACTS, "responses": FACTS["openai"]}
CASES = sorted(path for path in (GOLDEN / "responses").glob("*/*") if path.is_dir())
REQUESTS: dict[str, TypeAdapter[Any]] = {
    "openai": TypeAdapter(completion_create_params.CompletionCreateParams),
    "anthropic": TypeAdapter(message_create_params.MessageCreateParams),
    "responses": REQUEST,
}
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
    return ALL[sides(case)[0]].read_request((case / "request.json").read_bytes())


def compare(path: Path, got: bytes) -> None:
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(got)
    assert got.decode() == path.read_text()


def pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


@cases("request.json")
def test_responses_request_is_translated(case: Path) -> None:
    _, provider = sides(case)
    written = ALL[provider].write_request(request_of(case), TARGETS[provider])
    REQUESTS[provider].validate_json(written.body)
    body = json.loads(written.body)
    compare(case / "expected" / "request.json", pretty({"dropped": written.dropped, "body": body}))


@cases("reply.json")
def test_responses_reply_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    reply = ALL[provider].read_reply((case / "reply.json").read_bytes())
    if caller == "responses":
        body = openai_responses.write_reply(reply, created=CREATED, request=request_of(case))
        judged(body)
    else:
        body = ALL[caller].write_reply(reply, created=CREATED)
        kind: Any = ot.ChatCompletion if caller == "openai" else at.Message
        kind.model_validate_json(body, strict=True)
    compare(case / "expected" / "reply.json", pretty(json.loads(body)))


@cases("stream.sse")
def test_responses_stream_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    events = events_of((case / "stream.sse").read_bytes())
    out = translate_stream(ALL[provider], ALL[caller], request_of(case), events)
    if caller == "responses":
        joined(out)
    elif caller == "openai":
        for _, data in events_of(out):
            assert data == b"[DONE]" or ot.ChatCompletionChunk.model_validate_json(data, strict=True)
        assert join_openai(out)["done"]
    else:
        for name, data in events_of(out):
            assert ANTHROPIC_EVENT.validate_json(data, strict=True).type == name
        assert join_anthropic(out)["stop_reason"]
    compare(case / "expected" / "stream.sse", out)


@cases("error.json")
def test_responses_error_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    given = json.loads((case / "error.json").read_bytes())
    body = json.dumps(given["body"]).encode()
    detail = ALL[provider].read_error(given["status"], body, "application/json")
    error = UpstreamStatus(
        given["status"], detail.message, upstream_code=detail.code, upstream_type=detail.type
    )
    written = ALL[caller].write_error(error, "req-7")
    if caller == "anthropic":
        ErrorResponse.model_validate_json(written)
    compare(case / "expected" / "error.json", pretty(json.loads(written)))
    compare(case / "expected" / "error.sse", ALL[caller].error_event(error))
