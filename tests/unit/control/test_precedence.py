"""Work that can wait gives way to answers, and not for ever."""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from admin_house import House

from gateway.control import precedence
from gateway.control.admin.application import Api
from gateway.control.precedence import Precedence
from gateway.schemas.governance import Gone
from gateway.store.compiling import PIECE, governance_of
from gateway.store.engine import open_engine, upgrade, writing
from gateway.store.governance import limits
from gateway.store.things import add


def no_metrics(_: str) -> tuple[Iterable[bytes], str]:
    return (), ""


def test_work_waits_while_somebody_is_answered() -> None:
    found = Precedence()
    went_on = threading.Event()

    def work() -> None:
        found.work().give_way()
        went_on.set()

    thread = threading.Thread(target=work)
    with found.answering():
        with found.answering():
            thread.start()
        assert not went_on.wait(0.05)  # one of two is still answered
    assert went_on.wait(10)
    thread.join()
    found.work().give_way()


def test_work_that_waited_long_enough_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "LONGEST", 0.01)
    found = Precedence()
    with found.answering():
        piece = found.work()
        for _ in range(1000):
            piece.give_way()  # else this would take as many hundredths of a second


def test_what_the_store_says_is_read_with_many_pauses(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    upgrade(engine)
    limit = {"account": "team:t", "seconds": 60, "requests": 1, "tokens": 0, "parallel": 0}
    with writing(engine) as connection:
        for number in range(2 * PIECE + 1):
            add(connection, limits, {"id": f"l{number}", **limit})
    pauses: list[int] = []
    with engine.connect() as connection:
        assert len(governance_of(connection, lambda: pauses.append(1)).limits) == 2 * PIECE + 1
    assert len(pauses) == 3
    engine.dispose()


async def test_only_what_callers_wait_for_goes_before(tmp_path: Path) -> None:
    """Not the compiling itself, where an answer waits for that."""
    house = House(tmp_path)
    found = Precedence()
    seen: dict[str, bool] = {}

    class Changes:
        async def publish(self) -> None:
            seen["publish"] = found.work().would_wait

        async def revoke(self, gone: Sequence[Gone]) -> bool:
            seen["revoke"] = found.work().would_wait
            return False

    house.app = Api(house.engine, house.store, "1", Changes(), no_metrics, precedence=found).application()
    made = await house.make("keys", name="k")
    await house.ask("POST", f"/api/keys/{made['id']}/revoke")
    assert seen == {"publish": False, "revoke": True}
