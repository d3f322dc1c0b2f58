"""Moonshot (Kimi); also in Anthropic's dialect.

China: base_url `https://api.moonshot.cn`, with keys of its own. `max_tokens` is deprecated there. Thinking models
want their `reasoning_content` back.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import ANTHROPIC_VERSION, Provider, Serving

PROVIDER = Provider(
    name="moonshot",
    base_url="https://api.moonshot.ai",
    auth=Bearer(("MOONSHOT_API_KEY",)),
    serves=(
        Serving("chat_completions", "openai_chat", "/v1/chat/completions"),
        Serving("models", "openai_chat", "/v1/models"),
        Serving("messages", "anthropic", "/anthropic/v1/messages", headers=ANTHROPIC_VERSION),
    ),
    price_id="moonshotai",
    accepts=("reasoning_content",),
    max_tokens_field="max_completion_tokens",
    redundant_suffixes=("/v1", "/anthropic"),
    docs="https://platform.kimi.ai/docs/api/chat",
)
