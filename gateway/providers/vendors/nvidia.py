"""NVIDIA's hosted API catalogue (NIM). No public price per token."""

from gateway.providers.auth import Bearer
from gateway.providers.provider import OPENAI, Provider

PROVIDER = Provider(
    name="nvidia",
    base_url="https://integrate.api.nvidia.com/v1",
    auth=Bearer(("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY")),
    serves=OPENAI,
    docs="https://docs.api.nvidia.com/nim/reference/",
)
