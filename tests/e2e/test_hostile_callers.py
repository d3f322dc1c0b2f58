"""Hostile model names, headers and paths change nothing at the provider, in the log or in the metrics."""

import json
from typing import Any

import pytest
from fault_server import FaultServer, Seen
from gateway_process import Gateway
from prometheus_client.parser import text_string_to_metric_families
from raw_client import exchange
from samples import HELLO

CHAT = "/v1/chat/completions"
NAMES = [
    "../../secret",
    "..%2f..%2fsecret",
    "a/../../../etc/passwd",
    "a?key=1#x",
    "a b",
    "a%0d%0ax-evil: 1",
    "a%00",
    "🙂é\u202e",
    'a"} 1\ngateway_requests_total{model="x',
    "a\r\nx-evil: 1\r\n\r\nGET /steal HTTP/1.1\r\n\r\n",
    "a\nx-evil: 1",
    "a\x00b",
    "\x1b[31mred",
    "a\u2028b",
    "x" * 257,
    "x" * 100_000,
    "\ud800",
    "${OPENAI_API_KEY}",
    "{{7*7}}",
    '"><script>alert(1)</script>',
]
PREFIXES = ["openai/", "my-vllm/", "anthropic/", "gemini/", ""]


def check_request(seen: Seen) -> None:
    """The head is one that the gateway always writes."""
    path = {"openai": "/v1/chat/completions", "my-vllm": "/vllm/v1/chat/completions"}
    assert seen.request_line in [f"POST {p} HTTP/1.1".encode() for p in (*path.values(), "/v1/messages")]
    names = [name for name, _ in seen.headers]
    assert len(names) == len(set(names))
    assert set(names) <= {
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "content-type",
        "content-length",
        "connection",
        "authorization",
        "x-api-key",
        "anthropic-version",
    }
    assert b"\n" not in seen.head.replace(b"\r\n", b"")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:30])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_hostile_model_name(
    gateway: Gateway,
    openai_upstream: FaultServer,
    anthropic_upstream: FaultServer,
    prefix: str,
    name: str,
    stream: bool,
) -> None:
    reply = gateway.post(CHAT, {"model": prefix + name, "messages": HELLO, "stream": stream})
    seen = openai_upstream.seen + anthropic_upstream.seen
    assert openai_upstream.broken == anthropic_upstream.broken == []
    assert reply.status in (200, 400, 404)
    assert len(seen) == (reply.status == 200)
    for request in seen:
        check_request(request)
        assert request.json()["model"] == name
    assert "x-evil" not in reply.headers
    for value in reply.headers.values():
        assert value.isascii()
        assert value.isprintable()


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:30])
def test_hostile_name_as_a_models_page(gateway: Gateway, openai_upstream: FaultServer, name: str) -> None:
    path = "/v1/models/" + "".join(f"%{byte:02x}" for byte in name.encode("utf-8", "surrogatepass"))[:4000]
    reply = gateway.get(path, {"authorization": f"Bearer {gateway.config['auth']['keys'][0]}"})
    assert reply.status in (400, 404)
    assert "x-evil" not in reply.headers
    assert openai_upstream.seen == []


