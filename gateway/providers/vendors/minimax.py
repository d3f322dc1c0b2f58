"""MiniMax; also in Anthropic's dialect, which it recommends.

China: base_url `https://api.minimaxi.com`. In OpenAI's dialect it ignores the penalties and `logit_bias`, gives one
choice only, and puts thinking into the content as `<think>` unless `reasoning_split` is asked for.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import ANTHROPIC_VERSION, Provider, Serving

PROVIDER = Provider(
    name="minimax",
    base_url="https://api.minimax.io",
    auth=Bearer(("MINIMAX_API_KEY",)),
    serves=(
        Serving("chat_completions", "openai_chat", "/v1/chat/completions"),
        Serving("models", "openai_chat", "/v1/models"),
        Serving("messages", "anthropic", "/anthropic/v1/messages", headers=ANTHROPIC_VERSION),
    ),
    price_id="minimax",
    accepts=("reasoning_details",),
    max_tokens_field="max_completion_tokens",
    redundant_suffixes=("/v1", "/anthropic"),
    docs="https://platform.minimax.io/docs/api-reference/text-openai-api",
)
