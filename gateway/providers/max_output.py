"""How many tokens Claude models can answer with, which no price table knows and Anthropic must be told.

Sources: the model pages of https://platform.claude.com/docs/en/models (one per model, "Max output"), and for
retired models https://platform.claude.com/docs/en/about-claude/models/overview as it was. Revised in November
2026.
"""

import re

# A family's names begin so; the longest that fits counts. Tokens, 1K being 1,000 there.
CLAUDE = {
    "claude-fable-5": 128_000,
    "claude-mythos-5": 128_000,
    "claude-opus-5": 128_000,
    "claude-sonnet-5": 128_000,
    "claude-haiku-5": 128_000,
    "claude-opus-4-8": 128_000,
    "claude-opus-4-7": 128_000,
    "claude-opus-4-6": 128_000,
    "claude-sonnet-4-6": 128_000,
    "claude-opus-4-5": 64_000,
    "claude-sonnet-4-5": 64_000,
    "claude-haiku-4-5": 64_000,
    "claude-opus-4-1": 32_000,
    "claude-opus-4": 32_000,
    "claude-4-opus": 32_000,
    "claude-sonnet-4": 64_000,
    "claude-4-sonnet": 64_000,
    "claude-3-7-sonnet": 64_000,
    "claude-3-5-sonnet": 8_192,
    "claude-3-5-haiku": 8_192,
    "claude-3": 4_096,
    "claude-2": 4_096,
    "claude-v": 4_096,
    "claude-instant": 4_096,
}

# A Claude newer than the table. A bound above a model's own is refused; all current ones can do twice as
# much.
NEWER_CLAUDE = 64_000
# Any other model behind Anthropic's dialect: few can do less.
DEFAULT = 4_096

_LONGEST_FIRST = sorted(CLAUDE, key=len, reverse=True)
_CLAUDE = re.compile(r"(?:^|[/.@:])(claude-.*)")


def claude_max_output(model: str) -> int | None:
    """The most tokens that a Claude model can answer with, whoever serves it; None for other models.

    Names may carry a vendor's prefix (`anthropic/claude-…`, `us.anthropic.claude-…`) and dots for dashes in
    versions.
    """
    found = _CLAUDE.search(model.lower())
    if found is None:
        return None
    name = found.group(1).replace(".", "-")
    for family in _LONGEST_FIRST:
        if name.startswith(family) and not name[len(family) :][:1].isdigit():
            return CLAUDE[family]
    return NEWER_CLAUDE
