"""Prompts and answers for the record, where they are kept: their beginnings, with what looks like a secret as stars."""

import re
from collections.abc import Iterable

from gateway.schemas.record import Record

MARGIN = 512
"""Bytes read beyond the limit, so that a secret at the edge is whole when it is looked for."""

STARS = "***"

CREDENTIALS = (
    r"\b(?:Bearer +|gwa?-|sk-|gsk_|xai-|pplx-|nvapi-|AIza|csk-|tgp_|fw_|hf_|gh[pousr]_|xox[abprs]-|AKIA|eyJ)"
    r"[\w.~+/=-]{8,}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
)
"""What is never kept, whatever the operator's patterns say."""


class Bodies:
    """At most `limit` bytes of each body. With `every` those of all callers, else of those whose record says so."""

    def __init__(self, limit: int, patterns: Iterable[str], every: bool) -> None:
        self._limit = limit
        self._every = every
        self._secrets = [re.compile(pattern) for pattern in (*CREDENTIALS, *patterns)]

    def begin(self, record: Record, prompt: bytes) -> "Answer | None":
        """Keeps the prompt, and gives what is to be told of the answer; None where nothing is kept."""
        if not self._every and not record.keeps_bodies:
            return None
        record.prompt = self.text(prompt)
        return Answer(self, self._limit + MARGIN)

    def text(self, body: bytes) -> str:
        """What is kept of a body. Bytes that are no text are left out."""
        found = body[: self._limit + MARGIN].decode("utf-8", "ignore").replace("\0", "")
        for secret in self._secrets:
            found = secret.sub(STARS, found)
        return found.encode()[: self._limit].decode("utf-8", "ignore")


class Answer:
    """Listens to one answer."""

    __slots__ = ("_bodies", "_heard", "_most")

    def __init__(self, bodies: Bodies, most: int) -> None:
        self._bodies = bodies
        self._heard = bytearray()
        self._most = most

    def hear(self, data: bytes) -> None:
        """The next bytes for the caller."""
        room = self._most - len(self._heard)
        if room > 0:
            self._heard += data[:room]

    def note(self, record: Record) -> None:
        """Writes what was heard into the record."""
        record.answer = self._bodies.text(bytes(self._heard))
