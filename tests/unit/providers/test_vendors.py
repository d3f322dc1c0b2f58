"""Every vendor file is well-formed data: one parametrised test covers all of them."""

import ast
import re
from pathlib import Path

import pytest
from genai_prices.data import providers as price_lists

from gateway.dialects.endpoints import ENDPOINTS as SERVED
from gateway.dialects.parcels import PARCELS
from gateway.dialects.speech import ENDPOINTS as SPEECH
from gateway.dialects.stores import STORES
from gateway.providers import vendors
from gateway.providers.address import parse_base_url, path_for
from gateway.providers.provider import Provider
from gateway.providers.registry import PROVIDERS, known, vendor_of

REQUIRED = {
    "openai", "anthropic", "azure", "groq", "mistral", "together", "fireworks", "deepseek", "xai", "openrouter",
    "perplexity", "cerebras", "nvidia", "ollama", "vllm", "sambanova", "huggingface", "novita", "moonshot", "zai",
    "qwen", "minimax", "hyperbolic", "deepinfra", "nebius", "github", "databricks", "cloudflare", "vercel", "sglang",
    "lmstudio", "llamacpp", "gemini", "cohere", "jina", "voyage", "elevenlabs", "deepgram",
}  # fmt: skip
BEYOND_THE_DIALECT = {
    "top_k", "min_p", "cache_control", "prompt_cache_breakpoint", "reasoning_content", "reasoning_details", "is_error",
    "input_type", "task", "truncation", "truncate", "countTokens.systemInstruction",
}  # fmt: skip
ENDPOINTS = {*SERVED, *PARCELS, *STORES, *SPEECH, "models", "realtime"}
PRICED = {prices.id for prices in price_lists}
FILES = sorted(path for path in Path(vendors.__path__[0]).glob("*.py") if path.stem != "__init__")
LOGIC = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.If,
    ast.IfExp,
    ast.For,
    ast.While,
    ast.Try,
    ast.ClassDef,
)


def _elsewhere(provider: Provider) -> str:
    return provider.base_url or "https://name.example.com"


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS.keys())
def test_a_vendor_is_usable_data(provider: Provider) -> None:
    base = parse_base_url(_elsewhere(provider))
    assert base.tls or base.host == "127.0.0.1", "only a local server is called without TLS"
    assert not _elsewhere(provider).endswith("/")
    assert provider.docs.startswith("https://")
    assert {serving.endpoint for serving in provider.serves} <= ENDPOINTS
    assert provider.serves, "it answers something"
    assert provider.env or provider.grant is not None
    for name in (*provider.env, *filter(None, [provider.base_url_env])):
        assert re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", name), name
    for serving in provider.serves:
        assert serving.dialect in {
            "openai_chat",
            "openai_responses",
            "anthropic",
            "cohere",
            "gemini",
            "bedrock",
            "elevenlabs",
            "deepgram",
        }
        assert path_for(provider, serving, base_url=_elsewhere(provider)).of("a-model").startswith("/")
        assert provider.auth_for(serving).headers("sk-secret")
        assert all(name == name.lower() for name, _ in provider.headers_for(serving))
    assert set(provider.accepts) <= BEYOND_THE_DIALECT
    assert not set(provider.accepts) & set(provider.drops), "a field is taken or refused"
    assert provider.price_id in {"", *PRICED}
    pairs = [(serving.endpoint, serving.dialect) for serving in provider.serves]
    assert len(pairs) == len(set(pairs)), "one way to serve an endpoint in a dialect"


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS.keys())
def test_a_base_url_may_go_as_far_as_other_sdks_want_it(provider: Provider) -> None:
    for serving in provider.serves:
        usual = path_for(provider, serving, base_url=_elsewhere(provider))
        for suffix in ("/", *provider.redundant_suffixes):
            assert path_for(provider, serving, base_url=_elsewhere(provider) + suffix) == usual, suffix


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_vendor_file_has_no_logic(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, LOGIC)]


def test_all_promised_vendors_are_found_under_their_file_names() -> None:
    assert set(PROVIDERS) >= REQUIRED
    assert [path.stem for path in FILES] == sorted(PROVIDERS)


def test_the_configuration_knows_every_vendor() -> None:
    assert set(known()) == set(PROVIDERS)
    assert known()["azure"].needs_base_url
    assert known()["azure"].settings == ("api_version",)
    assert known()["ollama"].keyless
    assert not known()["openai"].keyless


def test_deepseek_takes_its_key_as_each_dialect_has_it() -> None:
    deepseek = PROVIDERS["deepseek"]
    chat, messages = deepseek.serving("chat_completions"), deepseek.serving("messages")
    assert chat is not None
    assert messages is not None
    assert deepseek.auth_for(chat).headers("k") == ((b"authorization", b"Bearer k"),)
    assert deepseek.auth_for(messages).headers("k") == ((b"x-api-key", b"k"),)


def test_a_server_of_ones_own_is_not_the_vendor_whose_dialect_it_speaks() -> None:
    mine = vendor_of("my-vllm", "openai", "http://127.0.0.1:8000/v1")
    assert mine is not None
    assert (mine.price_id, mine.keyless, mine.max_tokens_field) == ("", True, "max_tokens")
    assert vendor_of("second", "openai", "https://api.openai.com/v1") is PROVIDERS["openai"]
    assert vendor_of("second", "openai") is PROVIDERS["openai"]
    proxied = vendor_of("openai", "openai", "https://proxy.example.com/v1")
    assert proxied is not None
    assert proxied.price_id == "openai"
    assert vendor_of("azure-eu", "azure", "https://eu.openai.azure.com") is PROVIDERS["azure"]
    assert vendor_of("x", "no-such-vendor") is None
