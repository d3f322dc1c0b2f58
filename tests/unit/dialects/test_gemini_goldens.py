"""Goldens with Gemini on one side. UPDATE_GOLDENS=1 writes them anew; the diff is then the review.

What Gemini's caller asks and what Gemini answers stands in `gemini/inputs/<case>`; the other dialects' inputs are
those of their own goldens. What goes out stands in `gemini/<caller>_to_<provider>/<case>`.
"""

import json
import os
from pathlib import Path
from typing import Any

import anthropic.types as at
import openai.types.chat as ot
import pytest
from anthropic.types import message_create_params
from gemini_journeys import CODECS, FACTS, check_reply, check_request, join_gemini
from journeys import CREATED, GOLDEN, events_of, translate_stream
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter

from gateway.errors import UpstreamStatus

UPDATE = bool(os.environ.get("UPDATE_GOLDENS"))
HOME = GOLDEN / "gemini"
ASKS = {
    "gemini": HOME / "inputs",
    "openai": GOLDEN / "openai_to_anthropic",
    "anthropic": GOLDEN / "anthropic_to_openai",
}
ANSWERS = {
    "gemini": HOME / "inputs",
    "openai": GOLDEN / "anthropic_to_openai",
    "anthropic": GOLDEN / "openai_to_anthropic",
}
PAIRS = [("gemini", "openai"), ("gemini", "anthropic"), ("openai", "gemini"), ("anthropic", "gemini")]
REQUESTS: dict[str, Any] = {
    "openai": TypeAdapter(completion_create_params.CompletionCreateParams).validate_python,
    "anthropic": TypeAdapter(message_create_params.MessageCreateParams).validate_python,
    "gemini": check_request,
}
REPLIES: dict[str, Any] = {
    "openai": ot.ChatCompletion.model_validate_json,
    "anthropic": at.Message.model_validate_json,
    "gemini": check_reply,
}
EVENTS: dict[str, Any] = {
    "openai": ot.ChatCompletionChunk.model_validate_json,
    "anthropic": TypeAdapter(at.RawMessageStreamEvent).validate_json,
    "gemini": check_reply,
}


def cases(home: dict[str, Path], side: int, name: str) -> Any:
    """(caller, provider, case) wherever the side that speaks has an input of this name."""
    found = [
        (*pair, path.parent.name) for pair in PAIRS for path in sorted(home[pair[side]].glob(f"*/{name}"))
    ]
    assert len(found) >= 4
    return pytest.mark.parametrize(("caller", "provider", "case"), found)


def request_of(caller: str, case: str) -> Any:
    return CODECS[caller].read_request((ASKS[caller] / case / "request.json").read_bytes())


def compare(caller: str, provider: str, case: str, name: str, got: bytes) -> None:
    path = HOME / f"{caller}_to_{provider}" / case / name
    if UPDATE:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(got)
    assert got == path.read_bytes()


def pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


@cases(ASKS, 0, "request.json")
def test_gemini_golden_request(caller: str, provider: str, case: str) -> None:
    written = CODECS[provider].write_request(request_of(caller, case), FACTS[provider])
    body = json.loads(written.body)
    REQUESTS[provider](body)
    compare(caller, provider, case, "request.json", pretty({"dropped": written.dropped, "body": body}))


@cases(ANSWERS, 1, "reply.json")
def test_gemini_golden_reply(caller: str, provider: str, case: str) -> None:
    reply = CODECS[provider].read_reply((ANSWERS[provider] / case / "reply.json").read_bytes())
    body = CODECS[caller].write_reply(reply, created=CREATED)
    REPLIES[caller](body)
    compare(caller, provider, case, "reply.json", pretty(json.loads(body)))


@cases(ANSWERS, 1, "stream.sse")
def test_gemini_golden_stream(caller: str, provider: str, case: str) -> None:
    events = events_of((ANSWERS[provider] / case / "stream.sse").read_bytes())
    out = translate_stream(CODECS[provider], CODECS[caller], request_of(caller, case), events)
    for _, data in events_of(out.replace(b"\r\n", b"\n")):
        if data != b"[DONE]":
            EVENTS[caller](data)
    if caller == "gemini":
        assert join_gemini(out)["candidates"][0]["finishReason"] == "STOP"
    compare(caller, provider, case, "stream.sse", out)


@cases(ANSWERS, 1, "error.json")
def test_gemini_golden_error(caller: str, provider: str, case: str) -> None:
    given = json.loads((ANSWERS[provider] / case / "error.json").read_bytes())
    body = json.dumps(given["body"]).encode()
    detail = CODECS[provider].read_error(given["status"], body, "application/json")
    error = UpstreamStatus(
        given["status"],
        detail.message,
        upstream_code=detail.code,
        upstream_type=detail.type,
        param=detail.param,
    )
    compare(
        caller, provider, case, "error.json", pretty(json.loads(CODECS[caller].write_error(error, "req-7")))
    )
    compare(caller, provider, case, "error.sse", CODECS[caller].error_event(error))
