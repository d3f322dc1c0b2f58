"""Groq. The dropped fields get a 400 from it; so does `messages[].name`, which is left to the caller."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_AUDIO, OPENAI_CHAT, OPENAI_FILES, OPENAI_MODELS, Provider

PROVIDER = Provider(
    name="groq",
    base_url="https://api.groq.com/openai/v1",
    auth=Bearer(("GROQ_API_KEY",)),
    serves=(OPENAI_CHAT, OPENAI_MODELS, *OPENAI_AUDIO, *OPENAI_FILES),
    price_id="groq",
    drops=("logprobs", "logit_bias", "top_logprobs"),
    max_tokens_field="max_completion_tokens",
    docs="https://console.groq.com/docs/openai",
)
