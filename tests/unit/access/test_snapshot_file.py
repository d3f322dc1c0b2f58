"""Snapshots: what is written is found again, whatever its size, and a damaged file is no file."""

from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from gateway.access import snapshot
from gateway.access.snapshot import Layers, Snapshot, encoded, kind_of
from gateway.providers.sealed import DamagedFile
from gateway.schemas.governance import Budget, Governance, Limit, VirtualKey


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def held(count: int) -> Governance:
    keys = tuple([VirtualKey(f"k{n}", digest(f"secret-{n}"), team=f"t{n % 7}") for n in range(count)])
    limits = tuple([Limit(f"l{n}", f"key:k{n}", requests=n + 1) for n in range(count)])
    return Governance(3, keys, limits, (Budget("b", "team:t1+model:a+b", 5),))


@pytest.mark.parametrize("count", [0, 1, 17, 3000])
def test_every_key_and_every_bound_is_found_by_what_it_is_asked_for(count: int) -> None:
    found = Snapshot(encoded(held(count)))
    for n in range(count):
        key = found.key(bytes.fromhex(digest(f"secret-{n}")))
        assert key is not None
        assert key.id == f"k{n}"
        assert found.bounds(f"key:k{n}").limits[0].requests == n + 1
    assert found.key(bytes.fromhex(digest("nobody"))) is None
    assert found.bounds("key:nobody") == snapshot.NOTHING
    assert found.bounds("team:t1+model:a+b").budgets[0].id == "b"
    assert found.keyed == bool(count)


def test_a_rotated_key_is_found_by_both_of_its_digests() -> None:
    key = VirtualKey("k", digest("new"), rotated_digest=digest("old"), rotated_until=1)
    found = Snapshot(encoded(Governance(0, (key,))))
    assert found.key(bytes.fromhex(digest("old"))) == key
    assert found.key(bytes.fromhex(digest("new"))) == key


def test_the_first_layer_wins_a_key_and_bounds_add_up() -> None:
    one = Governance(0, (VirtualKey("file", digest("s")),), (Limit("a", "team:t", requests=1),))
    two = Governance(0, (VirtualKey("store", digest("s")),), (Limit("b", "team:t", requests=2),))
    layers = Layers(Snapshot(encoded(one)), Snapshot(encoded(two)))
    found = layers.key(bytes.fromhex(digest("s")))
    assert found is not None
    assert found.id == "file"
    assert [limit.id for limit in layers.bounds("team:t").limits] == ["a", "b"]


@pytest.mark.parametrize(
    ("account", "kind"),
    [
        ("key:a", "key"),
        ("model:a+b", "model"),
        ("team:t+model:x+y:z", "team+model"),
        ("model:a+b:c", "model"),
    ],
)
def test_the_kind_of_an_account_survives_a_plus_in_a_model(account: str, kind: str) -> None:
    assert kind_of(account) == kind


def test_a_file_is_its_owners_alone_and_a_changed_byte_makes_it_none(tmp_path: Path) -> None:
    path = tmp_path / "data" / "snapshot"
    assert snapshot.read(path) is None
    snapshot.write(path, encoded(held(5)))
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["snapshot"]
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DamagedFile):
        snapshot.read(path)


@pytest.mark.parametrize(
    ("blocked", "is_blocked"),
    [("user:ann", True), ("team:red", True), ("org:o", True), ("team:ann", False), ("user:red", False)],
)
def test_who_comes_with_a_token_is_blocked_with_whom_it_names(blocked: str, is_blocked: bool) -> None:
    layers = Layers(snapshot.EMPTY, Snapshot(encoded(Governance(blocked=("team:other", blocked)))))
    bearer = VirtualKey("jwt:ann", "", user="ann", team="red", org="o")
    assert layers.judged(bearer).blocked is is_blocked
    assert not layers.judged(VirtualKey("jwt:bob", "")).blocked
    assert Layers(snapshot.EMPTY).judged(bearer) is bearer


def test_a_snapshot_of_before_blocks_nobody() -> None:
    whole = msgspec.msgpack.decode(encoded(held(1)))
    assert Snapshot(msgspec.msgpack.encode(whole[:5])).blocked == frozenset()
