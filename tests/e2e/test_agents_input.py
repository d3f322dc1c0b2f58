"""What real agents and SDKs send, odd as it is, works."""

import gzip
import json
import zlib
from typing import Any

import anthropic_wire
import pytest
import wire
from fault_server import FaultServer
from gateway_process import Gateway
from raw_client import exchange
from samples import HELLO, OPENAI_TOOLS, text_of

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
CLAUDE = "anthropic/claude-sonnet-4-5"
NULLS = [
    "frequency_penalty",
    "function_call",
    "logit_bias",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "user",
]


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", CLAUDE])
def test_explicit_nulls(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer, model: str
) -> None:
    body = {"model": model, "messages": HELLO, **dict.fromkeys(NULLS)}
    reply = gateway.post(CHAT, body)
    assert reply.json()["choices"][0]["message"]["content"] == "echo: hello wörld 🙂"
    for seen in anthropic_upstream.seen:
        assert None not in seen.json().values()


@pytest.mark.parametrize("content", ["", None, [], [{"type": "text", "text": ""}]], ids=repr)
@pytest.mark.parametrize("arguments", ["", "{}", " "], ids=repr)
def test_empty_assistant_text_and_arguments_beside_tool_calls(
    gateway: Gateway, anthropic_upstream: FaultServer, content: Any, arguments: str
) -> None:
    """Anthropic refuses empty text blocks, and wants an object where OpenAI's callers write nothing."""
    call = {"id": "call_1", "type": "function", "function": {"name": "time", "arguments": arguments}}
    turn = [
        *HELLO,
        {"role": "assistant", "content": content, "tool_calls": [call], "refusal": None, "audio": None},
        {"role": "tool", "tool_call_id": "call_1", "content": ""},
    ]
    reply = gateway.post(CHAT, {"model": CLAUDE, "messages": turn, "tools": OPENAI_TOOLS})
    assert reply.status == 200, reply.body
    _, assistant, result = anthropic_upstream.only.json()["messages"]
    assert [(block["type"], block["input"]) for block in assistant["content"]] == [("tool_use", {})]
    assert result["content"][0]["tool_use_id"] == "call_1"


def test_absent_content_beside_tool_calls(gateway: Gateway, anthropic_upstream: FaultServer) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "time", "arguments": "{}"}}
    turn = [*HELLO, {"role": "assistant", "tool_calls": [call]}]
    turn += [{"role": "tool", "tool_call_id": "call_1", "content": "noon"}]
    assert gateway.post(CHAT, {"model": CLAUDE, "messages": turn}).status == 200


def test_arguments_that_are_no_json_are_not_invented(
    gateway: Gateway, anthropic_upstream: FaultServer
) -> None:
    """A model's broken arguments, sent back by its agent: refused clearly, or carried in full; never dropped."""
    call = {"id": "call_1", "type": "function", "function": {"name": "time", "arguments": '{"a": '}}
    turn = [*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}]
    turn += [{"role": "tool", "tool_call_id": "call_1", "content": "bad arguments"}]
    reply = gateway.post(CHAT, {"model": CLAUDE, "messages": turn})
    if reply.status == 200:
        assert '{\\"a\\": ' in anthropic_upstream.only.body.decode()
    else:
        assert reply.status == 400
        assert "arguments" in reply.json()["error"]["message"]


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_consecutive_turns_of_one_role(gateway: Gateway, anthropic_upstream: FaultServer, role: str) -> None:
    turn = [*HELLO, {"role": role, "content": "one"}, {"role": role, "content": "two"}]
    turn += [{"role": "user", "content": "three"}]
    assert gateway.post(CHAT, {"model": CLAUDE, "messages": turn}).status == 200
    messages = anthropic_upstream.only.json()["messages"]
    said = " ".join(text_of(message["content"]) for message in messages)
    assert [said.index(word) for word in ("one", "two", "three")] == sorted(
        said.index(word) for word in ("one", "two", "three")
    )


def test_system_turns_anywhere(gateway: Gateway, anthropic_upstream: FaultServer) -> None:
    turn = [
        {"role": "system", "content": "be brief"},
        {"role": "developer", "content": "be kind"},
        *HELLO,
    ]
    assert gateway.post(CHAT, {"model": CLAUDE, "messages": turn}).status == 200
    body = anthropic_upstream.only.json()
    system = text_of(body["system"])
    assert "be brief" in system
    assert "be kind" in system
    assert [message["role"] for message in body["messages"]] == ["user"]


def test_no_max_tokens_toward_anthropic(gateway: Gateway, anthropic_upstream: FaultServer) -> None:
    """The model's own maximum from the catalogue is filled in."""
    assert gateway.post(CHAT, {"model": CLAUDE, "messages": HELLO}).status == 200
    assert anthropic_upstream.only.json()["max_tokens"] == 64_000


def test_no_max_tokens_toward_an_unknown_model(gateway: Gateway, anthropic_upstream: FaultServer) -> None:
    assert gateway.post(CHAT, {"model": "my-claude/house-model", "messages": HELLO}).status == 200
    assert anthropic_upstream.only.json()["max_tokens"] > 0


@pytest.mark.parametrize("spelling", ["max_tokens", "max_completion_tokens"])
def test_both_spellings_of_max_tokens(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer, spelling: str
) -> None:
    for model in ("openai/gpt-4o-mini", CLAUDE):
        assert gateway.post(CHAT, {"model": model, "messages": HELLO, spelling: 77}).status == 200
    assert anthropic_upstream.only.json()["max_tokens"] == 77
    assert openai_upstream.only.json()[spelling] == 77


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions/", "/chat/completions", "/openai/v1/chat/completions/"]
)
def test_trailing_slash_and_missing_version(
    gateway: Gateway, openai_upstream: FaultServer, path: str
) -> None:
    assert gateway.post(path, {"model": "openai/gpt-4o-mini", "messages": HELLO}).status == 200
    assert openai_upstream.only.path == "/v1/chat/completions"


