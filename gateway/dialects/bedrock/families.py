"""Which family a model on Bedrock belongs to: Converse is one shape, but what a model takes in it differs.

Source: "Supported models and model features" and "Prompt caching" of the Amazon Bedrock user guide. An inference
profile or an imported model may hide its family behind an ARN; then nothing that only some models take is asked of it.
"""

from functools import lru_cache

import msgspec

CLAUDE_FORMAT = "anthropic-claude-v1"
"""Marks reasoning whose signatures Anthropic checks; they hold on Bedrock and at Anthropic alike."""


class Family(msgspec.Struct, frozen=True, gc=False):
    """`claude`, `nova` and `gpt` name those whose own fields are written. `marks`: takes cache points.

    `top_k` is its name for top_k among `additionalModelRequestFields`.
    """

    claude: bool = False
    nova: bool = False
    gpt: bool = False
    marks: bool = False
    top_k: str = ""


_CLAUDE = Family(claude=True, marks=True, top_k="top_k")
_NOVA = Family(nova=True, marks=True, top_k="inferenceConfig.topK")
_FAMILIES = (
    ("anthropic", _CLAUDE),
    ("claude", _CLAUDE),
    ("amazon.nova", _NOVA),
    ("openai", Family(gpt=True)),
    ("mistral", Family(top_k="top_k")),
    ("cohere", Family(top_k="k")),
)
_OTHER = Family()


@lru_cache(maxsize=1024)
def family_of(model: str) -> Family:
    """By the model's id, with whatever region or ARN stands before it."""
    name = model.lower()
    return next((family for word, family in _FAMILIES if word in name), _OTHER)


def reasoning_format(model: str) -> str:
    """Whose the reasoning of this model's answers is. Without a name it is taken for Claude's, who alone signs."""
    return CLAUDE_FORMAT if not model or family_of(model).claude else ""
