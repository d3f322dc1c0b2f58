"""Hugging Face's router to its inference providers; also in Anthropic's dialect.

A model is named as on the Hub; a suffix picks the provider or the policy (`openai/gpt-oss-120b:cerebras`,
`…:cheapest`). The price depends on who serves, and so is not known.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_CHAT, OPENAI_MODELS, V1_MESSAGES, Provider

PROVIDER = Provider(
    name="huggingface",
    base_url="https://router.huggingface.co/v1",
    auth=Bearer(("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")),
    serves=(OPENAI_CHAT, OPENAI_MODELS, V1_MESSAGES),
    docs="https://huggingface.co/docs/inference-providers/tasks/chat-completion",
)
