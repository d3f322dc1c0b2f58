# cython: auto_pickle=False
"""Reads a question into what an answer depends on, sentence by sentence and word by word, in time that grows with it.

The lists of words, and how one run of letters without spaces is cut, are handed in: those runs are remembered, since
most of them come again. Nothing here decides what a word means.
"""



SHORT = 24
"""Characters of a run that is remembered."""
REMEMBERED = 4096
"""Runs that are remembered at least, once there were so many; twice as many at the most."""
LONGEST = 8_000
"""Characters of a text that is read; a longer one is only itself."""

cdef enum:
    # kinds of tokens
    WORD = 0
    NUMBER = 1
    CODE = 2
    STOP = 3
    COMMA = 4
    # bits of Word.part, in the order of PARTS
    FILLER = 1 << 0
    ARTICLE = 1 << 1
    SELF = 1 << 2
    ROLE = 1 << 3
    PERSON = 1 << 4
    MODAL = 1 << 5
    NEGATION = 1 << 6
    JOINT = 1 << 7
    SHORT_NAME = 1 << 8
    SPAN = 1 << 9
    SCOPE_END = 1 << 10
    PAST = 1 << 11
    PRESENT = 1 << 12
    TENSELESS = 1 << 13
    PAST_FORM = 1 << 14
    NEGATED = 1 << 15
    LITERAL = 1 << 16
    VERBATIM = 1 << 17
    TELLING = 1 << 18
    STRONG = 1 << 19
    FOREIGN = 1 << 20
    ONESELF = 1 << 21
    SUBJECT = 1 << 22
    POSSESSIVE = 1 << 23
    DOING = 1 << 24
    HAVING = 1 << 25
    ASKING_FOR = 1 << 26
    DONE = 1 << 27
    STRANGE = 1 << 28
    SUPPORT = DOING | HAVING
    FUNCTION = FILLER | ARTICLE | SELF | ROLE | PERSON | MODAL
    # bits of Word.place, in the order of PLACES
    PHRASE = 1 << 0
    NUMERAL = 1 << 1
    ROMAN = 1 << 2
    ROMAN_AFTER = 1 << 3
    SCALE = 1 << 4
    GREETING = 1 << 5
    REQUEST = 1 << 6
    ASKING = 1 << 7
    THANKS = 1 << 8
    CITING = 1 << 9
    WAY = 1 << 10
    WAY_WORD = 1 << 11
    OPENER = 1 << 12
    ASKED = 1 << 13
    AUXILIARY = 1 << 14
    BE = 1 << 15
    OBJECTED = 1 << 16
    CONTAINER = 1 << 17
    SHADED = 1 << 18
    NAME_TOO = 1 << 19
    POLITE_PAST = 1 << 20
    FORMAL = 1 << 21
    MONTH = 1 << 22
    LOOKS = 1 << 23
    TIME = 1 << 24
    OPENING = GREETING | REQUEST | ASKING

PARTS = (
    "filler", "article", "self", "role", "person", "modal", "negation", "joint", "short_name", "span", "scope_end",
    "past", "present", "tenseless", "past_form", "negated", "literal", "verbatim", "telling", "strong", "foreign",
    "oneself", "subject", "possessive", "doing", "having", "asking_for", "done",
)
PLACES = (
    "phrase", "numeral", "roman", "roman_after", "scale", "greeting", "request", "asking", "thanks", "citing", "way",
    "way_word", "opener", "asked", "auxiliary", "be", "objected", "container", "shaded", "name_too", "polite_past",
    "formal", "month", "looks", "time",
)
"""Names of the lists of words."""


cdef class Word:
    """One token in small letters. `proud`: written as a name; `owner`: it bore a possessive 's; `joined`: n't."""

    cdef str word
    cdef int kind
    cdef bint proud
    cdef bint owner
    cdef bint joined
    cdef unsigned int part      # the lists it stands in
    cdef unsigned int place
    cdef str said               # the one word for all its forms and synonyms, once it was asked for


include "gist_sentences.pxi"
include "gist_frames.pxi"
include "gist_shades.pxi"
include "gist_parts.pxi"



