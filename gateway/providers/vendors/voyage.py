"""Voyage: embeddings, and ranking in its own shape.

Of OpenAI's `encoding_format` it takes base64, which the SDKs ask for, and not float.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_EMBEDDINGS, Provider, Serving

PROVIDER = Provider(
    name="voyage",
    base_url="https://api.voyageai.com/v1",
    auth=Bearer(("VOYAGE_API_KEY",)),
    serves=(OPENAI_EMBEDDINGS, Serving("voyage_rerank", "openai_chat", "/rerank")),
    accepts=("input_type", "truncation"),
    price_id="voyageai",
    drops=("user",),
    renames=(("dimensions", "output_dimension"),),
    docs="https://docs.voyageai.com/reference/embeddings-api",
)
