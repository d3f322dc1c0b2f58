"""Cohere, at its endpoint for the OpenAI SDK. The dropped fields are those that it documents as unsupported.

It documents no `stream_options`, so a stream's usage counts where it comes unasked.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="cohere",
    base_url="https://api.cohere.ai",
    auth=Bearer(("CO_API_KEY", "COHERE_API_KEY")),
    serves=(
        Serving("chat_completions", "openai_chat", "/compatibility/v1/chat/completions"),
        Serving("embeddings", "openai_chat", "/compatibility/v1/embeddings"),
    ),
    price_id="cohere",
    drops=(
        "store",
        "metadata",
        "logit_bias",
        "top_logprobs",
        "n",
        "modalities",
        "prediction",
        "audio",
        "service_tier",
        "parallel_tool_calls",
        "dimensions",
        "user",
        "stream_options",
    ),
    renames=(("max_completion_tokens", "max_tokens"),),
    stream_usage=False,
    redundant_suffixes=("/compatibility/v1",),
    docs="https://docs.cohere.com/docs/compatibility-api",
)
