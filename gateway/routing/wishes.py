"""What one request asks of its own plan, within the bounds that the operator set: headers, and names in the body."""

from collections.abc import Mapping

import msgspec

from gateway._speedups.jsonscan import Facts, request_facts, set_key, splice
from gateway.config.model import PerRequest
from gateway.config.units import seconds
from gateway.dialects.alternatives import FIELDS, listed
from gateway.dialects.endpoints import ENDPOINTS
from gateway.errors import BadRequest
from gateway.schemas.call import Call

TIMEOUT = b"x-gateway-timeout"
RETRIES = b"x-gateway-retries"
TAGS = b"x-gateway-tags"
EXPLAIN = b"x-gateway-explain"

_MOST_TAGS = 16
_LONGEST = 256


class Wishes(msgspec.Struct, frozen=True):
    """`timeout` is in seconds, over all tries; `retries` are per target."""

    timeout: float | None = None
    retries: int | None = None
    tags: tuple[str, ...] = ()
    explain: bool = False


def wishes_of(headers: Mapping[bytes, bytes], bounds: PerRequest) -> Wishes:
    """What the headers ask for, cut to the bounds. Raises BadRequest for what cannot be read."""
    return Wishes(
        _timeout(headers.get(TIMEOUT), bounds),
        _retries(headers.get(RETRIES), bounds),
        _tags(headers.get(TAGS, b"")),
        _flag(headers.get(EXPLAIN, b"")) and bounds.explain,
    )


def take_names(call: Call, native: bool, bounds: PerRequest) -> tuple[str, ...]:
    """Takes the names of other models out of the body and returns them, in their order. Raises BadRequest.

    `native` tells that the request goes to a provider whose own field `models` is: it stays. A body that named no model
    but in its list has one from now on.
    """
    facts: Facts = call.facts
    fields = [field for field in FIELDS if field in facts.spans and not (native and field == "models")]
    names = dict.fromkeys(name for field in fields for name in listed(facts, field))
    others = tuple(name for name in names if name != call.model)
    if len(others) > bounds.fallbacks:
        raise BadRequest(
            f"a request may name at most {bounds.fallbacks} other models here"
            if bounds.fallbacks
            else "a request may name no other models here",
            param=fields[0],
        )
    body = facts.rewrite(None, False, tuple(fields))
    if facts.model is None and not _in_path(call):
        body = splice(
            body, set_key(body, request_facts(body).spans, "model", msgspec.json.encode(call.model))
        )
    call.body, call.facts = body, request_facts(body)
    return others


def _in_path(call: Call) -> bool:
    endpoint = ENDPOINTS.get(call.endpoint)
    return endpoint is not None and endpoint.model_in_path


def _timeout(raw: bytes | None, bounds: PerRequest) -> float | None:
    if raw is None:
        return None
    found = seconds(_text(raw, TIMEOUT))
    if not found:
        raise BadRequest(
            f"{TIMEOUT.decode()} must be a duration, such as 30, 2.5s or 500ms", param=TIMEOUT.decode()
        )
    return min(found, bounds.timeout)


def _retries(raw: bytes | None, bounds: PerRequest) -> int | None:
    if raw is None:
        return None
    text = _text(raw, RETRIES).strip()
    if not text.isdecimal() or len(text) > 6:
        raise BadRequest(f"{RETRIES.decode()} must be a whole number", param=RETRIES.decode())
    return min(int(text), bounds.retries)


def _tags(raw: bytes) -> tuple[str, ...]:
    words = [word.strip().lower() for word in _text(raw, TAGS).split(",")]
    found = tuple(dict.fromkeys(word for word in words if word))
    if len(found) > _MOST_TAGS:
        raise BadRequest(f"{TAGS.decode()} has more than {_MOST_TAGS} tags", param=TAGS.decode())
    return found


def _flag(raw: bytes) -> bool:
    return raw.strip().lower() in (b"1", b"true", b"yes", b"on")


def _text(raw: bytes, header: bytes) -> str:
    if len(raw) > _LONGEST or not raw.isascii():
        name = header.decode()
        raise BadRequest(f"{name} must be at most {_LONGEST} characters of ASCII", param=name)
    return raw.decode("ascii")
