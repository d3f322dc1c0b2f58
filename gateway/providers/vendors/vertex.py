"""Google's Vertex AI: Gemini and Claude in their own dialects, open models (`vertex/PUBLISHER/MODEL`) in OpenAI's.

The credential is a service account's, a user's or a workload identity's file, or the machine's own. Ready-made access
tokens may stand under `keys`.
"""

from gateway.providers.auth import Bearer
from gateway.providers.google import LOCATION, SETTINGS, WAYS, GoogleGrant
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="vertex",
    place="location",
    addresses=(
        ("global", "https://aiplatform.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ("*", "https://{}-aiplatform.googleapis.com"),
    ),
    auth=Bearer(),
    grant=GoogleGrant(),
    own=(LOCATION, *SETTINGS),
    ways=WAYS,
    serves=(
        Serving(
            "generate_content",
            "gemini",
            "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:generateContent",
            stream_path="/v1/projects/{project}/locations/{location}/publishers/google/models/{model}"
            ":streamGenerateContent?alt=sse",
            models=("gemini-*",),
        ),
        Serving(
            "gemini_count_tokens",
            "gemini",
            "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:countTokens",
            models=("gemini-*",),
        ),
        Serving(
            "messages",
            "anthropic",
            "/v1/projects/{project}/locations/{location}/publishers/anthropic/models/{model}:rawPredict",
            stream_path="/v1/projects/{project}/locations/{location}/publishers/anthropic/models/{model}"
            ":streamRawPredict",
            models=("claude-*",),
            adds=(("anthropic_version", "vertex-2023-10-16"),),
            omits=("model",),
            withholds=("anthropic-version",),
        ),
        Serving(
            "count_tokens",
            "anthropic",
            "/v1/projects/{project}/locations/{location}/publishers/anthropic/models/count-tokens:rawPredict",
            models=("claude-*",),
            adds=(("anthropic_version", "vertex-2023-10-16"),),
            withholds=("anthropic-version",),
        ),
        Serving(
            "chat_completions",
            "openai_chat",
            "/v1/projects/{project}/locations/{location}/endpoints/openapi/chat/completions",
            models=("*/*",),
        ),
    ),
    accepts=("countTokens.systemInstruction",),
    price_id="google",
    lists_models=False,
    prefills="turn",
    docs="https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest",
)
