"""What one run of letters without spaces is cut into: words, numbers, code, the ends of sentences; in linear time."""

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from gateway.cache.guards.numerals import number_tokens

_words = str.split

WORD, NUMBER, CODE, STOP, COMMA = range(5)

_STRAIGHT = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "„": '"', "`": '"'})
_DOUBLE = re.compile(r'"([^"]*)"')
_SINGLE = re.compile(r"(?:(?<=\s)|^)'([^']*)'(?=[\s.,;:?!)]|$)")
_OPENING = "\"'([{¿¡*"
_CLOSING = "\"'.,;:?!…)]}*。？！、，"
_ENDS = frozenset(".;:?!…。？！")
_DASHES = frozenset("-–—•*")
_SPLITS = re.compile(r"[-–—/]")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]?")

_IS_AFTER = frozenset(_words("what who where when why how it that there here he she this which"))
_CONTRACTIONS = {"re": "are", "ve": "have", "ll": "will", "d": "would", "m": "am"}
_NEGATED = {"can't": "can", "won't": "will", "shan't": "shall", "ain't": "is"}
_UNSPELT = {
    word.replace("'", ""): word
    for word in _words("""don't doesn't didn't can't won't isn't aren't wasn't weren't hasn't haven't hadn't shouldn't
    couldn't wouldn't what's who's where's how's that's""")
}


class Token(msgspec.Struct, gc=False):
    """One token, case folded. `proud`: written as a name; `owner`: it bore a possessive 's; `joined`: n't."""

    word: str
    kind: int = WORD
    proud: bool = False
    owner: bool = False
    joined: bool = False


def straightened(text: str) -> str:
    """One way of writing quotes, widths and compatibility forms (NFKC)."""
    if text.isascii():
        return text.replace("`", '"')
    return unicodedata.normalize("NFKC", text.translate(_STRAIGHT))


def quotes_in(plain: str) -> tuple[str, ...]:
    """What stands in quotation marks of a straightened text, case folded, sorted; an apostrophe opens nothing."""
    found = [match[1] for pattern in (_DOUBLE, _SINGLE) for match in pattern.finditer(plain)]
    return tuple(
        sorted(" ".join(quote.casefold().split()).strip(".,;:?!") for quote in found if quote.strip())
    )


def cut(chunk: str, start: bool, shouted: bool) -> tuple[Token, ...]:
    """The tokens of a run without spaces: a STOP where a sentence ends, a COMMA for each comma. `start`: it begins a
    sentence; `shouted`: capitals say nothing in its line."""
    return tuple(_chunk(chunk, start=start, shouted=shouted))


def _chunk(chunk: str, *, start: bool, shouted: bool) -> Iterator[Token]:
    """The tokens of one run without spaces."""
    core = chunk.lstrip(_OPENING).rstrip(_CLOSING)
    if not core:
        yield from _marks(chunk)
        return
    if "(" in core and chunk.rstrip(".,;:?!\"'").endswith(")"):
        core += ")" if core[-1] != "(" else ""
        core = core.removesuffix("(")
    yield from _core(core, start=start, shouted=shouted)
    after = chunk[chunk.rfind(core[-1]) + 1 :]
    if not _ENDS.isdisjoint(after):
        yield Token("", STOP)
    elif "," in after or "，" in after or "、" in after:
        yield Token("", COMMA)


def _marks(chunk: str) -> Iterator[Token]:
    """A chunk of signs alone: the end of a sentence, a dash, or an operator that means something."""
    if chunk in _DASHES or chunk in (",", "，", "、") or not chunk.strip("\"'"):
        yield Token("", COMMA)
    elif chunk[0] in "?!.…。？！" and set(chunk) <= _ENDS and chunk != "?." and chunk != "??":
        yield Token("", STOP)
    else:
        yield Token(chunk, CODE, proud=True)


def _core(core: str, *, start: bool, shouted: bool) -> Iterator[Token]:
    """The tokens of a chunk without the punctuation around it."""
    word = core.casefold()
    if core.isalpha():
        unspelt = _UNSPELT.get(word)
        if unspelt is None:
            yield Token(word, proud=_proud(core, start=start, shouted=shouted))
        else:
            yield from _apostrophe(unspelt, unspelt, start=start, shouted=shouted)
    elif core[0].isdigit() or (len(core) > 1 and core[0] in "$€£¥₹+-." and core[1].isdigit()):
        yield from (Token(part, NUMBER if number else WORD) for part, number in number_tokens(word))
    elif "'" in core:
        yield from _apostrophe(core, word, start=start, shouted=shouted)
    elif core[0] == "-" or "://" in core:
        yield Token(core, CODE, proud=True)
    elif core in ("&", "+") or word in ("vs", "v.s"):
        yield Token("and" if core != "+" else "+", WORD if core != "+" else CODE)
    elif _INITIALS.fullmatch(core):
        yield Token(word.replace(".", ""), proud=True)
    elif word not in ("km/h", "m/s", "i/o", "tcp/ip") and _parts(core):
        for part in _parts(core):
            yield from _core(part, start=start, shouted=shouted)
    else:
        yield Token(word, CODE, proud=True)


def _parts(core: str) -> list[str]:
    """The parts of a compound (step-by-step, and/or); none where it is a path, a file or code."""
    parts = _SPLITS.split(core)
    return parts if len(parts) > 1 and all(part.isalnum() for part in parts) else []


def _proud(core: str, *, start: bool, shouted: bool) -> bool:
    if shouted or not core[0].isupper():
        return False
    return not start or (len(core) > 1 and core.isupper())


def _apostrophe(core: str, word: str, *, start: bool, shouted: bool) -> Iterator[Token]:
    """Contractions and possessives in their parts; any other word with an apostrophe as it is."""
    if word.endswith("n't"):
        yield Token(_NEGATED.get(word, word[:-3]))
        yield Token("not", joined=True)
        return
    base, _, tail = word.rpartition("'")
    if not base or "'" in base:
        yield Token(word.replace("'", ""), proud=_proud(core, start=start, shouted=shouted))
    elif tail == "s" and base in _IS_AFTER:
        yield Token(base)
        yield Token("is")
    elif tail == "s":
        yield Token(base, proud=_proud(core, start=start, shouted=shouted), owner=True)
    elif tail in _CONTRACTIONS:
        yield Token(base)
        yield Token(_CONTRACTIONS[tail])
    else:
        yield Token(word, proud=_proud(core, start=start, shouted=shouted))
