"""DeepInfra; also in Anthropic's dialect (docs.deepinfra.com/api-reference/chat-completions/anthropic-messages).

In OpenAI's dialect too, messages and tools take Anthropic's cache marks.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import ANTHROPIC_VERSION, Provider, Serving

PROVIDER = Provider(
    name="deepinfra",
    base_url="https://api.deepinfra.com",
    auth=Bearer(("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN", "DEEPINFRA_API_TOKEN")),
    serves=(
        Serving("chat_completions", "openai_chat", "/v1/openai/chat/completions"),
        Serving("completions", "openai_chat", "/v1/openai/completions"),
        Serving("embeddings", "openai_chat", "/v1/openai/embeddings"),
        Serving("models", "openai_chat", "/v1/openai/models"),
        Serving("messages", "anthropic", "/anthropic/v1/messages", headers=ANTHROPIC_VERSION),
    ),
    accepts=("top_k", "min_p", "cache_control"),
    redundant_suffixes=("/v1/openai", "/anthropic"),
    docs="https://docs.deepinfra.com/api-reference/openai-chat-completions-1",
)
