"""llama.cpp's server (`llama-server`), which speaks Anthropic's dialect too, token counting included.

Its usual port is 8080, as this gateway's: one of them has to move.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI, V1_COUNT_TOKENS, V1_MESSAGES, Provider

PROVIDER = Provider(
    name="llamacpp",
    base_url="http://127.0.0.1:8080/v1",
    base_url_env="LLAMACPP_BASE_URL",
    auth=Bearer(("LLAMA_API_KEY",)),
    serves=(*OPENAI, V1_MESSAGES, V1_COUNT_TOKENS),
    keyless=True,
    accepts=("top_k", "min_p", "reasoning_content"),
    docs="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
)
