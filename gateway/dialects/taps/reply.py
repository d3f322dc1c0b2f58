"""What the gateway learns of a whole answer."""

import msgspec

from gateway.errors import UpstreamStatus
from gateway.schemas.usage import Usage


class ReplyFacts(msgspec.Struct, frozen=True):
    """`model` and `finish` are the provider's words, "" when it said none; `usage` is None when it reported none.
    `error` is what an answer of status 200 reports in place of content."""

    model: str = ""
    usage: Usage | None = None
    finish: str = ""
    error: UpstreamStatus | None = None
