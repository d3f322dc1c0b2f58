"""What was revoked is refused ahead of the snapshot that says so, and no longer than until then."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway._speedups import limits
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts
from gateway.access import revoked
from gateway.access.callers import Callers
from gateway.access.holds import Told
from gateway.access.revoked import Entry, Revoked
from gateway.access.rights import House
from gateway.access.snapshot import EMPTY, Layers, Snapshot, encoded
from gateway.errors import Forbidden, Unauthorized
from gateway.providers.sealed import DamagedFile
from gateway.schemas.governance import Governance, VirtualKey
from gateway.schemas.record import Record
from gateway.wiring.revoking import Revoking

SECRETS = ("a", "b")
DIGESTS = {one: sha256(one.encode()).digest() for one in SECRETS}


class Asked:
    client = ("127.0.0.1", 1)

    def __init__(self, secret: str) -> None:
        self.headers = {b"authorization": b"Bearer " + secret.encode()}


class Nobody:
    """Guesses nothing, and hears of nothing."""

    def of(self, *_: Any) -> Told:
        return Told()

    def learn(self, *_: Any) -> None: ...

    def budget_warning(self, *_: Any) -> None: ...

    def limit_refused(self, *_: Any) -> None: ...


def no_edit(*_: Any) -> None: ...


def snapshot(version: int) -> Snapshot:
    keys = tuple(VirtualKey(one, digest.hex()) for one, digest in DIGESTS.items())
    return Snapshot(encoded(Governance(version, keys)))


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    sections = limits.sections(limits=8, budgets=8, rolling=4, workers=2)
    found = Accounts(Ledger.create(tmp_path / "ledger", sections), 0)
    yield found
    found.leave()


def callers(accounts: Accounts, *layers: Snapshot, said: Revoked) -> Callers:
    return Callers(House(Layers(*layers, revoked=said), accounts, Nobody(), Nobody(), no_edit), None)


def enter(who: Callers, secret: str) -> str:
    record = Record("r", endpoint="chat_completions")
    who.admit(Asked(secret), record)
    return record.key


def test_a_key_that_was_served_is_refused_once_it_is_revoked(accounts: Accounts) -> None:
    said = Revoked()
    who = callers(accounts, EMPTY, snapshot(1), said=said)
    assert [enter(who, one) for one in SECRETS] == ["a", "b"]
    who.forget(said.take([Entry(DIGESTS["a"], 2)], 1))
    with pytest.raises(Unauthorized):
        enter(who, "a")
    assert enter(who, "b") == "b"


def test_a_blocked_one_is_told_so(accounts: Accounts) -> None:
    said = Revoked()
    said.take([Entry(DIGESTS["a"], 2, blocked=True)], 1)
    with pytest.raises(Forbidden):
        enter(callers(accounts, EMPTY, snapshot(1), said=said), "a")


@pytest.mark.parametrize(("version", "served"), [(1, False), (2, True), (3, True)])
@pytest.mark.parametrize("entry_first", [True, False])
def test_a_snapshot_that_includes_an_entry_has_the_last_word(
    accounts: Accounts, version: int, served: bool, entry_first: bool
) -> None:
    said = Revoked()
    if entry_first:  # else the worker has the snapshot before it reads the entries
        said.take([Entry(DIGESTS["a"], 2)], 1)
    who = callers(accounts, EMPTY, snapshot(version), said=said)
    if not entry_first:
        who.forget(said.take([Entry(DIGESTS["a"], 2)], version))
    if served:
        assert enter(who, "a") == "a"
    else:
        with pytest.raises(Unauthorized):
            enter(who, "a")


def test_an_entry_holds_until_the_snapshot_comes_though_the_file_has_lost_it(accounts: Accounts) -> None:
    said = Revoked()
    said.take([Entry(DIGESTS["a"], 2)], 1)
    assert said.take([], 1) == []
    with pytest.raises(Unauthorized):
        enter(callers(accounts, EMPTY, snapshot(1), said=said), "a")
    said.take([], 2)
    assert enter(callers(accounts, EMPTY, snapshot(1), said=said), "a") == "a"  # it has been forgotten


def test_the_files_key_of_the_same_value_goes_on(accounts: Accounts) -> None:
    said = Revoked()
    said.take([Entry(DIGESTS["a"], 2)], 1)
    who = callers(accounts, snapshot(0), snapshot(1), said=said)
    assert [enter(who, one) for one in SECRETS] == ["a", "b"]


def test_entries_outlive_their_writer_and_nothing_else_is_read(tmp_path: Path) -> None:
    path, entries = tmp_path / "revoked", (Entry(DIGESTS["a"], 7), Entry(DIGESTS["b"], 8, blocked=True))
    assert revoked.read(path) == ()
    revoked.write(path, entries)
    assert revoked.read(path) == entries
    content = path.read_bytes()
    for damaged in (content[:-1], b"", content[:30] + b"\xff" + content[31:]):
        path.write_bytes(damaged)
        with pytest.raises(DamagedFile):
            revoked.read(path)


class Forgetful:
    def __init__(self) -> None:
        self.forgot: list[bytes] = []

    def forget(self, digests: Any) -> None:
        self.forgot.extend(digests)


async def test_a_worker_hears_of_more_with_the_next_version(tmp_path: Path) -> None:
    path, key = tmp_path / "revoked", VirtualKey("a", DIGESTS["a"].hex())
    revoked.write(path, (Entry(DIGESTS["b"], 3),))
    worker, callers = Revoking(path), Forgetful()
    worker.over(callers, 1)
    assert worker.revoked.judged(key, DIGESTS["b"], 1) is None  # it knows what was said before its start
    revoked.write(path, (Entry(DIGESTS["a"], 4), Entry(DIGESTS["b"], 3)))
    worker.look(1)
    assert worker._reading is not None
    await worker._reading
    assert callers.forgot == [DIGESTS["a"]]
    assert worker.revoked.judged(key, DIGESTS["a"], 1) is None
    path.write_bytes(b"damaged")
    worker.look(2)
    await worker._reading
    assert worker.revoked.judged(key, DIGESTS["a"], 1) is None
    worker.close()
