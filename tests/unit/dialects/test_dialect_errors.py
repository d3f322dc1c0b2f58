"""Errors in both dialects: the official SDKs raise their right class with the provider's message."""

import json
from typing import Any

import anthropic as anthropic_sdk
import httpx
import openai as openai_sdk
import pytest

from gateway.dialects import anthropic, openai_chat
from gateway.errors import (
    BadRequest,
    GatewayError,
    InternalError,
    RequestTooLarge,
    Unauthorized,
    Unavailable,
    UnknownModel,
    UpstreamConnectError,
    UpstreamStatus,
    UpstreamTimeout,
)

OWN = [
    (BadRequest("no model", param="model"), "BadRequestError"),
    (Unauthorized("who?"), "AuthenticationError"),
    (UnknownModel("no such model"), "NotFoundError"),
    (RequestTooLarge("too large"), None),
    (InternalError("bug"), "InternalServerError"),
    (Unavailable("draining"), None),
    (UpstreamConnectError("refused"), "InternalServerError"),
    (UpstreamTimeout("slow", phase="idle"), None),
]
UPSTREAM = [
    (400, "BadRequestError"),
    (401, "AuthenticationError"),
    (403, "PermissionDeniedError"),
    (404, "NotFoundError"),
    (409, "ConflictError"),
    (422, "UnprocessableEntityError"),
    (429, "RateLimitError"),
    (500, "InternalServerError"),
]
CASES = OWN + [(UpstreamStatus(status, f"said {status}"), name) for status, name in UPSTREAM]


def raised(sdk: Any, codec: Any, error: GatewayError) -> Any:
    """What the SDK raises for the status and body that the gateway would send."""
    body = codec.write_error(error, "req-1")
    client = sdk.OpenAI(api_key="k") if sdk is openai_sdk else sdk.Anthropic(api_key="k")
    request = httpx.Request("POST", "http://gateway/v1")
    response = httpx.Response(error.http_status, content=body, request=request)
    return client._make_status_error(error.message, body=json.loads(body), response=response)


@pytest.mark.parametrize(
    ("error", "name"), CASES, ids=[f"{type(error).__name__}-{error.http_status}" for error, _ in CASES]
)
@pytest.mark.parametrize(
    ("sdk", "codec"), [(openai_sdk, openai_chat), (anthropic_sdk, anthropic)], ids=["openai", "anthropic"]
)
def test_the_sdk_raises_its_right_class(sdk: Any, codec: Any, error: GatewayError, name: str | None) -> None:
    exception = raised(sdk, codec, error)
    assert isinstance(exception, getattr(sdk, name) if name else sdk.APIStatusError)
    assert exception.status_code == error.http_status


def test_openais_fields_are_where_its_sdk_looks() -> None:
    error = UpstreamStatus(
        429, "slow down", upstream_code="rate_limit_exceeded", upstream_type="tokens", param="p"
    )
    exception = raised(openai_sdk, openai_chat, error)
    assert (exception.code, exception.type, exception.param) == ("rate_limit_exceeded", "tokens", "p")
    assert json.loads(openai_chat.write_error(BadRequest("x", param="messages"), ""))["error"] == {
        "message": "x",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "invalid_request",
    }


@pytest.mark.parametrize(
    ("status", "given", "written"),
    [
        (529, "overloaded_error", "overloaded_error"),
        (429, "tokens", "rate_limit_error"),
        (500, None, "api_error"),
        (500, "overloaded_error", "overloaded_error"),
        (500, "invalid_request_error", "api_error"),
        (401, "invalid_request_error", "authentication_error"),
        (418, None, "invalid_request_error"),
        (413, None, "request_too_large"),
    ],
)
def test_anthropics_types_are_its_own_words(status: int, given: str | None, written: str) -> None:
    body = json.loads(anthropic.write_error(UpstreamStatus(status, "m", upstream_type=given), "r"))
    assert body == {"type": "error", "error": {"type": written, "message": "m"}, "request_id": "r"}


def test_an_error_event_is_one_event_even_with_line_breaks_in_the_message() -> None:
    error = BadRequest("a\n\nb\r\ndata: [DONE]")
    for codec in (openai_chat, anthropic):
        sent = codec.error_event(error)
        assert sent.count(b"\n\n") == 1
        assert b"\r" not in sent
        assert b"\ndata: [DONE]" not in sent
        assert codec.writer(codec.read_request(b'{"model":"m","messages":[]}')).error(error) == sent


@pytest.mark.parametrize(
    ("body", "message", "code", "kind"),
    [
        (b'{"error":{"message":"m","type":"t","code":"c","param":"p"}}', "m", "c", "t"),
        (
            b'{"error":{"message":"m","code":429,"status":"RESOURCE_EXHAUSTED"}}',
            "m",
            "429",
            "RESOURCE_EXHAUSTED",
        ),
        (b'[{"error":{"message":"m","code":400}}]', "m", "400", None),
        (
            b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}',
            "m",
            None,
            "overloaded_error",
        ),
        (
            b'{"object":"error","message":"m","type":"BadRequestError","code":400}',
            "m",
            "400",
            "BadRequestError",
        ),
        (b'{"detail":"m"}', "m", None, None),
        (b'{"detail":[{"msg":"x"}]}', '[{"msg":"x"}]', None, None),
        (b'{"error":"m"}', "m", None, None),
        (b'"m"', "m", None, None),
        (b"plain words", "plain words", None, None),
    ],
)
def test_a_providers_words_are_found_in_any_shape(
    body: bytes, message: str, code: str | None, kind: str | None
) -> None:
    detail = openai_chat.read_error(400, body, "application/json")
    assert (detail.message, detail.code, detail.type) == (message, code, kind)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the provider answered 502 (Bad Gateway) without a message"),
        (b"{}", "the provider answered 502 (Bad Gateway) without a message"),
        (b"null", "the provider answered 502 (Bad Gateway) without a message"),
        (
            b"<html><head><title>502\n Bad</title></head></html>",
            "the provider answered 502 with an HTML page: 502 Bad",
        ),
        (b"<!DOCTYPE html><HTML></HTML>", "the provider answered 502 with an HTML page"),
        (b"\x1f\x8b\x00\xff", "the provider answered 502 (Bad Gateway) with unreadable bytes"),
        (b"[" * 99999, "["),
    ],
)
def test_a_page_garbage_or_nothing_gives_a_readable_message(body: bytes, says: str) -> None:
    assert anthropic.read_error(502, body, "text/html" if b"<" in body else "").message.startswith(says)


def test_a_long_message_is_cut() -> None:
    assert (
        len(openai_chat.read_error(500, json.dumps({"error": {"message": "x" * 99999}}).encode(), "").message)
        == 2000
    )