cdef class Reader:
    """Reads texts into gists."""

    cdef object make
    cdef object straighten
    cdef object cut
    cdef object quoted
    cdef object base
    cdef object worded
    cdef object scaled
    cdef dict parts             # words that stand in lists: a bit for each list
    cdef dict places
    cdef dict roles
    cdef dict persons
    cdef dict modals
    cdef dict negations
    cdef dict negated
    cdef dict synonyms
    cdef dict phrases
    cdef dict romans
    cdef dict scales
    cdef dict greetings
    cdef dict requests
    cdef dict askings
    cdef dict told
    cdef dict questions
    cdef dict shades
    cdef object courtesies
    cdef object ranked
    cdef Word stop
    cdef tuple young            # runs by (start, shouted): what they are cut into
    cdef tuple old
    cdef int held

    def __init__(
        self, make, *, straighten, cut, quoted, base, worded, scaled, dict lists not None, dict tables not None
    ):
        self.make = make
        self.straighten = straighten
        self.cut = cut
        self.quoted = quoted
        self.base = base
        self.worded = worded
        self.scaled = scaled
        self.parts = bits_of([lists[name] for name in PARTS])
        self.places = bits_of([lists[name] for name in PLACES])
        self.courtesies = lists["courtesy"]
        self.ranked = lists["ranked"]
        self.roles, self.persons, self.modals = tables["roles"], tables["persons"], tables["modals"]
        self.negations, self.negated = tables["negations"], tables["negated"]
        self.synonyms, self.phrases = tables["synonyms"], tables["phrases"]
        self.romans, self.scales = tables["romans"], tables["scales"]
        self.greetings, self.requests = tables["greetings"], tables["requests"]
        self.askings, self.told, self.questions = tables["askings"], tables["told"], tables["questions"]
        self.shades = tables["shades"]
        self.young, self.old = ({}, {}, {}, {}), ({}, {}, {}, {})
        self.held = 0
        self.stop = self.token("", STOP, False, False, False)

    def __class_getitem__(cls, _):
        return cls

    def read(self, str text not None):
        cdef list tokens, sentences, sentence
        cdef unsigned int seen, places
        cdef int english
        cdef Parts parts
        cdef str plain
        cdef tuple quotes = ()
        if len(text) > LONGEST:
            return self.opaque((text,))
        plain = self.straighten(text)
        tokens = self.tokens(plain)
        english = language(tokens, &seen, &places)
        if english < 0:
            return self.opaque(plainly(tokens))
        if '"' in plain or "'" in plain:
            quotes = self.quoted(plain)
        sentences = sentences_of(tokens, self.courtesies)
        if seen & VERBATIM:
            return self.verbatim(sentences, quotes)
        parts = Parts(self, english > 0, seen, begins_large(plain))
        if places & SHADED:
            tell_shaded(parts.shades, self.shades, tokens)
        for sentence in sentences:
            parts.sentence(numbered(self, phrased(self, sentence)))
        if not parts.line or (not parts.asks and only_unknown(parts.line)):
            return self.opaque(plainly(tokens))
        return parts.gist(quotes)

    cdef Word token(self, str word, int kind, bint proud, bint owner, bint joined):
        cdef Word made = Word.__new__(Word)
        made.word, made.kind, made.proud, made.owner, made.joined = word, kind, proud, owner, joined
        made.part, made.place = self.parts.get(word, 0), self.places.get(word, 0)
        if word.endswith("ed"):
            made.part |= PAST_FORM | DONE
        if made.place & POLITE_PAST:
            made.part &= ~DONE
        if not word.isascii():
            made.part |= STRANGE
        return made

    cdef list tokens(self, str text):
        """A STOP ends every sentence and every line; a COMMA stands for each comma."""
        cdef list found = [], chunks
        cdef tuple cut
        cdef bint shouted, start
        cdef str line, chunk
        for line in text.splitlines():
            chunks = line.split()
            shouted = is_shouted(chunks)
            start = True
            for chunk in chunks:
                cut = <tuple>(<dict>self.young[start + 2 * shouted]).get(chunk)
                if cut is None:
                    cut = self.learn(chunk, start, shouted)
                if cut:
                    found.extend(cut)
                    start = (<Word>cut[len(cut) - 1]).kind == STOP
            if not start:
                found.append(self.stop)
        return found

    cdef tuple learn(self, str chunk, bint start, bint shouted):
        """How a run is cut that was not seen lately."""
        cdef int which = start + 2 * shouted
        cdef tuple cut = <tuple>(<dict>self.old[which]).get(chunk)
        if cut is None:
            cut = tuple([self.cut_off(each) for each in self.cut(chunk, start, shouted)])
        if len(chunk) > SHORT:
            return cut
        if self.held >= REMEMBERED:
            self.young, self.old, self.held = ({}, {}, {}, {}), self.young, 0
        (<dict>self.young[which])[chunk] = cut
        self.held += 1
        return cut

    cdef Word cut_off(self, each):
        """A token of a run; only one in small letters is no name though it could be one."""
        cdef Word made = self.token(each.word, each.kind, each.proud, each.owner, each.joined)
        if not each.low:
            made.place &= ~NAME_TOO
        return made

    cdef str canonical(self, Word token):
        """One word for all forms and synonyms of one."""
        if token.said is None:
            token.said = self.base(token.word, token.proud)
        return token.said

    cdef opaque(self, tuple line):
        """A text that is not understood: it agrees with the same words in the same order, and with nothing else."""
        blank = " " * len(line)
        return self.make(False, "", "", (), (), (), line, blank, blank, blank, blank, "")

    cdef verbatim(self, list sentences, tuple quotes):
        """A question about words: only politeness is taken off."""
        cdef list asks = [], line = [], numbers = [], proud = [], said
        cdef Word token
        cdef str asked
        for sentence in sentences:
            asked, said = unframed(self, sentence)
            if asked:
                asks.append(asked)
            for token in said:
                if token.word:
                    line.append(token.word)
                    proud.append("^" if token.proud else " ")
                    if token.kind == NUMBER:
                        numbers.append(token.word)
        asks.sort()
        numbers.sort()
        blank = " " * len(line)
        return self.make(
            True, " ".join(asks), "", tuple(numbers), (), quotes, tuple(line), blank, blank, "".join(proud),
            blank, "",
        )


