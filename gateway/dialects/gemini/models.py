"""What each Gemini model lets a request say.

Source: Google's guides on thinking, thought signatures and function calling, and the table of its OpenAI
compatibility. A name without a version (`gemini-flash-latest`) and a version newer than this file are treated like the
newest in it.
"""

import re
from functools import lru_cache
from typing import Literal

import msgspec


class Traits(msgspec.Struct, frozen=True, gc=False):
    """`thinks` in levels, in budgets of tokens, or not at all. `least` is the smallest budget, 0 when thinking can be
    off. `levels`: the levels it knows, least first. `signs`: insists on signatures of calls, and takes media in tool
    results."""

    thinks: Literal["", "levels", "budget"] = ""
    least: int = 0
    most: int = 24576
    levels: tuple[str, ...] = ()
    signs: bool = False


_PRO = ("low", "high")
_ALL = ("minimal", "low", "medium", "high")

_NAME = re.compile(r"gemini-(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)")


@lru_cache(maxsize=1024)
def traits_of(model: str) -> Traits:
    """By the model's name, with whatever a path puts before it."""
    name = model.lower()
    found = _NAME.search(name)
    if found is None:
        if "gemini" not in name:
            return Traits()  # Gemma, and what else is served beside it
        return _levels(name, (9, 0))
    version = (int(found[1]), int(found[2] or 0))
    if version >= (3, 0):
        return _levels(name, version)
    if version < (2, 5) or "image" in name or "tts" in name:
        return Traits()
    if "pro" in name:
        return Traits("budget", 128, 32768)
    return Traits("budget")


def _levels(name: str, version: tuple[int, int]) -> Traits:
    levels: tuple[str, ...] = _ALL[1:]
    if version < (3, 1) and "pro" in name:
        levels = _PRO
    elif version < (3, 6) and "pro" not in name:
        levels = _ALL
    return Traits("levels", levels=levels, signs=True)
