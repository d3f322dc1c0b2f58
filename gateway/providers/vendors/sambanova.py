"""SambaNova; also in Anthropic's dialect (docs.sambanova.ai/docs/en/features/anthropic-compatibility)."""

from gateway.providers.auth import Bearer, HeaderKey
from gateway.providers.provider import ANTHROPIC_VERSION, OPENAI, Provider, Serving

_KEY = HeaderKey(("SAMBANOVA_API_KEY",), header="x-api-key")

PROVIDER = Provider(
    name="sambanova",
    base_url="https://api.sambanova.ai/v1",
    auth=Bearer(("SAMBANOVA_API_KEY",)),
    serves=(
        *OPENAI,
        Serving("messages", "anthropic", "/messages", auth=_KEY, headers=ANTHROPIC_VERSION),
        Serving("count_tokens", "anthropic", "/messages/count_tokens", auth=_KEY, headers=ANTHROPIC_VERSION),
    ),
    accepts=("top_k",),
    docs="https://docs.sambanova.ai/docs/en/features/openai-compatibility",
)
