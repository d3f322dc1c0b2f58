"""Cerebras Inference."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_MODELS, Provider

PROVIDER = Provider(
    name="cerebras",
    base_url="https://api.cerebras.ai/v1",
    auth=Bearer(("CEREBRAS_API_KEY",)),
    serves=(OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_MODELS),
    price_id="cerebras",
    max_tokens_field="max_completion_tokens",
    docs="https://inference-docs.cerebras.ai/resources/openai",
)
