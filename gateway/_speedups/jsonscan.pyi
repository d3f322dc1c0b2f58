"""Reads what the gateway must know of a JSON body that passes, in one strict pass, and edits it in place.

Spans are (start, end) byte offsets into the body. All of these raise `gateway.errors.BadRequest`, with the place, for a
body that is not one strict JSON object in UTF-8, nested at most 512 deep, with no top-level key written twice.
"""

from typing import final

Span = tuple[int, int]
Edit = tuple[int, int, bytes]

def top_level(body: bytes) -> dict[str, Span]: ...
def members(body: bytes, span: Span) -> dict[str, Span]: ...
def string_value(body: bytes, span: Span, name: str = "the value") -> str: ...
def splice(body: bytes, edits: list[Edit]) -> bytes: ...
def set_key(
    body: bytes, spans: dict[str, Span], key: str, value: bytes, within: Span | None = None
) -> list[Edit]: ...
def number(raw: bytes) -> int | None:
    """The whole number that lenient readers make of a JSON value: digits in a string, 4e3; None where there is none,
    or none above 0 and below 10**18."""

def request_facts(body: bytes) -> Facts: ...

@final
class Facts:
    """What a request body says that the gateway acts on.

    `model` is None when the key is missing. `max_tokens` is the asked bound on output (`max_completion_tokens` before
    `max_tokens`), None when absent or no number. `choices` is `n` where that is a plain whole number, or 1; `answers`
    is how many there may be, by providers that read `"8"` as a number. `wishes` tells whether it has `fallbacks` or
    `models`.
    """

    @property
    def body(self) -> bytes: ...
    @property
    def model(self) -> str | None: ...
    @property
    def model_span(self) -> Span | None: ...
    @property
    def stream(self) -> bool: ...
    @property
    def include_usage(self) -> bool: ...
    @property
    def wishes(self) -> bool: ...
    @property
    def max_tokens(self) -> int | None: ...
    @property
    def choices(self) -> int: ...
    @property
    def answers(self) -> int: ...
    @property
    def spans(self) -> dict[str, Span]: ...
    def span(self, name: bytes) -> Span | None:
        """Where the value of one top-level member lies; cheaper than `spans` for a few names."""

    def mentions(self, looks: tuple[tuple[int, bytes, bytes], ...]) -> int:
        """The bits of those looks that find their member with their bytes in its value; no bytes are always there."""

    def rewrite(
        self, model: str | None = None, include_usage: bool = False, drop: tuple[str, ...] = ()
    ) -> bytes: ...
