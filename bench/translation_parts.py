"""What each compiled part of translation costs beside its naive oracle in `tests/reference`."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from bench import translation_samples as samples
from gateway._speedups.translate import Shape, framed, plain_blocks, plain_message
from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.wire import openai_chat as wire


class Part(msgspec.Struct, frozen=True):
    """One function on one input: microseconds of a call, compiled and naive."""

    name: str
    compiled: float
    oracle: float


Timer = Callable[[Callable[[], object]], float]

_KEYS: dict[str, Any] = {
    "id": "some text",
    "object": "some text",
    "created": "some number",
    "model": "some text",
    "choices": [{"index": "number", "delta": {"content": "text"}, "finish_reason": "nothing"}],
    "usage": "nothing",
}


def parts(timer: Timer) -> Iterator[Part]:
    """Runs only in a checkout, where the oracles are."""
    oracle = importlib.import_module("tests.reference.translate_oracle")
    chat = ENDPOINTS["chat_completions"]
    data = samples.text_event(chat).event.removeprefix(b"data: ").rstrip()
    shape = Shape(_KEYS)
    yield Part("a chunk's text", timer(lambda: shape.match(data)), timer(lambda: oracle.match(_KEYS, data)))
    head, text, tail = b"x" * 180, ' is "sunny"', b"y" * 60
    yield Part(
        "a text in its frame",
        timer(lambda: framed(head, text, tail)),
        timer(lambda: oracle.framed(head, text, tail)),
    )
    said = msgspec.json.decode(samples.request(chat), type=wire.Request).messages
    yield Part(
        "10 messages read",
        timer(lambda: [plain_message(message) for message in said]),
        timer(lambda: [oracle.message(message) for message in said]),
    )
    neutral = chat.codec.read_request(samples.request(chat)).messages
    yield Part(
        "10 messages to Anthropic",
        timer(lambda: [plain_blocks(message.parts) for message in neutral]),
        timer(lambda: [[oracle.block(part) for part in message.parts] for message in neutral]),
    )
