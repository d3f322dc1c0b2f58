"""OpenAI. `max_tokens` is deprecated there, and refused by the reasoning models."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import (
    OPENAI,
    OPENAI_AUDIO,
    OPENAI_IMAGE_EDITS,
    OPENAI_IMAGES,
    OPENAI_INPUT_TOKENS,
    OPENAI_MODERATIONS,
    OPENAI_REALTIME,
    OPENAI_REALTIME_KEYS,
    OPENAI_RESPONSES,
    OPENAI_STORES,
    Provider,
)

PROVIDER = Provider(
    name="openai",
    base_url="https://api.openai.com/v1",
    base_url_env="OPENAI_BASE_URL",
    auth=Bearer(("OPENAI_API_KEY",)),
    serves=(
        *OPENAI,
        OPENAI_RESPONSES,
        OPENAI_INPUT_TOKENS,
        OPENAI_MODERATIONS,
        OPENAI_IMAGES,
        *OPENAI_IMAGE_EDITS,
        *OPENAI_AUDIO,
        *OPENAI_STORES,
        OPENAI_REALTIME,
        *OPENAI_REALTIME_KEYS,
    ),
    only_here=(
        *(
            "responses",
            "input_tokens",
            "moderations",
            "images_generations",
            "images_edits",
            "images_variations",
        ),
        *("files", "batches", "uploads", "stored_responses"),
        *("client_secrets", "realtime_sessions", "transcription_sessions"),
    ),
    price_id="openai",
    max_tokens_field="max_completion_tokens",
    docs="https://developers.openai.com/api/reference/overview",
)
