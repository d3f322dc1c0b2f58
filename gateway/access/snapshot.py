"""What workers need to admit callers, as one file: nothing of it is decoded before somebody asks for it.

Keys stand in shards by the start of their digest, limits and budgets in shards by their account. A worker takes up a
snapshot of ten thousand keys as quickly as one of ten; the first request of a key decodes its shard.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import msgspec

from gateway.access.revoked import Revoked
from gateway.providers import sealed
from gateway.providers.sealed import DamagedFile
from gateway.schemas.governance import Budget, Governance, Limit, VirtualKey, same_model

Bound = TypeVar("Bound", Limit, Budget)

MAGIC = b"GWSNAPS\x01"
LARGEST = 1 << 30
_IN_A_SHARD = 16
_MOST_SHARDS = 1 << 14


class Bounds(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What stands on one account."""

    limits: tuple[Limit, ...] = ()
    budgets: tuple[Budget, ...] = ()


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    version: int
    keyed: bool
    kinds: tuple[str, ...]
    keys: tuple[memoryview, ...]
    accounts: tuple[memoryview, ...]
    blocked: tuple[str, ...] = ()


_SEALED = msgspec.msgpack.Decoder(_Sealed)
_KEYS = msgspec.msgpack.Decoder(dict[bytes, VirtualKey])
_ACCOUNTS = msgspec.msgpack.Decoder(dict[str, Bounds])
NOTHING = Bounds()


class Snapshot:
    """One state of governance. `keyed` tells whether callers need one; `kinds` are those of the accounts that have
    bounds: `key`, `team+model` …; `blocked` are users, teams and organisations, as `team:ID`.
    """

    def __init__(self, content: bytes | memoryview) -> None:
        """Raises DamagedFile."""
        try:
            found = _SEALED.decode(content)
        except msgspec.DecodeError as error:
            raise DamagedFile(f"it is of another form: {error}") from None
        self.version = found.version
        self.keyed = found.keyed
        self.kinds = frozenset(found.kinds)
        self.blocked = frozenset(found.blocked)
        self._keys = found.keys
        self._accounts = found.accounts
        self._open_keys: dict[int, dict[bytes, VirtualKey]] = {}
        self._open_accounts: dict[int, dict[str, Bounds]] = {}

    def key(self, digest: bytes) -> VirtualKey | None:
        """The key with this digest, or that had it before it was rotated."""
        at = int.from_bytes(digest[:2]) % len(self._keys)
        shard = self._open_keys.get(at)
        if shard is None:
            shard = self._open_keys[at] = _KEYS.decode(self._keys[at])
        return shard.get(digest)

    def bounds(self, account: str) -> Bounds:
        """The limits and budgets on an account, as `written`."""
        at = crc32(account.encode("utf-8", "replace")) % len(self._accounts)
        shard = self._open_accounts.get(at)
        if shard is None:
            shard = self._open_accounts[at] = _ACCOUNTS.decode(self._accounts[at])
        return shard.get(account, NOTHING)

    def holders(self) -> set[tuple[str, str]]:
        """The keys, and to whom they belong, by kind and id: `("team", "research")`. Reads all of it."""
        keys = [key for shard in self._keys for key in _KEYS.decode(shard).values()]
        named = [(kind, getattr(key, kind)) for key in keys for kind in ("user", "team", "org")]
        return {*[("key", key.id) for key in keys], *[one for one in named if one[1]]}

    def fading(self) -> Iterator[None]:
        """Forgets one decoded shard at each step. What is asked for meanwhile is decoded again."""
        shards: tuple[dict[int, Any], ...] = (self._open_keys, self._open_accounts)
        for opened in shards:
            for at in tuple(opened):
                opened.pop(at, None)
                yield


def kind_of(account: str) -> str:
    """The kind of an account: `team+model` of `team:T+model:N`. Model names may hold a `+`, and come last."""
    first, plus, rest = account.partition("+")
    if plus and first.partition(":")[0] not in LAST and ":" in rest:
        return f"{first.partition(':')[0]}+{rest.partition(':')[0]}"
    return account.partition(":")[0]


LAST = ("model", "provider")
"""Kinds that a combination ends with."""


