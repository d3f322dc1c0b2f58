"""Together AI. Its SDK's base URL has no version; one that ends in /v1 is understood too."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="together",
    base_url="https://api.together.ai",
    base_url_env="TOGETHER_BASE_URL",
    auth=Bearer(("TOGETHER_API_KEY",)),
    serves=(
        Serving("chat_completions", "openai_chat", "/v1/chat/completions"),
        Serving("completions", "openai_chat", "/v1/completions"),
        Serving("embeddings", "openai_chat", "/v1/embeddings"),
        Serving("models", "openai_chat", "/v1/models"),
        Serving("images_generations", "openai_chat", "/v1/images/generations"),
        Serving("audio_speech", "openai_chat", "/v1/audio/speech"),
        Serving("audio_transcriptions", "openai_chat", "/v1/audio/transcriptions"),
        Serving("audio_translations", "openai_chat", "/v1/audio/translations"),
    ),
    price_id="together",
    accepts=("top_k", "min_p"),
    redundant_suffixes=("/v1",),
    docs="https://docs.together.ai/docs/openai-api-compatibility",
)
