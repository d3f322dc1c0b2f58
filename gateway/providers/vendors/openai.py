"""OpenAI. `max_tokens` is deprecated there, and refused by the reasoning models."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI, OPENAI_IMAGES, OPENAI_MODERATIONS, OPENAI_RESPONSES, Provider

PROVIDER = Provider(
    name="openai",
    base_url="https://api.openai.com/v1",
    base_url_env="OPENAI_BASE_URL",
    auth=Bearer(("OPENAI_API_KEY",)),
    serves=(*OPENAI, OPENAI_RESPONSES, OPENAI_MODERATIONS, OPENAI_IMAGES),
    only_here=("responses", "moderations", "images_generations"),
    price_id="openai",
    max_tokens_field="max_completion_tokens",
    docs="https://developers.openai.com/api/reference/overview",
)
