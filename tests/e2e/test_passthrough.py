"""Anything else of a provider, by its own path: the credential is swapped, the rest passes."""

from http.client import HTTPException
from typing import Any

import openai_wire
import pytest
import wire
from fault_server import CLOSE, FaultServer, Pause
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway
from raw_client import exchange, request
from samples import HELLO

FILE = {"id": "file-1", "object": "file", "filename": "a.jsonl"}


def through(gateway: Gateway, method: str, path: str, body: bytes | None = None, **headers: Any) -> Any:
    names = {"authorization": f"Bearer {CALLER_KEY}", **headers}
    return exchange(gateway.port, request(method, path, body, names), method)


def test_a_get_passes_with_path_and_query(gateway: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(FILE, x_request_id="req_1"))
    reply = through(gateway, "GET", "/passthrough/openai/files/file%2D1?purpose=batch%20x")
    assert (reply.status, reply.json()) == (200, FILE)
    assert reply.headers["x-request-id"] == "req_1"
    seen = openai_upstream.only
    assert seen.request_line == b"GET /v1/files/file%2D1?purpose=batch%20x HTTP/1.1"
    assert seen.header("authorization") == f"Bearer {OPENAI_KEY}"
    assert CALLER_KEY.encode() not in seen.head


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_and_bodies_of_any_kind_pass(
    gateway: Gateway, openai_upstream: FaultServer, method: str
) -> None:
    body = b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n\x00\xff\r\n--x--\r\n'
    openai_upstream.script(wire.whole(b"\x00binary\xff", content_type="audio/mpeg"))
    kind = "multipart/form-data; boundary=x"
    reply = through(gateway, method, "/passthrough/openai/audio/speech", body, **{"content-type": kind})
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"\x00binary\xff", "audio/mpeg")
    assert openai_upstream.only.body == body
    assert openai_upstream.only.header("content-type") == kind


def test_an_error_passes_as_it_is(gateway: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(openai_wire.error("no such file", "invalid_request_error"), 404))
    reply = through(gateway, "GET", "/passthrough/openai/files/none")
    assert reply.status == 404
    assert reply.json()["error"]["message"] == "no such file"


def test_a_provider_that_repeats_its_key_does_not_give_it_away(
    gateway: Gateway, openai_upstream: FaultServer
) -> None:
    escaped = OPENAI_KEY.replace("-", "\\u002D")
    said = openai_wire.error(f"no such key: {OPENAI_KEY} {'x' * 9000}")
    body = wire.json.dumps(said).replace("no such", escaped).encode()
    at = body.index(OPENAI_KEY.encode()) + 5  # it stands in two pieces
    head = wire.head(401, content_type="application/json", content_length=str(len(body)), x_echo=OPENAI_KEY)
    for path in ("/passthrough/openai/files/none", "/v1/files/none?provider=openai"):
        openai_upstream.script([head + body[:at], Pause(0.05), body[at:]])
        reply = through(gateway, "GET", path)
        assert (reply.status, reply.complete) == (401, True)
        everything = repr(reply.headers) + reply.body.decode()
        assert OPENAI_KEY not in everything
        assert escaped not in everything
        assert reply.json()["error"]["message"] == f"*** key: *** {'x' * 9000}"


@pytest.mark.parametrize("stream", [False, True])
def test_usage_is_counted_where_the_answer_shows_it(
    start_gateway: Any, openai_upstream: FaultServer, stream: bool
) -> None:
    gateway = start_gateway()
    asked = {
        "model": "gpt-4o-mini",
        "messages": HELLO,
        "stream": stream,
        "stream_options": {"include_usage": True},
    }
    headers = {"content-type": "application/json"}
    reply = through(
        gateway, "POST", "/passthrough/openai/chat/completions", wire.json.dumps(asked).encode(), **headers
    )
    assert reply.status == 200
    assert gateway.metric("gateway_requests_total", endpoint="passthrough", provider="openai") == 1
    assert gateway.metric("gateway_tokens_total", endpoint="passthrough", type="input") > 0
    gateway.stop()


@pytest.mark.parametrize(
    "path",
    [
        "/passthrough/openai/../secret",
        "/passthrough/openai/%2e%2e/secret",
        "/passthrough/openai/a%2f..%2fb",
        "/passthrough/openai/a%0d%0ax: y",
        "/passthrough/openai/a%5c..%5cb",
        "/passthrough/nobody/files",
        "/passthrough/",
    ],
)
def test_a_path_that_leaves_the_provider_is_refused(
    gateway: Gateway, openai_upstream: FaultServer, path: str
) -> None:
    reply = through(gateway, "GET", path.replace(" ", "%20"))
    assert reply.status in (400, 404)
    assert openai_upstream.seen == []


def test_without_a_key_nothing_passes(gateway: Gateway, openai_upstream: FaultServer) -> None:
    assert gateway.get("/passthrough/openai/files").status == 401
    assert openai_upstream.seen == []


def test_a_cut_answer_is_not_ended_cleanly(gateway: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script([wire.head(content_type="audio/mpeg", content_length="1000"), b"x" * 10, CLOSE])
    try:
        reply = through(gateway, "GET", "/passthrough/openai/audio")
    except (ConnectionError, HTTPException):
        return
    assert not reply.complete
