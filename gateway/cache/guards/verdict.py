"""Whether two gists may share an answer, and which guard says no."""

from hashlib import blake2b

from gateway.cache.guards.gist import Gist
from gateway.cache.guards.opposites import OPPOSITES
from gateway.cache.guards.synonyms import FORMATS, UNITS

_MOST_ORDERED = 64  # words; longer texts must have one order
_SOFT = "of"  # roles that a noun may also have by standing before its head: price of tea, recipe for tea
_SHADES = tuple(map(frozenset, ("sae", "bp", "mc", "di", "SO", "YU", "tyk", "wn")))
"""Of each kind a text may say something, and another something else: still, already, ever; able, permitted (to); must,
can (where and how); the, a (after is); I, me; my, our; what time, year, date; will you, can you."""
_CLASHES = frozenset(
    pair
    for one, other in ("gd", "gp", "gP", "gq", "dp", "dP", "dq", "pq", "Pq", "P ", "Pf", "d ")
    for pair in (one + other, other + one)
)
"""Forms of one word that say who does it to whom, and whether it was done: asking, asked; I sent, I was sent."""
_OWNED = {"o", "s"}
_EITHER = ("^v", "v^")  # Polish and polish, by two who write names with capitals
_COMPATIBLE = frozenset(
    pair
    for one, other in (
        *((" ", other) for other in "os"),
        *(("o", other) for other in "sifu"),
        *(("s", other) for other in "ifu"),
        ("u", "n"),
        ("f", "i"),
    )
    for pair in (one + other, other + one)
)


def signature(gist: Gist) -> bytes:
    """16 bytes that are the same for all gists of the same words and numbers, in whatever order.

    Texts that agree always have one signature, so that it finds what may be shared without any likeness of vectors;
    what it finds must still be asked for its objection.
    """
    said = "\0".join((*sorted(gist.line), "", *gist.numbers))
    return blake2b(
        said.encode("utf-8", "surrogatepass"), digest_size=16, key=b"1" if gist.english else b"0"
    ).digest()


def objection(asked: Gist, kept: Gist) -> str:
    """The name of the first guard that objects to one answer for both; "" where none does. Symmetric."""
    if asked.english is not kept.english:
        return "language"
    if asked.numbers != kept.numbers:
        return "numbers"
    if asked.denied != kept.denied and not _turned(asked.denied, kept.denied):
        return "negation"
    if asked.line != kept.line and sorted(asked.line) != sorted(kept.line):
        return _difference(asked, kept)
    asks = _asks(asked, kept)
    same = asked.line == kept.line and asked.roles == kept.roles and asked.forms == kept.forms
    if asks or (same and "v" not in asked.proud and "v" not in kept.proud):
        return asks
    return _order(asked, kept)


def rewords(asked: Gist, kept: Gist) -> bool:
    """Whether two English texts ask one kind of question in other words: no other guard can object."""
    return asked.english and objection(asked, kept) == "words" and not _asks(asked, kept)


def _asks(asked: Gist, kept: Gist) -> str:
    """Objects where another question is asked: of another kind, in another tense, about another quotation."""
    if asked.asks != kept.asks and not (_open(asked.asks, kept.asks) or _open(kept.asks, asked.asks)):
        return "question"
    if asked.tense != kept.tense and asked.tense and kept.tense and "past" in (asked.tense, kept.tense):
        return "tense"
    if asked.quotes != kept.quotes and asked.quotes and kept.quotes:
        return "quotes"
    return "shades" if asked.shades != kept.shades and _shaded(asked.shades, kept.shades) else ""


def _shaded(one: str, other: str) -> bool:
    """Whether both say something of one kind, and nothing in common."""
    for kind in _SHADES:
        mine, yours = kind.intersection(one), kind.intersection(other)
        if mine and yours and mine.isdisjoint(yours):
            return True
    return False


def _open(one: str, other: str) -> bool:
    """Whether one asks what something is, and the other to have it explained, or listed."""
    return one == "" and other in ("explain", "list")


