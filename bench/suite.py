"""The order of a whole bench: which servers are started, which measurements are made on them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec

from bench.cores import Cores, Layout, layout
from bench.measure import Pressure, Run, Settings, Subject, run
from bench.peers.known import start_peer
from bench.peers.spec import PeerSpec
from bench.processes import Child, foreign_load, owner
from bench.scenarios import TURNS, Scenario, Server
from bench.servers import start_gateway, start_mock, start_nginx

_QUIET = 0.05  # of all cores


class Order(msgspec.Struct, frozen=True):
    """What to do. `gateway` is one that already runs, None to start one. `servers` are the names that take
    part."""

    scenarios: tuple[Scenario, ...]
    settings: Settings
    cores: Cores
    out: Path
    peers: tuple[PeerSpec, ...] = ()
    gateway: Server | None = None
    servers: tuple[str, ...] = ("direct", "gateway", "nginx")
    two_cores: bool = True


class Step(msgspec.Struct, frozen=True):
    """One measurement to be made."""

    scenario: Scenario
    subject: Subject
    pressure: Pressure


class Ear:
    """Who listens to the suite's progress."""

    def stage(self, what: str) -> None:
        """Something is being started."""

    def steps(self, steps: list[Step]) -> None:
        """These measurements come next."""

    def begins(self, step: Step) -> None:
        """A measurement begins."""

    def done(self, step: Step, found: Run) -> None:
        """A measurement is made."""

    def note(self, text: str) -> None:
        """Something that a reader of the numbers has to know."""


def carry_out(order: Order, ear: Ear) -> list[Run]:
    """Every measurement of the order. Raises ChildFailed, LoadFailed or PeerError when a part cannot run."""
    if (foreign := foreign_load()) > _QUIET:
        ear.note(f"the machine was {foreign:.0%} busy before the bench began: the numbers suffer from it")
    runs = list(_stage(order, ear, layout(order.cores), _first_stage))
    if _has_two_cores(order):
        runs += _stage(order, ear, layout(order.cores, 2), _second_stage)
    elif order.two_cores and order.gateway is None and "gateway" in order.servers:
        ear.note(f"{len(order.cores)} cores are too few to measure the gateway on two of them")
    return runs


def _has_two_cores(order: Order) -> bool:
    own = order.gateway is None and "gateway" in order.servers
    return order.two_cores and own and len(order.cores) >= 3


Plan = Callable[[Order, list[Subject]], Iterator[Step]]


def _stage(order: Order, ear: Ear, where: Layout, plan: Plan) -> Iterator[Run]:
    if where.shared:
        ear.note(where.shared)
    with ExitStack() as stack:
        second = plan is _second_stage
        ear.stage(_where(where))
        mock, mock_server = start_mock(order.out, where.mock)
        stack.callback(mock.stop)
        subjects = list(_subjects(order, ear, where, mock_server, stack, only_gateway=second))
        if not second and "direct" in order.servers:
            subjects.insert(0, Subject(mock_server, mock.pid))
        steps = list(plan(order, subjects))
        ear.steps(steps)
        for step in steps:
            ear.begins(step)
            found = run(step.scenario, step.subject, mock.pid, step.pressure, where, order.settings)
            ear.done(step, found)
            yield found


def _subjects(
    order: Order, ear: Ear, where: Layout, mock: Server, stack: ExitStack, *, only_gateway: bool
) -> Iterator[Subject]:
    if "gateway" in order.servers:
        yield _gateway(order, where, mock, stack)
    if only_gateway:
        return
    if "nginx" in order.servers:
        nginx = start_nginx(order.out, mock, where.gateway)
        if nginx is None:
            ear.note("nginx is not installed: no ratio to it")
        else:
            stack.callback(nginx[0].stop)
            yield Subject(nginx[1], nginx[0].pid)
    for spec in order.peers:
        ear.stage(f"starting {spec.name}")
        yield _peer(order, spec, where, mock, stack)


def _gateway(order: Order, where: Layout, mock: Server, stack: ExitStack) -> Subject:
    if order.gateway is not None:
        return Subject(order.gateway, owner(order.gateway.port))
    child, server = start_gateway(order.out, mock, where.gateway)
    stack.callback(child.stop)
    return Subject(server, child.pid, cores=len(where.gateway))


def _peer(order: Order, spec: PeerSpec, where: Layout, mock: Server, stack: ExitStack) -> Subject:
    if spec.url:
        server = spec.server()
        return Subject(server, owner(server.port))
    child: Child
    child, spec = start_peer(spec.name, order.out / "peers", f"http://{mock.host}:{mock.port}", where.gateway)
    stack.callback(child.stop)
    return Subject(spec.server(), child.pid)


def _first_stage(order: Order, subjects: list[Subject]) -> Iterator[Step]:
    turning = [one for one in order.scenarios if one.name in ("named", "route")]
    for scenario in order.scenarios:
        if scenario in turning:
            continue
        only_peak = scenario.paced or scenario.route
        pressures: tuple[Pressure, ...] = ("peak",) if only_peak else ("one", "rate", "peak")
        for pressure in pressures:
            for subject in subjects:
                if _takes_part(scenario, subject.server, pressure):
                    yield Step(scenario, subject, pressure)
    for _ in range(TURNS):
        for scenario in turning:
            for subject in subjects:
                if _takes_part(scenario, subject.server, "peak"):
                    yield Step(scenario, subject, "peak")


def _takes_part(scenario: Scenario, server: Server, pressure: Pressure) -> bool:
    if scenario.route:  # others have no such names
        return server.kind == "gateway"
    # A peer that serves less than the fixed rate would only queue.
    return server.kind != "peer" or (scenario.peers and pressure != "rate")


def _second_stage(order: Order, subjects: list[Subject]) -> Iterator[Step]:
    for scenario in order.scenarios:
        if not (scenario.paced or scenario.route):
            for subject in subjects:
                yield Step(scenario, subject, "peak")


def _where(where: Layout) -> str:
    roles = {"gateway": where.gateway, "mock": where.mock, "load": where.load}
    return "cores: " + ", ".join(f"{role} {'+'.join(map(str, cores))}" for role, cores in roles.items())
