"""A naive reading of a text, part one: tokens, sentences, phrases and numbers; to compare `gist` with."""

from gateway.cache.guards import english, frames
from gateway.cache.guards.numerals import NUMBER_WORDS, ROMAN, ROMAN_AFTER, SCALES, scaled, worded
from gateway.cache.guards.synonyms import PHRASES
from gateway.cache.guards.tokens import COMMA, MONTHS, NUMBER, STOP, WORD, Token, cut, straightened


def tokens_of(text: str) -> list[Token]:
    """The tokens of `text`. A STOP ends every sentence and every line; a COMMA stands for each comma."""
    found: list[Token] = []
    for line in straightened(text).splitlines():
        chunks = line.split()
        shouted = _shouted(chunks)
        start = True
        for chunk in chunks:
            read = cut(chunk, start, shouted)
            found.extend(read)
            start = read[-1].kind == STOP if read else start
        if not start:
            found.append(Token("", STOP))
    return found


def _shouted(chunks: list[str]) -> bool:
    """Whether capitals say nothing here: the line is in capitals, or most of it is in title case."""
    words = [chunk for chunk in chunks if chunk[0].isalpha()]
    return len(words) > 2 and sum(word[0].isupper() for word in words) * 10 > len(words) * 7


def is_english(words: list[str]) -> bool | None:
    """True where function words prove it, False where another language shows, None where nothing tells."""
    telling = strong = foreign = strange = 0
    for word in words:
        if word in english.TELLING:
            telling += 1
            strong += word not in english.WEAK
        elif word in english.VERBS:
            strong += 1
        elif not word.isascii():
            strange += 1
        elif word in english.FOREIGN:
            foreign += 1
    if strange * 4 > len(words) or (foreign + strange and foreign + strange >= max(telling, strong)):
        return False
    return True if strong or (telling > 1 and not foreign) else None


def is_courtesy(tokens: list[Token]) -> bool:
    """Whether a sentence is a greeting, thanks or the like and nothing else."""
    return len(tokens) < 8 and " ".join(token.word for token in tokens if token.word) in frames.COURTESIES


def sentences_of(tokens: list[Token]) -> list[list[Token]]:
    found: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind != STOP:
            found[-1].append(token)
        elif found[-1]:
            found.append([])
    said = [sentence for sentence in found if sentence]
    return [sentence for sentence in said if not is_courtesy(sentence)] if len(said) > 1 else said


def phrased(tokens: list[Token]) -> list[Token]:
    """With the phrases that have a one-word meaning put into it (log in, get rid of)."""
    found: list[Token] = []
    index = 0
    words = [token.word for token in tokens]
    while index < len(tokens):
        token = tokens[index]
        for said, meant in PHRASES.get(token.word, ()) if token.kind == WORD else ():
            if words[index : index + len(said)] == said:
                found.extend(Token(word, proud=token.proud) for word in meant)
                found[-1].owner = tokens[index + len(said) - 1].owner
                index += len(said)
                break
        else:
            found.append(token)
            index += 1
    return found


def numbered(tokens: list[Token]) -> list[Token]:
    """With the numbers that are spelt in words, and Roman ones, as numbers."""
    found: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        before = found[-1] if found else None
        if token.kind == WORD and token.proud and before and _is_roman(token.word, before):
            found.append(Token(ROMAN[token.word], NUMBER))
        elif token.kind == WORD and token.word == "second" and before and before.word == "the":
            found.append(Token("2th", NUMBER))
        elif token.kind == WORD:
            number, used = "", 0
            if token.word in NUMBER_WORDS:
                number, used = worded(
                    [other.word for other in tokens[index : index + 12] if other.kind == WORD]
                )
            if used and not _is_pronoun_one(token.word, before):
                found.append(Token(number, NUMBER))
                index += used - 1
            else:
                found.append(token)
        elif token.kind == NUMBER and _is_month(tokens, index + 1) and not _is_month(found, len(found) - 1):
            found.extend([tokens[index + 1], Token(token.word.removesuffix("th"), NUMBER)])
            index += 1
        elif token.kind == NUMBER and _is_month(found, len(found) - 1):
            found.append(Token(token.word.removesuffix("th"), NUMBER))
            if _is_year(tokens, index + 1):
                index += 1
        elif token.kind == NUMBER and index + 1 < len(tokens) and (scale := _scale(tokens[index + 1])):
            found.append(Token(scaled(token.word, scale), NUMBER))
            index += 1
        else:
            found.append(token)
        index += 1
    return found


def _is_month(tokens: list[Token], index: int) -> bool:
    return 0 <= index < len(tokens) and tokens[index].kind == WORD and tokens[index].word in MONTHS


def _is_year(tokens: list[Token], index: int) -> bool:
    """Whether a comma and a year stand there: March 3, 2025."""
    return (
        index + 1 < len(tokens)
        and tokens[index].kind == COMMA
        and tokens[index + 1].kind == NUMBER
        and len(tokens[index + 1].word) == 4
    )


def _is_roman(word: str, before: Token) -> bool:
    return word in ROMAN and (before.proud or before.word in ROMAN_AFTER)


def _is_pronoun_one(word: str, before: Token | None) -> bool:
    return (
        word == "one"
        and before is not None
        and before.word in ("this", "that", "which", "the", "another", "can", "does")
    )


def _scale(token: Token) -> int:
    return SCALES.get(token.word, 0) if token.kind == WORD else 0
