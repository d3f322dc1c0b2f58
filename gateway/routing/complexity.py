"""How demanding a prompt looks, from 0 to 1: a cheap guess by its form, the same for the same request everywhere.

Six signs, each from 0 to 1, weighted: how long the conversation is (0.30), what its last question asks for (0.25),
code (0.15), mathematics (0.10), how many turns (0.10), how many tools (0.10).
"""

import re
from collections.abc import Iterator
from math import log2

from gateway.schemas.chat import ChatRequest, Message, Text

LOOKED_AT = 4_000
"""Characters of the last question that are looked at, half of them from its end."""

LONG = 12.0
"""Doublings of 32 characters after which a conversation is as long as it can count: 131,072 characters."""

_WORD = re.compile("[a-z]{3,}")
# fmt: off
_REASONING = frozenset((
    "why", "how", "prove", "proof", "derive", "explain", "compare", "contrast", "analyze", "analyse", "evaluate",
    "design", "architect", "optimize", "optimise", "refactor", "debug", "plan", "step", "reason", "justify", "estimate",
    "calculate", "solve", "implement", "diagnose", "synthesize", "synthesise", "tradeoff", "tradeoffs",
))
# fmt: on
_MATHS = (*"∑∏∫√∂∇≤≥≠≈∞∈∀∃∪∩⊂→⇒±×÷πθλσ^", " = ", "\\frac", "\\sum", "\\int", "\\sqrt", "\\begin")
_CODE = (
    "```",
    ";\n",
    "{\n",
    "}\n",
    "\ndef ",
    "\nclass ",
    "\nimport ",
    "\nfunc ",
    "\nfn ",
    "\nSELECT ",
    "#include",
)


def complexity(request: ChatRequest) -> float:
    """The score of a conversation."""
    asked = _last_question(request)
    total = sum(len(text) for message in request.messages for text in _texts(message))
    score = (
        0.30 * min(1.0, log2(1.0 + total / 32.0) / LONG)
        + 0.25 * _share(len(_REASONING.intersection(_WORD.findall(asked.lower()))), 4)
        + 0.15 * _share(sum(map(asked.count, _CODE)), 6)
        + 0.10 * _share(sum(map(asked.count, _MATHS)), 6)
        + 0.10 * _share(len(request.messages) - 1, 20)
        + 0.10 * _share(len(request.tools), 8)
    )
    return round(score, 4)


def _share(count: int, enough: int) -> float:
    return min(1.0, max(0, count) / enough)


def _last_question(request: ChatRequest) -> str:
    """The text of the last message of the user's that has any, its middle left out where it is long."""
    for message in reversed(request.messages):
        if message.role == "user":
            text = "\n".join(_texts(message))
            if text:
                half = LOOKED_AT // 2
                return text if len(text) <= LOOKED_AT else f"{text[:half]}\n{text[-half:]}"
    return ""


def _texts(message: Message) -> Iterator[str]:
    return (part.text for part in message.parts if isinstance(part, Text))
