"""Which key of a pool serves: by weight, by model, and never one that is benched while another rests not."""

from collections import Counter
from itertools import count
from pathlib import Path
from time import monotonic_ns

import pytest
from dispatching import lane

from gateway._speedups.health import Board, sections
from gateway._speedups.http1 import Origin
from gateway._speedups.ledger import Ledger
from gateway.schemas.plan import Timeouts
from gateway.upstream.connection import LONGEST_BENCH, Connection, Credential, Quirks
from gateway.upstream.flights import Healths

KEYS = (Credential(0, 3, ("small-*",)), Credential(1, 1, ("small-*", "large-*")), Credential(2, 2, ("*",)))


class Draw:
    """Random numbers that come round evenly."""

    def __init__(self) -> None:
        self._numbers = count()

    def __call__(self) -> float:
        return (next(self._numbers) % 600) / 600


def pool(folder: Path, number: int = 0) -> tuple[Connection, list[tuple[str, int, float]]]:
    """The pool as worker `number` sees it, and what is told of its keys."""
    path = folder / "ledger"
    ledger = Ledger.open(path, sections()) if path.exists() else Ledger.create(path, sections())
    healths = Healths(Board(ledger, number), lambda provider, model: True, {})
    told: list[tuple[str, int, float]] = []

    def benched(provider: str, index: int, seconds: float) -> None:
        told.append((provider, index, seconds))

    made = Connection(
        *("p", None, Origin("127.0.0.1", 1), "x"),
        lanes=(lane(3),),
        credentials=KEYS,
        timeouts=Timeouts(),
        retries=0,
        quirks=Quirks(),
        draw=Draw(),
        benches=healths.of_keys("p", 3),
        benched=benched,
    )
    return made, told


def drawn(connection: Connection, model: str, spent: tuple[Credential, ...] = ()) -> Counter[int]:
    keys = [connection.credential(model, spent) for _ in range(600)]
    return Counter(-1 if key is None else key.index for key in keys)


def test_keys_are_drawn_by_weight_among_those_that_serve_the_model(tmp_path: Path) -> None:
    connection, _ = pool(tmp_path)
    assert drawn(connection, "small-1") == {0: 300, 1: 100, 2: 200}
    assert drawn(connection, "large-1") == {1: 200, 2: 400}
    assert drawn(connection, "other") == {2: 600}
    assert drawn(connection, "other", (KEYS[2],)) == {-1: 600}


def test_a_benched_key_serves_in_no_worker_until_all_are(tmp_path: Path) -> None:
    (one, told), (two, _) = pool(tmp_path, 0), pool(tmp_path, 1)
    one.bench(KEYS[2], 60)
    for worker in (one, two):
        assert drawn(worker, "large-1") == {1: 600}
        assert not worker.has_other("large-1", (KEYS[1],))
    two.bench(KEYS[1], 30)
    assert drawn(one, "large-1") == {1: 600}  # the soonest to be free
    one.bench(KEYS[2], 90)  # longer: it is benched already, and nobody is told again
    assert told == [("p", 2, 60)]


def test_a_key_is_back_after_its_time_and_that_is_told_once(tmp_path: Path) -> None:
    connection, told = pool(tmp_path)
    connection.bench(KEYS[2], 0.0)
    assert drawn(connection, "other") == {2: 600}
    for _ in range(3):
        connection.proved(KEYS[2])
    assert told == [("p", 2, 0.0), ("p", 2, 0.0)]


@pytest.mark.parametrize("seconds", [1e7, LONGEST_BENCH])
def test_no_provider_benches_a_key_for_ever(tmp_path: Path, seconds: float) -> None:
    connection, told = pool(tmp_path)
    connection.bench(KEYS[0], seconds)
    assert told == [("p", 0, LONGEST_BENCH)]
    assert connection._benches[0].open_until - monotonic_ns() <= LONGEST_BENCH * 1e9
