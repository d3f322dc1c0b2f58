"""The gist of a text: what two texts must have in common to share an answer."""

import msgspec


class Gist(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a text says, word by word: `line`, and a letter for each in `roles`, `groups`, `proud` and `forms`."""

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
    forms: str
