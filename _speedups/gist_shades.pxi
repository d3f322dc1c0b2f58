# What the small words say that a gist passes over: who does it to whom, and what two texts may not say otherwise.


cdef str form_in(Word token, str said, list rest, Py_ssize_t index, Py_ssize_t clause, bint what, bint did):
    """g: who does it now; d: what was done; p: what is done to somebody, P to oneself, q right now; f: did do.

    `clause` is where the words after the last comma begin; `what`: it asks what something is.
    """
    cdef Py_ssize_t before = index - 1
    cdef bint belongs
    cdef Word other
    if said != token.word and token.word.endswith("ing"):
        return "g"
    if said == token.word or not token.part & DONE:
        return "f" if did else " "
    while before >= 0:
        other = rest[before]
        if not (other.part & NEGATION or (other.part & FILLER and not other.place & BE)):
            break
        before -= 1
    belongs = index + 1 < len(rest) and says_something(<Word>rest[index + 1])
    if before >= 0 and (<Word>rest[before]).place & BE:
        if belongs and before == 0 and what:
            return "d"
        if (<Word>rest[before]).word == "being":
            return "q"
        return "P" if before and is_oneself(<Word>rest[before - 1]) else "p"
    if before > 0 and (<Word>rest[before]).part & SUBJECT and (<Word>rest[before - 1]).place & BE:
        return "P" if is_oneself(<Word>rest[before]) else "p"
    if (<Word>rest[clause]).place & BE and index > clause + 1 and not belongs and not can_do(rest, clause):
        return "P" if is_oneself(<Word>rest[clause + 1]) else "p"
    return "d"


cdef bint can_do(list rest, Py_ssize_t start):
    """Whether a modal stands among the first words: am I able to."""
    cdef Py_ssize_t index
    for index in range(start, min(start + 4, len(rest))):
        if (<Word>rest[index]).part & MODAL:
            return True
    return False


cdef bint is_oneself(Word token):
    return token.part & SUBJECT != 0 and token.part & ONESELF != 0


cdef bint says_something(Word token):
    """Whether a word is no function word, so that what stands before it may belong to it."""
    return token.kind != COMMA and not token.part & (FUNCTION | NEGATION | JOINT | SCOPE_END)


cdef bint says_did(list tokens):
    cdef Word token
    for token in tokens:
        if token.part & DOING and token.word == "did":
            return True
    return False


cdef Py_ssize_t first_doing(list rest):
    """Where somebody does something: the first do, does or did; after the end where none is."""
    cdef Py_ssize_t index
    for index in range(len(rest)):
        if (<Word>rest[index]).part & DOING:
            return index
    return len(rest)


cdef bint is_unmodal(str asked):
    """Whether modals say nothing in such a question: how can I, how should I."""
    return asked in ("how to", "how", "where")


cdef tell_shades(set shades, dict modals, list tokens, list rest, str asked, unsigned int seen):
    """m or c: must or can, where modals say nothing else; d or i: the or a; w or n: will you, can you; S or O: I, me."""
    cdef Word token, first, third
    cdef str modal
    if is_unmodal(asked):
        for token in tokens:
            if token.part & MODAL:
                modal = modals[token.word]
                if modal == "must":
                    shades.add("m")
                elif modal == "can" or modal == "may":
                    shades.add("c")
    if len(rest) > 1:
        first = rest[0]
        if (first.place & BE and asked in ("", "who", "when", "where", "is?")) or (not asked and is_oneself(first)):
            modal = article(rest)
            if modal:
                shades.add(modal)
    if len(tokens) > 2 and (<Word>tokens[1]).word == "you":
        first, third = tokens[0], tokens[2]
        if first.part & MODAL and not third.part & (STRONG | TELLING) and third.word != "please":
            modal = modals[first.word]
            if modal == "will":
                shades.add("w")
            elif modal == "can":
                shades.add("n")
    for token in rest if seen & ONESELF else ():
        if is_oneself(token):
            shades.add("S")
        elif token.place & OBJECTED and not token.proud:
            shades.add("O")


cdef tell_shaded(set shades, dict letters, list tokens):
    """Words that say so themselves; a time only where the question is which."""
    cdef Word token
    cdef str before = ""
    for token in tokens:
        if token.kind == WORD:
            if token.place & SHADED and (not token.place & TIME or before == "what" or before == "which"):
                shades.add(letters[token.word])
            before = token.word


cdef str article(list rest):
    """Whether something is asked or said of the one (d), or of any (i): after `is`, and after what I do."""
    cdef str one = (<Word>rest[1]).word
    cdef str other = (<Word>rest[2]).word if len(rest) > 2 else ""
    if is_owned(rest):
        return ""
    if (<Word>rest[0]).place & BE:
        if one == "there":
            return "d" if other == "the" else "i"
        return definite(one) or definite(other)
    return definite(other)


cdef str definite(str word):
    if word == "the" or word == "my" or word == "our":
        return "d"
    return "i" if word == "a" or word == "an" else ""


cdef bint is_owned(list rest):
    """Whether the article may belong to an owner: a cheetah's speed."""
    cdef Py_ssize_t index
    for index in range(2, min(6, len(rest))):
        if (<Word>rest[index]).owner:
            return True
    return False