@pytest.mark.parametrize(
    "path", ["/v1/messages/", "/v1/messages/?beta=true", "/anthropic/v1/messages?beta=true"]
)
def test_trailing_slash_and_beta_query(gateway: Gateway, anthropic_upstream: FaultServer, path: str) -> None:
    assert gateway.post(path, {"model": CLAUDE, "max_tokens": 9, "messages": HELLO}).status == 200
    assert anthropic_upstream.only.path.partition("?")[0] == "/v1/messages"


def test_trailing_slashes_in_configured_base_urls(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer
) -> None:
    gateway.post(CHAT, {"model": "my-vllm/x", "messages": HELLO})
    gateway.post(MESSAGES, {"model": "my-claude/x", "max_tokens": 9, "messages": HELLO})
    assert openai_upstream.only.path == "/vllm/v1/chat/completions"
    assert anthropic_upstream.only.path == "/v1/messages"


@pytest.mark.parametrize("name", ["my-vllm%2Fllama-3.1-8b", "my-vllm%2fmeta-llama%2FLlama-3.1-8B", "fast/"])
def test_percent_encoded_model_in_the_path(gateway: Gateway, name: str) -> None:
    key = gateway.config["auth"]["keys"][0]
    reply = gateway.get(f"/v1/models/{name}", {"authorization": f"Bearer {key}"})
    assert reply.status == 200, reply.body
    assert reply.json()["id"].startswith(("my-vllm/", "fast"))


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", CLAUDE])
@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate"])
def test_compressed_request(
    gateway: Gateway, openai_upstream: FaultServer, anthropic_upstream: FaultServer, model: str, coding: str
) -> None:
    body = json.dumps({"model": model, "messages": HELLO}).encode()
    packed = zlib.compress(body) if coding == "deflate" else gzip.compress(body)
    reply = gateway.post(CHAT, packed, {"content-encoding": coding})
    assert reply.json()["choices"][0]["message"]["content"] == "echo: hello wörld 🙂"
    (seen,) = openai_upstream.seen + anthropic_upstream.seen
    assert seen.header("content-encoding") is None


def test_request_in_chunks_and_with_expect(gateway: Gateway, openai_upstream: FaultServer) -> None:
    """curl sends Expect: 100-continue with large bodies, and waits a second for the interim answer."""
    body = json.dumps({"model": "openai/gpt-4o-mini", "messages": HELLO}).encode()
    head = gateway.encode(CHAT, b"", {"transfer-encoding": "chunked", "expect": "100-continue"})
    with gateway.connect() as connection:
        connection.send(head)
        for at in range(0, len(body), 10):
            connection.send(wire.chunk(body[at : at + 10]))
        connection.send(wire.END)
        reply = connection.reply()
    assert reply.json()["choices"][0]["message"]["content"] == "echo: hello wörld 🙂"
    assert openai_upstream.only.body.endswith(b"}")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_http_1_0(gateway: Gateway, openai_upstream: FaultServer, stream: bool) -> None:
    """Old proxies and probes: no chunks, and the connection's end ends a stream."""
    body = {"model": "openai/gpt-4o-mini", "messages": HELLO, "stream": stream}
    data = gateway.encode(CHAT, body).replace(b" HTTP/1.1", b" HTTP/1.0", 1)
    reply = exchange(gateway.port, data)
    assert (reply.status, reply.complete) == (200, True)
    assert "transfer-encoding" not in reply.headers
    assert reply.body.rstrip().endswith(b"data: [DONE]" if stream else b"}")


def test_legacy_functions_and_names_do_not_break(gateway: Gateway, anthropic_upstream: FaultServer) -> None:
    turn = [
        {"role": "user", "content": "hi", "name": "alice"},
        {"role": "assistant", "content": [{"type": "text", "text": "yes?"}], "name": "bot"},
        {"role": "user", "content": [{"type": "text", "text": "go"}, {"type": "text", "text": " on"}]},
    ]
    assert gateway.post(CHAT, {"model": CLAUDE, "messages": turn, "user": "u1", "n": 1}).status == 200
    assert text_of(anthropic_upstream.only.json()["messages"][-1]["content"]) == "go on"


def test_anthropic_turn_that_ends_with_the_assistant(gateway: Gateway, openai_upstream: FaultServer) -> None:
    """A prefilled answer."""
    turn = [*HELLO, {"role": "assistant", "content": "The answer is"}]
    body = {"model": "openai/gpt-4o-mini", "max_tokens": 9, "messages": turn}
    assert gateway.post(MESSAGES, body).status == 200
    assert openai_upstream.only.json()["messages"][-1]["role"] == "assistant"


def test_tool_results_with_errors_and_images(gateway: Gateway, openai_upstream: FaultServer) -> None:
    use = anthropic_wire.tool_use("toolu_1", "time", {})
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True}
    result["content"] = [{"type": "text", "text": "broken"}, image]
    turn = [*HELLO, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    turn += [{"role": "assistant", "content": "ok"}, {"role": "user", "content": "go on"}]
    body = {"model": "openai/gpt-4o-mini", "max_tokens": 9, "messages": turn}
    assert gateway.post(MESSAGES, body).status == 200
    text = openai_upstream.only.body.decode()
    assert "broken" in text
    assert "iVBORw0KGgo=" in text
