"""Cohere: its own chat, embeddings and ranking, and embeddings at its endpoint for the OpenAI SDK."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="cohere",
    base_url="https://api.cohere.com",
    auth=Bearer(("CO_API_KEY", "COHERE_API_KEY")),
    serves=(
        Serving("cohere_chat", "cohere", "/v2/chat"),
        Serving("models", "cohere", "/v1/models"),
        Serving("cohere_rerank", "cohere", "/v2/rerank"),
        Serving("cohere_embed", "cohere", "/v2/embed"),
        Serving("embeddings", "openai_chat", "/compatibility/v1/embeddings"),
    ),
    price_id="cohere",
    redundant_suffixes=("/compatibility/v1", "/v2"),
    docs="https://docs.cohere.com/reference/chat",
)
