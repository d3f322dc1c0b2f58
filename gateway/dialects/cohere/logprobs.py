"""Log probabilities between Cohere's list of pieces and OpenAI's, which is the neutral form's.

Cohere tells the ids of a piece's tokens, OpenAI does not: they ride along in OpenAI's entries, which any client passes
over.
"""

import msgspec

from gateway.schemas.wire import cohere as wire


class _Entry(msgspec.Struct, omit_defaults=True):
    """`token_ids` and `token_logprobs` are Cohere's; `top_logprobs` OpenAI insists on."""

    token: str
    logprob: float = 0.0
    bytes: list[int] | None = None
    top_logprobs: list[msgspec.Raw] | None = None
    token_ids: list[int] | None = None
    token_logprobs: list[float] | None = None


class _EntryOut(_Entry, omit_defaults=False):
    pass


class _Logprobs(msgspec.Struct):
    content: list[_Entry] | None = None


_decode = msgspec.json.Decoder(_Logprobs).decode
_encode = msgspec.json.Encoder().encode


def read_logprobs(items: list[wire.Logprob] | None) -> bytes:
    """OpenAI's JSON; the probability of a piece is that of all its tokens. b"" for none."""
    if not items:
        return b""
    return _encode(_Logprobs([_entry(item) for item in items]))


def _entry(item: wire.Logprob) -> _Entry:
    text, each = item.text or "", item.logprobs or []
    return _EntryOut(text, sum(each), list(text.encode()), [], item.token_ids or [], each)


def logprobs_out(raw: bytes) -> list[wire.LogprobOut] | None:
    """Cohere's list from OpenAI's JSON; None where there is none."""
    if not raw:
        return None
    try:
        entries = _decode(raw).content
    except msgspec.DecodeError:
        return None
    return [_item(entry) for entry in entries or ()] or None


def _item(entry: _Entry) -> wire.LogprobOut:
    each = [entry.logprob] if entry.token_logprobs is None else entry.token_logprobs
    return wire.LogprobOut(entry.token, entry.token_ids or [], each)
