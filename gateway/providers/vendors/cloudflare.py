"""Cloudflare Workers AI.

The account is part of the base URL: `https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1`.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_CHAT, OPENAI_EMBEDDINGS, Provider

PROVIDER = Provider(
    name="cloudflare",
    auth=Bearer(("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY")),
    serves=(OPENAI_CHAT, OPENAI_EMBEDDINGS),
    price_id="cloudflare",
    docs="https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/",
)
