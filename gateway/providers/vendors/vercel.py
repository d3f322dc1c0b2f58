"""Vercel AI Gateway: the models of many vendors under VENDOR/MODEL, in OpenAI's dialect and in Anthropic's."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import (
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_MODELS,
    V1_MESSAGES,
    Provider,
)

PROVIDER = Provider(
    name="vercel",
    base_url="https://ai-gateway.vercel.sh/v1",
    auth=Bearer(("AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN")),
    serves=(OPENAI_CHAT, OPENAI_EMBEDDINGS, OPENAI_MODELS, V1_MESSAGES),
    accepts=("cache_control", "reasoning_details"),
    docs="https://vercel.com/docs/ai-gateway/sdks-and-apis/openai-chat-completions",
)
