"""Legacy completions, to be counted: what they asked, and what they were told.

Source: https://platform.openai.com/docs/api-reference/completions
"""

from typing import Any

import msgspec

from gateway.dialects.endpoints import Endpoint

NAME = "completions"


class _Asked(msgspec.Struct, gc=False):
    prompt: Any = None


class _Choice(msgspec.Struct, gc=False):
    text: str | None = None


class _Told(msgspec.Struct, gc=False):
    choices: list[_Choice] = []


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_asked = msgspec.json.Decoder(_Asked)
_told = msgspec.json.Decoder(_Told)


def asked(body: bytes) -> tuple[list[str], int] | None:
    """The texts of a request's prompts, and how many tokens it names by their numbers; None where neither is found."""
    try:
        prompt = _asked.decode(body).prompt
    except _UNREADABLE:
        return None
    texts, numbers = list[str](), 0
    for one in prompt if isinstance(prompt, list) else [prompt]:
        if isinstance(one, str):
            texts.append(one)
        elif isinstance(one, int):
            numbers += 1
        elif isinstance(one, list):
            numbers += len(one)
    return (texts, numbers) if texts or numbers else None


def told(speaks: Endpoint, body: bytes, *, streamed: bool) -> str:
    """All that was told; what cannot be read is left out. Raises UpstreamProtocolError for what is no stream."""
    pieces = [event.data for event in speaks.framing().feed(body)] if streamed else [body]
    return "".join([text for piece in pieces for text in _texts(piece)])


def _texts(piece: bytes) -> list[str]:
    try:
        return [choice.text or "" for choice in _told.decode(piece).choices]
    except _UNREADABLE:  # the mark of the end, or what was left out for the caller, too
        return []