cdef dict bits_of(list lists):
    """Of every word a bit for each list that it stands in."""
    cdef dict found = {}
    cdef Py_ssize_t each
    for each in range(len(lists)):
        for word in lists[each]:
            found[word] = found.get(word, 0) | 1 << each
    return found


cdef bint begins_large(str text):
    """Whether the first letter is a capital: then small ones are no carelessness."""
    cdef Py_UCS4 letter
    for letter in text:
        if letter.isalpha():
            return letter.isupper()
    return False


cdef int language(list tokens, unsigned int *seen, unsigned int *places) except? -2:
    """1 where function words prove English, -1 where another language shows, 0 where nothing tells."""
    cdef Py_ssize_t telling = 0, strong = 0, foreign = 0, strange = 0, words = 0
    cdef Word token
    seen[0] = places[0] = 0
    for token in tokens:
        if token.kind != WORD:
            continue
        words += 1
        seen[0] |= token.part
        places[0] |= token.place
        if token.part & STRONG:
            strong += 1
        if token.part & TELLING:
            telling += 1
        elif token.part & STRONG:
            pass
        elif token.part & STRANGE:
            strange += 1
        elif token.part & FOREIGN:
            foreign += 1
    if strange * 4 > words or (foreign + strange and foreign + strange >= max(telling, strong)):
        return -1
    return strong > 0 or (telling > 1 and not foreign)


cdef bint is_shouted(list chunks):
    """Whether capitals say nothing here: the line is in capitals, or most of it is in title case."""
    cdef Py_ssize_t words = 0, raised = 0
    cdef str chunk
    cdef Py_UCS4 first
    for chunk in chunks:
        first = chunk[0]
        if first.isalpha():
            words += 1
            raised += first.isupper()
    return words > 2 and raised * 10 > words * 7


cdef tuple plainly(list tokens):
    """The words alone, with the commas between them; a polite pronoun has its capital."""
    cdef list found = []
    cdef Word token
    cdef bint comma = False
    for token in tokens:
        if not token.word:
            comma = comma or token.kind == COMMA
            continue
        if comma and found:
            found.append(",")
        comma = False
        found.append(token.word.capitalize() if token.proud and token.place & FORMAL else token.word)
    return tuple(found)


cdef bint only_unknown(list line):
    """Whether what is left could stand for anything: a pronoun alone."""
    return len(line) == 1 and line[0] in ("you", "he", "she", "they")
