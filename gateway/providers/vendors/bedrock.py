"""Amazon Bedrock's Converse, by a Bedrock API key or by signatures (SigV4) with AWS's own credentials. A model is a
model's or an inference profile's id. Anthropic's callers reach Claude by InvokeModel, in their own dialect, and in
Bedrock's own version of it: Anthropic's 2026-10-21 is refused for models before Claude 4.7
(https://platform.claude.com/docs/en/build-with-claude/claude-on-amazon-bedrock-legacy).

Without a `base_url` it is the region's: `https://bedrock-runtime.REGION.amazonaws.com`.
"""

from gateway.providers.auth import Bearer
from gateway.providers.aws import REGION, SETTINGS, WAYS, AwsGrant
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="bedrock",
    base_url_env="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    place="region",
    addresses=(
        ("cn-*", "https://bedrock-runtime.{}.amazonaws.com.cn"),
        ("*", "https://bedrock-runtime.{}.amazonaws.com"),
    ),
    auth=Bearer(("AWS_BEARER_TOKEN_BEDROCK",)),
    grant=AwsGrant("bedrock"),
    own=(REGION, *SETTINGS),
    ways=WAYS,
    serves=(
        Serving(
            "converse", "bedrock", "/model/{model}/converse", stream_path="/model/{model}/converse-stream"
        ),
        Serving(
            "messages",
            "anthropic",
            "/model/{model}/invoke",
            stream_path="/model/{model}/invoke-with-response-stream",
            models=("anthropic.*", "*.anthropic.*"),
            adds=(("anthropic_version", "bedrock-2023-05-31"),),
            omits=("model", "stream"),
            withholds=("anthropic-version", "anthropic-beta"),
            lists=(("anthropic-beta", "anthropic_beta"),),
            framing="bedrock",
        ),
        Serving(
            "bedrock_count_tokens",
            "bedrock",
            "/model/{model}/count-tokens",
            models=("anthropic.*", "*.anthropic.*"),
        ),
        Serving(
            "invoke",
            "bedrock",
            "/model/{model}/invoke",
            models=(
                "amazon.titan-embed-text-*",
                "amazon.titan-embed-g1-*",
                "cohere.embed-*",
                "*.cohere.embed-*",
            ),
        ),
    ),
    price_id="aws",
    prefills="turn",
    docs="https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html",
)
