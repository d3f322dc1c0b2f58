"""GitHub Models: PUBLISHER/MODEL, with a token that may read models.

The variable is our own: GITHUB_TOKEN is set on every build machine, for other purposes than asking models.

An organisation's requests have base_url `https://models.github.ai/orgs/{org}/inference`. The list of models is no part
of this API.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI_CHAT, OPENAI_EMBEDDINGS, Provider

PROVIDER = Provider(
    name="github",
    base_url="https://models.github.ai/inference",
    auth=Bearer(("GITHUB_MODELS_TOKEN",)),
    serves=(OPENAI_CHAT, OPENAI_EMBEDDINGS),
    docs="https://docs.github.com/en/rest/models/inference",
)