def encoded(governance: Governance) -> bytes:
    """A snapshot's content. Of keys with the same digest the first one counts."""
    shards = _shards(len(governance.keys))
    keys: list[dict[bytes, VirtualKey]] = [{} for _ in range(shards)]
    for key in governance.keys:
        for digest in filter(None, (key.digest, key.rotated_digest)):
            raw = bytes.fromhex(digest)
            keys[int.from_bytes(raw[:2]) % shards].setdefault(raw, key)
    bounds = _by_account(governance)
    accounts: list[dict[str, Bounds]] = [{} for _ in range(_shards(len(bounds)))]
    for account, found in bounds.items():
        accounts[crc32(account.encode("utf-8", "replace")) % len(accounts)][account] = found
    encode = msgspec.msgpack.encode
    return encode(
        (
            governance.version,
            governance.keyed or bool(governance.keys),
            sorted({kind_of(account) for account in bounds}),
            [encode(shard) for shard in keys],
            [encode(shard) for shard in accounts],
            governance.blocked,
        )
    )


def written(account: str) -> str:
    """An account as snapshots name it: of a model the case does not matter."""
    if account.startswith("model:"):
        return same_model(account)
    first, plus, rest = account.partition("+")
    return first + plus + same_model(rest) if rest.startswith("model:") else account


def _by_account(governance: Governance) -> Mapping[str, Bounds]:
    limits = _grouped(governance.limits)
    budgets = _grouped(governance.budgets)
    return {
        account: Bounds(tuple(limits.get(account, ())), tuple(budgets.get(account, ())))
        for account in (limits | budgets)
    }


def _grouped(bounds: Iterable[Bound]) -> dict[str, list[Bound]]:
    found: dict[str, list[Bound]] = {}
    for one in bounds:
        found.setdefault(written(one.account), []).append(one)
    return found


def _shards(count: int) -> int:
    return min(max(1, count // _IN_A_SHARD), _MOST_SHARDS)


class Layers:
    """Snapshots that hold together: of a key in several of them the first one counts; bounds of all of them do.

    Of the `kinds` of accounts, `targeted` are those that name a model or provider, `shared` the others. What has been
    `revoked` is the last layer's.
    """

    def __init__(self, *layers: Snapshot, revoked: Revoked | None = None) -> None:
        self._layers = layers
        self._revoked = revoked
        self.keyed = any(one.keyed for one in layers)
        self.kinds = frozenset().union(*(one.kinds for one in layers))
        self.blocked = frozenset().union(*(one.blocked for one in layers))
        self.governs = self.keyed or bool(self.kinds)
        self.targeted = tuple(sorted(one for one in self.kinds if one.endswith(LAST)))
        self.shared = tuple(sorted(one for one in self.kinds if not one.endswith(LAST)))

    def key(self, digest: bytes) -> VirtualKey | None:
        """The key with this digest, or that had it before it was rotated."""
        for one in self._layers:
            found = one.key(digest)
            if found is not None:
                if self._revoked is not None and one is self._layers[-1]:
                    return self._revoked.judged(found, digest, one.version)
                return found
        return None

    def judged(self, bearer: VirtualKey) -> VirtualKey:
        """Who comes with a token: blocked where the user, team or organisation that it names is."""
        named = (f"user:{bearer.user}", f"team:{bearer.team}", f"org:{bearer.org}") if self.blocked else ()
        return bearer if self.blocked.isdisjoint(named) else msgspec.structs.replace(bearer, blocked=True)

    def bounds(self, account: str) -> Bounds:
        """The limits and budgets on an account, as `written`."""
        found = [one.bounds(account) for one in self._layers]
        return Bounds(
            tuple([limit for one in found for limit in one.limits]),
            tuple([budget for one in found for budget in one.budgets]),
        )


EMPTY = Snapshot(encoded(Governance()))


def read(path: Path) -> Snapshot | None:
    """The snapshot in the file, None where there is none. Raises OSError and DamagedFile."""
    content = sealed.read(path, MAGIC, LARGEST)
    return None if content is None else Snapshot(content)


def write(path: Path, content: bytes) -> None:
    """Replaces the file at once. Raises OSError."""
    sealed.write(path, MAGIC, content)
