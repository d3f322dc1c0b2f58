"""The setting `shadow` of a route: where copies of its requests go, and how many of them."""

from collections.abc import Callable

from gateway.config.model import ShadowTarget
from gateway.config.nodes import Node
from gateway.config.reading import Read, Section, list_of, section
from gateway.config.resilience import share

MOST = 8
"""Shadows of one route."""

_EXAMPLE = "such as [{model: openai/gpt-4o-mini, share: 5%}]"


def shadows(target: Callable[[Node], str]) -> Read[tuple[ShadowTarget, ...]]:
    """Reads them; `target` reads a `provider/model`, or raises ConfigError."""

    def one(given: Section) -> ShadowTarget:
        model = given.need("model", target, "", _EXAMPLE)
        return ShadowTarget(model, given.get("share", share, 1.0))

    def read(node: Node) -> tuple[ShadowTarget, ...]:
        found = list_of(section(one), example=_EXAMPLE)(node)
        if len(found) > MOST:
            raise node.where.error(f"has more than {MOST} shadows")
        return found

    return read
