"""Jina: embeddings, whose purpose it calls a task, and ranking."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_EMBEDDINGS, RERANK, Provider

PROVIDER = Provider(
    name="jina",
    base_url="https://api.jina.ai/v1",
    auth=Bearer(("JINA_API_KEY",)),
    serves=(OPENAI_EMBEDDINGS, RERANK),
    drops=("user",),
    accepts=("task", "truncate"),
    renames=(("encoding_format", "embedding_type"),),
    docs="https://jina.ai/embeddings/",
)
