"""The gist of a text: what two texts must have in common to share an answer."""

import msgspec


class Gist(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a text says, word by word: `line`, and a letter for each in `roles`, `groups`, `proud` and `forms`.

    `proud`: ^ a name by its capital, v a word that could be a name and is not. `forms`: g asking, d asked, p is asked,
    P I am asked, q is being asked, f did ask. `shades`: what passes with another text unless that says something else
    of the same kind (see verdict).
    """

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
    shades: str
