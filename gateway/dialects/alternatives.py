"""Other models that a body names beside its own: `models` as OpenRouter takes them, `fallbacks` as gateways do.

https://openrouter.ai/docs/guides/routing/model-fallbacks
"""

import msgspec

from gateway._speedups.jsonscan import Facts
from gateway.errors import BadRequest

FIELDS = ("models", "fallbacks")


def listed(facts: Facts, field: str) -> tuple[str, ...]:
    """The names under `field`, in their order; () when there is none. Raises BadRequest."""
    span = facts.spans.get(field)
    if span is None:
        return ()
    try:
        found = msgspec.json.decode(facts.body[span[0] : span[1]], type=tuple[str, ...] | None)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest(f"`{field}` must be a list of models' names", param=field) from None
    return found or ()
