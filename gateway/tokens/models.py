"""Which encoding a model reads by, told from its name (as tiktoken's `model.py` has it)."""

import re
from functools import lru_cache

import msgspec

from gateway.tokens.encodings import CL100K, O200K

_O200K = re.compile(r"(chatgpt-)?gpt-(4o|4\.[1-9]|[5-9]|oss)|o[1-9](-|$)|codex-|computer-use-")
_CL100K = re.compile(r"gpt-(4|3\.5|35)|text-embedding-(3|ada)|(davinci|babbage)-002")
_LEFT = re.compile(r"^(.*/)?(ft:)?(openai\.)?")


class Reading(msgspec.Struct, frozen=True):
    """`name` is the model's without its provider or the mark of fine-tuning; `known`: `encoding` is really its own."""

    name: str
    encoding: str
    known: bool


@lru_cache(1024)  # callers choose the names
def reading_of(model: str) -> Reading:
    """A model nobody knows is taken to read by o200k, the larger and newer of the two."""
    name = _LEFT.sub("", model.lower())
    if _O200K.match(name):
        return Reading(name, O200K, known=True)
    if _CL100K.match(name):
        return Reading(name, CL100K, known=True)
    return Reading(name, O200K, known=False)
