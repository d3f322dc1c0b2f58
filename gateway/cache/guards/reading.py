"""Reads a text into its gist, once: its sentences word by word, each with the part that it plays."""

from functools import lru_cache
from itertools import pairwise

from gateway.cache.guards import english
from gateway.cache.guards.frames import unframed
from gateway.cache.guards.gist import Gist
from gateway.cache.guards.sentences import numbered, phrased, sentences_of
from gateway.cache.guards.stems import PAST_FORMS, stem
from gateway.cache.guards.synonyms import NEGATED_FORMS, SYNONYMS
from gateway.cache.guards.tokens import COMMA, NUMBER, REMEMBERED, SHORT, WORD, Token, quotes_of, tokens_of

_words = str.split

MOST = 8_000  # characters; a longer text agrees with none but itself
_SHORT_NAMES = frozenset(_words("us it who or in can may will no so do go am id"))
_SPANS = frozenset(
    _words("year month week weekend quarter morning evening night season semester term summer winter")
)
_SCOPE_ENDS = frozenset(_words("when where why how because if that which who while so then"))
_NO_ORDER = frozenset(
    _words("ratio minus divide subtract respectively then before after first second over from")
)


def gist_of(text: str) -> Gist:
    """The gist of any text; never raises. Where the language is not English nothing is passed over."""
    if len(text) > MOST:
        return _opaque((text,))
    tokens = tokens_of(text)
    words = [token.word for token in tokens if token.kind == WORD]
    told = english.is_english(words)
    if told is False:
        return _opaque(_plain(tokens))
    if not english.VERBATIM.isdisjoint(words):
        return _verbatim(tokens, quotes_of(text))
    reading = _Reading(passing=told is True, literal=not english.LITERAL.isdisjoint(words))
    for sentence in sentences_of(tokens):
        reading.sentence(numbered(phrased(sentence)))
    if not reading.line or (not reading.asks and _only_unknown(reading.line)):
        return _opaque(_plain(tokens))
    return reading.gist(quotes_of(text))


def _only_unknown(line: list[str]) -> bool:
    """Whether what is left could stand for anything: a pronoun alone."""
    return len(line) == 1 and line[0] in ("you", "he", "she", "they")


def _plain(tokens: list[Token]) -> tuple[str, ...]:
    return tuple(token.word for token in tokens if token.word)


def _verbatim(tokens: list[Token], quotes: tuple[str, ...]) -> Gist:
    """A question about words: only politeness is taken off."""
    framed = [unframed(sentence) for sentence in sentences_of(tokens)]
    rest = [token for _, said in framed for token in said if token.word]
    asks = " ".join(sorted(asked for asked, _ in framed if asked))
    numbers = tuple(sorted(token.word for token in rest if token.kind == NUMBER))
    line = tuple(token.word for token in rest)
    proud = "".join("^" if token.proud else " " for token in rest)
    return Gist(True, asks, "", numbers, (), quotes, line, " " * len(line), " " * len(line), proud)


def _opaque(line: tuple[str, ...]) -> Gist:
    """A text that is not understood: it agrees with the same words in the same order, and with nothing else."""
    return Gist(False, "", "", (), (), (), line, " " * len(line), " " * len(line), " " * len(line))


