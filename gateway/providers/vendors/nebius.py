"""Nebius Token Factory, which was AI Studio."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI, Provider

PROVIDER = Provider(
    name="nebius",
    base_url="https://api.tokenfactory.nebius.com/v1",
    auth=Bearer(("NEBIUS_API_KEY",)),
    serves=OPENAI,
    accepts=("top_k",),
    docs="https://docs.tokenfactory.nebius.com/api-reference/introduction",
)
