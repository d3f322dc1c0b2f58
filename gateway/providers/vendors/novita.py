"""Novita; some models also in Anthropic's dialect (novita.ai/docs/guides/llm-anthropic-compatibility)."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import ANTHROPIC_VERSION, Provider, Serving

PROVIDER = Provider(
    name="novita",
    base_url="https://api.novita.ai",
    auth=Bearer(("NOVITA_API_KEY",)),
    serves=(
        Serving("chat_completions", "openai_chat", "/openai/v1/chat/completions"),
        Serving("completions", "openai_chat", "/openai/v1/completions"),
        Serving("embeddings", "openai_chat", "/openai/v1/embeddings"),
        Serving("models", "openai_chat", "/openai/v1/models"),
        Serving("messages", "anthropic", "/anthropic/v1/messages", headers=ANTHROPIC_VERSION),
    ),
    price_id="novita",
    accepts=("top_k", "min_p"),
    redundant_suffixes=("/openai/v1", "/v3/openai", "/openai", "/anthropic"),
    docs="https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion",
)
