"""The words of a sentence's frame: politeness, ways of asking to be told, and which question it is."""

_words = str.split

_GREETINGS = """hi there|hello there|hey there|hi|hello|hey|dear|quick question|thanks in advance|thank you in advance
|excuse me|please|kindly|ok|okay|i need help with|i need help|i have a question about|i have a question|any idea
|any ideas|can anyone|could anyone|can someone|could someone
|does anyone know|does anybody know|hi team|hello team|hi all|hello all|hi everyone|hello everyone
|sorry to bother you but|sorry to bother you , but|sorry to bother you|good morning ,|good afternoon ,|good evening ,
|so ,|well ,"""
_REQUESTS = """can you|could you|would you|will you|can you please|could you please|would you please|will you please
|i want you to|i need you to|i would like you to|would you mind|help me to|help me|please help me|do you mind"""
_TELLINGS = """tell me|just tell me|let me know|i want to know|i would like to know|i wanted to know|i want know
|i need to know|i am wondering
|i was wondering|i wonder|wondering|do you know|do you happen to know|i am curious|i do not know|i wanted to ask
|telling me|i want to understand|help me understand|explain to me|explain|describe to me|describe|define|show me|give me
|name|list|provide me with|provide|tell us|have you any idea|teach me|recommend me|find me|remind me"""
THANKS = frozenset(("please", "thanks", "cheers"))
CITING = frozenset(_words("say mean spell for of write to word call use and or pronounce with type the"))
WAYS = frozenset(_words("way step method procedure instruction ways steps methods instructions"))
WAY_WORDS = frozenset(
    _words("what is are the some a of best good right correct proper possible different for")
)
COURTESIES = frozenset(
    """hi|hello|hey|hi there|hello there|hey there|thanks|thank you|please|thanks in advance|thank you in advance|cheers
|thank you very much|thanks a lot|many thanks|good morning|good evening|good afternoon|quick question|dear all
|can you help me|could you help me|hi can you help me|hey can you help me|hello can you help me|can you please help me
|can anyone help me
|i have a question|i need help|please help|please help me|help""".replace("\n", "").split("|")
)
OPENERS = frozenset(_words("if when in on for with as after before at during using while since given"))
WH = {"who": "who", "whom": "who", "whose": "whose", "when": "when", "where": "where", "why": "why"}


def _table(text: str) -> dict[str, list[tuple[str, ...]]]:
    """The phrases by their first words; a comma is a token without a word."""
    table: dict[str, list[tuple[str, ...]]] = {}
    for phrase in text.replace("\n", "").split("|"):
        words = tuple(word.strip(",") for word in phrase.split())
        table.setdefault(words[0], []).append(words)
    for phrases in table.values():
        phrases.sort(key=len, reverse=True)
    return table


TOLD = {"explain": "explain", "describe": "explain", "list": "list", "name": "list"}
GREETINGS, REQUESTS, TELLINGS = _table(_GREETINGS), _table(_REQUESTS), _table(_TELLINGS)
