"""Perplexity's Sonar, at the alias that it keeps for the OpenAI SDK; usage comes in a stream unasked.

Perplexity moves Sonar to its Agent API, which has another dialect
(docs.perplexity.ai/docs/agent-api/migrate-from-sonar/overview).
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_CHAT, Provider

PROVIDER = Provider(
    name="perplexity",
    base_url="https://api.perplexity.ai",
    base_url_env="PERPLEXITY_BASE_URL",
    auth=Bearer(("PERPLEXITY_API_KEY", "PPLX_API_KEY")),
    serves=(OPENAI_CHAT,),
    price_id="perplexity",
    accepts=("top_k",),
    drops=("stream_options",),
    renames=(("max_completion_tokens", "max_tokens"),),
    stream_usage=False,
    docs="https://docs.perplexity.ai/docs/sonar/openai-compatibility",
)
