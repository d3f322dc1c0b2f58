"""A naive reading of a text, part two: the frame of a sentence taken off; to compare `gist` with."""

from gateway.cache.guards import frames
from gateway.cache.guards.english import (
    ARTICLES,
    ASKING_FOR,
    AUXILIARIES,
    FILLERS,
    MODALS,
    NEGATIONS,
    PERSONS,
    ROLES,
    SELF,
    SUBJECTS,
)
from gateway.cache.guards.stems import DONE_FORMS, PAST_FORMS
from gateway.cache.guards.tokens import COMMA, WORD, Token

_PRONOUNS = frozenset(("i", "you", "we", "one", "someone", "people", "to"))
_PRICED = frozenset(("cost", "costs", "weigh", "weighs"))
_KEPT_VERBS = frozenset(("recommend", "find", "remind", "name", "list"))


def unframed(tokens: list[Token]) -> tuple[str, list[Token]]:
    """The question that a sentence asks ("" where it asks what, or nothing) and the tokens that say about what."""
    tokens = _unthanked(tokens)
    told = ""
    for _ in range(6):
        words = [token.word for token in tokens[:12]]
        used = _begins(frames.GREETINGS, words) or _begins(frames.REQUESTS, words)
        if not used and (used := _begins(frames.TELLINGS, words)):
            told = frames.TOLD.get(words[0], "told")
            if words[0] in _KEPT_VERBS and words[1:2] == ["me"]:
                tokens, used = [tokens[0], *tokens[2:]], 0
        if not used and not (words and tokens[0].kind == COMMA):
            break
        tokens = tokens[used or 1 :]
    return _question(tokens, told=told)


def _begins(table: dict[str, list[tuple[str, ...]]], words: list[str]) -> int:
    """How many words of the beginning a phrase of `table` takes; never all of them."""
    for phrase in table.get(words[0], ()) if words else ():
        if len(phrase) < len(words) and tuple(words[: len(phrase)]) == phrase:
            return len(phrase)
    return 0


def _unthanked(tokens: list[Token]) -> list[Token]:
    """Without a `please` or `thanks` at the end, unless the sentence is about the word."""
    end = len(tokens)
    for _ in range(3):
        word = tokens[end - 1].word if end > 1 else ""
        polite = end > 1 and (word in frames.THANKS or tokens[end - 1].kind == COMMA)
        if not polite or tokens[end - 2].word in frames.CITING:
            break
        end -= 1
    for tail in (
        ("thanks", "in", "advance"),
        ("thank", "you"),
        ("thank", "you", "in", "advance"),
        ("for", "me"),
    ):
        size = len(tail)
        if end > size + 1 and tuple(token.word for token in tokens[end - size : end]) == tail:
            if tokens[end - size - 1].word not in frames.CITING:
                end -= size
            break
    while end > 1 and tokens[end - 1].kind == COMMA:
        end -= 1
    return tokens[:end]


def _question(tokens: list[Token], *, told: str) -> tuple[str, list[Token]]:
    """Which question the words ask: by their first words, or after an opening clause that ends in a comma."""
    asked = _first_question(tokens, told=told)
    if asked is not None:
        return asked
    for index, token in enumerate(tokens[:24]):
        if token.kind == COMMA:
            later = _first_question(tokens[index + 1 :], told="")
            if later is not None and tokens[0].word in frames.OPENERS:
                return later[0], [*later[1], token, *tokens[:index]]
            if later is not None:
                return later[0], [*tokens[:index], token, *later[1]]
    last = tokens[-1].word if tokens else ""
    if last in frames.WH and len(tokens) > 2:
        return frames.WH[last], tokens[:-1]
    return told if told in frames.TOLD.values() else "", tokens


def _first_question(tokens: list[Token], *, told: str) -> tuple[str, list[Token]] | None:
    if not tokens:
        return None
    words = [token.word for token in tokens[:8]]
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first == "how":
        return _how(words, tokens)
    if first in frames.WH:
        skipped = 2 if second == "can" or (first != "who" and second in ("to", "do")) else 1
        return "whom" if _is_whom(words) else frames.WH[first], tokens[skipped:]
    if told and first in ("if", "whether"):
        return "is?", tokens[1:]
    way = _way(words)
    if way is not None:
        before = [token for token in tokens[:way] if token.word not in frames.WAY_WORDS]
        return "how to", before + tokens[way + 2 if words[way + 1] == "to" else way + 1 :]
    if first in ("what", "which"):
        if second == "if":
            return "what if", tokens[2:]
        if second in MODALS or second in ASKING_FOR or (told and second in SUBJECTS):
            return "" if tokens[-1].word in _PRICED else "what", tokens[1:]
        return "", tokens[1:]
    if words[:4] == ["is", "it", "possible", "to"]:
        return "can?", tokens[4:]
    if first == "am" and words[1:3] == ["i", "can"]:
        return "can?", tokens[3:]
    if first in MODALS and len(words) > 1 and tokens[0].proud is False:
        return f"{MODALS[first]}?", tokens[1:]
    if first in AUXILIARIES and first != "be" and len(words) > 1:
        going = "will" in words[1:4] and first in ("is", "are", "am")
        return ("will?" if going else "is?"), tokens
    return None


def _is_whom(words: list[str]) -> bool:
    """Whether it is asked to whom something is done."""
    if words[0] != "who" or len(words) < 3:
        return words[0] == "whom"
    return (words[1] in MODALS or words[1] in ASKING_FOR) and words[2] in SUBJECTS


def _how(words: list[str], tokens: list[Token]) -> tuple[str, list[Token]]:
    """how to, how many, how much, how long, how often, or how as such."""
    second, third = words[1] if len(words) > 1 else "", words[2] if len(words) > 2 else ""
    if second == "to":
        return "how to", tokens[2:]
    if (second in MODALS or second in ("do", "does")) and third in _PRONOUNS:
        return "how to", tokens[2 if third in ("i", "we") else 3 :]
    if second in ("i", "we", "one") and third in MODALS:
        return "how to", [*(tokens[1:2] if second != "one" else []), *tokens[3:]]
    if second in ("i", "we") and len(tokens) > 2 and _does(tokens[2]):
        return "how to", tokens[2:]
    if second == "much" and any(token.word in _PRICED for token in tokens):
        return "", tokens[2:]
    if second in ("many", "much", "long", "often", "soon"):
        return f"how {second}", tokens[2:]
    return "how", tokens[1:]


def _does(token: Token) -> bool:
    """Whether a word may be what is done: how I print."""
    word = token.word
    passed = (FILLERS, ARTICLES, SELF, ROLES, PERSONS, MODALS, NEGATIONS, PAST_FORMS, DONE_FORMS)
    return token.kind == WORD and not word.endswith("ed") and not any(word in words for words in passed)


def _way(words: list[str]) -> int | None:
    """Where `(what is) the best way to` has its `way`."""
    for index, word in enumerate(words[:7]):
        if word in frames.WAYS:
            after = words[index + 1] if index + 1 < len(words) else ""
            return index if after == "to" or (index and after in ("of", "for")) else None
    return None
