"""What gets lost between two dialects, found by trying: a request and an answer that say everything, piece by piece.

A piece whose absence changes nothing on the other side was lost there. In a request the codec must have named it.
"""

import copy
import functools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from journeys import CREATED, GOLDEN
from msgspec.structs import replace
from speakers import SPEAKERS

from gateway.dialects.spoken import told
from gateway.errors import GatewayError
from gateway.schemas.chat import ChatRequest

Path = tuple[str | int, ...]
Try = Callable[[Any], Any]


class Losses(msgspec.Struct, frozen=True):
    """`named` are the neutral names that the codec gives to what it drops, `unnamed` the paths that it leaves out in
    silence, without the places in lists."""

    named: tuple[str, ...]
    unnamed: tuple[str, ...]


def everything(dialect: str, name: str) -> Any:
    return json.loads((GOLDEN / "said" / dialect / "everything" / name).read_bytes())


def read(caller: str, body: dict[str, Any]) -> ChatRequest:
    body = dict(body)
    model = body.pop("modelId", "asked")
    endpoint = SPEAKERS[caller].endpoint
    request = endpoint.codec.read_request(json.dumps(body).encode())
    return replace(request, model=model, stream=True) if endpoint.model_in_path else request


@functools.cache
def of_request(caller: str, provider: str) -> Losses:
    """What a request that says everything loses on its way to `provider`."""
    speaker = SPEAKERS[provider]

    def attempt(body: Any) -> Any:
        written = speaker.endpoint.codec.write_request(read(caller, body), speaker.facts)
        return written.body, written.dropped

    body = everything(caller, "request.json")
    _, named = attempt(body)
    groups = lost(body, attempt)
    silent = tuple(path for path, places in groups.items() if not _is_named(body, places, groups, attempt))
    return Losses(named, silent)


@functools.cache
def of_reply(provider: str, caller: str) -> tuple[str, ...]:
    """The paths of an answer that says everything which have no place in what `caller` gets."""
    request = read(caller, everything(caller, "request.json"))

    def attempt(body: Any) -> Any:
        reply = SPEAKERS[provider].endpoint.codec.read_reply(json.dumps(body).encode())
        write = SPEAKERS[caller].endpoint.codec.write_reply
        return write(
            told(reply, caller), request_model="asked", reply_id="req-7", created=CREATED, request=request
        )

    return tuple(lost(everything(provider, "reply.json"), attempt))


def lost(body: Any, attempt: Try) -> dict[str, list[Path]]:
    """The outermost paths whose absence changes nothing, by their names."""
    before = attempt(body)
    groups: dict[str, list[Path]] = defaultdict(list)
    found: set[Path] = set()
    for path in paths(body):
        if any(path[:length] in found for length in range(1, len(path))):
            continue
        if _tried(attempt, without(body, [path])) == before:
            found.add(path)
            groups[name_of(path)].append(path)
    return groups


def _is_named(body: Any, places: list[Path], groups: dict[str, list[Path]], attempt: Try) -> bool:
    """Whether the codec names what is lost at `places`, or a whole that it is a piece of."""
    others = [path for group in groups.values() if group is not places for path in group]
    if _tried(attempt, without(body, others)) != _tried(attempt, without(body, others + places)):
        return True  # alone, since another loss may have the same name
    if any(_named_in_its_message(body, path, attempt) for path in places):
        return True
    before = attempt(body)
    alike = [path for path in paths(body) if name_of(path) == name_of(places[0])]
    after = _tried(attempt, without(body, alike))
    if after is not None and after[1] != before[1]:
        return True
    wholes = {path[:-1] for path in places}
    while () not in wholes:
        after = _tried(attempt, without(body, [path for path in wholes if not _inside(path, wholes)]))
        if after is not None and after[0] != before[0]:
            return False
        if after is not None and after[1] != before[1]:
            return True
        wholes = {path[:-1] for path in wholes}
    return False


def _named_in_its_message(body: Any, path: Path, attempt: Try) -> bool:
    """As if the message that `path` stands in were the only one."""
    if len(path) < 3 or not isinstance(path[1], int):
        return False
    others = [(path[0], place) for place in range(len(body[path[0]])) if place != path[1]]
    alone, bare = _tried(attempt, without(body, others)), _tried(attempt, without(body, [*others, path]))
    return alone is not None and bare is not None and alone[1] != bare[1]


def _inside(path: Path, wholes: set[Path]) -> bool:
    return any(path[:length] in wholes for length in range(len(path)))


def name_of(path: Path) -> str:
    """A path without the places in lists."""
    return ".".join([step for step in path if isinstance(step, str)])


def _tried(attempt: Try, body: Any) -> Any:
    try:
        return attempt(body)
    except GatewayError:
        return None


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every path in decoded JSON, the outer before the inner."""
    items: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for step, item in items:
        yield (*at, step)
        yield from paths(item, (*at, step))


def without(body: Any, places: list[Path]) -> Any:
    """A copy without what stands there; the last of a list first, so that the places stay right."""
    body = copy.deepcopy(body)
    for path in sorted(places, key=_order, reverse=True):
        inner = body
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
    return body


def _order(path: Path) -> list[tuple[str, int]]:
    return [(step, 0) if isinstance(step, str) else ("", step) for step in path]
