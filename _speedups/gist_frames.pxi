# The frame of a sentence taken off: politeness, ways of asking to be told, and which question it is.

cdef tuple TAILS = (
    ("thanks", "in", "advance"), ("thank", "you"), ("thank", "you", "in", "advance"), ("for", "me"),
)


cdef tuple unframed(Reader reader, list tokens):
    """The question that a sentence asks ("" where it asks what, or nothing), and the tokens that say about what."""
    cdef Py_ssize_t used, start = 0
    cdef int turn
    cdef str told = ""
    cdef Word first
    tokens = unthanked(tokens)
    for turn in range(6):
        if start >= len(tokens):
            break
        first = tokens[start]
        used = 0
        if first.place & OPENING:
            if first.place & GREETING:
                used = begins(reader.greetings, tokens, start)
            if not used and first.place & REQUEST:
                used = begins(reader.requests, tokens, start)
            if not used and first.place & ASKING:
                used = begins(reader.askings, tokens, start)
                if used:
                    told = reader.told.get(first.word, "told")
                    if is_kept(tokens, start):
                        tokens = [first, *tokens[start + 2:]]
                        start = used = 0
                        if first.kind != COMMA:
                            break
        if not used and first.kind != COMMA:
            break
        start += used or 1
    return question(reader, tokens[start:] if start else tokens, told)


cdef bint is_kept(list tokens, Py_ssize_t start):
    """Whether the verb stays and its `me` goes: recommend me, list me."""
    return (
        (<Word>tokens[start]).word in ("recommend", "find", "remind", "name", "list")
        and start + 1 < len(tokens)
        and (<Word>tokens[start + 1]).word == "me"
    )


cdef Py_ssize_t begins(dict table, list tokens, Py_ssize_t start):
    """How many words of the beginning a phrase of `table` takes; never all of them, nor all of the first twelve."""
    cdef Py_ssize_t left = min(len(tokens) - start, 12)
    for phrase in table[(<Word>tokens[start]).word]:
        if len(<tuple>phrase) < left and says(tokens, start, phrase):
            return len(<tuple>phrase)
    return 0


cdef list unthanked(list tokens):
    """Without a `please` or `thanks` at the end, unless the sentence is about the word."""
    cdef Py_ssize_t size = len(tokens), end = size, count
    cdef int turn
    cdef Word last
    for turn in range(3):
        if end < 2:
            break
        last = tokens[end - 1]
        if not (last.place & THANKS or last.kind == COMMA) or (<Word>tokens[end - 2]).place & CITING:
            break
        end -= 1
    for tail in TAILS:
        count = len(<tuple>tail)
        if end > count + 1 and says(tokens, end - count, tail):
            if not (<Word>tokens[end - count - 1]).place & CITING:
                end -= count
            break
    while end > 1 and (<Word>tokens[end - 1]).kind == COMMA:
        end -= 1
    return tokens if end == size else tokens[:end]


cdef tuple question(Reader reader, list tokens, str told):
    """Which question the words ask: by their first words, or after an opening clause that ends in a comma."""
    cdef tuple asked = first_question(reader, tokens, told)
    cdef Py_ssize_t index
    cdef Word token
    if asked is not None:
        return asked
    for index in range(min(len(tokens), 24)):
        token = tokens[index]
        if token.kind == COMMA:
            asked = first_question(reader, tokens[index + 1:], "")
            if asked is None:
                continue
            if (<Word>tokens[0]).place & OPENER:
                return asked[0], [*asked[1], token, *tokens[:index]]
            return asked[0], [*tokens[:index], token, *asked[1]]
    if len(tokens) > 2:
        token = tokens[len(tokens) - 1]
        if token.place & ASKED:
            return reader.questions[token.word], tokens[:len(tokens) - 1]
    return (told if told in ("explain", "list") else ""), tokens


