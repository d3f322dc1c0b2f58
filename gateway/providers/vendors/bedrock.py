"""Amazon Bedrock's Converse, by a Bedrock API key. A model is a model's or an inference profile's id.

The base URL is the region's: `https://bedrock-runtime.REGION.amazonaws.com`.
"""

from gateway.providers.auth import Bearer
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="bedrock",
    base_url_env="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    auth=Bearer(("AWS_BEARER_TOKEN_BEDROCK",)),
    serves=(
        Serving(
            "converse", "bedrock", "/model/{model}/converse", stream_path="/model/{model}/converse-stream"
        ),
    ),
    price_id="aws",
    docs="https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html",
)
