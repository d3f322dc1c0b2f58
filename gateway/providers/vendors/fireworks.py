"""Fireworks AI; also in Anthropic's dialect (docs.fireworks.ai/tools-sdks/anthropic-compatibility)."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI, V1_MESSAGES, Provider

PROVIDER = Provider(
    name="fireworks",
    base_url="https://api.fireworks.ai/inference/v1",
    auth=Bearer(("FIREWORKS_API_KEY",)),
    serves=(*OPENAI, V1_MESSAGES),
    price_id="fireworks",
    accepts=("top_k", "min_p", "reasoning_content"),
    docs="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
)
