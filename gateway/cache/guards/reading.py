"""Reads a text into its gist, once: the compiled reader, with the words of English that it goes by."""

from collections.abc import Mapping
from typing import Any

from gateway._speedups.gist import Reader
from gateway.cache.guards import english, frames, numerals
from gateway.cache.guards.capitals import NAMES_TOO
from gateway.cache.guards.gist import Gist
from gateway.cache.guards.stems import DONE_FORMS, PAST_FORMS, respelt, stem
from gateway.cache.guards.synonyms import NEGATED_FORMS, PHRASES, SYNONYMS
from gateway.cache.guards.tokens import MONTHS, cut, quotes_in, straightened

_words = str.split

LONGEST_WORD = 24
"""Characters of a word of which another form is looked for."""

SHORT_NAMES = frozenset(_words("us it who or in can may will no so do go am id"))
SPANS = frozenset(
    _words("year month week weekend quarter morning evening night season semester term summer winter")
)
SCOPE_ENDS = frozenset(_words("when where why how because if that which who while so then"))
RANKED = frozenset(
    _words("ratio minus divide subtract respectively then before after first second over from")
)
"""Words that rank what `and` joins."""
_ABBREVIATED = frozenset(
    _words("""us america js ts javascript typescript postgres postgresql k8s television wifi email
    january february april august september october november december jan feb apr aug
    sept sep oct nov dec mon tue tues thu thurs fri wi-fi e-mail tv gb mb tb kb kg km usd eur jpy cm mm lb gbp""")
)


def canonical(word: str, proud: bool) -> str:
    """One word for all its forms and synonyms; a name only loses its spelling variants."""
    if len(word) > LONGEST_WORD:
        return word
    if proud:
        return SYNONYMS.get(word, word) if word in _ABBREVIATED else respelt(stem(word))
    base = stem(SYNONYMS.get(word, word))
    return respelt(stem(SYNONYMS.get(base, base)))


LISTS = {
    "filler": english.FILLERS,
    "article": english.ARTICLES,
    "self": english.SELF,
    "role": frozenset(english.ROLES),
    "person": frozenset(english.PERSONS),
    "modal": frozenset(english.MODALS),
    "negation": frozenset(english.NEGATIONS),
    "joint": frozenset(("and", "or")),
    "short_name": SHORT_NAMES,
    "span": SPANS,
    "scope_end": SCOPE_ENDS,
    "past": english.PAST,
    "present": english.PRESENT,
    "tenseless": frozenset(("have", "has", "can")),
    "past_form": PAST_FORMS,
    "negated": frozenset(NEGATED_FORMS),
    "literal": english.LITERAL,
    "verbatim": english.VERBATIM,
    "telling": english.TELLING,
    "strong": (english.TELLING - english.WEAK) | (english.VERBS - english.TELLING),
    "foreign": english.FOREIGN,
    "oneself": english.ONESELF,
    "subject": english.SUBJECTS,
    "possessive": english.POSSESSIVES,
    "doing": frozenset(("do", "does", "did")),
    "having": frozenset(("have", "has", "had")),
    "asking_for": english.ASKING_FOR,
    "done": DONE_FORMS,
    "phrase": frozenset(PHRASES),
    "numeral": numerals.NUMBER_WORDS,
    "roman": frozenset(numerals.ROMAN),
    "roman_after": numerals.ROMAN_AFTER,
    "scale": frozenset(numerals.SCALES),
    "greeting": frozenset(frames.GREETINGS),
    "request": frozenset(frames.REQUESTS),
    "asking": frozenset(frames.TELLINGS),
    "thanks": frames.THANKS,
    "citing": frames.CITING,
    "way": frames.WAYS,
    "way_word": frames.WAY_WORDS,
    "opener": frames.OPENERS,
    "asked": frozenset(frames.WH),
    "auxiliary": english.AUXILIARIES,
    "be": english.BE,
    "objected": english.OBJECTS,
    "container": english.CONTAINERS,
    "shaded": frozenset(english.SHADES),
    "name_too": NAMES_TOO,
    "polite_past": english.POLITE_PAST,
    "formal": english.FORMAL,
    "month": MONTHS,
    "looks": english.LOOKS,
    "time": english.TIMES,
    "courtesy": frames.COURTESIES,
    "ranked": RANKED,
}
TABLES: dict[str, Mapping[str, Any]] = {
    "roles": english.ROLES,
    "persons": english.PERSONS,
    "modals": english.MODALS,
    "negations": english.NEGATIONS,
    "negated": NEGATED_FORMS,
    "synonyms": SYNONYMS,
    "phrases": PHRASES,
    "romans": numerals.ROMAN,
    "scales": numerals.SCALES,
    "greetings": frames.GREETINGS,
    "requests": frames.REQUESTS,
    "askings": frames.TELLINGS,
    "told": frames.TOLD,
    "questions": frames.WH,
    "shades": english.SHADES,
}


def reader() -> Reader[Gist]:
    """One that remembers nothing yet."""
    return Reader(
        Gist,
        straighten=straightened,
        cut=cut,
        quoted=quotes_in,
        base=canonical,
        worded=numerals.worded,
        scaled=numerals.scaled,
        lists=LISTS,
        tables=TABLES,
    )


gist_of = reader().read
"""The gist of any text; never raises. Where the language is not English nothing is passed over."""
