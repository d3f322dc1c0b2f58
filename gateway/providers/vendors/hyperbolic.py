"""Hyperbolic's serverless inference. `/completions` is for base models."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_MODELS, Provider

PROVIDER = Provider(
    name="hyperbolic",
    base_url="https://api.hyperbolic.xyz/v1",
    auth=Bearer(("HYPERBOLIC_API_KEY",)),
    serves=(OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_MODELS),
    docs="https://docs.hyperbolic.xyz/docs/rest-api",
)
