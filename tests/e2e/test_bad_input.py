"""What a caller gets wrong gets the right status, in the error shape of its own dialect, and goes nowhere."""

import gzip
import json
from typing import Any

import anthropic
import openai
import pytest
from fault_server import FaultServer
from gateway_process import CALLER_KEY, Gateway
from raw_client import Reply, exchange
from samples import HELLO
from sdk_calls import settle

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
MODELS = {"openai": "openai/gpt-4o-mini", "anthropic": "anthropic/claude-sonnet-4-5"}
DIALECTS = pytest.mark.parametrize("dialect", ["openai", "anthropic"])
LIMIT = 1 << 20  # max_body of the session's gateway


@pytest.fixture(autouse=True)
def _nothing_reaches_a_provider(openai_upstream: FaultServer, anthropic_upstream: FaultServer) -> Any:
    yield
    assert openai_upstream.seen == []
    assert anthropic_upstream.seen == []


def good(dialect: str, **changes: Any) -> dict[str, Any]:
    return {"model": MODELS[dialect], "max_tokens": 9, "messages": HELLO, **changes}


def refused(reply: Reply, dialect: str, *statuses: int) -> dict[str, Any]:
    """The error of an answer, its shape checked."""
    assert reply.status in statuses, reply.body
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.headers["x-gateway-request-id"]
    body = reply.json()
    if dialect == "anthropic":
        assert body["type"] == "error"
    error: dict[str, Any] = body["error"]
    assert error["message"]
    assert isinstance(error["type"], str)
    if dialect == "openai":
        assert {"message", "type", "param", "code"} <= error.keys()
    return error


@DIALECTS
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b'{"model": "openai/x",}',
        b"{'model': 1}",
        b'{"model": "openai/x"} trailing',
        b'{"model": "openai/x", "messages": [NaN]}',
        b"[]",
        b'"text"',
        b"null",
        b'{"model": "openai/x", "a": "\x01"}',
        b'{"model": "openai/x", "a": "\\x"}',
        b'{"model": "openai/x", "a": 01}',
        b'{"model": "openai/\xff\xfe"}',
        b'{"model": "openai/x", "a": "\xed\xa0\x80"}',
        b'{"model": "openai/x", "a": "\xc0\xaf"}',
        b'\xef\xbb\xbf{"model": "openai/x"',
        b'{"model": "openai/x", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"model": "openai/x", "model": "my-vllm/y"}',
    ],
    ids=lambda body: repr(body[:32]),
)
def test_malformed_json(gateway: Gateway, dialect: str, body: bytes) -> None:
    refused(gateway.post(PATHS[dialect], body), dialect, 400)


@DIALECTS
@pytest.mark.parametrize("model", [None, 5, True, ["x"], {"a": 1}, ""])
def test_model_of_a_wrong_type(gateway: Gateway, dialect: str, model: Any) -> None:
    error = refused(gateway.post(PATHS[dialect], good(dialect, model=model)), dialect, 400)
    assert "model" in error["message"]


@DIALECTS
def test_missing_model(gateway: Gateway, dialect: str) -> None:
    error = refused(gateway.post(PATHS[dialect], {"messages": HELLO}), dialect, 400)
    assert "model" in error["message"]


@DIALECTS
@pytest.mark.parametrize("stream", ["yes", 1, {}])
def test_stream_of_a_wrong_type(gateway: Gateway, dialect: str, stream: Any) -> None:
    error = refused(gateway.post(PATHS[dialect], good(dialect, stream=stream)), dialect, 400)
    assert "stream" in error["message"]


@pytest.mark.parametrize(
    ("dialect", "changes"),
    [
        ("openai", {"messages": "hello"}),
        ("openai", {"messages": [5]}),
        ("openai", {"messages": [{"content": "no role"}]}),
        ("openai", {"messages": [{"role": "user", "content": 5}]}),
        ("openai", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
        ("openai", {"tools": {"a": 1}}),
        ("openai", {"tools": [{"type": "function", "function": {"description": "no name"}}]}),
        ("openai", {"max_tokens": "many"}),
        ("openai", {"temperature": "hot"}),
        ("anthropic", {"messages": {"role": "user"}}),
        ("anthropic", {"messages": [{"role": "user", "content": [{"type": "image"}]}]}),
        ("anthropic", {"messages": [{"role": "user", "content": [{"no": "type"}]}]}),
        ("anthropic", {"system": 5}),
        ("anthropic", {"tools": [{"input_schema": {}}]}),
        ("anthropic", {"max_tokens": "many"}),
    ],
)
def test_wrong_type_where_the_gateway_translates(gateway: Gateway, dialect: str, changes: Any) -> None:
    """In its own dialect the provider is the judge; across dialects the gateway has to be."""
    other = "anthropic" if dialect == "openai" else "openai"
    body = {**good(dialect), "model": MODELS[other], **changes}
    error = refused(gateway.post(PATHS[dialect], body), dialect, 400)
    assert next(iter(changes)) in error["message"]


@DIALECTS
@pytest.mark.parametrize(
    "model", ["nobody/none", "no-such-model", "openai", "openai/", "/x", "../x", "a" * 10_000]
)
def test_unknown_model(gateway: Gateway, dialect: str, model: str) -> None:
    refused(gateway.post(PATHS[dialect], good(dialect, model=model)), dialect, 404, 400)


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/nope", "openai"),
        ("/", "openai"),
        ("/v1/chat/completions/x", "openai"),
        ("/v1//chat/completions", "openai"),
        ("/v1/messages/nope", "anthropic"),
        ("/anthropic/v1/nope", "anthropic"),
        ("/v1/chat%2Fcompletions/../x", "openai"),
    ],
)
def test_unknown_path(gateway: Gateway, path: str, dialect: str) -> None:
    refused(gateway.post(path, good(dialect)), dialect, 404)


