"""Identities of tool calls: Gemini often gives none, every other dialect insists on one."""

from hashlib import sha256
from secrets import token_hex

MARK = "gemini_call_"
"""Begins the identities that the gateway made up; they are left out again on the way back to Gemini."""


def made_up(reply_id: str, choice: int, place: int) -> str:
    """An identity for the `place`th call of an answer, the same whether the answer is streamed or not."""
    if not reply_id:
        return MARK + token_hex(8)
    return MARK + sha256(f"{reply_id}/{choice}/{place}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def said(identity: str) -> str | None:
    """The identity that Gemini knows a call by; None when it gave none."""
    return None if identity.startswith(MARK) else identity


class History:
    """Gives the calls of one conversation identities, and finds the call that a result without one belongs to."""

    def __init__(self) -> None:
        self._count = 0
        self._open: list[tuple[str, str]] = []

    def call(self, name: str, identity: str | None) -> str:
        chosen = identity or self._next()
        self._open.append((name, chosen))
        return chosen

    def result(self, name: str, identity: str | None) -> str:
        """By its identity, else the first open call of this name that has a made-up one."""
        if identity:
            self._open = [call for call in self._open if call[1] != identity]
            return identity
        for call in self._open:
            if call[0] == name and call[1].startswith(MARK):
                self._open.remove(call)
                return call[1]
        return self._next()

    def _next(self) -> str:
        self._count += 1
        return f"{MARK}{self._count}"
