"""xAI. Its Anthropic-compatible endpoint is deprecated by its own documents, and so not used."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_CHAT, OPENAI_MODELS, OPENAI_REALTIME, Provider

PROVIDER = Provider(
    name="xai",
    base_url="https://api.x.ai/v1",
    auth=Bearer(("XAI_API_KEY",)),
    serves=(OPENAI_CHAT, OPENAI_MODELS, OPENAI_REALTIME),
    price_id="x-ai",
    max_tokens_field="max_completion_tokens",
    docs="https://docs.x.ai/developers/model-capabilities/text/comparison",
)
