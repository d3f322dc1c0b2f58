"""The key of a plain request, straight from its body: the same that its neutral request has, for a third of the work.

Plain is what most requests are: texts by turns and a few numbers, in the two most spoken dialects. Whatever else there
may be in a body, or is odd about it, makes it none, and it is read as any other.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from gateway._speedups.plainness import PLAIN, UNDERSCORE, look_at
from gateway.cache.keys import Headers, written

_ALONE: list[Any] = [None]
_Any = msgspec.Raw | UnsetType


class _Turn(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    role: Literal["system", "developer", "user", "assistant"]
    content: str


class _Chat(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """OpenAI's Chat Completions, with what changes no answer read over."""

    model: str
    messages: list[_Turn]
    temperature: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    n: int | None = None
    stream: bool | None = None
    stream_options: _Any = UNSET
    user: str | None = None
    safety_identifier: str | None = None


class _ClaudeTurn(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    role: Literal["user", "assistant"]
    content: str


class _Claude(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Anthropic's Messages, the same way."""

    model: str
    messages: list[_ClaudeTurn]
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None


_CHAT = msgspec.json.Decoder(_Chat).decode
_CLAUDE = msgspec.json.Decoder(_Claude).decode


def quick_key(endpoint: str, body: bytes, scope: bytes, model: str, headers: Headers = ()) -> bytes | None:
    """As `exact_key`; None where the neutral request has to be read. A request that has such a key asks for nothing
    but an answer, and no two readers read it differently."""
    read = _READERS.get(endpoint)
    if read is None or look_at(body) not in (PLAIN, PLAIN | UNDERSCORE):
        return None
    try:
        found = read(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if found is None:
        return None
    return sha256(written(*found, _ALONE, scope, model, headers)).digest()


def _chat(body: bytes) -> tuple[tuple[Any, ...], list[Any]] | None:
    said = _CHAT(body)
    turns: list[Any] = []
    for turn in said.messages:
        if not turn.content:
            return None
        turns.append(turn.role)
        turns.append(turn.content)
    most = said.max_tokens if said.max_completion_tokens is None else said.max_completion_tokens
    penalties = (said.presence_penalty, said.frequency_penalty)
    numbers = (most, said.temperature, said.top_p, None, None, *penalties, said.seed)
    return (*numbers, (), said.n, None, None, None, "", False), turns


def _claude(body: bytes) -> tuple[tuple[Any, ...], list[Any]] | None:
    said = _CLAUDE(body)
    turns: list[Any] = ["system", said.system] if said.system else []
    for turn in said.messages:
        if not turn.content:
            return None
        turns.append(turn.role)
        turns.append(turn.content)
    numbers = (said.max_tokens, said.temperature, said.top_p, said.top_k, None, None, None, None)
    return (*numbers, tuple(said.stop_sequences or ()), None, None, None, None, "", False), turns


_READERS: dict[str, Callable[[bytes], tuple[tuple[Any, ...], list[Any]] | None]] = {
    "chat_completions": _chat,
    "messages": _claude,
}