@DIALECTS
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_wrong_method(gateway: Gateway, dialect: str, method: str) -> None:
    data = gateway.encode(PATHS[dialect], b"{}").replace(b"POST", method.encode(), 1)
    refused(exchange(gateway.port, data, method), dialect, 405)


@DIALECTS
def test_too_large_by_its_length(gateway: Gateway, dialect: str) -> None:
    body = json.dumps(good(dialect, pad="x" * LIMIT)).encode()
    refused(gateway.post(PATHS[dialect], body), dialect, 413)


@DIALECTS
def test_too_large_is_refused_before_it_is_sent(gateway: Gateway, dialect: str) -> None:
    data = gateway.encode(PATHS[dialect], b"", {"content-length": "99999999999"})
    refused(exchange(gateway.port, data), dialect, 413)


@pytest.mark.parametrize(("key", "status"), [(CALLER_KEY, 413), ("wrong", 401)])
def test_refusal_reaches_a_caller_that_sends_it_all_first(gateway: Gateway, key: str, status: int) -> None:
    """Closing on a body under way resets the connection, and the reset destroys the answer."""
    reply = gateway.post(PATHS["openai"], b'{"pad": "' + b"x" * (9 * LIMIT) + b'"}', key=key)
    assert reply.status == status


@DIALECTS
def test_too_large_in_chunks(gateway: Gateway, dialect: str) -> None:
    head = gateway.encode(PATHS[dialect], b"", {"transfer-encoding": "chunked"})
    body = b"%x\r\n%s\r\n" % (LIMIT // 2, b"x" * (LIMIT // 2))
    refused(exchange(gateway.port, head + body * 3 + b"0\r\n\r\n"), dialect, 413)


@DIALECTS
def test_gzip_that_is_none(gateway: Gateway, dialect: str) -> None:
    coding: dict[str, str | bytes] = {"content-encoding": "gzip"}
    refused(gateway.post(PATHS[dialect], good(dialect), coding), dialect, 400)
    cut = gzip.compress(json.dumps(good(dialect)).encode())[:-9]
    refused(gateway.post(PATHS[dialect], cut, coding), dialect, 400)


@DIALECTS
def test_gzip_bomb(gateway: Gateway, dialect: str) -> None:
    bomb = gzip.compress(b'{"model": "' + b"x" * (200 * LIMIT), 9)
    assert len(bomb) < LIMIT
    refused(gateway.post(PATHS[dialect], bomb, {"content-encoding": "gzip"}), dialect, 413)


@DIALECTS
def test_unknown_content_encoding(gateway: Gateway, dialect: str) -> None:
    refused(gateway.post(PATHS[dialect], good(dialect), {"content-encoding": "br"}), dialect, 415)


def test_oversized_head(gateway: Gateway) -> None:
    """Refused or cut by the server before the gateway sees it; never served."""
    data = gateway.encode(PATHS["openai"], good("openai"), {"x-pad": "x" * 2_000_000})
    with gateway.connect() as connection:
        try:
            connection.send(data)
            assert connection.reply().status in (400, 431)
        except (ConnectionError, OSError):
            pass


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n{}",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["two-lengths", "negative-length", "bad-chunk", "nonsense", "tls"],
)
def test_broken_http_harms_nobody(gateway: Gateway, head: bytes) -> None:
    with gateway.connect() as connection:
        connection.send(head)
        connection.socket.shutdown(1)
        answer = connection.socket.recv(65536)
    assert answer == b"" or answer.split(b" ")[1][:1] == b"4"
    assert gateway.get("/health").status == 200


# --- the same through the SDKs: each raises its own class ---


async def test_openai_sdk_raises_its_classes(openai_sdk: Any) -> None:
    chat = openai_sdk.chat.completions
    with pytest.raises(openai.NotFoundError) as unknown:
        await settle(chat.create(model="nobody/none", messages=HELLO))
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError):
        await settle(chat.create(model=5, messages=HELLO))
    with pytest.raises(openai.NotFoundError):
        await settle(openai_sdk.post("/nope", body={}, cast_to=object))
    with pytest.raises(openai.APIStatusError) as large:
        await settle(chat.create(model=MODELS["openai"], messages=HELLO, extra_body={"pad": "x" * LIMIT}))
    assert large.value.status_code == 413
    with pytest.raises(openai.AuthenticationError):
        await settle(openai_sdk.with_options(api_key="wrong").models.list())


async def test_anthropic_sdk_raises_its_classes(anthropic_sdk: Any) -> None:
    messages = anthropic_sdk.messages
    with pytest.raises(anthropic.NotFoundError) as unknown:
        await settle(messages.create(model="nobody/none", max_tokens=9, messages=HELLO))
    assert unknown.value.body["error"]["type"] == "not_found_error"
    with pytest.raises(anthropic.BadRequestError) as bad:
        await settle(messages.create(model=5, max_tokens=9, messages=HELLO))
    assert bad.value.body["error"]["type"] == "invalid_request_error"
    with pytest.raises(anthropic.NotFoundError):
        await settle(anthropic_sdk.post("/v1/nope", body={}, cast_to=object))
    with pytest.raises(anthropic.APIStatusError) as large:
        await settle(
            messages.create(
                model=MODELS["anthropic"], max_tokens=9, messages=HELLO, extra_body={"pad": "x" * LIMIT}
            )
        )
    assert large.value.status_code == 413
    assert large.value.body["error"]["type"] == "request_too_large"
    with pytest.raises(anthropic.AuthenticationError) as wrong:
        await settle(
            anthropic_sdk.with_options(api_key="wrong").messages.count_tokens(model="x", messages=HELLO)
        )
    assert wrong.value.body["error"]["type"] == "authentication_error"
