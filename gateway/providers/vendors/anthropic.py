"""Anthropic. Its SDK's base URL has no version; one that ends in /v1 is understood too."""

from gateway.providers.auth import HeaderKey
from gateway.providers.provider import ANTHROPIC, ANTHROPIC_STORES, Provider

PROVIDER = Provider(
    name="anthropic",
    base_url="https://api.anthropic.com",
    base_url_env="ANTHROPIC_BASE_URL",
    auth=HeaderKey(("ANTHROPIC_API_KEY",), header="x-api-key"),
    serves=(*ANTHROPIC, *ANTHROPIC_STORES),
    only_here=("anthropic_files", "message_batches"),
    price_id="anthropic",
    redundant_suffixes=("/v1",),
    prefills="turn",
    docs="https://platform.claude.com/docs/en/api/overview",
)
