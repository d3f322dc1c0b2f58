"""A naive reading of a text into its gist, to compare `gist` with: the words of its sentences, and their parts."""

from itertools import pairwise

from gateway._speedups.gist import LONGEST
from gateway.cache.guards import english
from gateway.cache.guards.capitals import NAMES_TOO
from gateway.cache.guards.gist import Gist
from gateway.cache.guards.reading import RANKED, SCOPE_ENDS, SHORT_NAMES, SPANS, canonical
from gateway.cache.guards.stems import DONE_FORMS, PAST_FORMS
from gateway.cache.guards.synonyms import NEGATED_FORMS, SYNONYMS
from gateway.cache.guards.tokens import COMMA, NUMBER, WORD, Token, quotes_in, straightened
from tests.reference.gist_frames import unframed
from tests.reference.gist_sentences import is_english, numbered, phrased, sentences_of, tokens_of


def gist_of(text: str) -> Gist:
    """The gist of any text; never raises. Where the language is not English nothing is passed over."""
    if len(text) > LONGEST:
        return _opaque((text,))
    tokens = tokens_of(text)
    words = [token.word for token in tokens if token.kind == WORD]
    told = is_english(words)
    if told is False:
        return _opaque(_plain(tokens))
    if not english.VERBATIM.isdisjoint(words):
        return _verbatim(tokens, quotes_in(straightened(text)))
    letters = [letter for letter in straightened(text) if letter.isalpha()]
    careful = bool(letters) and letters[0].isupper()
    reading = _Reading(passing=told is True, literal=not english.LITERAL.isdisjoint(words), careful=careful)
    for before, word in zip(["", *words], words, strict=False):
        if word in english.SHADES and (word not in english.TIMES or before in ("what", "which")):
            reading.shades.add(english.SHADES[word])
    for sentence in sentences_of(tokens):
        reading.sentence(numbered(phrased(sentence)))
    if not reading.line or (not reading.asks and _only_unknown(reading.line)):
        return _opaque(_plain(tokens))
    return reading.gist(quotes_in(straightened(text)))


def _only_unknown(line: list[str]) -> bool:
    """Whether what is left could stand for anything: a pronoun alone."""
    return len(line) == 1 and line[0] in ("you", "he", "she", "they")


def _plain(tokens: list[Token]) -> tuple[str, ...]:
    """The words alone, with the commas between them; a polite pronoun has its capital."""
    found: list[str] = []
    comma = False
    for token in tokens:
        if token.word:
            formal = token.proud and token.word in english.FORMAL
            found.extend([","] if comma and found else [])
            found.append(token.word.capitalize() if formal else token.word)
        comma = not token.word and (comma or token.kind == COMMA)
    return tuple(found)


def _verbatim(tokens: list[Token], quotes: tuple[str, ...]) -> Gist:
    """A question about words: only politeness is taken off."""
    framed = [unframed(sentence) for sentence in sentences_of(tokens)]
    rest = [token for _, said in framed for token in said if token.word]
    asks = " ".join(sorted(asked for asked, _ in framed if asked))
    numbers = tuple(sorted(token.word for token in rest if token.kind == NUMBER))
    line = tuple(token.word for token in rest)
    proud = "".join("^" if token.proud else " " for token in rest)
    return Gist(
        True,
        asks,
        "",
        numbers,
        (),
        quotes,
        line,
        " " * len(line),
        " " * len(line),
        proud,
        " " * len(line),
        "",
    )


def _opaque(line: tuple[str, ...]) -> Gist:
    """A text that is not understood: it agrees with the same words in the same order, and with nothing else."""
    return Gist(False, "", "", (), (), (), line, *[" " * len(line)] * 4, "")