def _turned(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether both deny one thing, and one of them in a question turned round: why isn't it, why is it not."""
    return len(one) == len(other) == 1 and "?" in (one[0], other[0])


def _difference(asked: Gist, kept: Gist) -> str:
    """Names the guard for words that only one of the two has."""
    one, other = set(asked.line) - set(kept.line), set(kept.line) - set(asked.line)
    if any(not OPPOSITES.get(word, _NOTHING).isdisjoint(other) for word in one):
        return "antonyms"
    both = one | other
    if not both.isdisjoint(UNITS):
        return "units"
    if not both.isdisjoint(FORMATS):
        return "formats"
    names = {
        word
        for gist in (asked, kept)
        for word, mark in zip(gist.line, gist.proud, strict=True)
        if mark == "^"
    }
    return "words" if both.isdisjoint(names) else "names"


_NOTHING: frozenset[str] = frozenset()


def _order(asked: Gist, kept: Gist) -> str:
    """Objects where the same words play other parts: a role changed, who does what is done, or words changed places."""
    places = _places(asked.line, kept.line)
    for index, place in enumerate(places):
        mine, yours = asked.roles[index], kept.roles[place]
        if mine != yours and (mine + yours not in _COMPATIBLE or _spans(asked.line[index], mine + yours)):
            return "roles"
        if asked.forms[index] + kept.forms[place] in _CLASHES:
            return "tense"
        if asked.proud[index] + kept.proud[place] in _EITHER:
            return "names"
    if asked.line == kept.line:
        return ""
    if len(places) > _MOST_ORDERED or not _all_benign(places, asked, kept):
        return "order"
    return ""


def _spans(word: str, roles: str) -> bool:
    """Whether it lasts two weeks in one text, and is two weeks away in the other."""
    return roles in ("fi", "if") and (word[:1] == "#" or word in UNITS)


def _alike(role: str, other: str) -> bool:
    """One role, or the two spellings of owning: tea's price, the price of tea."""
    return role == other or {role, other} == _OWNED


def _same_head(index: int, place: int, asked: Gist, kept: Gist) -> bool:
    """Whether a word that owns something owns the same in both: tea's price, the price of tea."""
    one, other = asked.roles[index], kept.roles[place]
    if one not in _OWNED or other not in _OWNED:
        return True
    if one == other:
        step = 1 if one == "s" else -1
        return _word(asked.line, index + step) == _word(kept.line, place + step)
    if one == "s":
        return _word(kept.line, place - 1) in asked.line[index + 1 : index + 5]
    return _word(asked.line, index - 1) in kept.line[place + 1 : place + 5]


def _word(line: tuple[str, ...], index: int) -> str:
    return line[index] if 0 <= index < len(line) else ""


def _places(line: tuple[str, ...], kept: tuple[str, ...]) -> list[int]:
    """Where each word of `line` stands in `kept`; the second of a kind is the second there."""
    where: dict[str, list[int]] = {}
    for index in range(len(kept) - 1, -1, -1):
        where.setdefault(kept[index], []).append(index)
    return [where[word].pop() for word in line]


def _all_benign(places: list[int], asked: Gist, kept: Gist) -> bool:
    for late in range(1, len(places)):
        for early in range(late):
            if places[early] > places[late] and not _benign(early, late, places, asked, kept):
                return False
    return True


def _benign(early: int, late: int, places: list[int], asked: Gist, kept: Gist) -> bool:
    """Whether two words may change places: joined by one `and`, told apart by their roles, or tea's price."""
    there, here = places[early], places[late]
    if asked.groups[early] == asked.groups[late] == kept.groups[there] == kept.groups[here] == "&":
        return True
    first, second = asked.roles[early], asked.roles[late]
    first_kept, second_kept = kept.roles[there], kept.roles[here]
    if not _same_head(early, there, asked, kept) or not _same_head(late, here, asked, kept):
        return False
    if {first, first_kept} <= _OWNED and {second, second_kept} <= _OWNED:
        return False
    if _alike(first, first_kept) and _alike(second, second_kept):
        return first != second
    if not _alike(first, first_kept) and not _alike(second, second_kept):
        return False
    before, after = (first, first_kept) if not _alike(first, first_kept) else (second, second_kept)
    return (before == " " and after in _SOFT) or (after == " " and before in _SOFT)
