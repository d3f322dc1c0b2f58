"""A few vendors for the tests of the configuration, so that these do not move with the real ones."""

from gateway.config import KnownProvider

KNOWN = {
    "openai": KnownProvider(
        "openai_chat", "https://api.openai.example/v1", ("OPENAI_API_KEY",), ("OPENAI_BASE_URL",)
    ),
    "anthropic": KnownProvider("anthropic", "https://api.anthropic.example", ("ANTHROPIC_API_KEY",)),
    "nvidia": KnownProvider(
        "openai_chat", "https://nvidia.example/v1", ("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY")
    ),
    "azure": KnownProvider(
        "openai_chat",
        "",
        ("AZURE_OPENAI_API_KEY",),
        ("AZURE_OPENAI_ENDPOINT",),
        needs_base_url=True,
        settings=("api_version",),
    ),
    "ollama": KnownProvider(
        "openai_chat",
        "http://127.0.0.1:11434/v1",
        ("OLLAMA_API_KEY",),
        ("OLLAMA_BASE_URL", "OLLAMA_HOST"),
        keyless=True,
    ),
}
