"""Numbers in one spelling: digits, words, ordinals, money, percentages, times, ranges; versions as they are."""

import re

from gateway.cache.guards.capitals import spelt

_words = str.split

_NUMBER = re.compile(r"([$€£¥₹]?)([+-]?[\d,]*\d(?:\.\d+)*|[+-]?\.\d+)")
_UNIT = re.compile(r"[^\W\d_]+(?:/[^\W\d_]+)?|[%°][^\W\d_]*")
_RANGE = re.compile(r"[-–—~]")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_CENTS = re.compile(r"\.0+\Z")
_MOST = 60  # characters of a numeral that are looked into; longer ones are compared as they stand

CURRENCIES = {"$": "dollar", "€": "euro", "£": "gbp", "¥": "yen", "₹": "rupee"}
SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_SHORT_SCALES = {"k": 3, "bn": 9}
_CAPITAL_SCALES = {"M": 6, "B": 9}
_ORDINALS = frozenset(("st", "nd", "rd", "th"))
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
)
SMALL = {word: value for value, word in enumerate([*_UNITS.split(), "seventeen", "eighteen", "nineteen"])}
TENS = {
    word: 10 * value
    for value, word in enumerate(_words("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}
_NTH = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
NTH = {word: value for value, word in enumerate(_NTH.split(), start=1) if word != "second"}
OTHERS = {
    "dozen": "12",
    "couple": "2",
    "twice": "2x",
    "once": "1x",
    "thrice": "3x",
    "half": "1/2",
    "pair": "2",
}
NUMBER_WORDS = frozenset((*SMALL, *TENS, *NTH, *OTHERS))
"""The words that a number can begin with."""
ROMAN = {
    word: str(value)
    for value, word in enumerate(_words("ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi"), start=2)
    if len(word) > 1
}
ROMAN_AFTER = frozenset(_words("war part chapter volume phase act type henry louis elizabeth charles george"))
"""The words that a Roman number may follow; names may be, too."""


def number_tokens(written: str) -> list[tuple[str, bool]]:
    """What a chunk that begins like a number says: (canonical part in small letters, whether it is a number)."""
    core = written.lower()
    found = _NUMBER.match(core) if len(core) <= _MOST else None
    if found is None:
        return [(core, True)]
    sign, digits, rest = found[1], _plain(found[2]), core[found.end() :]
    suffix = written[found.end() :]
    money = [(CURRENCIES[sign], False)] if sign else []
    if sign:
        digits = _CENTS.sub("", digits)
    if not rest:
        return [(digits, True), *money]
    if rest in _ORDINALS:
        return [(f"{digits}th", True)]
    if suffix == "G":
        return [(f"{digits}g", True)]
    if not sign and suffix in _CAPITAL_SCALES:
        return [(scaled(digits, _CAPITAL_SCALES[suffix]), True)]
    if rest in _SHORT_SCALES or (sign and rest == "m"):
        return [(scaled(digits, _SHORT_SCALES.get(rest, 6)), True), *money]
    if _UNIT.fullmatch(rest):
        return [(digits, True), *money, (spelt(suffix, start=True, shouted=False) or rest, False)]
    if _RANGE.match(rest) and (other := _NUMBER.fullmatch(rest[1:])):
        return [(digits, True), *money, (_plain(other[2]), True)]
    return [(core, True)]


def _plain(digits: str) -> str:
    """Without the commas between thousands; any other comma (1,2) stays."""
    return digits.replace(",", "") if "," in digits and _THOUSANDS.fullmatch(digits) else digits


def scaled(digits: str, zeros: int) -> str:
    """`digits` times ten to the power `zeros`, by moving the point."""
    whole, _, part = digits.partition(".")
    if "." in part:
        return f"{digits}e{zeros}"
    kept = part.rstrip("0")
    if len(kept) > zeros:
        return f"{whole}{kept[:zeros]}.{kept[zeros:]}"
    return (whole + kept.ljust(zeros, "0")).lstrip("0") or "0"


def worded(words: list[str]) -> tuple[str, int]:
    """The number that `words` begin with, spelt in words, and of how many words; ("", 0) where none."""
    first = words[0]
    if first in OTHERS:
        return OTHERS[first], 1
    total = part = used = 0
    ordinal = False
    for word in words[:12]:
        value = SMALL.get(word, TENS.get(word, -1))
        if value >= 0:
            if used and not _joins(words[used - 1], word):
                break
            part += value
        elif word in NTH and (not used or words[used - 1] in TENS or words[used - 1] in SCALES):
            part, ordinal = part + NTH[word], True
        elif word in SCALES and used:
            zeros = SCALES[word]
            part = max(part, 1) * 10**zeros if zeros == 2 else part
            total, part = (total, part) if zeros == 2 else (total + max(part, 1) * 10**zeros, 0)
        elif not (word == "and" and used and words[used - 1] in SCALES and _number_word(words, used + 1)):
            break
        used += 1
        if ordinal:
            break
    if not used:
        return "", 0
    return f"{total + part}th" if ordinal else str(total + part), used


def _joins(before: str, word: str) -> bool:
    """Whether `word` goes on the number that `before` ended: twenty five, hundred (and) five."""
    return before in SCALES or before == "and" or (before in TENS and 0 < SMALL.get(word, 0) < 10)


def _number_word(words: list[str], index: int) -> bool:
    return index < len(words) and (words[index] in SMALL or words[index] in TENS or words[index] in NTH)
