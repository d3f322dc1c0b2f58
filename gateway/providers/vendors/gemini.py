"""Google's Gemini API (AI Studio), at its OpenAI-compatible endpoint, which answers 400 to a field it does not know."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="gemini",
    base_url="https://generativelanguage.googleapis.com",
    base_url_env="GOOGLE_GEMINI_BASE_URL",
    auth=Bearer(("GEMINI_API_KEY", "GOOGLE_API_KEY")),
    serves=(
        Serving("chat_completions", "openai_chat", "/v1beta/openai/chat/completions"),
        Serving("embeddings", "openai_chat", "/v1beta/openai/embeddings"),
        Serving("models", "openai_chat", "/v1beta/openai/models"),
    ),
    price_id="google",
    drops=("frequency_penalty", "logit_bias", "reasoning", "seed", "store", "top_k"),
    redundant_suffixes=("/v1beta/openai", "/v1beta"),
    docs="https://ai.google.dev/gemini-api/docs/openai",
)
