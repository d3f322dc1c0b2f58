"""Qwen on Alibaba Cloud's Model Studio (DashScope); also in Anthropic's dialect.

Keys hold for one region. The base URL is Singapore's; others: `https://dashscope-us.aliyuncs.com` (Virginia),
`https://dashscope.aliyuncs.com` (Beijing), `https://{WorkspaceId}.{region}.maas.aliyuncs.com` (a workspace's own).
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import ANTHROPIC_VERSION, Provider, Serving

PROVIDER = Provider(
    name="qwen",
    base_url="https://dashscope-intl.aliyuncs.com",
    base_url_env="DASHSCOPE_COMPATIBLE_BASE_URL",
    auth=Bearer(("DASHSCOPE_API_KEY",)),
    serves=(
        Serving("chat_completions", "openai_chat", "/compatible-mode/v1/chat/completions"),
        Serving("completions", "openai_chat", "/compatible-mode/v1/completions"),
        Serving("embeddings", "openai_chat", "/compatible-mode/v1/embeddings"),
        Serving("models", "openai_chat", "/compatible-mode/v1/models"),
        Serving("messages", "anthropic", "/apps/anthropic/v1/messages", headers=ANTHROPIC_VERSION),
    ),
    accepts=("top_k",),
    redundant_suffixes=("/compatible-mode/v1", "/apps/anthropic"),
    docs="https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-openai-chat-completions",
)
