"""Whatever a provider does wrong reaches the caller as an error of its dialect, status and message kept."""

from typing import Any

import anthropic
import anthropic_wire
import openai
import openai_wire
import pytest
import wire
from fault_server import CLOSE, HANG, RESET, Answer, FaultServer
from gateway_process import Gateway
from samples import HELLO
from sdk_calls import settle

PAIRS = [(caller, provider) for caller in ("openai", "anthropic") for provider in ("openai", "anthropic")]
pairs = pytest.mark.parametrize(("caller", "provider"), PAIRS, ids=[f"{c}-to-{p}" for c, p in PAIRS])
PATH = "/v1/chat/completions"
MODELS = {"openai": "openai/gpt-4o-mini", "anthropic": "anthropic/claude-sonnet-4-5"}
STUBBORN = {"openai": "stubborn/gpt-4o-mini", "anthropic": "stubborn-claude/claude-sonnet-4-5"}
ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}


@pytest.fixture
def upstreams(openai_upstream: FaultServer, anthropic_upstream: FaultServer) -> dict[str, FaultServer]:
    return {"openai": openai_upstream, "anthropic": anthropic_upstream}


@pytest.fixture
def sdks(openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic) -> dict[str, Any]:
    def chat(model: str, **extra: Any) -> Any:
        return openai_client.chat.completions.create(model=model, messages=HELLO, **extra)

    def message(model: str, **extra: Any) -> Any:
        return anthropic_client.messages.create(model=model, max_tokens=9, messages=HELLO, **extra)

    return {"openai": chat, "anthropic": message}


def provider_error(provider: str, status: int, message: str, **headers: str) -> Answer:
    if provider == "openai":
        return wire.as_json(openai_wire.error(message, "upstream_type", "upstream_code"), status, **headers)
    return wire.as_json(anthropic_wire.error(ANTHROPIC_TYPES[status], message), status, **headers)


CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
    529: "InternalServerError",
}


@pairs
@pytest.mark.parametrize("status", list(CLASSES))
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_status_and_message_are_kept(
    upstreams: dict[str, FaultServer],
    sdks: dict[str, Any],
    caller: str,
    provider: str,
    status: int,
    stream: bool,
) -> None:
    message = f"the provider says no to {caller} 🙂"
    upstreams[provider].script(provider_error(provider, status, message))
    sdk: Any = openai if caller == "openai" else anthropic
    with pytest.raises(sdk.APIStatusError) as raised:
        sdks[caller](MODELS[provider], stream=stream)
    assert isinstance(raised.value, getattr(sdk, CLASSES[status]))
    assert raised.value.status_code == status
    error = raised.value.body if caller == "openai" else raised.value.body["error"]
    assert error["message"] == message
    if caller == "anthropic":  # that API has no 503 of its own: either name is right
        assert error["type"] in (ANTHROPIC_TYPES[status], "overloaded_error" if status == 503 else "")
    if caller == provider == "openai":
        assert (error["type"], error["code"]) == ("upstream_type", "upstream_code")
    assert len(upstreams[provider].seen) == 1


@pairs
def test_retry_after_is_kept(
    upstreams: dict[str, FaultServer], sdks: dict[str, Any], caller: str, provider: str
) -> None:
    upstreams[provider].script(provider_error(provider, 429, "slow down", retry_after="7"))
    sdk: Any = openai if caller == "openai" else anthropic
    with pytest.raises(sdk.RateLimitError) as raised:
        sdks[caller](MODELS[provider])
    assert raised.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("status", [401, 404, 429])
def test_error_type_follows_the_status_across_dialects(
    upstreams: dict[str, FaultServer], sdks: dict[str, Any], status: int
) -> None:
    """OpenAI calls a wrong key an `invalid_request_error`; Anthropic's callers know a better name."""
    upstreams["openai"].script(
        wire.as_json(openai_wire.error("no", "invalid_request_error", "some_code"), status)
    )
    with pytest.raises(anthropic.APIStatusError) as raised:
        sdks["anthropic"](MODELS["openai"])
    body: Any = raised.value.body
    assert body["error"]["type"] == ANTHROPIC_TYPES[status]


@pytest.mark.parametrize(("status", "name"), [(429, "RateLimitError"), (529, "InternalServerError")])
async def test_errors_in_both_kinds_of_sdk(
    openai_sdk: Any, openai_upstream: FaultServer, status: int, name: str
) -> None:
    openai_upstream.script(provider_error("openai", status, "no"))
    with pytest.raises(getattr(openai, name)):
        await settle(openai_sdk.chat.completions.create(model=MODELS["openai"], messages=HELLO))


OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
HTML = b"<html><body>Bad gateway</body></html>"
BROKEN: dict[str, tuple[Answer, int, str]] = {
    "closed before the head": ([CLOSE], 502, "upstream_closed"),
    "reset before the head": ([RESET], 502, "upstream_closed"),
    "closed inside the head": ([b"HTTP/1.1 200 OK\r\ncontent-ty", CLOSE], 502, "upstream_closed"),
    "closed inside the body": ([OK + b'content-length: 500\r\n\r\n{"id":', CLOSE], 502, "upstream_closed"),
    "closed inside a chunk": (
        [OK + b"transfer-encoding: chunked\r\n\r\nff\r\n{", CLOSE],
        502,
        "upstream_closed",
    ),
    "garbage": ([b"\x00\x01\x02 garbage\r\n\r\n", CLOSE], 502, "upstream_protocol_error"),
    "another protocol": ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n", CLOSE], 502, "upstream_protocol_error"),
    "two lengths": (
        [OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}"],
        502,
        "upstream_protocol_error",
    ),
    "length and chunks": (
        [OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
        502,
        "upstream_protocol_error",
    ),
    "a bad chunk size": ([OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n"], 502, "upstream_protocol_error"),
    "endless head": ([OK, *[b"x-pad: " + b"y" * 8000 + b"\r\n"] * 40, HANG], 502, "upstream_protocol_error"),
    "a body that is not JSON": (wire.whole(b"not json"), 502, "upstream_protocol_error"),
    "a page with status 200": (wire.whole(HTML, content_type="text/html"), 502, "upstream_protocol_error"),
    "an empty body": (wire.whole(b""), 502, "upstream_protocol_error"),
    "a length that cuts the body": (
        [OK + b'content-length: 4\r\n\r\n{"id":"x"}'],
        502,
        "upstream_protocol_error",
    ),
    "a redirect": (wire.whole(b"", 302, location="http://127.0.0.1:1/steal"), 502, ""),
    "a page with status 502": (wire.whole(HTML, 502, "text/html"), 502, ""),
    "a page with status 503": (wire.whole(HTML, 503, "text/html"), 503, ""),
    "a JSON error of no dialect": (wire.as_json({"detail": "what?"}, 422), 422, ""),
}


@pairs
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", BROKEN)
def test_broken_answer_is_an_error_of_the_callers_dialect(
    upstreams: dict[str, FaultServer],
    sdks: dict[str, Any],
    caller: str,
    provider: str,
    fault: str,
    stream: bool,
) -> None:
    answer, status, code = BROKEN[fault]
    upstreams[provider].script(answer)
    sdk: Any = openai if caller == "openai" else anthropic
    with pytest.raises(sdk.APIStatusError) as raised:
        sdks[caller](MODELS[provider], stream=stream)
    assert raised.value.status_code == status
    assert raised.value.response.headers["content-type"].startswith("application/json")
    assert "location" not in raised.value.response.headers
    error = raised.value.body if caller == "openai" else raised.value.body["error"]
    assert error["message"]
    if code and caller == "openai":
        assert error["code"] == code
    assert "Bad gateway</body>" not in error["message"]
    assert len(upstreams[provider].seen) == 1


@pairs
@pytest.mark.parametrize(("status", "stream"), [(500, False), (503, True), (529, False), (429, True)])
def test_retries_are_as_many_as_configured(
    upstreams: dict[str, FaultServer],
    sdks: dict[str, Any],
    caller: str,
    provider: str,
    status: int,
    stream: bool,
) -> None:
    upstreams[provider].script(provider_error(provider, status, "still no"))
    sdk: Any = openai if caller == "openai" else anthropic
    with pytest.raises(sdk.APIStatusError) as raised:
        sdks[caller](STUBBORN[provider], stream=stream)
    assert raised.value.response.headers["x-gateway-attempts"] == "3"
    assert len(upstreams[provider].seen) == 3


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_callers_mistake_is_not_retried(
    upstreams: dict[str, FaultServer], sdks: dict[str, Any], status: int
) -> None:
    upstreams["openai"].script(provider_error("openai", status, "no"))
    with pytest.raises(openai.APIStatusError):
        sdks["openai"](STUBBORN["openai"])
    assert len(upstreams["openai"].seen) == 1


@pairs
def test_third_try_serves(
    upstreams: dict[str, FaultServer], sdks: dict[str, Any], caller: str, provider: str
) -> None:
    good = wire.as_json(
        openai_wire.completion("third time") if provider == "openai" else third_message("third time")
    )
    upstreams[provider].script([CLOSE], provider_error(provider, 503, "no"), good)
    answer = sdks[caller](STUBBORN[provider])
    text = answer.choices[0].message.content if caller == "openai" else answer.content[0].text
    assert text == "third time"


def third_message(text: str) -> dict[str, Any]:
    return anthropic_wire.message(anthropic_wire.text(text))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_silent_provider_times_out(gateway: Gateway, openai_upstream: FaultServer, stream: bool) -> None:
    openai_upstream.script([HANG])
    reply = gateway.post(PATH, {"model": "hasty/x", "messages": HELLO, "stream": stream})
    assert (reply.status, reply.json()["error"]["code"]) == (504, "upstream_timeout")
    openai_upstream.wait(lambda: openai_upstream.only.closed_by_peer)


def test_provider_that_stops_inside_its_body_times_out(
    gateway: Gateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.script([OK + b'content-length: 500\r\n\r\n{"id":', HANG])
    reply = gateway.post(PATH, {"model": "hasty/x", "messages": HELLO})
    assert (reply.status, reply.json()["error"]["code"]) == (504, "upstream_timeout")


def test_stream_without_a_first_token_times_out(gateway: Gateway, openai_upstream: FaultServer) -> None:
    openai_upstream.script([wire.STREAM_HEAD, wire.chunk(openai_wire.delta({"role": "assistant"})), HANG])
    reply = gateway.post(PATH, {"model": "hasty/x", "messages": HELLO, "stream": True})
    assert (reply.status, reply.json()["error"]["code"]) == (504, "upstream_timeout")


def test_a_dead_kept_connection_is_replaced_unseen(gateway: Gateway, openai_upstream: FaultServer) -> None:
    """The provider closes a connection just as the gateway uses it again; that takes no configured retry."""
    good = wire.as_json(openai_wire.completion("fresh"))
    body = {"model": MODELS["openai"], "messages": HELLO}
    with gateway.connect() as connection:  # one connection, so one worker
        openai_upstream.script(good, [CLOSE], good)
        for _ in range(2):
            connection.send(gateway.encode(PATH, body))
            assert connection.reply().json()["choices"][0]["message"]["content"] == "fresh"
    assert [seen.first for seen in openai_upstream.seen] == [True, False, True]
