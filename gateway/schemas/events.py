"""The neutral form of a streamed answer: small events in the order in which the model makes them.

`part` numbers the parts of one choice from 0 in the order of their beginning; an event that carries a new number begins
that part. Parts may interleave. A stream is `Started`, content, one `Finished` per choice, `Used` (cumulative, perhaps
more than once), `Ended`.
"""

import msgspec

from gateway.schemas.chat import Citation, Finish
from gateway.schemas.usage import Usage


class ErrorDetail(msgspec.Struct, frozen=True, gc=False):
    """What a provider said of a failure, in its own words; `message` is never empty."""

    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None


class Started(msgspec.Struct, frozen=True, gc=False, tag=True):
    """`created` is in Unix seconds, 0 when unknown; `usage` what is known of the prompt."""

    id: str = ""
    model: str = ""
    created: int = 0
    usage: Usage | None = None
    service_tier: str = ""
    fingerprint: str = ""


class TextDelta(msgspec.Struct, frozen=True, gc=False, tag=True):
    part: int
    text: str
    choice: int = 0


class RefusalDelta(msgspec.Struct, frozen=True, gc=False, tag=True):
    part: int
    text: str
    choice: int = 0


class ReasoningDelta(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A piece of shown thought, of its signature, or both; `id`, `format` and `summary` come with the part's first."""

    part: int
    text: str = ""
    signature: str = ""
    id: str = ""
    format: str = ""
    summary: bool = False
    choice: int = 0


class SealedDelta(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Thought that only its provider can read."""

    part: int
    data: str
    id: str = ""
    format: str = ""
    choice: int = 0


class ToolStarted(msgspec.Struct, frozen=True, gc=False, tag=True):
    """See `chat.ToolCall`."""

    part: int
    id: str
    name: str
    kind: str = "function"
    origin: bytes = b""
    choice: int = 0
    signature: str = ""


class ToolDelta(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A piece of a call's arguments: JSON text that need not break where JSON does."""

    part: int
    arguments: str
    choice: int = 0


class Cited(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A source of the text in `part`."""

    part: int
    citation: Citation
    choice: int = 0


class Opened(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A part that only `dialect` knows has begun; `raw` is its JSON. Other dialects pass it over."""

    part: int
    dialect: str
    kind: str
    raw: bytes
    choice: int = 0


class Fragment(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A piece that only `dialect` knows: audio, logprobs, a delta of an opened part. Other dialects pass it over."""

    part: int
    dialect: str
    kind: str
    raw: bytes
    choice: int = 0


class Closed(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A part is complete. Only dialects that say so send it."""

    part: int
    choice: int = 0


class Finished(msgspec.Struct, frozen=True, gc=False, tag=True):
    """See `chat.Choice`."""

    finish: Finish
    choice: int = 0
    native: str = ""
    stop_sequence: str | None = None
    explanation: str = ""
    details: bytes = b""


class Used(msgspec.Struct, frozen=True, gc=False, tag=True):
    """All tokens so far; a later one replaces an earlier one."""

    usage: Usage


class Ended(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The answer is complete; nothing follows."""


Event = (
    Started
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | SealedDelta
    | ToolStarted
    | ToolDelta
    | Cited
    | Opened
    | Fragment
    | Closed
    | Finished
    | Used
    | Ended
)
