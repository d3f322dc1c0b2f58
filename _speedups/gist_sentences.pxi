# The sentences of a text, with phrases that mean one word put into it, and numbers spelt in words put into digits.


cdef list sentences_of(list tokens, courtesies):
    """Without those that are a greeting, thanks or the like and nothing else, unless that is all."""
    cdef list found = [], said = []
    cdef Word token
    for token in tokens:
        if token.kind != STOP:
            said.append(token)
        elif said:
            found.append(said)
            said = []
    if said:
        found.append(said)
    if len(found) > 1:
        return [sentence for sentence in found if not is_courtesy(<list>sentence, courtesies)]
    return found


cdef bint is_courtesy(list tokens, courtesies):
    cdef Word token
    return len(tokens) < 8 and " ".join([token.word for token in tokens if token.word]) in courtesies


cdef bint says(list tokens, Py_ssize_t index, words):
    """Whether these words stand there."""
    cdef Py_ssize_t each, count = len(words)
    if index + count > len(tokens):
        return False
    for each in range(count):
        if (<Word>tokens[index + each]).word != <str>words[each]:
            return False
    return True


cdef list phrased(Reader reader, list tokens):
    """With the phrases that have a one-word meaning put into it (log in, get rid of)."""
    cdef list found = []
    cdef Py_ssize_t index = 0, size = len(tokens)
    cdef Word token
    for token in tokens:
        if token.place & PHRASE and token.kind == WORD:
            break
    else:
        return tokens
    while index < size:
        token = tokens[index]
        if token.place & PHRASE and token.kind == WORD:
            for said, meant in reader.phrases[token.word]:
                if says(tokens, index, said):
                    replace(reader, found, meant, token.proud, (<Word>tokens[index + len(said) - 1]).owner)
                    index += len(said)
                    break
            else:
                found.append(token)
                index += 1
        else:
            found.append(token)
            index += 1
    return found


cdef replace(Reader reader, list found, tuple meant, bint proud, bint owner):
    """Adds the words that are meant; the last one owns what the phrase owned."""
    cdef Py_ssize_t each, count = len(meant)
    for each in range(count):
        found.append(reader.token(meant[each], WORD, proud, owner and each == count - 1, False))


cdef list numbered(Reader reader, list tokens):
    """With the numbers that are spelt in words, and Roman ones, as numbers."""
    cdef list found = []
    cdef Py_ssize_t index = 0, size = len(tokens)
    cdef Word token, before, after
    cdef str number
    for token in tokens:
        if token.kind == NUMBER or token.place & (NUMERAL | ROMAN) or token.word == "second":
            break
    else:
        return tokens
    while index < size:
        token = tokens[index]
        before = <Word>found[len(found) - 1] if found else None
        if token.kind == WORD:
            if token.proud and before is not None and is_roman(token, before):
                found.append(reader.token(reader.romans[token.word], NUMBER, False, False, False))
            elif before is not None and token.word == "second" and before.word == "the":
                found.append(reader.token("2th", NUMBER, False, False, False))
            elif token.place & NUMERAL:
                number, used = reader.worded(words_from(tokens, index))
                if used and not is_pronoun_one(token.word, before):
                    found.append(reader.token(number, NUMBER, False, False, False))
                    index += used - 1
                else:
                    found.append(token)
            else:
                found.append(token)
        elif token.kind == NUMBER and is_month(before):
            found.append(reader.token(token.word.removesuffix("th"), NUMBER, False, False, False))
            index += is_year(tokens, index + 1)
        elif token.kind == NUMBER and index + 1 < size:
            after = tokens[index + 1]
            if is_month(after):
                found.append(after)
                found.append(reader.token(token.word.removesuffix("th"), NUMBER, False, False, False))
                index += 1
            elif after.kind == WORD and after.place & SCALE:
                number = reader.scaled(token.word, reader.scales[after.word])
                found.append(reader.token(number, NUMBER, False, False, False))
                index += 1
            else:
                found.append(token)
        else:
            found.append(token)
        index += 1
    return found


cdef bint is_month(Word token):
    return token is not None and token.kind == WORD and token.place & MONTH != 0


cdef bint is_year(list tokens, Py_ssize_t index):
    """Whether a comma and a year stand there: March 3, 2025."""
    if index + 1 >= len(tokens) or (<Word>tokens[index]).kind != COMMA:
        return False
    return (<Word>tokens[index + 1]).kind == NUMBER and len((<Word>tokens[index + 1]).word) == 4


cdef list words_from(list tokens, Py_ssize_t index):
    cdef Word other
    return [other.word for other in tokens[index:index + 12] if other.kind == WORD]


cdef bint is_roman(Word token, Word before):
    return token.place & ROMAN and (before.proud or before.place & ROMAN_AFTER)


cdef bint is_pronoun_one(str word, Word before):
    return (
        word == "one"
        and before is not None
        and before.word in ("this", "that", "which", "the", "another", "can", "does")
    )
