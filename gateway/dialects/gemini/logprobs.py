"""Log probabilities of tokens: Google's `logprobsResult` and OpenAI's `logprobs`, which the neutral form carries."""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.decode import UNREADABLE
from gateway.schemas.wire.common import ABSENT, given

OWNER = "openai_chat"
"""The dialect whose JSON it is in the neutral form."""

KIND = "logprobs"
"""The kind of a fragment that carries it."""


class Token(msgspec.Struct, gc=False, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class TopTokens(msgspec.Struct, gc=False):
    candidates: list[Token] = []


class Result(msgspec.Struct, gc=False, rename="camel"):
    chosen_candidates: list[Token] = []
    top_candidates: list[TopTokens] = []


class Candidate(msgspec.Struct, gc=False, rename="camel"):
    logprobs_result: Raw = ABSENT


class Logprob(msgspec.Struct, gc=False):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list["Logprob"] = []


class Logprobs(msgspec.Struct, gc=False):
    content: list[Logprob] | None = None


_candidate = msgspec.json.Decoder(Candidate).decode
_result = msgspec.json.Decoder(Result).decode
_logprobs = msgspec.json.Decoder(Logprobs).decode


def read_logprobs(candidate: Raw) -> bytes:
    """A candidate's log probabilities in OpenAI's JSON; b"" when it has none that can be read."""
    try:
        raw = _candidate(candidate).logprobs_result
        result = _result(raw) if given(raw) else Result()
    except UNREADABLE:
        return b""
    if not result.chosen_candidates:
        return b""
    tops = [top.candidates for top in result.top_candidates]
    content = []
    for place, chosen in enumerate(result.chosen_candidates):
        top = tops[place] if place < len(tops) else []
        content.append({**_entry(chosen), "top_logprobs": [_entry(token) for token in top]})
    return msgspec.json.encode({"content": content, "refusal": None})


def _entry(token: Token) -> dict[str, Any]:
    spelled = list(token.token.encode("utf-8", "surrogatepass"))
    return {"token": token.token, "logprob": token.log_probability, "bytes": spelled}


def write_logprobs(pieces: list[bytes]) -> Result | None:
    """What OpenAI said of an answer's tokens, in one piece or several, as Google says it; None for nothing."""
    entries: list[Logprob] = []
    for piece in pieces:
        try:
            entries += _logprobs(piece).content or []
        except UNREADABLE:
            continue
    if not entries:
        return None
    chosen = [Token(entry.token, entry.logprob) for entry in entries]
    tops = [TopTokens([Token(top.token, top.logprob) for top in entry.top_logprobs]) for entry in entries]
    return Result(chosen, tops)
