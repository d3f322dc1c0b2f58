"""Azure OpenAI: the v1 API, or a deployment's own path where the operator names a dated API version.

A model is the name of a deployment (`azure/DEPLOYMENT`). The base URL is the resource's endpoint; one that
ends in /openai/v1, as the OpenAI SDK takes it, is understood too.
"""

from gateway.providers.auth import HeaderKey
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="azure",
    base_url_env="AZURE_OPENAI_ENDPOINT",
    auth=HeaderKey(("AZURE_OPENAI_API_KEY",), header="api-key"),
    serves=(
        Serving(
            "chat_completions",
            "openai_chat",
            "/openai/v1/chat/completions",
            dated_path="/openai/deployments/{model}/chat/completions",
        ),
        Serving(
            "completions",
            "openai_chat",
            "/openai/v1/completions",
            dated_path="/openai/deployments/{model}/completions",
        ),
        Serving(
            "embeddings",
            "openai_chat",
            "/openai/v1/embeddings",
            dated_path="/openai/deployments/{model}/embeddings",
        ),
        Serving("responses", "openai_responses", "/openai/v1/responses"),
        Serving("models", "openai_chat", "/openai/v1/models", dated_path="/openai/models"),
    ),
    price_id="azure",
    max_tokens_field="max_completion_tokens",
    settings=("api_version",),
    redundant_suffixes=("/openai/v1", "/openai"),
    docs="https://learn.microsoft.com/en-us/azure/foundry/openai/api-version-lifecycle",
)