def test_hostile_names_stay_out_of_log_and_metrics(gateway: Gateway, openai_upstream: FaultServer) -> None:
    for name in NAMES:
        for prefix in PREFIXES:
            gateway.post(CHAT, {"model": f"{prefix}hostile-name{name}", "messages": HELLO})
    text = gateway.metrics_text()
    assert "hostile-name" not in text
    assert "secret" not in text
    labels = {
        sample.labels.get("model")
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert len(labels) < 100
    for line in gateway.log().splitlines():
        assert isinstance(json.loads(line), dict)
        assert "\x1b" not in line


HOSTILE_HEADERS: list[dict[str, str | bytes]] = [
    {"host": "evil.test"},
    {"Host": "evil.test"},
    {"x-forwarded-host": "evil.test", "x-forwarded-for": "1.2.3.4", "forwarded": "host=evil.test"},
    {"anthropic-beta": "a, b" + "c" * 4000},
    {"openai-beta": b"\xff\xfe\x80"},
    {"x-request-id": "stray", "traceparent": "00-stray"},
    {"connection": "close, authorization"},
    {"expect": "100-continue"},
    {"te": "trailers", "upgrade": "h2c"},
    {"content-type": "text/plain"},
    {"accept-encoding": "gzip, br"},
    {"x-gateway-provider": "evil", "x-gateway-base-url": "http://evil.test"},
    {"transfer-encoding": "identity"},
    {"accept": "text/event-stream\t"},
]


@pytest.mark.parametrize("headers", HOSTILE_HEADERS, ids=lambda headers: repr(headers)[:40])
def test_hostile_header(
    gateway: Gateway, openai_upstream: FaultServer, headers: dict[str, str | bytes]
) -> None:
    data = gateway.encode(CHAT, {"model": "openai/gpt-4o-mini", "messages": HELLO}, headers)
    reply = exchange(gateway.port, data)
    assert reply.status in (200, 400)
    assert openai_upstream.broken == []
    for seen in openai_upstream.seen:
        assert seen.request_line == b"POST /v1/chat/completions HTTP/1.1"
        assert seen.header("host") == f"127.0.0.1:{openai_upstream.port}"
        assert seen.header("content-type") == "application/json"
        assert seen.header("accept-encoding") in (None, "identity")
        text = seen.head.lower()
        for word in (b"evil", b"1.2.3.4", b"stray", b"h2c", b"expect", b"trailers"):
            assert word not in text


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../v1/chat/completions",
        "/v1/chat/completions/../../admin",
        "/v1/chat/completions%00",
        "/v1/chat/completions;x=1",
        "//evil.test/v1/chat/completions",
        "http://evil.test/v1/chat/completions",
        "/v1/chat/completions#x",
        "/V1/CHAT/COMPLETIONS",
        "/v1%2fchat%2fcompletions",
        b"/v1/\xff\xfe",
        "/" + "x" * 5000,
        "*",
    ],
    ids=lambda path: repr(path)[:40],
)
def test_hostile_path(gateway: Gateway, openai_upstream: FaultServer, path: Any) -> None:
    """Served as what it plainly means, or refused; the provider's path is the operator's in every case."""
    reply = gateway.post(path, {"model": "openai/gpt-4o-mini", "messages": HELLO})
    assert reply.status in (200, 400, 404, 414, 431)
    for seen in openai_upstream.seen:
        assert seen.request_line == b"POST /v1/chat/completions HTTP/1.1"


@pytest.mark.parametrize("query", ["?api-version=1", "?key=stray", "?a=%0d%0ax", "?" + "x" * 3000, "??&&=="])
def test_query_does_not_travel(gateway: Gateway, openai_upstream: FaultServer, query: str) -> None:
    reply = gateway.post(CHAT + query, {"model": "openai/gpt-4o-mini", "messages": HELLO})
    assert reply.status == 200
    assert openai_upstream.only.request_line == b"POST /v1/chat/completions HTTP/1.1"


def test_pipelined_requests_get_their_own_answers(gateway: Gateway, openai_upstream: FaultServer) -> None:
    turns: list[Any] = [[{"role": "user", "content": f"mine is {number}"}] for number in range(5)]
    with gateway.connect() as connection:
        bodies = [{"model": "openai/gpt-4o-mini", "messages": turn} for turn in turns]
        connection.send(b"".join(gateway.encode(CHAT, body) for body in bodies))
        raw = b""
        while raw.count(b"echo: mine is") < 5:
            piece = connection.socket.recv(65536)
            assert piece, raw
            raw += piece
    places = [raw.index(f"echo: mine is {number}".encode()) for number in range(5)]
    assert places == sorted(places)
