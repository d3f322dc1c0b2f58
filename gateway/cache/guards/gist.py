"""The gist of a text: what two texts must have in common to share an answer."""

import msgspec


class Gist(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a text says, word by word: `line` in order; `roles`, `groups` and `proud` have a letter for each word."""

    english: bool
    asks: str
    tense: str
    numbers: tuple[str, ...]
    denied: tuple[str, ...]
    quotes: tuple[str, ...]
    line: tuple[str, ...]
    roles: str
    groups: str
    proud: str
