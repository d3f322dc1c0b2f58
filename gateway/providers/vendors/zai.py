"""Z.ai (GLM); also in Anthropic's dialect.

China: base_url `https://open.bigmodel.cn/api`. The coding plan has an OpenAI endpoint of its own: `type: openai` with
base_url `https://api.z.ai/api/coding/paas/v4`. Thinking models work best when `reasoning_content` comes back.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import ANTHROPIC_VERSION, Provider, Serving

PROVIDER = Provider(
    name="zai",
    base_url="https://api.z.ai/api",
    auth=Bearer(("ZAI_API_KEY",)),
    serves=(
        Serving("chat_completions", "openai_chat", "/paas/v4/chat/completions"),
        Serving("messages", "anthropic", "/anthropic/v1/messages", headers=ANTHROPIC_VERSION),
    ),
    price_id="zai",
    accepts=("reasoning_content",),
    renames=(("max_completion_tokens", "max_tokens"),),
    redundant_suffixes=("/paas/v4", "/anthropic"),
    docs="https://docs.z.ai/api-reference/llm/chat-completion",
)
