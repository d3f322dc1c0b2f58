"""What one request asks of the cache, in this gateway's headers or in those that callers of other gateways send.

Sources: Bifrost's, LiteLLM's, Portkey's and Cloudflare's documentation of their caches. A key or namespace of any of
them divides what is the caller's own: it never reaches what belongs to others. Times and thresholds are cut to what the
operator allows; who is turned off cannot turn itself on.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from gateway._speedups.jsonscan import request_facts
from gateway.config.units import seconds
from gateway.errors import BadRequest, NotCached
from gateway.schemas.caching import SCOPES, Scope, Settings, Wishes
from gateway.schemas.call import Call

BODY_FIELD = "cache"
"""LiteLLM's: an object at the top of a body."""

_LONGEST = 256
_LONGEST_CONFIG = 16 << 10


class _Asked(msgspec.Struct):
    """What was found so far. `wants`: the caller asks to be served by a cache."""

    mode: Literal["", "off", "exact", "semantic"] = ""
    wants: bool = False
    read: bool = True
    write: bool = True
    only: bool = False
    ttl: float | None = None
    threshold: float | None = None
    scope: Scope | None = None
    namespace: str = ""


def wishes_of(headers: Mapping[bytes, bytes], settings: Settings) -> Wishes:
    """What the headers ask for, within the settings. Raises BadRequest for what cannot be read."""
    if KNOWN.isdisjoint(headers):
        return _usual(settings)
    asked = _Asked()
    for name, read in _READERS.items():
        raw = headers.get(name)
        if raw is not None:
            read(asked, name.decode(), _text(raw, name))
    return _within(settings, asked)


def refuse_only(headers: Mapping[bytes, bytes]) -> None:
    """Raises NotCached where nothing but a kept answer is wanted: of what has no place in the cache there is none."""
    if headers.get(b"x-gateway-cache", b"").strip().lower() == b"only":
        raise NotCached("there is no cache for this, and the request asks for nothing else")


