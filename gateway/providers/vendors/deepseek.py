"""DeepSeek; also in Anthropic's dialect, with x-api-key (api-docs.deepseek.com/guides/anthropic_api).

Its beta API goes on with an answer's beginning (api-docs.deepseek.com/guides/chat_prefix_completion). Thinking is its
models' default (api-docs.deepseek.com/guides/thinking_mode).
"""

from gateway.providers.auth import Bearer, HeaderKey
from gateway.providers.provider import ANTHROPIC_VERSION, OPENAI_MODELS, Provider, Serving

PROVIDER = Provider(
    name="deepseek",
    base_url="https://api.deepseek.com",
    auth=Bearer(("DEEPSEEK_API_KEY",)),
    serves=(
        Serving(
            "chat_completions",
            "openai_chat",
            "/chat/completions",
            prefill_path="/beta/chat/completions",
        ),
        OPENAI_MODELS,
        Serving(
            "messages",
            "anthropic",
            "/anthropic/v1/messages",
            auth=HeaderKey(("DEEPSEEK_API_KEY",), header="x-api-key"),
            headers=ANTHROPIC_VERSION,
        ),
    ),
    price_id="deepseek",
    renames=(("max_completion_tokens", "max_tokens"),),
    redundant_suffixes=("/v1",),
    accepts=("reasoning_content",),
    prefills="thoughtless",
    docs="https://api-docs.deepseek.com/",
)
