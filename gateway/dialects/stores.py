"""What providers keep for their callers: files, batches, uploads, stored responses. No model is named there.

So the caller says which provider: by a header, by the query, or not at all where only one is configured that has it.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_plus

import msgspec

from gateway.errors import BadRequest, UnservedEndpoint

Header = tuple[bytes, bytes]

CHOICE_HEADER = b"x-gateway-provider"
CHOICE_QUERY = "provider"


class Store(msgspec.Struct, frozen=True):
    """`not_these` are first segments below the path that mean something else. `links_back` tells that its JSON has the
    provider's own addresses, which the caller's SDK would follow."""

    name: str
    dialect: str
    methods: tuple[str, ...] = ("GET", "POST", "DELETE")
    needs_id: bool = False
    not_these: tuple[bytes, ...] = ()
    links_back: bool = False


STORES: dict[str, Store] = {
    store.name: store
    for store in (
        Store("files", "openai"),
        Store("batches", "openai"),
        Store("uploads", "openai"),
        Store("stored_responses", "openai", needs_id=True, not_these=(b"input_tokens", b"compact")),
        Store("anthropic_files", "anthropic"),
        Store("message_batches", "anthropic", links_back=True),
        Store("client_secrets", "openai", methods=("POST",)),
        Store("realtime_sessions", "openai", methods=("POST",)),
        Store("transcription_sessions", "openai", methods=("POST",)),
    )
}


class Chosen(msgspec.Struct, frozen=True):
    """The provider, and the query without the choice."""

    provider: str
    query: bytes


def choose(store: Store, headers: Mapping[bytes, bytes], query: bytes, keepers: Sequence[str]) -> Chosen:
    """Who is meant. `keepers` are the configured providers that have it. Raises BadRequest, UnservedEndpoint."""
    pairs = [pair for pair in query.split(b"&") if pair]
    chosen = [pair for pair in pairs if _name(pair) == CHOICE_QUERY]
    rest = b"&".join(pair for pair in pairs if _name(pair) != CHOICE_QUERY) if chosen else query
    asked = headers.get(CHOICE_HEADER, b"").strip().decode("latin-1")
    if not asked and chosen:
        asked = unquote_plus(chosen[0].partition(b"=")[2].decode("latin-1"))
    what = store.name.replace("_", " ")
    if not keepers:
        raise UnservedEndpoint(f"no configured provider has {what}")
    if asked in keepers:
        return Chosen(asked, rest)
    if not asked and len(keepers) == 1:
        return Chosen(keepers[0], rest)
    why = f"{asked[:80]!r} has none" if asked else "several providers have them"
    hint = "name one with the header x-gateway-provider or the query ?provider="
    raise BadRequest(f"{what}: {why}; {hint}: {', '.join(keepers)}", param=CHOICE_QUERY)


def _name(pair: bytes) -> str:
    return unquote_plus(pair.partition(b"=")[0].decode("latin-1"))


def linked_here(body: bytes) -> bytes:
    """A batch's `results_url` without the provider's host: SDKs follow it, and take a path as below their base URL."""
    return _RESULTS.sub(rb"\1\2", body)


_RESULTS = re.compile(rb'("results_url"\s*:\s*")https?://[^"\\]*?(/v1/messages/batches/[^"\\]*")')
