"""Every dialect in, every dialect out: 36 pairs and 8 cases of goldens. UPDATE_GOLDENS=1 writes them anew.

`said/DIALECT/CASE` is what comes in: the `request` of a caller, and the `reply`, `stream` and `error` of a provider of
that dialect. `CALLER_to_PROVIDER/CASE` is what goes out: the caller's `request` as the provider gets it, with what was
dropped, and the provider's `reply`, `stream` or `error` (as body and as event) as the caller gets it. `next` is the
provider's request after the caller has sent the reply back. Bedrock's binary streams are lines of type and payload.
"""

import json
import os
from typing import Any

import pytest
from bedrock_journeys import binary, framed, readable
from journeys import CREATED, GOLDEN
from msgspec.structs import replace
from speakers import SPEAKERS, without

from gateway.dialects import bedrock
from gateway.dialects.dropped import spelled
from gateway.errors import UpstreamStatus
from gateway.schemas.chat import ChatRequest
from gateway.upstream.sources import Translated

UPDATE = bool(os.environ.get("UPDATE_GOLDENS"))
SAID = GOLDEN / "said"
CASES = ("text", "stream", "tools", "parallel_tools", "image", "json_schema", "reasoning", "error")
STREAMED = ("stream", "parallel_tools")
PROOFS = {
    "openai_responses": ("gAAAAABsealed",),
    "anthropic": ("c2lnMg==", "c2VhbGVkMg=="),
    "gemini": ("c2lnMg==",),
    "bedrock": ("c2lnMg==", "c2VhbGVkMg=="),
}
"""What only the provider that made a thought can judge; it must get it back over two turns."""


def pairs(name: str, *, of_caller: bool = False, only: str = "") -> Any:
    """Marks a test with (caller, provider, case) wherever the side that speaks has a file of this name."""
    found = [
        (caller, provider, case)
        for caller in SPEAKERS
        for provider in SPEAKERS
        for case in ([only] if only else CASES)
        if list((SAID / (caller if of_caller else provider) / case).glob(name))
    ]
    assert len(found) % 36 == 0
    return pytest.mark.parametrize(("caller", "provider", "case"), found)


def said(dialect: str, case: str, name: str) -> bytes:
    return (SAID / dialect / case / name).read_bytes()


def compare(caller: str, provider: str, case: str, name: str, got: bytes) -> None:
    path = GOLDEN / f"{caller}_to_{provider}" / case / name
    if UPDATE:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(got)
    assert got.decode() == path.read_bytes().decode()


def pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def read(caller: str, body: dict[str, Any], case: str) -> ChatRequest:
    """The request as the gateway reads it, with what stands in the path where the dialect has it there."""
    body = dict(body)
    model = body.pop("modelId", "asked")
    endpoint = SPEAKERS[caller].endpoint
    request = endpoint.codec.read_request(json.dumps(body).encode())
    return replace(request, model=model, stream=case in STREAMED) if endpoint.model_in_path else request


def request_of(caller: str, case: str) -> ChatRequest:
    return read(caller, json.loads(said(caller, case, "request.json")), case)


def written(caller: str, provider: str, request: ChatRequest) -> bytes:
    speaker = SPEAKERS[provider]
    got = speaker.endpoint.codec.write_request(request, speaker.facts)
    body = json.loads(got.body)
    speaker.request(without(body, speaker.beside) if caller == provider else body)
    return pretty({"dropped": spelled(got.dropped, caller), "body": body})


def answered(caller: str, provider: str, case: str) -> dict[str, Any]:
    sent = json.dumps(json.loads(said(provider, case, "reply.json"))).encode()
    reply = SPEAKERS[provider].endpoint.codec.read_reply(sent)
    request = request_of(caller, case)
    body = SPEAKERS[caller].endpoint.codec.write_reply(
        reply, request_model=request.model, reply_id="req-7", created=CREATED, request=request
    )
    SPEAKERS[caller].reply(body)
    return dict(json.loads(body))


def failure(provider: str, case: str) -> UpstreamStatus:
    """The provider's error as the gateway takes it."""
    given = json.loads(said(provider, case, "error.json"))
    body = json.dumps(given["body"]).encode()
    detail = SPEAKERS[provider].endpoint.codec.read_error(given["status"], body, "application/json")
    return UpstreamStatus(
        given["status"],
        detail.message,
        upstream_code=detail.code,
        upstream_type=detail.type,
        param=detail.param,
    )


@pairs("request.json", of_caller=True)
def test_what_the_provider_is_asked(caller: str, provider: str, case: str) -> None:
    compare(caller, provider, case, "request.json", written(caller, provider, request_of(caller, case)))


@pairs("reply.json")
def test_what_the_caller_is_answered(caller: str, provider: str, case: str) -> None:
    compare(caller, provider, case, "reply.json", pretty(answered(caller, provider, case)))


@pairs("stream.*")
def test_what_the_caller_is_streamed(caller: str, provider: str, case: str) -> None:
    if provider == "bedrock":
        sent = binary(framed(said(provider, case, "stream.txt").decode()))
    else:
        sent = said(provider, case, "stream.sse")
    speaks, wanted = SPEAKERS[provider].endpoint, SPEAKERS[caller].endpoint
    source = Translated(speaks, wanted, request_of(caller, case), "req-7", CREATED)
    out = source.feed(sent) + source.end()
    assert source.complete
    SPEAKERS[caller].stream(out)
    if caller == "bedrock":
        compare(caller, provider, case, "stream.txt", readable(out).encode())
    else:
        compare(caller, provider, case, "stream.sse", out)


@pairs("error.json")
def test_what_the_caller_is_told_of_an_error(caller: str, provider: str, case: str) -> None:
    error = failure(provider, case)
    endpoint = SPEAKERS[caller].endpoint
    body, event = endpoint.codec.write_error(error, "req-7"), endpoint.codec.error_event(error)
    SPEAKERS[caller].error(body, event)
    headers = {name.decode(): value.decode() for name, value in endpoint.error_headers(error)}
    shown = {"headers": headers, "body": json.loads(body)} if headers else json.loads(body)
    compare(caller, provider, case, "error.json", pretty(shown))
    if caller == "bedrock":
        assert headers[bedrock.ERROR_HEADER.decode()] == "ThrottlingException"
        compare(caller, provider, case, "error.txt", readable(event).encode())
    else:
        compare(caller, provider, case, "error.sse", event)


@pairs("reply.json", only="reasoning")
def test_what_the_provider_is_asked_next(caller: str, provider: str, case: str) -> None:
    request = json.loads(said(caller, case, "request.json"))
    after = SPEAKERS[caller].go_on(request, answered(caller, provider, case))
    got = written(caller, provider, read(caller, after, case))
    for proof in PROOFS.get(provider, ()):
        assert proof in got.decode()
    compare(caller, provider, case, "next.json", got)


def test_what_is_said_is_of_its_dialect() -> None:
    for name, speaker in SPEAKERS.items():
        for case in CASES[:-1]:
            request = json.loads(said(name, case, "request.json"))
            speaker.request(
                without({key: request[key] for key in request if key != "modelId"}, speaker.beside)
            )
            if (SAID / name / case / "reply.json").exists():
                speaker.reply(said(name, case, "reply.json"))


def test_every_golden_is_compared() -> None:
    kept = {path.parent for path in GOLDEN.glob("*_to_*/*/*")}
    assert kept == {GOLDEN / f"{a}_to_{b}" / case for a in SPEAKERS for b in SPEAKERS for case in CASES}
