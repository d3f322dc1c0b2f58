"""Each golden is one whole translation to or from Bedrock. UPDATE_GOLDENS=1 writes them anew.

As in the goldens of the other dialects; a Bedrock request has its `modelId` beside the body as boto3 takes it, and a
Bedrock stream is written as lines of event type and payload, which travel as binary messages.
"""

import json
import os
from pathlib import Path
from typing import Any

import anthropic.types as at
import openai.types.chat as ot
import pytest
from anthropic.types import message_create_params
from bedrock_journeys import (
    CODECS,
    FACTS,
    check_request,
    framed,
    from_bedrock,
    parse_reply,
    parse_stream,
    readable,
)
from botocore.eventstream import EventStreamError
from journeys import CREATED, GOLDEN, events_of, translate_stream
from journeys import FACTS as OTHER_FACTS
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter

from gateway.dialects import bedrock
from gateway.errors import UpstreamStatus

UPDATE = bool(os.environ.get("UPDATE_GOLDENS"))
CASES = sorted(path for path in (GOLDEN / "bedrock").glob("*/*") if path.is_dir())
REQUEST: dict[str, TypeAdapter[Any]] = {
    "openai": TypeAdapter(completion_create_params.CompletionCreateParams),
    "anthropic": TypeAdapter(message_create_params.MessageCreateParams),
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
    caller, _ = sides(case)
    raw = (case / "request.json").read_bytes()
    if caller != "bedrock":
        return CODECS[caller].read_request(raw)
    body = json.loads(raw)
    model = body.pop("modelId")
    check_request(body, model)
    return bedrock.read_request(json.dumps(body).encode(), model, case.name in ("stream", "parallel_tools"))


def compare(path: Path, got: bytes) -> None:
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(got)
    assert got.decode() == path.read_text()


def pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


@cases("request.json")
def test_request_to_or_from_bedrock_is_translated(case: Path) -> None:
    _, provider = sides(case)
    facts = FACTS if provider == "bedrock" else OTHER_FACTS[provider]
    written = CODECS[provider].write_request(request_of(case), facts)
    body = json.loads(written.body)
    if provider == "bedrock":
        check_request(body)
    else:
        REQUEST[provider].validate_python(body)
    compare(case / "expected" / "request.json", pretty({"dropped": written.dropped, "body": body}))


@cases("reply.json")
def test_reply_to_or_from_bedrock_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    raw = (case / "reply.json").read_bytes()
    if provider == "bedrock":
        parse_reply(raw)
        reply = bedrock.read_reply(raw, FACTS.model)
    else:
        reply = CODECS[provider].read_reply(raw)
    body = CODECS[caller].write_reply(reply, reply_id="r-7", created=CREATED)
    if caller == "openai":
        ot.ChatCompletion.model_validate_json(body, strict=True)
    elif caller == "anthropic":
        at.Message.model_validate_json(body, strict=True)
    else:
        parse_reply(body)
    compare(case / "expected" / "reply.json", pretty(json.loads(body)))


@cases("stream.txt")
def test_stream_of_bedrock_is_translated(case: Path) -> None:
    caller, _ = sides(case)
    out = from_bedrock(CODECS[caller], request_of(case), framed((case / "stream.txt").read_text()))
    for name, data in events_of(out):
        if caller == "anthropic":
            assert ANTHROPIC_EVENT.validate_json(data, strict=True).type == name
        elif data != b"[DONE]":
            ot.ChatCompletionChunk.model_validate_json(data, strict=True)
    compare(case / "expected" / "stream.sse", out)


@cases("stream.sse")
def test_stream_to_bedrock_is_translated(case: Path) -> None:
    _, provider = sides(case)
    events = events_of((case / "stream.sse").read_bytes())
    out = translate_stream(CODECS[provider], CODECS["bedrock"], request_of(case), events)
    assert parse_stream(out)
    compare(case / "expected" / "stream.txt", readable(out).encode())


@cases("error.json")
def test_error_to_or_from_bedrock_is_translated(case: Path) -> None:
    caller, provider = sides(case)
    given = json.loads((case / "error.json").read_bytes())
    words = (given["headers"][bedrock.ERROR_HEADER.decode()],) if provider == "bedrock" else ()
    detail = CODECS[provider].read_error(
        given["status"], json.dumps(given["body"]).encode(), "application/json", *words
    )
    error = UpstreamStatus(
        given["status"],
        detail.message,
        upstream_code=detail.code,
        upstream_type=detail.type,
        param=detail.param,
    )
    body = CODECS[caller].write_error(error, "req-7")
    compare(case / "expected" / "error.json", pretty(json.loads(body)))
    event = CODECS[caller].error_event(error)
    if caller != "bedrock":
        compare(case / "expected" / "error.sse", event)
        return
    assert bedrock.error_type(error) == "ThrottlingException"
    with pytest.raises(EventStreamError) as raised:
        parse_stream(event)
    assert raised.value.response["Error"]["Code"] == "throttlingException"
    compare(case / "expected" / "error.txt", readable(event).encode())