def body_wishes(call: Call, wishes: Wishes, settings: Settings) -> Wishes:
    """Takes LiteLLM's `cache` out of the body, which no provider knows, and adds what it asks. Raises BadRequest.

    Has to come before the call's neutral request is read. Anything but an object stays: it is none of this.
    """
    span = call.facts.span(b"cache")
    if span is None or call.body[span[0] : span[0] + 1] not in (b"{", b"n"):
        return wishes
    raw = call.body[span[0] : span[1]]
    call.body = call.facts.rewrite(None, False, (BODY_FIELD,))
    call.facts = request_facts(call.body)
    try:
        found = msgspec.json.decode(raw, type=_LiteLLM | None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body's `{BODY_FIELD}` cannot be read: {error}", param=BODY_FIELD) from error
    return wishes if found is None else _with_body(wishes, found, settings)


class _LiteLLM(
    msgspec.Struct, rename={"s_maxage": "s-maxage", "no_cache": "no-cache", "no_store": "no-store"}
):
    """Seconds; other members say nothing here. The last three are spelled as nobody reads them."""

    ttl: float | None = None
    s_maxage: float | None = None
    no_cache: bool | None = None
    no_store: bool | None = None
    namespace: str | None = None
    use_cache: bool | None = msgspec.field(default=None, name="use-cache")
    underscored: bool | None = msgspec.field(default=None, name="no_cache")
    unstored: bool | None = msgspec.field(default=None, name="no_store")
    aged: float | None = msgspec.field(default=None, name="s_maxage")


def _with_body(wishes: Wishes, found: _LiteLLM, settings: Settings) -> Wishes:
    mode = wishes.mode
    if mode == "off" and settings.mode == "asked" and found.use_cache:
        mode = "exact"
    for value, meant in (
        (found.underscored, "no-cache"),
        (found.unstored, "no-store"),
        (found.aged, "s-maxage"),
    ):
        if value is not None:
            raise _bad(BODY_FIELD, f"has {meant.replace('-', '_')}: {meant} is meant")
    for value in (found.ttl, found.s_maxage):
        if value is not None and value < 0:
            raise _bad(BODY_FIELD, "must have seconds, 0 or more")
    return msgspec.structs.replace(
        wishes,
        mode=mode,
        read=wishes.read and not found.no_cache,
        write=wishes.write and not found.no_store and found.ttl != 0,
        ttl=wishes.ttl if not found.ttl else min(found.ttl, wishes.ttl),
        max_age=min([age for age in (found.s_maxage, wishes.max_age) if age is not None], default=None),
        namespace=wishes.namespace or _namespace(BODY_FIELD, found.namespace or ""),
    )


def _usual(settings: Settings) -> Wishes:
    """What holds where nothing is asked."""
    semantic = settings.semantic
    mode = settings.mode
    return Wishes(
        "off" if mode == "asked" else "exact" if mode == "semantic" and semantic is None else mode,
        settings.ttl,
        settings.scope,
        semantic.threshold if semantic is not None else 1.0,
        max_age=settings.ttl,  # whoever kept it had another one, perhaps
        paced=settings.replay == "paced",
    )


def _within(settings: Settings, asked: _Asked) -> Wishes:
    usual = _usual(settings)
    mode = asked.mode or (
        "exact" if asked.wants and settings.mode == "asked" and usual.mode == "off" else usual.mode
    )
    if settings.mode == "off":
        mode = "off"
    elif mode == "semantic" and settings.semantic is None:
        mode = "exact"
    narrower = usual.scope
    if asked.scope is not None:
        narrower = min(asked.scope, usual.scope, key=SCOPES.index)
    return Wishes(
        mode,
        usual.ttl if asked.ttl is None else min(asked.ttl, usual.ttl),
        narrower,
        usual.threshold if asked.threshold is None else max(asked.threshold, usual.threshold),
        asked.read,
        asked.write,
        asked.only,
        usual.max_age,
        asked.namespace,
        usual.paced,
    )


# --- readers: each adds what one header says ---

_MODES: dict[str, Literal["off", "exact", "semantic"]] = {
    "off": "off",
    "exact": "exact",
    "semantic": "semantic",
}


def _mode(asked: _Asked, name: str, text: str) -> None:
    word = text.lower()
    mode = _MODES.get(word)
    if mode is not None:
        asked.mode = mode
    elif word == "refresh":
        asked.wants, asked.read = True, False
    elif word == "only":
        asked.wants, asked.only = True, True
    else:
        raise _bad(name, "must be off, exact, semantic, refresh or only")


def _ttl(asked: _Asked, name: str, text: str) -> None:
    found = seconds(text)
    if found is None:
        raise _bad(name, "must be a duration, such as 30, 5m or 1h")
    asked.wants = True
    if found:
        asked.ttl = found
    else:
        asked.write = False


def _threshold(asked: _Asked, name: str, text: str) -> None:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= 1:
        raise _bad(name, "must be a number from 0 to 1")
    asked.threshold = found


def _scope(asked: _Asked, name: str, text: str) -> None:
    """One of the scopes, or any name for a part of one's own."""
    named = next((one for one in SCOPES if one == text.lower()), None)
    if named is not None:
        asked.scope = named
    else:
        asked.namespace = _namespace(name, text)


def _own(asked: _Asked, name: str, text: str) -> None:
    asked.wants, asked.namespace = True, _namespace(name, text)


def _bifrost_type(asked: _Asked, name: str, text: str) -> None:
    word = text.lower()
    if word not in ("direct", "semantic"):
        raise _bad(name, "must be direct or semantic")
    asked.mode = "semantic" if word == "semantic" else "exact"


def _no_store(asked: _Asked, name: str, text: str) -> None:
    if _flag(name, text):
        asked.write = False


def _refresh(asked: _Asked, name: str, text: str) -> None:
    if _flag(name, text):
        asked.read = False


def _skip(asked: _Asked, name: str, text: str) -> None:
    if _flag(name, text):
        asked.mode = "off"


class _PortkeyCache(msgspec.Struct):
    mode: str = "simple"
    max_age: float | None = None


class _PortkeyConfig(msgspec.Struct):
    cache: _PortkeyCache | bool | str | None = None


def _portkey(asked: _Asked, name: str, text: str) -> None:
    """A configuration in JSON, of which only the cache is read here; one that is kept at Portkey has a name alone."""
    if not text.startswith("{"):
        return
    try:
        cache = msgspec.json.decode(text, type=_PortkeyConfig).cache
    except (msgspec.DecodeError, RecursionError) as error:
        raise _bad(name, f"cannot be read: {error}") from error
    if cache is None:
        return
    if isinstance(cache, bool):
        cache = _PortkeyCache() if cache else _PortkeyCache("off")
    elif isinstance(cache, str):
        cache = _PortkeyCache(cache)
    if cache.mode not in _PORTKEY_MODES:
        raise _bad(name, "must have simple or semantic as the cache's mode")
    asked.mode = _PORTKEY_MODES[cache.mode]
    if cache.max_age is not None:
        if not 0 < cache.max_age < math.inf:
            raise _bad(name, "must have seconds as the cache's max_age")
        asked.ttl = cache.max_age


_PORTKEY_MODES: dict[str, Literal["off", "exact", "semantic"]] = {
    "simple": "exact",
    "semantic": "semantic",
    "off": "off",
}

_MEANT = {
    **dict.fromkeys((b"x-gateway-cache-mode", b"x-gateway-cache-type"), "x-gateway-cache"),
    **dict.fromkeys((b"x-gateway-cache-key", b"x-gateway-cache-namespace"), "x-gateway-cache-scope"),
    **dict.fromkeys(
        (b"x-gateway-cache-refresh", b"x-gateway-cache-force-refresh"), "x-gateway-cache: refresh"
    ),
    **dict.fromkeys((b"x-gateway-cache-skip", b"x-gateway-cache-control"), "x-gateway-cache: off"),
    b"x-gateway-cache-no-cache": "x-gateway-cache: refresh",
    b"x-gateway-cache-no-store": "x-gateway-cache-ttl: 0",
    b"x-gateway-cache-only": "x-gateway-cache: only",
    b"x-gateway-cache-max-age": "x-gateway-cache-ttl",
}
"""Names that one writes first, by analogy with other gateways': who divides answers by one must not share them."""


def _mistaken(_: _Asked, name: str, __: str) -> None:
    raise _bad(name, f"is no header of this gateway: {_MEANT[name.encode()]} is meant")


_Reader = Callable[[_Asked, str, str], None]
_READERS: dict[bytes, _Reader] = {
    b"x-portkey-config": _portkey,
    b"x-portkey-cache-namespace": _own,
    b"x-portkey-cache-force-refresh": _refresh,
    b"cf-aig-cache-key": _own,
    b"cf-aig-cache-ttl": _ttl,
    b"cf-aig-skip-cache": _skip,
    b"x-bf-cache-key": _own,
    b"x-bf-cache-ttl": _ttl,
    b"x-bf-cache-threshold": _threshold,
    b"x-bf-cache-type": _bifrost_type,
    b"x-bf-cache-no-store": _no_store,
    b"x-gateway-cache-scope": _scope,
    b"x-gateway-cache-ttl": _ttl,
    b"x-gateway-cache-threshold": _threshold,
    b"x-gateway-cache": _mode,
    **dict.fromkeys(_MEANT, _mistaken),
}
"""In the order in which a later one wins: this gateway's own come last."""

KNOWN = frozenset(_READERS)
"""The headers by which something is asked for."""


def _flag(name: str, text: str) -> bool:
    word = text.lower()
    if word not in ("true", "false", "1", "0"):
        raise _bad(name, "must be true or false")
    return word in ("true", "1")


def _namespace(name: str, text: str) -> str:
    if len(text) > _LONGEST or not text.isprintable():
        raise _bad(name, f"must be at most {_LONGEST} printable characters")
    return text


def _text(raw: bytes, header: bytes) -> str:
    longest = _LONGEST_CONFIG if header == b"x-portkey-config" else _LONGEST
    if len(raw) > longest or not raw.isascii():
        raise _bad(header.decode(), f"must be at most {longest} characters of ASCII")
    return raw.decode("ascii").strip()


def _bad(name: str, said: str) -> BadRequest:
    return BadRequest(f"{name} {said}", param=name)
