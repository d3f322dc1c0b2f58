"""Health of targets, shared by all workers through the ledger: breaker, latency, load, the provider's limits."""

from gateway._speedups.ledger import Ledger, Section

SHUT: int
HALF_OPEN: int
OPEN: int

def sections() -> tuple[Section, ...]:
    """The ledger's sections: 1024 targets, and a row of their requests in flight for each worker; 1.5 MB."""

def survey(ledger: Ledger, now: int) -> list[tuple[bytes, int]]:
    """(key, state) of every target and key that any worker asked for; nothing where a ledger holds no healths."""

def counted(ledger: Ledger) -> list[tuple[bytes, int]]:
    """(key, how many now, of all workers) of what is counted and no target: keys that begin with a zero byte."""

def forget(ledger: Ledger) -> None:
    """For a start: everything is shut, since keys and addresses may be others than before; what was learned stays."""

class Board:
    """All targets' health as worker `number` (its line in the ledger's worker table) sees and writes it."""

    def __init__(self, ledger: Ledger, number: int) -> None: ...
    def target(
        self,
        key: bytes,
        *,
        failures: int = 5,
        rate: float = 0.5,
        minimum: int = 20,
        window: int = 30_000_000_000,
        cooldown: int = 5_000_000_000,
        longest: int = 120_000_000_000,
        probe: int = 30_000_000_000,
    ) -> TargetHealth:
        """The health of the target `key`. It opens after `failures` in a row, or when of at least `minimum` answers
        in `window` ns a share of `rate` failed; first for `cooldown`, then twice as long each time up to `longest`;
        `probe` is how long a probe's claim holds. A full table leaves a target with a block of this worker alone.
        With 0 `failures` it never opens."""

    def targets(self) -> list[TargetHealth]: ...

class TargetHealth:
    """One target: a provider's model, or one of a provider's keys. All times are CLOCK_MONOTONIC, ns."""

    key: bytes

    def begin(self) -> None:
        """One more request is on its way; `end` gives it back, exactly once."""

    def end(self) -> None: ...
    @property
    def in_flight(self) -> int:
        """Requests on their way to it, from all workers."""

    def state(self, now: int) -> int:
        """SHUT, HALF_OPEN or OPEN at this moment."""

    @property
    def open_until(self) -> int:
        """The moment until which it is open; 0 when it is shut."""

    def admit(self, now: int) -> int:
        """Whether a request may go there: 0 no, 1 yes, 2 yes as the one probe of a half-open target.

        A probe ends with `succeeded`, `failed` or `release`; if its worker dies, another may probe after a while."""

    def release(self) -> None:
        """The probe came to nothing: its caller went away, or somebody else was to blame."""

    def succeeded(self, first: int, now: int) -> bool:
        """An answer came, its first token after `first` ns; whether this shut an open breaker."""

    def outwaited(self, least: int, now: int) -> None:
        """Nobody waited any longer: the first token would have come after `least` ns at the soonest. It may make the
        target slower than was thought, never quicker."""

    def failed(self, now: int, rest: int = 0) -> bool:
        """It failed, and asks to be left alone for `rest` ns (0: does not say); whether this opened the breaker."""

    def cool(self, now: int, rest: int) -> bool:
        """It asks to be left alone for `rest` ns, and is not to blame; whether this opened the breaker."""

    def latency(self, now: int) -> float:
        """The expected time to the first token in ns: a decaying average in which peaks count at once."""

    @property
    def slow(self) -> int:
        """About the 95th percentile of the time to the first token, ns; 0 when nothing is known."""

    @property
    def success(self) -> float:
        """A decaying share of tries that succeeded; 1 when nothing is known."""

    @property
    def opened(self) -> int:
        """How often its breaker opened."""

    def limits(
        self,
        now: int,
        requests: tuple[int, int, int] | None = None,
        tokens: tuple[int, int, int] | None = None,
    ) -> None:
        """What the provider said of its limits: (left, limit, ns until it is full again), for requests and tokens."""

    def headroom(self, now: int) -> float:
        """The smaller share that is left of the provider's limits, from 0 to 1."""
