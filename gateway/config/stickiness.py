"""What keeps requests together at one target."""

import re

from gateway.config.model import Sticky
from gateway.config.nodes import Node
from gateway.config.reading import Section, byte_size, section, text

_BY = re.compile(r"session|user|prefix|header:([A-Za-z0-9!#$%&'*+.^_`|~-]{1,128})", re.ASCII)


def sticky(node: Node) -> Sticky:
    """`{by: …}`, or the word alone."""
    return Sticky(by(node)) if node.kind == "text" else section(_sticky)(node)


def by(node: Node) -> str:
    """What requests that belong together share."""
    word = text(node)
    if not _BY.fullmatch(word):
        raise node.where.error("must be session, user, prefix or header:NAME", "such as header:x-customer")
    return word if not word.startswith("header:") else word.lower()


def _sticky(given: Section) -> Sticky:
    found = Sticky(
        given.get("by", by, "session"), given.get("prefix", byte_size(1, 1 << 20), Sticky().prefix)
    )
    if given.has("prefix") and found.by != "prefix":
        given.fail("prefix", "belongs to by: prefix")
    return found
