"""Each endpoint is called where its vendor's documents say, with the header that they show."""

import pytest

from gateway.providers.address import parse_base_url, path_for
from gateway.providers.registry import PROVIDERS

BEARER = ((b"authorization", b"Bearer k"),)
X_API_KEY = ((b"x-api-key", b"k"),)
GEMINI = "https://generativelanguage.googleapis.com/v1beta"
GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai"
DOCUMENTED = {
    ("cohere", "cohere_chat"): ("https://api.cohere.com/v2/chat", BEARER),
    ("cohere", "cohere_rerank"): ("https://api.cohere.com/v2/rerank", BEARER),
    ("cohere", "cohere_embed"): ("https://api.cohere.com/v2/embed", BEARER),
    ("cohere", "embeddings"): ("https://api.cohere.com/compatibility/v1/embeddings", BEARER),
    ("deepinfra", "chat_completions"): ("https://api.deepinfra.com/v1/openai/chat/completions", BEARER),
    ("deepinfra", "messages"): ("https://api.deepinfra.com/anthropic/v1/messages", BEARER),
    ("gemini", "generate_content"): (
        f"{GEMINI}/models/a-model:generateContent",
        ((b"x-goog-api-key", b"k"),),
    ),
    ("gemini", "embeddings"): (f"{GOOGLE}/embeddings", BEARER),
    ("github", "chat_completions"): ("https://models.github.ai/inference/chat/completions", BEARER),
    ("github", "embeddings"): ("https://models.github.ai/inference/embeddings", BEARER),
    ("huggingface", "chat_completions"): ("https://router.huggingface.co/v1/chat/completions", BEARER),
    ("huggingface", "messages"): ("https://router.huggingface.co/v1/messages", BEARER),
    ("hyperbolic", "chat_completions"): ("https://api.hyperbolic.xyz/v1/chat/completions", BEARER),
    ("jina", "embeddings"): ("https://api.jina.ai/v1/embeddings", BEARER),
    ("llamacpp", "messages"): ("http://127.0.0.1:8080/v1/messages", BEARER),
    ("lmstudio", "messages"): ("http://127.0.0.1:1234/v1/messages", BEARER),
    ("minimax", "chat_completions"): ("https://api.minimax.io/v1/chat/completions", BEARER),
    ("minimax", "messages"): ("https://api.minimax.io/anthropic/v1/messages", BEARER),
    ("moonshot", "chat_completions"): ("https://api.moonshot.ai/v1/chat/completions", BEARER),
    ("moonshot", "messages"): ("https://api.moonshot.ai/anthropic/v1/messages", BEARER),
    ("nebius", "embeddings"): ("https://api.tokenfactory.nebius.com/v1/embeddings", BEARER),
    ("novita", "chat_completions"): ("https://api.novita.ai/openai/v1/chat/completions", BEARER),
    ("novita", "messages"): ("https://api.novita.ai/anthropic/v1/messages", BEARER),
    ("qwen", "chat_completions"): (
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
        BEARER,
    ),
    ("qwen", "messages"): ("https://dashscope-intl.aliyuncs.com/apps/anthropic/v1/messages", BEARER),
    ("sambanova", "chat_completions"): ("https://api.sambanova.ai/v1/chat/completions", BEARER),
    ("sambanova", "messages"): ("https://api.sambanova.ai/v1/messages", X_API_KEY),
    ("sambanova", "count_tokens"): ("https://api.sambanova.ai/v1/messages/count_tokens", X_API_KEY),
    ("sglang", "count_tokens"): ("http://127.0.0.1:30000/v1/messages/count_tokens", BEARER),
    ("together", "chat_completions"): ("https://api.together.ai/v1/chat/completions", BEARER),
    ("vercel", "chat_completions"): ("https://ai-gateway.vercel.sh/v1/chat/completions", BEARER),
    ("vercel", "messages"): ("https://ai-gateway.vercel.sh/v1/messages", BEARER),
    ("voyage", "voyage_rerank"): ("https://api.voyageai.com/v1/rerank", BEARER),
    ("voyage", "embeddings"): ("https://api.voyageai.com/v1/embeddings", BEARER),
    ("zai", "chat_completions"): ("https://api.z.ai/api/paas/v4/chat/completions", BEARER),
    ("zai", "messages"): ("https://api.z.ai/api/anthropic/v1/messages", BEARER),
}
OPERATORS = {
    ("cloudflare", "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1", "chat_completions"): (
        "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1/chat/completions"
    ),
    ("databricks", "https://acme.cloud.databricks.com", "chat_completions"): (
        "https://acme.cloud.databricks.com/serving-endpoints/chat/completions"
    ),
    ("databricks", "https://acme.cloud.databricks.com/serving-endpoints", "messages"): (
        "https://acme.cloud.databricks.com/serving-endpoints/anthropic/v1/messages"
    ),
    ("github", "https://models.github.ai/orgs/acme/inference", "chat_completions"): (
        "https://models.github.ai/orgs/acme/inference/chat/completions"
    ),
    ("moonshot", "https://api.moonshot.cn/v1", "chat_completions"): (
        "https://api.moonshot.cn/v1/chat/completions"
    ),
    ("novita", "https://api.novita.ai/v3/openai", "chat_completions"): (
        "https://api.novita.ai/openai/v1/chat/completions"
    ),
    ("qwen", "https://dashscope.aliyuncs.com/compatible-mode/v1", "embeddings"): (
        "https://dashscope.aliyuncs.com/compatible-mode/v1/embeddings"
    ),
    ("zai", "https://open.bigmodel.cn/api/paas/v4/", "chat_completions"): (
        "https://open.bigmodel.cn/api/paas/v4/chat/completions"
    ),
}


def _url(name: str, endpoint: str, base_url: str = "") -> str:
    provider = PROVIDERS[name]
    serving = provider.serving(endpoint)
    assert serving is not None
    base = parse_base_url(base_url or provider.base_url)
    path = path_for(provider, serving, base_url=base_url).of("a-model")
    return f"http{'s' * base.tls}://{base.authority}{path}"


@pytest.mark.parametrize(("name", "endpoint"), DOCUMENTED, ids=" ".join)
def test_an_endpoint_is_where_its_documents_say(name: str, endpoint: str) -> None:
    provider = PROVIDERS[name]
    serving = provider.serving(endpoint)
    assert serving is not None
    headers = provider.auth_for(serving).headers("k")
    assert (_url(name, endpoint), headers) == DOCUMENTED[name, endpoint]


@pytest.mark.parametrize(("name", "base_url", "endpoint"), OPERATORS)
def test_an_operators_own_base_url_is_taken_as_the_vendor_writes_it(
    name: str, base_url: str, endpoint: str
) -> None:
    assert _url(name, endpoint, base_url) == OPERATORS[name, base_url, endpoint]


def test_every_anthropic_endpoint_is_told_the_version() -> None:
    for provider in PROVIDERS.values():
        for serving in provider.serves:
            if serving.dialect == "anthropic":
                in_body = "anthropic_version" in dict(serving.adds)  # as the clouds that host Claude have it
                headers = provider.headers_for(serving)
                assert in_body != (("anthropic-version", "2023-06-01") in headers), provider.name
