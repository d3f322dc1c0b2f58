"""Ollama, local by default; also in Anthropic's dialect, without count_tokens.

Source of the latter: docs.ollama.com/api/anthropic-compatibility.

A key is needed only by its cloud, which takes it as a bearer in both dialects.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI, V1_MESSAGES, Provider

PROVIDER = Provider(
    name="ollama",
    base_url="http://127.0.0.1:11434/v1",
    base_url_env="OLLAMA_BASE_URL",
    auth=Bearer(("OLLAMA_API_KEY",)),
    serves=(*OPENAI, V1_MESSAGES),
    keyless=True,
    docs="https://docs.ollama.com/api/openai-compatibility",
)
