"""Azure OpenAI, by a key or by an application's token of Entra ID.

It is the v1 API, or a deployment's own path where the operator names a dated API version. A model is the name of a
deployment (`azure/DEPLOYMENT`). The base URL is the resource's endpoint; one that ends in /openai/v1, as the OpenAI SDK
takes it, is understood too.
"""

from gateway.providers.auth import HeaderKey
from gateway.providers.entra import SETTINGS, WAYS, EntraGrant
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
        Serving(
            "images_generations",
            "openai_chat",
            "/openai/v1/images/generations",
            dated_path="/openai/deployments/{model}/images/generations",
        ),
        Serving(
            "images_edits",
            "openai_chat",
            "/openai/v1/images/edits",
            dated_path="/openai/deployments/{model}/images/edits",
        ),
        Serving(
            "audio_speech",
            "openai_chat",
            "/openai/v1/audio/speech",
            dated_path="/openai/deployments/{model}/audio/speech",
        ),
        Serving(
            "audio_transcriptions",
            "openai_chat",
            "/openai/v1/audio/transcriptions",
            dated_path="/openai/deployments/{model}/audio/transcriptions",
        ),
        Serving(
            "audio_translations",
            "openai_chat",
            "/openai/v1/audio/translations",
            dated_path="/openai/deployments/{model}/audio/translations",
        ),
        Serving("files", "openai_chat", "/openai/v1/files", dated_path="/openai/files"),
        Serving("batches", "openai_chat", "/openai/v1/batches", dated_path="/openai/batches"),
        Serving("stored_responses", "openai_responses", "/openai/v1/responses"),
        Serving("realtime", "openai_chat", "/openai/v1/realtime", dated_path="/openai/realtime"),
        Serving("client_secrets", "openai_chat", "/openai/v1/realtime/client_secrets"),
    ),
    price_id="azure",
    lists_models=False,  # it lists the base models, not the deployments
    max_tokens_field="max_completion_tokens",
    settings=("api_version",),
    grant=EntraGrant("https://cognitiveservices.azure.com/.default"),
    own=SETTINGS,
    ways=WAYS,
    redundant_suffixes=("/openai/v1", "/openai"),
    docs="https://learn.microsoft.com/en-us/azure/foundry/openai/api-version-lifecycle",
)
