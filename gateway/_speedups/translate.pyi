"""The hot spots of translation: a piece of a stream out of its JSON, and a text into the JSON around it."""

from collections.abc import Mapping
from typing import Any, final

from msgspec import Raw

from gateway.schemas.chat import Message, Part
from gateway.schemas.wire import anthropic, openai_chat

KINDS: Mapping[str, int]

@final
class Shape:
    """What the common event of a dialect looks like: the keys of its JSON, each with the kind of its value.

    A kind is `anything`, `nothing` (null or absent), `empty` (or [] or {}), `some text` and `some number` (not read),
    `text`, `number` and `raw` (captured), a tuple of words (captured, one of them), a dict (an object), or a list of
    one dict (a list of exactly one object). Each may be null or absent, too. Keys that are not named have the kind of
    the key `*`, or may have any value.
    """

    def __init__(self, keys: Mapping[str, Any]) -> None: ...
    def match(self, data: bytes) -> tuple[Any, ...] | None:
        """What was captured, in the order of the keys, None for what is null or absent. None when `data` is not one
        strict JSON object of this shape, names a key of it twice or with escapes, or says a lone surrogate."""

def framed(head: bytes, text: str, tail: bytes) -> bytes:
    """head + the text as a JSON string in UTF-8 + tail. UnicodeEncodeError for a lone surrogate."""

def plain_message(message: openai_chat.Message) -> Message | None:
    """The neutral message of a wire message of text, function calls or a tool's result in text, without cache marks;
    None for any other."""

def plain_blocks(parts: tuple[Part, ...]) -> list[anthropic.Block | Raw] | None:
    """The wire blocks of parts that are text, function calls and results in text, which Anthropic takes as they are;
    None where one of them is not."""