class _Reading:
    """Reads the sentences of one text into the parts of its gist."""

    def __init__(self, *, passing: bool, literal: bool, careful: bool) -> None:
        self.passing = passing
        self.literal = literal
        self.careful = careful
        self.shades: set[str] = set()
        self.did = False
        self.asked = ""
        self.clause = self.does_at = 0
        self.line: list[str] = []
        self.roles: list[str] = []
        self.proud: list[str] = []
        self.forms: list[str] = []
        self.breaks: list[int] = []  # before which words of the line something other than and/or stood
        self.joints: list[int] = []  # between which words of the line and/or stood
        self.asks: list[str] = []
        self.tense: set[str] = set()
        self.numbers: list[str] = []
        self.denied: list[str] = []
        self.of_oneself = False

    def sentence(self, tokens: list[Token]) -> None:
        """Reads one sentence."""
        asked, rest = unframed(tokens) if self.passing else ("", tokens)
        if asked:
            self.asks.append(asked)
        if self.passing:
            self._tense(tokens[max(0, len(tokens) - len(rest) - 2) :])
            self._shade(tokens, rest, asked)
        self.of_oneself = any(token.word in english.ONESELF for token in rest)
        self.did = any(token.word == "did" for token in tokens)
        self.asked = asked
        self.clause = 0
        doing = [place for place, token in enumerate(rest) if token.word in ("do", "does", "did")]
        self.does_at = min(doing, default=len(rest))
        role = " "
        for index, token in enumerate(rest):
            role = self._token(token, role, rest, index, asked)
        self.breaks.append(len(self.line))

    def _shade(self, tokens: list[Token], rest: list[Token], asked: str) -> None:
        """What is passed over and yet says something."""
        if asked in ("how to", "how", "where"):
            modals = {english.MODALS[token.word] for token in tokens if token.word in english.MODALS}
            self.shades |= {"m"} if "must" in modals else set()
            self.shades |= {"c"} if modals & {"can", "may"} else set()
        if asked in ("", "who", "when", "where", "is?"):
            self.shades |= _article(
                [token.word for token in rest[:3]], any(token.owner for token in rest[2:6]), asked
            )
        if len(tokens) > 2 and tokens[1].word == "you" and _asks_for(tokens[2].word):
            modal = english.MODALS.get(tokens[0].word)
            self.shades |= {"w"} if modal == "will" else {"n"} if modal == "can" else set()
        for token in rest:
            if token.word in ("i", "we"):
                self.shades.add("S")
            elif token.word in english.OBJECTS and not token.proud:
                self.shades.add("O")

    def _tense(self, tokens: list[Token]) -> None:
        for before, token in pairwise(tokens):
            if before.word in ("who", "what") and token.kind == WORD and token.word not in english.FILLERS:
                past = token.word in PAST_FORMS or token.word.endswith("ed")
                self.tense.add("past" if past else "now" if token.word.endswith("s") else "")
        words = {token.word for token in tokens[:6]}
        if any(english.MODALS.get(word) == "will" for word in words):
            self.tense.add("will")
        if words & english.PAST:
            self.tense.add("past")
        elif words & english.PRESENT and not words & {"have", "has", "can"}:
            self.tense.add("now")

    def _token(self, token: Token, role: str, rest: list[Token], index: int, asked: str) -> str:
        """Reads one token; returns the role that the next word has."""
        word = token.word
        if token.kind == COMMA:
            self.clause = index + 1
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
        if token.proud and (word in SHORT_NAMES or len(word) == 1) and word != "i":
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
            word = canonical(word, token.proud)
        self._say(word, "s" if token.owner else role, token, self._form(token, word, rest, index))
        return role

    def _form(self, token: Token, said: str, rest: list[Token], index: int) -> str:
        """g: who does it now; d: what was done; p: what is done to somebody, P to oneself, q right now; f: did do."""
        done = token.word in DONE_FORMS or token.word.endswith("ed")
        if said != token.word and token.word.endswith("ing"):
            return "g"
        if said == token.word or not done or token.word in english.POLITE_PAST:
            return "f" if self.did else " "
        before = index - 1
        while before >= 0 and (
            rest[before].word in english.FILLERS - english.BE or rest[before].word in english.NEGATIONS
        ):
            before -= 1
        attributive = index + 1 < len(rest) and self._says_something(rest[index + 1])
        if before >= 0 and rest[before].word in english.BE:
            if attributive and before == 0 and not self.asked:
                return "d"
            if rest[before].word == "being":
                return "q"
            near = rest[before - 1].word if before else ""
            return "P" if near in ("i", "we") else "p"
        if before > 0 and rest[before].word in english.SUBJECTS and rest[before - 1].word in english.BE:
            return "P" if rest[before].word in ("i", "we") else "p"
        start = self.clause
        can = any(token.word in english.MODALS for token in rest[start : start + 4])
        if rest[start].word in english.BE and index > start + 1 and not attributive and not can:
            return "P" if rest[start + 1].word in ("i", "we") else "p"
        return "d"

    def _likes(self, rest: list[Token], index: int) -> bool:
        return self.does_at < index and rest[index - 1].word not in english.LOOKS

    def _says_something(self, token: Token) -> bool:
        """Whether a word is no function word, so that what stands before it may belong to it."""
        passed = (
            self._passed_over(token.word) or token.word in english.NEGATIONS or token.word in ("and", "or")
        )
        return token.kind != COMMA and not passed and token.word not in SCOPE_ENDS

    def _pass(self, word: str, role: str, rest: list[Token], index: int, asked: str) -> str | None:
        """The role that follows a function word; None where the word is to be said."""
        if word == "like" and self._likes(rest, index):
            return None
        if word in english.ROLES:
            self.breaks.append(len(self.line))
            if role == "h" and rest[index - 1].word == "than":
                return role
            if word == "of" and index and rest[index - 1].word in english.CONTAINERS:
                return "c"
            if index + 1 == len(rest) or rest[index + 1].kind == COMMA:
                return role if self.asked == "where" and word in ("at", "to") else None
            return english.ROLES[word]
        if word in ("and", "or"):
            self.joints.append(len(self.line))
            if word == "or":
                self.numbers.append("or")
            return role
        if _mentioned(rest, index):
            self._say(word, role, rest[index])
            return role
        if word == "it" and 0 < index < len(rest) - 1 and self._says_something(rest[index - 1]):
            return None
        if word in english.ARTICLES:
            spans = word == "this" and index + 1 < len(rest) and rest[index + 1].word in SPANS
            return None if spans or (word == "all") else role
        if word in english.SELF:
            if word in english.OBJECTS and role in ("h", "r", "b", "w", "u"):
                self._say("me", role, rest[index])
            return role
        if word in english.PERSONS:
            anybody = asked in ("how to", "can?", "how many", "how much") and not self.of_oneself
            if not (english.PERSONS[word] == "you" and anybody):
                self._say(english.PERSONS[word], " ", rest[index])
            return " "
        if word in english.MODALS:
            if asked not in ("how to", "how", "where"):
                self._say(english.MODALS[word], " ", rest[index])
            return " "
        if word == "have" and asked in ("should?", "can?", "will?", "must?", "may?"):
            return None
        if word in ("do", "does", "did", "have", "has", "had") and _is_said(rest, index, asked):
            return None
        if word in english.FILLERS or (word in ("when", "then") and index == 0):
            self.breaks.append(len(self.line))
            return " "
        return None

    def _say(self, word: str, role: str, token: Token, form: str = " ") -> None:
        low = self.careful and token.low and token.word in NAMES_TOO
        self.line.append(word)
        self.roles.append(role)
        self.proud.append("^" if token.proud else "v" if low else " ")
        self.forms.append(form)

    def _deny(self, token: Token, rest: list[Token], index: int) -> None:
        """Keeps what a negation denies: the next word that says something, `?` where the question is turned round."""
        kind = english.NEGATIONS[token.word]
        if token.joined and index <= 1:
            simple = not any(other.word in SCOPE_ENDS or other.kind == COMMA for other in rest[index + 1 :])
            self.denied.append("?" if simple else "!")
            return
        if index + 1 < len(rest) and rest[index + 1].word == "do":
            self.denied.append("do")
            return
        for other in rest[index + 1 : index + 8]:
            if other.kind == COMMA or other.word in SCOPE_ENDS:
                break
            if not self._passed_over(other.word):
                base = canonical(other.word, other.proud)
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
        told = self.tense - {""}
        tense = "" if len(told) > 1 and "past" in told else "will" if "will" in told else "".join(told)
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
            forms="".join(self.forms),
            shades="".join(sorted(self.shades)),
        )

    def _groups(self) -> str:
        """Marks the words that one `and` or `or` joins, where the text has one such group and nothing ranks it."""
        size = len(self.line)
        marks, breaks = [" "] * size, set(self.breaks)
        joints = sorted({joint for joint in self.joints if 0 < joint < size} - breaks)
        if len(joints) != 1 or not RANKED.isdisjoint(self.line):
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


