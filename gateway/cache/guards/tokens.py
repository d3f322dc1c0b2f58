"""What one run of letters without spaces is cut into: words, numbers, code, the ends of sentences; in linear time."""

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from gateway.cache.guards.capitals import spelt
from gateway.cache.guards.numerals import NTH, SCALES, SMALL, TENS, number_tokens

_words = str.split

WORD, NUMBER, CODE, STOP, COMMA = range(5)

_STRAIGHT = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "„": '"', "`": '"', "−": "-"}
)
_RAISED = str.maketrans({sign: f"^{digit}" for digit, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")} | {"⁻": "^-"})
_SQUARED = re.compile(r"\b([kcdm]?m)([²³])")
_CAMEL = re.compile(r"[a-z][A-Z]")
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
} | {"cannot": "can't"}
MONTHS = frozenset(
    _words(
        """january february march april may june july august september october november december
        jan feb mar apr jun jul aug sep sept oct nov dec"""
    )
)
_DAYS = MONTHS.union(
    _words(
        "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed weds thu thurs fri sat sun"
    )
)
"""What a dash between two makes a span of: Monday-Friday."""
_COUNTS = {**SMALL, **TENS}


class Token(msgspec.Struct, gc=False):
    """One token in small letters. `proud`: written as a name; `low`: written in small letters; `owner`: it bore a
    possessive 's; `joined`: n't."""

    word: str
    kind: int = WORD
    proud: bool = False
    owner: bool = False
    joined: bool = False
    low: bool = False


def straightened(text: str) -> str:
    """One way of writing quotes, widths and compatibility forms (NFKC); what stands raised is a power."""
    if text.isascii():
        return text.replace("`", '"')
    text = _SQUARED.sub(_in_line, text).translate(_RAISED)
    return unicodedata.normalize("NFKC", text.translate(_STRAIGHT))


def _in_line(unit: re.Match[str]) -> str:
    """m² as people write it who have no such sign."""
    return unit[1] + ("2" if unit[2] == "²" else "3")


def quotes_in(plain: str) -> tuple[str, ...]:
    """What stands in quotation marks of a straightened text, small, sorted; an apostrophe opens nothing."""
    found = [match[1] for pattern in (_DOUBLE, _SINGLE) for match in pattern.finditer(plain)]
    return tuple(sorted(" ".join(quote.lower().split()).strip(".,;:?!") for quote in found if quote.strip()))


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
    if after.startswith("!") and (core.isdigit() or core in ("n", "k", "m")):  # a factorial
        yield Token("!", CODE)
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
    word = core.lower()
    if core.isalpha():
        unspelt = _UNSPELT.get(word)
        if unspelt is not None:
            yield from _apostrophe(unspelt, unspelt, start=start, shouted=shouted)
        elif core == word:
            yield Token(word, low=True)
        elif meant := spelt(core, start, shouted):
            yield Token(meant, proud=_proud(core, start=start, shouted=shouted))
        elif _CAMEL.search(core):
            yield Token(word, CODE, proud=True)
        else:
            yield Token(word, proud=_proud(core, start=start, shouted=shouted))
    elif core[0].isdigit() or (len(core) > 1 and core[0] in "$€£¥₹+-." and core[1].isdigit()):
        yield from (Token(part, NUMBER if number else WORD) for part, number in number_tokens(core))
    elif "'" in core:
        yield from _apostrophe(core, word, start=start, shouted=shouted)
    elif core[0] == "-" or "://" in core:
        yield Token(core, CODE, proud=True)
    elif core in ("&", "+") or word in ("vs", "v.s"):
        yield Token("and" if core != "+" else "+", WORD if core != "+" else CODE)
    elif _INITIALS.fullmatch(core):
        yield Token(word.replace(".", ""), proud=True)
    elif word not in ("km/h", "m/s", "i/o", "tcp/ip") and _parts(core):
        yield from _compound(_parts(core), core, start=start, shouted=shouted)
    else:
        yield Token(word, CODE, proud=True)


def _parts(core: str) -> list[str]:
    """The parts of a compound (step-by-step, and/or); none where it is a path, a file or code."""
    parts = _SPLITS.split(core)
    return parts if len(parts) > 1 and all(part.isalnum() for part in parts) else []


def _compound(parts: list[str], core: str, *, start: bool, shouted: bool) -> Iterator[Token]:
    """The tokens of a compound. Its number is its own (twenty five-page reports), and days have a span."""
    words = [part.lower() for part in parts]
    if len(parts) == 2 and "/" not in core and _DAYS.issuperset(words):
        parts = [parts[0], "to", parts[1]]
    counts = "/" not in core and words[0] in _COUNTS and words[1].isalpha()
    if counts and not (words[1] in _COUNTS or words[1] in NTH or words[1] in SCALES):
        yield Token(str(_COUNTS[words[0]]), NUMBER)
        parts = parts[1:]
    elif words[0] in SCALES and "/" not in core:
        yield Token(f"1{'0' * SCALES[words[0]]}", NUMBER)
        parts = parts[1:]
    for part in parts:
        yield from _core(part, start=start, shouted=shouted)


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