cdef tuple first_question(Reader reader, list tokens, str told):
    """None where the first words ask nothing."""
    cdef Py_ssize_t size = len(tokens), at
    cdef Word first, second, token
    cdef bint going
    if not size:
        return None
    first = tokens[0]
    second = tokens[1] if size > 1 else reader.stop
    if first.word == "how":
        return how(reader, tokens)
    if first.place & ASKED:
        skips = second.word == "can" or (first.word != "who" and second.word in ("to", "do"))
        asked = "whom" if is_whom(tokens) else reader.questions[first.word]
        return asked, tokens[2 if skips else 1:]
    if told and first.word in ("if", "whether"):
        return "is?", tokens[1:]
    at = way(tokens)
    if at >= 0:
        rest = [token for token in tokens[:at] if not token.place & WAY_WORD]
        return "how to", rest + tokens[at + 2 if (<Word>tokens[at + 1]).word == "to" else at + 1:]
    if first.word == "what" or first.word == "which":
        if second.word == "if":
            return "what if", tokens[2:]
        if second.part & (MODAL | ASKING_FOR) or (told and second.part & SUBJECT):
            return "" if is_price(<Word>tokens[size - 1]) else "what", tokens[1:]
        return "", tokens[1:]
    if first.word == "is" and says(tokens, 1, ("it", "possible", "to")):
        return "can?", tokens[4:]
    if first.word == "am" and says(tokens, 1, ("i", "can")):
        return "can?", tokens[3:]
    if size > 1 and first.part & MODAL and not first.proud:
        return f"{reader.modals[first.word]}?", tokens[1:]
    if size > 1 and first.place & AUXILIARY and first.word != "be":
        going = first.word in ("is", "are", "am") and any_word(tokens, 1, 4, "will")
        return ("will?" if going else "is?"), tokens
    return None


cdef bint is_whom(list tokens):
    """Whether somebody who asks, or is spoken to or of, does something to whom is asked about: who(m) did I call."""
    cdef Word first = tokens[0], second, third
    if first.word == "whom" or first.word != "who" or len(tokens) < 3:
        return first.word == "whom"
    second, third = tokens[1], tokens[2]
    return second.part & (MODAL | ASKING_FOR) and third.part & SUBJECT


cdef bint any_word(list tokens, Py_ssize_t start, Py_ssize_t end, str word):
    cdef Py_ssize_t each
    for each in range(start, min(end, len(tokens))):
        if (<Word>tokens[each]).word == word:
            return True
    return False


cdef tuple how(Reader reader, list tokens):
    """how to, how many, how much, how long, how often, or how as such."""
    cdef Word second = tokens[1] if len(tokens) > 1 else reader.stop
    cdef Word third = tokens[2] if len(tokens) > 2 else reader.stop
    cdef Word token
    cdef str word = second.word
    if word == "to":
        return "how to", tokens[2:]
    if second.part & MODAL or word == "do" or word == "does":
        if third.word == "i" or third.word == "we":
            return "how to", tokens[2:]
        if third.word in ("you", "one", "someone", "people", "to"):
            return "how to", tokens[3:]
    if third.part & MODAL and (word == "i" or word == "we"):
        return "how to", [second, *tokens[3:]]
    if third.part & MODAL and word == "one":
        return "how to", tokens[3:]
    if (word == "i" or word == "we") and len(tokens) > 2 and third.kind == WORD:
        if not third.part & (FUNCTION | NEGATION | PAST_FORM | DONE) and not third.word.endswith("ed"):
            return "how to", tokens[2:]
    if word == "much":
        for token in tokens:
            if is_price(token):
                return "", tokens[2:]
    if word in ("many", "much", "long", "often", "soon"):
        return f"how {word}", tokens[2:]
    return "how", tokens[1:]


cdef bint is_price(Word token):
    """Whether `how much` and `what` ask the same with this word."""
    return token.word in ("cost", "costs", "weigh", "weighs")


cdef Py_ssize_t way(list tokens):
    """Where `(what is) the best way to` has its `way`: the index of that word, -1 where it is not said."""
    cdef Py_ssize_t index, size = min(len(tokens), 8)
    cdef str after
    for index in range(min(size, 7)):
        if (<Word>tokens[index]).place & WAY:
            after = (<Word>tokens[index + 1]).word if index + 1 < size else ""
            return index if after == "to" or (index and (after == "of" or after == "for")) else -1
    return -1
