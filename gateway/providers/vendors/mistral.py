"""Mistral. It answers 422 to any field that it does not know, and sends usage in a stream unasked."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_CHAT, OPENAI_EMBEDDINGS, OPENAI_MODELS, Provider

PROVIDER = Provider(
    name="mistral",
    base_url="https://api.mistral.ai/v1",
    auth=Bearer(("MISTRAL_API_KEY",)),
    serves=(OPENAI_CHAT, OPENAI_EMBEDDINGS, OPENAI_MODELS),
    price_id="mistral",
    drops=("logit_bias", "logprobs", "top_logprobs", "user", "store", "service_tier", "stream_options"),
    renames=(("max_completion_tokens", "max_tokens"), ("seed", "random_seed")),
    stream_usage=False,
    docs="https://docs.mistral.ai/api",
)
