"""Databricks Model Serving; its Claude models also in Anthropic's dialect.

The base URL is the workspace's (`https://NAME.cloud.databricks.com`); one that ends in /serving-endpoints is understood
too. A model is the name of a serving endpoint.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import ANTHROPIC_VERSION, Provider, Serving

PROVIDER = Provider(
    name="databricks",
    base_url_env="DATABRICKS_HOST",
    auth=Bearer(("DATABRICKS_TOKEN",)),
    serves=(
        Serving("chat_completions", "openai_chat", "/serving-endpoints/chat/completions"),
        Serving("completions", "openai_chat", "/serving-endpoints/completions"),
        Serving("embeddings", "openai_chat", "/serving-endpoints/embeddings"),
        Serving(
            "messages", "anthropic", "/serving-endpoints/anthropic/v1/messages", headers=ANTHROPIC_VERSION
        ),
    ),
    price_id="databricks",
    accepts=("top_k",),
    redundant_suffixes=("/serving-endpoints/anthropic", "/serving-endpoints"),
    docs="https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference",
)
