"""Request targets: right for each vendor, and out of a hostile model name's reach."""

import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UnknownModel
from gateway.providers.address import BadBaseURL, parse_base_url, target_path
from gateway.providers.registry import PROVIDERS

AZURE = "https://name.openai.azure.com"


def _target(
    provider: str, endpoint: str, dialect: str = "", *, model: str = "m", base: str = "", version: str = ""
) -> str:
    vendor = PROVIDERS[provider]
    serving = vendor.serving(endpoint, dialect)
    assert serving is not None
    return target_path(vendor, serving, model, base_url=base, api_version=version)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (_target("openai", "chat_completions"), "/v1/chat/completions"),
        (_target("openai", "chat_completions", base="http://h/"), "/chat/completions"),
        (_target("groq", "chat_completions"), "/openai/v1/chat/completions"),
        (_target("anthropic", "messages"), "/v1/messages"),
        (_target("anthropic", "count_tokens", base="https://h/v1/"), "/v1/messages/count_tokens"),
        (_target("anthropic", "messages", base="https://h/anthropic"), "/anthropic/v1/messages"),
        (_target("deepseek", "chat_completions"), "/chat/completions"),
        (_target("deepseek", "messages"), "/anthropic/v1/messages"),
        (_target("fireworks", "messages"), "/inference/v1/messages"),
        (_target("openrouter", "messages"), "/api/v1/messages"),
        (_target("perplexity", "chat_completions"), "/chat/completions"),
        (_target("vllm", "count_tokens"), "/v1/messages/count_tokens"),
        (_target("azure", "chat_completions", base=AZURE), "/openai/v1/chat/completions"),
        (_target("azure", "embeddings", base=f"{AZURE}/openai/v1/"), "/openai/v1/embeddings"),
        (
            _target("azure", "chat_completions", base=AZURE, version="preview"),
            "/openai/v1/chat/completions?api-version=preview",
        ),
        (
            _target("azure", "chat_completions", model="gpt-4o", base=AZURE, version="2024-10-21"),
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        ),
        (
            _target("azure", "models", base=f"{AZURE}/openai/", version="2024-10-21"),
            "/openai/models?api-version=2024-10-21",
        ),
    ],
)
def test_the_target_is_the_vendors_own(target: str, expected: str) -> None:
    assert target == expected


@given(st.text(min_size=1))
def test_a_model_name_stays_one_segment_of_the_path(model: str) -> None:
    try:
        target = _target("azure", "chat_completions", model=model, base=AZURE, version="2024-10-21")
    except UnknownModel:
        assert model in {".", ".."} or not model.isprintable()
        return
    assert re.fullmatch(r"[A-Za-z0-9%._~/?=-]+", target)
    parts = urlsplit(target)
    assert parts.query == "api-version=2024-10-21"
    segments = parts.path.split("/")
    assert segments[:3] + segments[4:] == ["", "openai", "deployments", "chat", "completions"]
    assert unquote(segments[3]) == model


@pytest.mark.parametrize("model", ["", ".", "..", "\ud800"])
def test_a_name_that_would_change_the_path_is_nobodys_model(model: str) -> None:
    with pytest.raises(UnknownModel):
        _target("azure", "chat_completions", model=model, base=AZURE, version="2024-10-21")


def test_a_hostile_version_stays_in_the_query() -> None:
    target = _target("azure", "models", base=AZURE, version="2024 \r\n&x=1#")
    assert target == "/openai/models?api-version=2024+%0D%0A%26x%3D1%23"


def test_a_base_url_is_taken_apart() -> None:
    base = parse_base_url("https://API.example.com:8443/a/b/")
    assert (base.host, base.port, base.tls, base.authority, base.path) == (
        "api.example.com", 8443, True, "api.example.com:8443", "/a/b",
    )  # fmt: skip
    assert parse_base_url("http://[::1]:8000/v1").authority == "[::1]:8000"
    assert parse_base_url("http://[::1]:8000/v1").host == "::1"
    assert parse_base_url("https://h:443").authority == "h"
    assert parse_base_url("http://h").port == 80


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com/v1", "ftp://h", "https://", "https:///v1", "https://u:p@h", "https://@h", "https://h?x=1",
        "https://h/#f", "https://h/\r\nx: 1", "https://h/ v1", "https://h:port", "https://h:99999", "https://höst",
    ],
)  # fmt: skip
def test_an_unusable_base_url_is_refused(url: str) -> None:
    with pytest.raises(BadBaseURL):
        parse_base_url(url)
