"""Google's Gemini API (AI Studio): its own dialect, and embeddings at its OpenAI-compatible endpoint too."""

from gateway.providers.auth import Bearer, HeaderKey
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="gemini",
    base_url="https://generativelanguage.googleapis.com",
    base_url_env="GOOGLE_GEMINI_BASE_URL",
    auth=HeaderKey(("GEMINI_API_KEY", "GOOGLE_API_KEY"), header="x-goog-api-key"),
    serves=(
        Serving(
            "generate_content",
            "gemini",
            "/v1beta/models/{model}:generateContent",
            stream_path="/v1beta/models/{model}:streamGenerateContent?alt=sse",
        ),
        Serving("gemini_count_tokens", "gemini", "/v1beta/models/{model}:countTokens"),
        Serving("batch_embed_contents", "gemini", "/v1beta/models/{model}:batchEmbedContents"),
        Serving("embed_content", "gemini", "/v1beta/models/{model}:embedContent"),
        Serving("models", "gemini", "/v1beta/models"),
        Serving("embeddings", "openai_chat", "/v1beta/openai/embeddings", auth=Bearer()),
    ),
    price_id="google",
    redundant_suffixes=("/v1beta/openai", "/v1beta"),
    docs="https://ai.google.dev/api/generate-content",
)
