"""LM Studio's server, also in Anthropic's dialect (lmstudio.ai/docs/developer/anthropic-compat).

A key is needed only where its "Require Authentication" is on.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI, V1_MESSAGES, Provider

PROVIDER = Provider(
    name="lmstudio",
    base_url="http://127.0.0.1:1234/v1",
    base_url_env="LMSTUDIO_BASE_URL",
    auth=Bearer(("LM_API_TOKEN",)),
    serves=(*OPENAI, V1_MESSAGES),
    keyless=True,
    accepts=("top_k",),
    docs="https://lmstudio.ai/docs/developer/openai-compat",
)
