"""Bounds in the journey: what a busy target leads to, and when its place is free again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dispatching import DONE, EVENTS, GATE, House, Provider, completion, delta, house, until

from gateway.errors import TargetBusy
from gateway.schemas.plan import Concurrency
from gateway.schemas.record import Record
from gateway.upstream.admission import FULL, WAITED, Admission, Gate
from gateway.upstream.dispatch import Dispatcher
from gateway.upstream.replies import Stream
from gateway.wiring.admission import gate as wired


class Lines:
    """What telemetry would have been told of lines."""

    def __init__(self) -> None:
        self.refused: list[tuple[str, str]] = []
        self.waits = 0

    def queued(self, provider: str, ns: int) -> None:
        self.waits += 1

    def queue_refused(self, provider: str, why: str) -> None:
        self.refused.append((provider, why))


def bound_to(made: House, name: str, bound: Concurrency, *, model: str = "") -> tuple[Gate, Lines]:
    """The house's dispatcher again, with a bound on the provider, or on one of its models."""
    lines = Lines()
    gate = wired(made.board, name, f"{name}\0\0{model}", bound)
    admission = Admission(name, None if model else gate, {model: gate} if model else {}, lines)
    made.dispatcher = Dispatcher(
        made.connections,
        lambda provider, model: None,
        lambda provider, model: None,
        made.healths,
        made.watched,
        made.rules,
        admissions={name: admission},
    )
    return gate, lines


def free(gate: Gate) -> bool:
    """Whether all of one place is free."""
    if not gate.enter():
        return False
    gate.leave()
    return True


async def held(made: House, provider: Provider) -> asyncio.Task[Any]:
    """A request that is under way until the provider's gate opens."""
    provider.script([GATE, *completion("slow")])
    task = asyncio.create_task(made.send(made.plan(provider.name)))
    await until(lambda: provider.asked == 1)
    return task


@pytest.mark.parametrize("model", ["", "m"])
async def test_a_busy_target_gives_way_to_the_next(tmp_path: Path, model: str) -> None:
    async with house(tmp_path, "slow", "spare") as made:
        gate, lines = bound_to(made, "slow", Concurrency(1, 0), model=model)
        first = await held(made, made.providers["slow"])
        record = Record("r")
        await made.send(made.plan("slow", "spare"), record=record)
        assert [(one.provider, one.outcome, one.cause) for one in record.attempts] == [
            ("slow", "target_busy", "busy"),
            ("spare", "ok", ""),
        ]
        assert record.fallback
        assert lines.refused == [("slow", FULL)]
        assert made.health("slow").success == 1  # it is not to blame
        made.providers["slow"].gate.set()
        await first
        assert free(gate)


async def test_alone_it_is_refused_and_told_when_to_come_back(tmp_path: Path) -> None:
    async with house(tmp_path, "slow") as made:
        _, lines = bound_to(made, "slow", Concurrency(1, 5, 0.05))
        first = await held(made, made.providers["slow"])
        record = Record("r")
        with pytest.raises(TargetBusy) as busy:
            await made.send(made.plan("slow"), record=record)
        assert (busy.value.http_status, busy.value.retry_after) == (429, 1.0)
        assert record.queued_ns >= 40_000_000
        assert record.waited_ns == 0
        assert lines.refused == [("slow", WAITED)]
        assert made.providers["slow"].asked == 1
        made.providers["slow"].gate.set()
        await first


async def test_a_probe_that_is_turned_away_gives_its_claim_back(tmp_path: Path) -> None:
    async with house(tmp_path, "slow", "spare") as made:
        bound_to(made, "slow", Concurrency(1, 0))
        first = await held(made, made.providers["slow"])
        made.open_it("slow", 0.0)
        for _ in range(2):  # without the claim the second would not even be tried
            record = Record("r")
            await made.send(made.plan("slow", "spare"), record=record)
            assert [one.provider for one in record.attempts] == ["slow", "spare"]
        made.providers["slow"].gate.set()
        await first


async def test_one_who_leaves_the_line_is_not_sent(tmp_path: Path) -> None:
    async with house(tmp_path, "slow") as made:
        gate, _ = bound_to(made, "slow", Concurrency(1, 5, 30.0))
        first = await held(made, made.providers["slow"])
        waiting = asyncio.create_task(made.send(made.plan("slow")))
        await until(lambda: len(gate) == 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert len(gate) == 0
        made.providers["slow"].gate.set()
        await first
        assert made.providers["slow"].asked == 1
        assert free(gate)


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_stream_holds_its_place_until_it_is_closed(tmp_path: Path, leaves: bool) -> None:
    async with house(tmp_path, "slow") as made:
        gate, _ = bound_to(made, "slow", Concurrency(1, 5, 5.0))
        made.providers["slow"].script([EVENTS, delta("he"), GATE, delta(finish="stop"), DONE])
        reply = await made.send(made.plan("slow"), stream=True)
        assert isinstance(reply, Stream)
        assert not gate.enter()
        made.providers["slow"].gate.set()
        if leaves:
            reply.abort()
        else:
            while await reply.chunk():
                assert not gate.enter()
            await reply.close()
        assert free(gate)


async def test_a_copy_of_a_request_does_not_wait_where_callers_do(tmp_path: Path) -> None:
    async with house(tmp_path, "slow") as made:
        _, lines = bound_to(made, "slow", Concurrency(1, 5, 30.0))
        first = await held(made, made.providers["slow"])
        with pytest.raises(TargetBusy):
            await made.send(made.plan("slow"), record=Record("r", shadow=True))
        assert (lines.waits, lines.refused) == (0, [("slow", FULL)])
        made.providers["slow"].gate.set()
        await first


async def test_a_model_whose_provider_is_full_holds_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, "slow") as made:
        whole, lines = bound_to(made, "slow", Concurrency(1, 0))
        model = wired(made.board, "slow/m", "slow\0\0m", Concurrency(1, 0))
        both = Admission("slow", whole, {"m": model}, lines)
        assert whole.enter()
        with pytest.raises(TargetBusy):
            await both.enter("m", 1 << 62, Record("r"))
        assert free(model)
        whole.leave()
        place = await both.enter("m", 1 << 62, Record("r"))
        assert not free(model)
        assert not free(whole)
        place.end()
        assert free(model)
        assert free(whole)
        assert whole.enter()
        place.end()  # once more: the place is another's by now
        assert not free(whole)
        whole.leave()
