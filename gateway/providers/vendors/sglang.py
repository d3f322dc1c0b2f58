"""SGLang's server, which speaks Anthropic's dialect too, token counting included.

Source of the latter: docs.sglang.io/docs/basic_usage/anthropic_api.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI, V1_COUNT_TOKENS, V1_MESSAGES, Provider

PROVIDER = Provider(
    name="sglang",
    base_url="http://127.0.0.1:30000/v1",
    base_url_env="SGLANG_BASE_URL",
    auth=Bearer(("SGLANG_API_KEY",)),
    serves=(*OPENAI, V1_MESSAGES, V1_COUNT_TOKENS),
    keyless=True,
    accepts=("top_k", "min_p", "reasoning_content"),
    prefills="continue",
    docs="https://docs.sglang.io/docs/basic_usage/openai_api_completions",
)