class _Reading:
    """Reads the sentences of one text into the parts of its gist."""

    def __init__(self, *, passing: bool, literal: bool) -> None:
        self.passing = passing
        self.literal = literal
        self.line: list[str] = []
        self.roles: list[str] = []
        self.proud: list[str] = []
        self.breaks: list[int] = []  # before which words of the line something other than and/or stood
        self.joints: list[int] = []  # between which words of the line and/or stood
        self.asks: list[str] = []
        self.tense: set[str] = set()
        self.numbers: list[str] = []
        self.denied: list[str] = []

    def sentence(self, tokens: list[Token]) -> None:
        """Reads one sentence."""
        asked, rest = unframed(tokens) if self.passing else ("", tokens)
        if asked:
            self.asks.append(asked)
        if self.passing:
            self._tense(tokens[max(0, len(tokens) - len(rest) - 2) :])
        role = " "
        for index, token in enumerate(rest):
            role = self._token(token, role, rest, index, asked)
        self.breaks.append(len(self.line))

    def _tense(self, tokens: list[Token]) -> None:
        for before, token in pairwise(tokens):
            if before.word in ("who", "what") and token.kind == WORD and token.word not in english.FILLERS:
                past = token.word in PAST_FORMS or token.word.endswith("ed")
                self.tense.add("past" if past else "now" if token.word.endswith("s") else "")
        words = {token.word for token in tokens[:6]}
        if words & english.PAST:
            self.tense.add("past")
        elif words & english.PRESENT and not words & {"have", "has", "can"}:
            self.tense.add("now")

    def _token(self, token: Token, role: str, rest: list[Token], index: int, asked: str) -> str:
        """Reads one token; returns the role that the next word has."""
        word = token.word
        if token.kind == COMMA:
            self.breaks.append(len(self.line))
            return " "
        if token.kind == NUMBER:
            self.numbers.append(word)
            self._say("#" + word, role, token)
            return role
        if token.kind != WORD:
            self._say(SYNONYMS.get(word, word), role, token)
            return role
        if word in english.NEGATIONS:
            self._deny(token, rest, index)
            self.breaks.append(len(self.line))
            return "x" if word in ("without", "except", "excluding") else role
        if token.proud and (word in _SHORT_NAMES or len(word) == 1) and word != "i":
            self._say("usa" if word == "us" else word, role, token)
            return role
        if self.passing:
            passed = self._pass(word, role, rest, index, asked)
            if passed is not None:
                return passed
        if not token.proud and (base := NEGATED_FORMS.get(word)):
            self.denied.append(base)
            word = "can" if base == "able" else base
        if not (self.literal and word not in english.LITERAL):
            word = _canonical(word, proud=token.proud)
        self._say(word, "s" if token.owner else role, token)
        return role

    def _pass(self, word: str, role: str, rest: list[Token], index: int, asked: str) -> str | None:
        """The role that follows a function word; None where the word is to be said."""
        if word in english.ROLES:
            self.breaks.append(len(self.line))
            return english.ROLES[word] if index + 1 < len(rest) else role
        if word in ("and", "or"):
            self.joints.append(len(self.line))
            if word == "or":
                self.numbers.append("or")
            return role
        if _mentioned(rest, index):
            self._say(word, role, rest[index])
            return role
        if word in english.ARTICLES:
            spans = word == "this" and index + 1 < len(rest) and rest[index + 1].word in _SPANS
            return None if spans or (word == "all") else role
        if word in english.SELF:
            return role
        if word in english.PERSONS:
            if not (english.PERSONS[word] == "you" and asked in ("how to", "can?", "how many", "how much")):
                self._say(english.PERSONS[word], " ", rest[index])
            return " "
        if word in english.MODALS:
            if asked not in ("how to", "how", "where"):
                self._say(english.MODALS[word], " ", rest[index])
            return " "
        if word == "have" and asked in ("should?", "can?", "will?", "must?", "may?"):
            return None
        if word in english.FILLERS or (word in ("when", "then") and index == 0):
            self.breaks.append(len(self.line))
            return " "
        return None

    def _say(self, word: str, role: str, token: Token) -> None:
        self.line.append(word)
        self.roles.append(role)
        self.proud.append("^" if token.proud else " ")

    def _deny(self, token: Token, rest: list[Token], index: int) -> None:
        """Keeps what a negation denies: the next word that says something, `?` where the question is turned round."""
        kind = english.NEGATIONS[token.word]
        if token.joined and index <= 1:
            simple = not any(other.word in _SCOPE_ENDS or other.kind == COMMA for other in rest[index + 1 :])
            self.denied.append("?" if simple else "!")
            return
        if index + 1 < len(rest) and rest[index + 1].word == "do":
            self.denied.append("do")
            return
        for other in rest[index + 1 : index + 8]:
            if other.kind == COMMA or other.word in _SCOPE_ENDS:
                break
            if not self._passed_over(other.word):
                base = _canonical(other.word, proud=other.proud)
                self.denied.append(base if kind == "not" else f"-{base}")
                return
        self.denied.append("" if kind == "not" else "-")

    def _passed_over(self, word: str) -> bool:
        return (
            word in english.FILLERS
            or word in english.ARTICLES
            or word in english.SELF
            or word in english.ROLES
            or word in english.PERSONS
            or word in english.MODALS
        )

    def gist(self, quotes: tuple[str, ...]) -> Gist:
        """What was read, as a whole."""
        tense = "".join(sorted(self.tense)) if len(self.tense - {""}) == 1 else ""
        return Gist(
            english=True,
            asks=" ".join(sorted(self.asks)),
            tense=tense,
            numbers=tuple(sorted(self.numbers)),
            denied=tuple(sorted(self.denied)),
            quotes=quotes,
            line=tuple(self.line),
            roles="".join(self.roles),
            groups=self._groups(),
            proud="".join(self.proud),
        )

    def _groups(self) -> str:
        """Marks the words that one `and` or `or` joins, where the text has one such group and nothing ranks it."""
        size = len(self.line)
        marks, breaks = [" "] * size, set(self.breaks)
        joints = sorted({joint for joint in self.joints if 0 < joint < size} - breaks)
        if len(joints) != 1 or not _NO_ORDER.isdisjoint(self.line):
            return "".join(marks)
        joint = joints[0]
        marks[joint - 1] = marks[joint] = "&"
        for index in range(joint - 2, -1, -1):
            if self.proud[index] + self.proud[index + 1] != "^^" or index + 1 in breaks:
                break
            marks[index] = "&"
        for index in range(joint + 1, size):
            if self.proud[index] + self.proud[index - 1] != "^^" or index in breaks:
                break
            marks[index] = "&"
        return "".join(marks)


def _mentioned(rest: list[Token], index: int) -> bool:
    """Whether a function word is spoken of, not used: `been and being`, `when an`; the variable i."""
    word = rest[index].word
    after = rest[index + 1].word if index + 1 < len(rest) else ""
    before = rest[index - 1].word if index else ""
    if word == "i":
        return before in ("is", "of", "the", "variable")
    if word in english.ROLES or word in english.MODALS or word in english.PERSONS:
        return False
    return after in ("and", "or") or (not after and before in ("and", "or", "when"))


def _canonical(word: str, *, proud: bool) -> str:
    """One word for all its forms and synonyms; a name only loses its spelling variants."""
    return _remembered(word, proud) if len(word) <= SHORT else word


@lru_cache(REMEMBERED)
def _remembered(word: str, proud: bool) -> str:
    if proud:
        return SYNONYMS.get(word, word) if word in _ABBREVIATED else stem(word)
    base = stem(SYNONYMS.get(word, word))
    return stem(SYNONYMS.get(base, base))


_ABBREVIATED = frozenset(
    _words("""us america js ts javascript typescript postgres postgresql k8s television wifi email
    january february april august september october november december jan feb apr aug
    sept sep oct nov dec mon tue tues thu thurs fri wi-fi e-mail tv gb mb tb kb kg km usd eur jpy cm mm lb gbp""")
)
