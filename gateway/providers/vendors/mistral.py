"""Mistral. It answers 422 to any field that it does not know, and sends usage in a stream unasked.

What it knows is read from its SDK's ChatCompletionRequest and EmbeddingRequest (github.com/mistralai/client-python).
`service_tier` has other values there than OpenAI's.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import (
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_MODELS,
    OPENAI_TRANSCRIPTIONS,
    Provider,
    Serving,
)

PROVIDER = Provider(
    name="mistral",
    base_url="https://api.mistral.ai/v1",
    auth=Bearer(("MISTRAL_API_KEY",)),
    serves=(
        OPENAI_CHAT,
        OPENAI_EMBEDDINGS,
        OPENAI_MODELS,
        OPENAI_TRANSCRIPTIONS,
        Serving("files", "openai_chat", "/files"),
    ),
    price_id="mistral",
    drops=(
        "logit_bias",
        "user",
        "store",
        "service_tier",
        "stream_options",
        "safety_identifier",
        "modalities",
        "audio",
        "verbosity",
        "web_search_options",
        "prompt_cache_options",
        "prompt_cache_retention",
    ),
    accepts=("top_k",),
    renames=(
        ("max_completion_tokens", "max_tokens"),
        ("seed", "random_seed"),
        ("dimensions", "output_dimension"),
    ),
    stream_usage=False,
    prefills="prefix",
    docs="https://docs.mistral.ai/api",
)
