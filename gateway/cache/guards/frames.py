"""The frame of a sentence taken off: politeness, ways of asking to be told, and which question it is."""

from gateway.cache.guards.english import AUXILIARIES, MODALS
from gateway.cache.guards.tokens import COMMA, Token

_words = str.split

_GREETINGS = """hi there|hello there|hey there|hi|hello|hey|dear|quick question|thanks in advance|thank you in advance
|excuse me|please|kindly|ok|okay|i need help with|i need help|i have a question about|i have a question|any idea
|any ideas|can anyone|could anyone|can someone|could someone"""
_REQUESTS = """can you|could you|would you|will you|can you please|could you please|would you please|will you please
|i want you to|i need you to|i would like you to|would you mind|help me to|help me|please help me|do you mind"""
_TELLINGS = """tell me|let me know|i want to know|i would like to know|i wanted to know|i want know|i need to know
|i am wondering
|i was wondering|i wonder|wondering|do you know|do you happen to know|i am curious|i do not know|i wanted to ask
|telling me|i want to understand|help me understand|explain to me|explain|describe to me|describe|define|show me|give me
|name|list|provide me with|provide|tell us|have you any idea|teach me|recommend me|find me|remind me"""
_THANKS = frozenset(("thanks", "cheers"))
_CITING = frozenset(_words("say mean spell for of write to word call use and or pronounce with type the"))
_WAYS = frozenset(_words("way step method procedure instruction ways steps methods instructions"))
_WAY_WORDS = frozenset(
    _words("what is are the some a of best good right correct proper possible different for")
)
_PRONOUNS = frozenset(_words("i you we one someone people to"))
_KEPT_VERBS = frozenset(("recommend", "find", "remind", "name", "list"))
_COURTESIES = frozenset(
    """hi|hello|hey|hi there|hello there|hey there|thanks|thank you|please|thanks in advance|thank you in advance|cheers
|thank you very much|thanks a lot|many thanks|good morning|good evening|good afternoon|quick question|dear all
|i have a question|i need help|please help|please help me|help""".replace("\n", "").split("|")
)
_OPENERS = frozenset(_words("if when in on for with as after before at during using while since given"))
_WH = {"who": "who", "whom": "who", "whose": "whose", "when": "when", "where": "where", "why": "why"}


def _table(text: str) -> dict[str, list[tuple[str, ...]]]:
    table: dict[str, list[tuple[str, ...]]] = {}
    for phrase in text.replace("\n", "").split("|"):
        words = tuple(phrase.split())
        table.setdefault(words[0], []).append(words)
    for phrases in table.values():
        phrases.sort(key=len, reverse=True)
    return table


_TOLD = {"explain": "explain", "describe": "explain", "list": "list", "name": "list"}
GREETINGS, REQUESTS, TELLINGS = _table(_GREETINGS), _table(_REQUESTS), _table(_TELLINGS)


def unframed(tokens: list[Token]) -> tuple[str, list[Token]]:
    """The question that a sentence asks ("" where it asks what, or nothing) and the tokens that say about what."""
    tokens = _unthanked(tokens)
    told = ""
    for _ in range(6):
        words = [token.word for token in tokens[:12]]
        used = _begins(GREETINGS, words) or _begins(REQUESTS, words)
        if not used and (used := _begins(TELLINGS, words)):
            told = _TOLD.get(words[0], "told")
            if words[0] in _KEPT_VERBS and words[1:2] == ["me"]:
                tokens, used = [tokens[0], *tokens[2:]], 0
        if not used and not (words and tokens[0].kind == COMMA):
            break
        tokens = tokens[used or 1 :]
    return _question(tokens, told=told)


def is_courtesy(tokens: list[Token]) -> bool:
    """Whether a sentence is a greeting, thanks or the like and nothing else."""
    return len(tokens) < 8 and " ".join(token.word for token in tokens if token.word) in _COURTESIES


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
        polite = end > 1 and (word == "please" or word in _THANKS or tokens[end - 1].kind == COMMA)
        if not polite or tokens[end - 2].word in _CITING:
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
            if tokens[end - size - 1].word not in _CITING:
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
            if later is not None and tokens[0].word in _OPENERS:
                return later[0], [*later[1], token, *tokens[:index]]
            if later is not None:
                return later[0], [*tokens[:index], token, *later[1]]
    last = tokens[-1].word if tokens else ""
    if last in _WH and len(tokens) > 2:
        return _WH[last], tokens[:-1]
    return told if told in _TOLD.values() else "", tokens


def _first_question(tokens: list[Token], *, told: str) -> tuple[str, list[Token]] | None:
    if not tokens:
        return None
    words = [token.word for token in tokens[:8]]
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first == "how":
        return _how(words, tokens)
    if first in _WH:
        skipped = 2 if second == "can" or (first != "who" and second in ("to", "do")) else 1
        return _WH[first], tokens[skipped:]
    if told and first in ("if", "whether"):
        return "is?", tokens[1:]
    ways = _way(words)
    if ways:
        return "how to", [token for token in tokens[:ways] if token.word not in _WAY_WORDS][:-1] + tokens[
            ways + 1 :
        ]
    if first in ("what", "which"):
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


def _how(words: list[str], tokens: list[Token]) -> tuple[str, list[Token]]:
    """how to, how many, how much, how long, how often, or how as such."""
    second, third = words[1] if len(words) > 1 else "", words[2] if len(words) > 2 else ""
    if second == "to":
        return "how to", tokens[2:]
    if (second in MODALS or second in ("do", "does")) and third in _PRONOUNS:
        return "how to", tokens[3:]
    if second in ("i", "we", "one") and third in MODALS:
        return "how to", tokens[3:]
    if second == "much" and any(token.word in ("cost", "costs", "weigh", "weighs") for token in tokens):
        return "", tokens[2:]
    if second in ("many", "much", "long", "often", "soon"):
        return f"how {second}", tokens[2:]
    return "how", tokens[1:]


def _way(words: list[str]) -> int:
    """Where `(what is) the best way to` has its `way`: the index of that word, 0 where it is not said."""
    for index, word in enumerate(words):
        if word in _WAYS:
            after = words[index + 1] if index + 1 < len(words) else ""
            return (
                index if after in ("to", "of", "for") and index else (1 if after == "to" and not index else 0)
            )
        if index > 5:
            break
    return 0
