# The parts of a gist, read from its sentences: which words are said, in which role, and what is asked and denied.

cdef enum:
    THEN = 1        # tenses
    NOW = 2
    LATER = 4


cdef class Parts:
    cdef Reader reader
    cdef bint passing       # function words may be passed over: the text is English
    cdef bint literal       # it asks for the meaning of words: no other word will do
    cdef list line
    cdef list roles
    cdef list proud
    cdef list forms
    cdef list breaks        # before which words of the line something other than and/or stood
    cdef list joints        # between which words of the line and/or stood
    cdef list asks
    cdef list numbers
    cdef list denied
    cdef int tense
    cdef bint unmodal       # of the sentence that is read: modals say nothing in it
    cdef bint unpersonal    # nor does `you`: anybody is meant
    cdef bint has           # `have` says something
    cdef bint doing         # so may a `do` at its beginning
    cdef bint what          # it asks what, or nothing
    cdef bint where         # it asks where: at and to say nothing at its end
    cdef bint did           # and what somebody did
    cdef unsigned int seen  # the lists that words of the text stand in
    cdef Py_ssize_t does    # where the first do, does, did of its words stands
    cdef Py_ssize_t clause  # where the words after the last comma begin
    cdef bint careful       # names are written with capitals
    cdef set shades         # letters for what is passed over, and yet says something

    def __init__(self, Reader reader, bint passing, unsigned int seen, bint careful):
        self.reader, self.passing, self.seen, self.careful = reader, passing, seen, careful
        self.literal = seen & LITERAL != 0
        self.line, self.roles, self.proud, self.forms = [], [], [], []
        self.breaks, self.joints = [], []
        self.asks, self.numbers, self.denied = [], [], []
        self.tense = 0
        self.shades = set()

    cdef sentence(self, list tokens):
        cdef str asked = "", role = " "
        cdef list rest = tokens
        cdef Py_ssize_t index
        if self.passing:
            asked, rest = unframed(self.reader, tokens)
            self.tell_tense(tokens, max(0, len(tokens) - len(rest) - 2))
            tell_shades(self.shades, self.reader.modals, tokens, rest, asked, self.seen)
        if asked:
            self.asks.append(asked)
        self.unmodal = is_unmodal(asked)
        self.unpersonal = asked in ("how to", "can?", "how many", "how much") and not of_oneself(rest)
        self.has = asked in ("should?", "can?", "will?", "must?", "may?")
        self.doing = asked in ("how to", "who")
        self.what, self.where = asked == "", asked == "where"
        self.did = self.seen & DOING and says_did(tokens)
        self.does = first_doing(rest) if self.seen & DOING else len(rest)
        self.clause = 0
        for index in range(len(rest)):
            role = self.token(<Word>rest[index], role, rest, index)
        self.breaks.append(len(self.line))

    cdef tell_tense(self, list tokens, Py_ssize_t start):
        cdef Py_ssize_t index, size = len(tokens)
        cdef unsigned int seen = 0
        cdef Word token
        cdef str before
        for index in range(start + 1, size):
            before = (<Word>tokens[index - 1]).word
            if before == "who" or before == "what":
                token = tokens[index]
                if token.kind == WORD and not token.part & FILLER:
                    self.tense |= THEN if token.part & PAST_FORM else NOW if token.word.endswith("s") else 0
        for index in range(start, min(start + 6, size)):
            seen |= (<Word>tokens[index]).part
        if seen & MODAL and self.is_later(tokens, start):
            self.tense |= LATER
        if seen & PAST:
            self.tense |= THEN
        elif seen & PRESENT and not seen & TENSELESS:
            self.tense |= NOW

    cdef bint is_later(self, list tokens, Py_ssize_t start):
        cdef Py_ssize_t index
        cdef Word token
        for index in range(start, min(start + 6, len(tokens))):
            token = tokens[index]
            if token.part & MODAL and self.reader.modals[token.word] == "will":
                return True
        return False

    cdef str token(self, Word token, str role, list rest, Py_ssize_t index):
        """Reads one token; returns the role that the next word has."""
        cdef str word = token.word
        if token.kind == COMMA:
            self.clause = index + 1
            self.breaks.append(len(self.line))
            return " "
        if token.kind == NUMBER:
            self.numbers.append(word)
            self.say("#" + word, role, token)
            return role
        if token.kind != WORD:
            self.say(self.reader.synonyms.get(word, word), role, token)
            return role
        if token.part & NEGATION:
            self.deny(token, rest, index)
            self.breaks.append(len(self.line))
            return "x" if word in ("without", "except", "excluding") else role
        if token.proud and word != "i" and (token.part & SHORT_NAME or len(word) == 1):
            self.say("usa" if word == "us" else word, role, token)
            return role
        if self.passing:
            passed = self.passed(token, role, rest, index)
            if passed is not None:
                return passed
        word = self.meant(token)
        self.say(word, "s" if token.owner else role, token)
        if self.did or (word != token.word and (token.part & DONE or token.word.endswith("ing"))):
            self.forms[len(self.forms) - 1] = form_in(token, word, rest, index, self.clause, self.what, self.did)
        return role

    cdef str meant(self, Word token):
        """The one word for all that mean the same, as far as the text lets them."""
        cdef str word
        if token.part & NEGATED and not token.proud:
            word = self.reader.negated[token.word]
            self.denied.append(word)
            if word == "able":
                word = "can"
            if self.literal and not self.reader.parts.get(word, 0) & LITERAL:
                return word
            return self.reader.base(word, False)
        if self.literal and not token.part & LITERAL:
            return token.word
        return self.reader.canonical(token)

    cdef str passed(self, Word token, str role, list rest, Py_ssize_t index):
        """The role that follows a function word; None where the word is to be said."""
        cdef unsigned int part = token.part
        cdef str word = token.word, person
        if part & ROLE:
            if word == "like" and self.does < index and not (<Word>rest[index - 1]).place & LOOKS:
                return None
            self.breaks.append(len(self.line))
            if role == "h" and (<Word>rest[index - 1]).word == "than":
                return role
            if word == "of" and index and (<Word>rest[index - 1]).place & CONTAINER:
                return "c"
            if index + 1 == len(rest) or (<Word>rest[index + 1]).kind == COMMA:
                return role if self.where and (word == "at" or word == "to") else None
            return self.reader.roles[word]
        if part & JOINT:
            self.joints.append(len(self.line))
            if word == "or":
                self.numbers.append("or")
            return role
        if is_mentioned(token, rest, index):
            self.say(word, role, token)
            return role
        if not part & FUNCTION and not (index == 0 and (word == "when" or word == "then")):
            return None
        if part & ARTICLE:
            if word == "all":
                return None
            if word == "it" and 0 < index < len(rest) - 1 and says_something(<Word>rest[index - 1]):
                return None
            spans = word == "this" and index + 1 < len(rest) and (<Word>rest[index + 1]).part & SPAN
            return None if spans else role
        if part & SELF:
            if token.place & OBJECTED and role in ("h", "r", "b", "w", "u"):
                self.say("me", role, token)
            return role
        if part & PERSON:
            person = self.reader.persons[word]
            if not (self.unpersonal and person == "you"):
                self.say(person, " ", token)
            return " "
        if part & MODAL:
            if not self.unmodal:
                self.say(self.reader.modals[word], " ", token)
            return " "
        if part & SUPPORT and (self.has and word == "have" or self.is_said(token, rest, index)):
            return None
        self.breaks.append(len(self.line))
        return " "

    cdef bint is_said(self, Word token, list rest, Py_ssize_t index):
        """Whether `do` or `have` is what is done, and does not only help another verb: by what follows."""
        cdef Word after
        if not self.doing and (index == 0 or (<Word>rest[index - 1]).kind == COMMA):
            return False
        if index + 1 == len(rest):
            return True
        after = rest[index + 1]
        if after.kind == COMMA or after.kind == NUMBER or after.part & SCOPE_END or (after.part & ROLE and after.word != "to"):
            return True
        if token.part & HAVING:
            return after.part & (ARTICLE | POSSESSIVE) != 0
        return after.word in ("it", "this", "that", "so")

    cdef say(self, str word, str role, Word token):
        self.line.append(word)
        self.roles.append(role)
        self.proud.append("^" if token.proud else "v" if self.careful and token.place & NAME_TOO else " ")
        self.forms.append(" ")

    cdef deny(self, Word token, list rest, Py_ssize_t index):
        """Keeps what a negation denies: the next word that says something, `?` where the question is turned round."""
        cdef str kind = self.reader.negations[token.word]
        cdef Py_ssize_t each, size = len(rest)
        cdef Word other
        if token.joined and index <= 1:
            self.denied.append("?" if is_simple(rest, index + 1) else "!")
            return
        if index + 1 < size and (<Word>rest[index + 1]).word == "do":
            self.denied.append("do")
            return
        for each in range(index + 1, min(index + 8, size)):
            other = rest[each]
            if other.kind == COMMA or other.part & SCOPE_END:
                break
            if not other.part & FUNCTION:
                base = self.reader.canonical(other)
                self.denied.append(base if kind == "not" else f"-{base}")
                return
        self.denied.append("" if kind == "not" else "-")

    cdef gist(self, tuple quotes):
        tense = "past" if self.tense == THEN else "now" if self.tense == NOW else ""
        if self.tense & LATER and not self.tense & THEN:
            tense = "will"
        self.asks.sort()
        self.numbers.sort()
        self.denied.sort()
        return self.reader.make(
            True, " ".join(self.asks), tense, tuple(self.numbers), tuple(self.denied), quotes, tuple(self.line),
            "".join(self.roles), self.groups(), "".join(self.proud), "".join(self.forms),
            "".join(sorted(self.shades)) if self.shades else "",
        )

    cdef str groups(self):
        """Marks the words that one `and` or `or` joins, where the text has one such group and nothing ranks it."""
        cdef Py_ssize_t size = len(self.line), joint, index
        cdef list marks
        if not self.joints:
            return " " * size
        breaks = set(self.breaks)
        joints = {joint for joint in self.joints if 0 < joint < size} - breaks
        if len(joints) != 1 or not self.ranked_by_none():
            return " " * size
        marks = [" "] * size
        joint = joints.pop()
        marks[joint - 1] = marks[joint] = "&"
        for index in range(joint - 2, -1, -1):
            if not self.both_proud(index, index + 1) or index + 1 in breaks:
                break
            marks[index] = "&"
        for index in range(joint + 1, size):
            if not self.both_proud(index, index - 1) or index in breaks:
                break
            marks[index] = "&"
        return "".join(marks)

    cdef bint ranked_by_none(self):
        return self.reader.ranked.isdisjoint(self.line)

    cdef bint both_proud(self, Py_ssize_t one, Py_ssize_t other):
        return self.proud[one] == "^" and self.proud[other] == "^"


cdef bint of_oneself(list rest):
    """Whether the one who asks is spoken of: then `you` is somebody else."""
    cdef Word token
    for token in rest:
        if token.part & ONESELF:
            return True
    return False


cdef bint is_simple(list rest, Py_ssize_t start):
    """Whether no clause follows."""
    cdef Py_ssize_t each
    for each in range(start, len(rest)):
        if (<Word>rest[each]).part & SCOPE_END or (<Word>rest[each]).kind == COMMA:
            return False
    return True


cdef bint is_mentioned(Word token, list rest, Py_ssize_t index):
    """Whether a function word is spoken of, not used: `been and being`, `when an`; the variable i."""
    cdef str before, after = (<Word>rest[index + 1]).word if index + 1 < len(rest) else ""
    if token.word == "i":
        before = (<Word>rest[index - 1]).word if index else ""
        return before == "is" or before == "of" or before == "the" or before == "variable"
    if token.part & (ROLE | MODAL | PERSON):
        return False
    if after == "and" or after == "or":
        return True
    if after:
        return False
    before = (<Word>rest[index - 1]).word if index else ""
    return before == "and" or before == "or" or before == "when"
