"""Questions of about 20 tokens, made by rule: to be learned, and to be looked up in other words."""

import math
import random
from collections.abc import Iterator

OPENINGS = (
    "How do I", "What is the best way to", "Can you explain how to", "Why can't I", "When should I",
    "Please tell me how to", "Is there a way to", "What happens if I", "Where can I", "Who may",
)  # fmt: skip
VERBS = (
    "cancel", "renew", "upgrade", "install", "configure", "export", "import", "share", "delete", "restore", "verify",
    "transfer", "schedule", "compare", "measure", "translate", "repair", "refund", "track", "encrypt", "print",
)  # fmt: skip
KINDS = (
    "yearly", "shared", "foreign", "encrypted", "broken", "digital", "family", "business", "hidden", "temporary",
    "expired", "public", "private", "automatic", "duplicate", "virtual", "seasonal", "regional", "frozen", "pending",
)  # fmt: skip
THINGS = (
    "subscription", "password", "invoice", "calendar", "spreadsheet", "certificate", "passport", "mortgage", "router",
    "recipe", "database", "playlist", "parcel", "timetable", "contract", "camera", "garden", "telescope", "bicycle",
    "thermostat", "printer", "library card", "savings account", "phone number", "driving licence", "backup",
    "photo album", "mailing list", "greenhouse", "workshop",
)  # fmt: skip
PLACES = (
    "on a tablet", "for my parents", "in another country", "before the holidays", "at the airport", "by post",
    "from my old laptop", "with two employees", "during a power cut", "after moving house", "over the weekend",
    "without an internet connection", "for a small school", "at the end of the month", "on a train",
    "in the mountains", "using only a keyboard", "in a rented flat", "through the company portal",
    "in the new version",
)  # fmt: skip
ENDINGS = (
    "?",
    ", please?",
    " without losing anything?",
    " as quickly as possible?",
    " and keep the old one?",
)


PARTS = (OPENINGS, VERBS, KINDS, THINGS, PLACES, ENDINGS)
ALL = math.prod(map(len, PARTS))
STEP = 7_368_787
"""Prime to ALL: multiples of it come by every question once, in no order that shows."""


def numbered(number: int) -> str:
    """One of ALL questions; those of neighbouring numbers have little in common."""
    rest = number * STEP % ALL
    parts = []
    for choices in PARTS:
        rest, which = divmod(rest, len(choices))
        parts.append(choices[which])
    opening, verb, kind, thing, place, ending = parts
    return f"{opening} {verb} my {kind} {thing} {place}{ending}"


def learned(count: int) -> Iterator[str]:
    """So many different ones."""
    return map(numbered, range(count))


def asked_for(count: int, lookups: int, seed: int = 1) -> Iterator[str]:
    """Questions to look up among `count` learned ones: every other one says a learned one in slightly other words."""
    rng = random.Random(seed)
    for lookup in range(lookups):
        text = numbered(rng.randrange(count) if lookup % 2 else count + seed * lookups + lookup)
        yield text.replace("?", " today?") if lookup % 4 == 1 else f"Hello, {text}"
