"""OpenRouter: the models of many vendors under VENDOR/MODEL, in OpenAI's dialect and in Anthropic's."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI, V1_MESSAGES, Provider

PROVIDER = Provider(
    name="openrouter",
    base_url="https://openrouter.ai/api/v1",
    auth=Bearer(("OPENROUTER_API_KEY",)),
    serves=(*OPENAI, V1_MESSAGES),
    price_id="openrouter",
    accepts=("top_k", "min_p", "cache_control", "reasoning_details"),
    docs="https://openrouter.ai/docs/api-reference/overview",
)
