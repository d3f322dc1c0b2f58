"""Within one dialect the bytes pass: nothing differs that was not asked to."""

import json
from typing import Any

import openai_wire
import pytest
import wire
from fault_server import FaultServer
from gateway_process import Gateway
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import HELLO

MODEL = b'"my-vllm/llama-3.1-8b"'
UPSTREAM_MODEL = b'"llama-3.1-8b"'

blanks = st.text(" \t\r\n", max_size=3).map(str.encode)
strings = st.one_of(
    st.text(max_size=12).map(json.dumps),
    st.text(max_size=12).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(
        ['"\\ud83d\\ude42"', '"\\u0000"', '"\\/\\b\\f"', '"model"', '"{\\"model\\":1}"', '"\\\\"']
    ),
).map(lambda text: text.encode("utf-8", "surrogatepass") if "\\" in text else text.encode("utf-8", "replace"))
numbers = st.sampled_from(
    [b"0", b"-0", b"-0.0", b"1e5", b"1E+05", b"0.1000000000000000055", b"12345678901234567890123", b"1e-400"]
)
scalars = st.one_of(strings, numbers, st.sampled_from([b"true", b"false", b"null"]))


def arrays(items: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.tuples(blanks, items, blanks).map(b"".join), max_size=3).map(
        lambda parts: b"[" + b",".join(parts) + b"]"
    )


def members(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    keys = st.text('abcdefgé🙂"\\', min_size=1, max_size=6).map(lambda key: json.dumps("x" + key).encode())
    pairs = st.lists(
        st.tuples(keys, blanks, blanks, values, blanks), max_size=4, unique_by=lambda pair: pair[0]
    )
    return pairs.map(lambda found: [k + a + b":" + b + v + c for k, a, b, v, c in found])


def objects(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return members(values).map(lambda parts: b"{" + b",".join(parts) + b"}")


def containers(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Named, because hypothesis parses a lambda's source to show it, which CPython 3.11 sometimes fails at."""
    return st.one_of(arrays(inner), objects(inner))


values = st.recursive(scalars, containers, max_leaves=8)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A chat request in odd but right JSON, `model` and `messages` anywhere in it."""
    parts = draw(members(values))
    for member in (
        b'"model"' + draw(blanks) + b":" + draw(blanks) + MODEL,
        b'"messages":' + draw(arrays(values)),
    ):
        parts.insert(draw(st.integers(0, len(parts))), draw(blanks) + member + draw(blanks))
    return draw(blanks) + b"{" + b",".join(parts) + b"}" + draw(blanks)


@given(body=requests())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_request_bytes_pass_but_for_the_model(
    gateway: Gateway, openai_server: FaultServer, body: bytes
) -> None:
    openai_server.seen.clear()
    openai_server.script(wire.as_json(openai_wire.completion()))
    reply = gateway.post("/v1/chat/completions", body)
    assert reply.status == 200, reply.body
    assert openai_server.only.body == body.replace(MODEL, UPSTREAM_MODEL, 1)


@pytest.mark.parametrize(
    ("body", "passed"),
    [
        (
            b'{"mod\\u0065l":"my-vllm/llama-3.1-8b","messages":[]}',
            b'{"mod\\u0065l":"llama-3.1-8b","messages":[]}',
        ),
        (b'{"model":"my-vllm\\/llama-3.1-8b","messages":[]}', b'{"model":"llama-3.1-8b","messages":[]}'),
        (
            b'{"x":{"model":"a"},"model":"my-vllm/b","y":"model"}',
            b'{"x":{"model":"a"},"model":"b","y":"model"}',
        ),
        (b'{"model":"my-vllm/b","stream":false,"n":1e999}', b'{"model":"b","stream":false,"n":1e999}'),
    ],
)
def test_odd_spellings_pass(
    gateway: Gateway, openai_upstream: FaultServer, body: bytes, passed: bytes
) -> None:
    openai_upstream.script(wire.as_json(openai_wire.completion()))
    assert gateway.post("/v1/chat/completions", body).status == 200
    assert openai_upstream.only.body == passed


def test_a_model_name_beyond_ascii_passes(gateway: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(openai_wire.completion()))
    assert gateway.post("/v1/chat/completions", '{"model":"my-vllm/é🙂"}'.encode()).status == 200
    assert openai_upstream.only.json() == {"model": "é🙂"}


def test_anthropic_request_bytes_pass(gateway: Gateway, anthropic_upstream: FaultServer) -> None:
    turn = b'"messages":[{"role":"user","content":"\\u00e9"}]'
    body = b'{ "max_tokens":9,' + turn + b', "model":"my-claude/x", "zz":1.50}'
    assert gateway.post("/v1/messages", body).status == 200
    assert anthropic_upstream.only.body == body.replace(b'"my-claude/x"', b'"x"')


def test_reply_bytes_pass(gateway: Gateway, openai_upstream: FaultServer) -> None:
    odd = b'{ "id":"x" ,"choices" : [],"model":"other", "usage":null, "big":1e400, "s":"\\ud83d\\ude42" }\n'
    openai_upstream.script(wire.whole(odd))
    assert gateway.post("/v1/chat/completions", {"model": "my-vllm/b", "messages": HELLO}).body == odd


def test_stream_bytes_pass(gateway: Gateway, openai_upstream: FaultServer) -> None:
    events = [b": hello\n\n", *openai_wire.text_events(["a", "b 🙂"], usage=False)]
    openai_upstream.script(wire.split_everywhere(events, 9))
    reply = gateway.post("/v1/chat/completions", {"model": "my-vllm/b", "messages": HELLO, "stream": True})
    assert reply.body.replace(b": hello\n\n", b"") == b"".join(events[1:])
    assert reply.complete


@pytest.mark.parametrize(
    "options", [b"", b',"stream_options":null', b',"stream_options":{"include_usage":false}']
)
def test_usage_is_asked_for_in_streams_and_nothing_else_changes(
    gateway: Gateway, openai_upstream: FaultServer, options: bytes
) -> None:
    body = (
        b'{"model":"openai/gpt-4o-mini","stream":true%s,"messages":[{"role":"user","content":"x"}],"a":1.0}'
    )
    gateway.post("/v1/chat/completions", body % options)
    sent: Any = json.loads(body % options)
    got = openai_upstream.only.json()
    assert got.pop("stream_options") == {"include_usage": True}
    sent.pop("stream_options", None)
    assert got == {**sent, "model": "gpt-4o-mini"}
    assert openai_upstream.only.body.endswith(b'"messages":[{"role":"user","content":"x"}],"a":1.0}') or (
        b'"messages":[{"role":"user","content":"x"}],"a":1.0,' in openai_upstream.only.body
    )


def test_a_provider_that_knows_no_usage_in_streams_is_not_asked(
    gateway: Gateway, openai_upstream: FaultServer
) -> None:
    gateway.post("/v1/chat/completions", {"model": "my-vllm/b", "messages": HELLO, "stream": True})
    assert "stream_options" not in openai_upstream.only.json()
