"""Together AI."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI, Provider

PROVIDER = Provider(
    name="together",
    base_url="https://api.together.ai/v1",
    base_url_env="TOGETHER_BASE_URL",
    auth=Bearer(("TOGETHER_API_KEY",)),
    serves=OPENAI,
    price_id="together",
    accepts=("top_k", "min_p"),
    docs="https://docs.together.ai/docs/openai-api-compatibility",
)
