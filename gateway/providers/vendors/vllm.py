"""vLLM's server (`vllm serve`), which speaks Anthropic's dialect too, token counting included."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import (
    OPENAI,
    OPENAI_REALTIME,
    OPENAI_TRANSCRIPTIONS,
    OPENAI_TRANSLATIONS,
    RERANK,
    V1_COUNT_TOKENS,
    V1_MESSAGES,
    Provider,
)

PROVIDER = Provider(
    name="vllm",
    base_url="http://127.0.0.1:8000/v1",
    base_url_env="VLLM_BASE_URL",
    auth=Bearer(("VLLM_API_KEY",)),
    serves=(
        *OPENAI,
        V1_MESSAGES,
        V1_COUNT_TOKENS,
        RERANK,
        OPENAI_TRANSCRIPTIONS,
        OPENAI_TRANSLATIONS,
        OPENAI_REALTIME,
    ),
    keyless=True,
    accepts=("top_k", "min_p"),
    prefills="continue",
    docs="https://docs.vllm.ai/en/latest/serving/online_serving/",
)