def _article(words: list[str], owned: bool, asked: str) -> set[str]:
    """Whether something is asked or said of the one, or of any: after `is`, and after what I do."""
    one, other = (words[1:2], words[2:3])
    if not words or owned:
        return set()
    if words[0] in english.BE:
        if one == ["there"]:
            return {"d"} if other == ["the"] else {"i"}
        said = one if one and one[0] in _DEFINITE | _INDEFINITE else other
    else:
        said = other if words[0] in ("i", "we") and not asked else []
    return {"d"} if _DEFINITE.intersection(said) else {"i"} if _INDEFINITE.intersection(said) else set()


def _asks_for(word: str) -> bool:
    """Whether what somebody is asked to do is no answer."""
    return word not in english.VERBS and word not in english.TELLING and word != "please"


_DEFINITE, _INDEFINITE = frozenset(("the", "my", "our")), frozenset(("a", "an"))


def _is_said(rest: list[Token], index: int, asked: str) -> bool:
    """Whether `do` or `have` is what is done, by what follows it."""
    begins = index == 0 or rest[index - 1].kind == COMMA
    if begins and asked not in ("how to", "who"):
        return False
    if index + 1 == len(rest):
        return True
    after = rest[index + 1]
    role = after.word in english.ROLES and after.word != "to"
    if after.kind in (COMMA, NUMBER) or after.word in SCOPE_ENDS or role:
        return True
    if rest[index].word in ("have", "has", "had"):
        return after.word in english.ARTICLES or after.word in english.POSSESSIVES
    return after.word in ("it", "this", "that", "so")


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
