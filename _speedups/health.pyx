# cython: auto_pickle=False
"""Health of targets, shared by all workers through the ledger: breaker, latency, load, the provider's limits.

A target has a block of three lines:

    0  what every answer writes: the window's answers and failures, failures in a row, latency, success
    1  the breaker: open until, the one probe's claim, how often in a row it opened
    2  what the provider says of its limits

Everything is one atomic word at a time; two workers that write at once may lose a sample of an average, never a
transition of the breaker, which is one compare-and-swap. Times are CLOCK_MONOTONIC in ns, which all processes of a
machine share.
"""

from libc.math cimport exp
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from gateway._speedups.ledger cimport Ledger, Table, ledger_add, ledger_load, ledger_store, ledger_swap

from gateway._speedups.ledger import LINE, WORKERS, Section, table_sections

cdef extern from * nogil:
    """
    /* In one order for all: who adds and then looks misses nobody who did so before. */
    static inline int32_t flights_add(int32_t *p, int32_t v) { return __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST); }
    static inline int32_t flights_load(const int32_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
    """
    int32_t flights_add(int32_t *p, int32_t v)
    int32_t flights_load(const int32_t *p)

cdef enum:
    ANSWERS = 0     # in this window
    FAILURES = 1
    WINDOW = 2      # when it began
    IN_A_ROW = 3
    FIRST = 4       # peak-EWMA of the time to the first token, ns
    FIRST_AT = 5
    SUCCESS = 6     # EWMA of success, millionths below one (0 is perfect, so that a new block is)
    SLOW = 7        # estimate of the 95th percentile of FIRST
    OPEN_UNTIL = 8  # 0 is closed
    PROBE_UNTIL = 9
    LEVEL = 10
    OPENED = 11
    CLOSED = 12
    REQUESTS_LEFT = 16
    REQUESTS_LIMIT = 17
    REQUESTS_RESET = 18
    TOKENS_LEFT = 19
    TOKENS_LIMIT = 20
    TOKENS_RESET = 21
    CELLS = 24
    TARGETS = 1024  # a row of the section of flights

SHUT, HALF_OPEN, OPEN = 0, 1, 2
"""The phases of a breaker: `SHUT` lets everything through."""

cdef double DECAY = 10e9
"""Time constant of the latency's decay, ns: what was slow is worth a try again after a while."""
cdef int64_t MILLION = 1_000_000
cdef int64_t LARGEST = <int64_t>1 << 53


def sections() -> tuple:
    """The ledger's sections: 1024 targets, and a row of their requests in flight for each worker; 1.5 MB."""
    return (
        *table_sections("health", slots=TARGETS, cells=CELLS),
        Section("health.rows", 1, LINE, 1),
        Section("health.flights", 1, TARGETS * 4, WORKERS.slots),
    )


def survey(Ledger ledger, int64_t now) -> list:
    """(key, state) of every target and key that any worker asked for; nothing where a ledger holds no healths."""
    if "health.rows" not in ledger.sections:
        return []
    table = Table(ledger, "health")
    keys, cells = table.snapshot()
    untils = cells[OPEN_UNTIL :: table.width]
    return [(key, SHUT if not until else OPEN if now < until else HALF_OPEN) for key, until in zip(keys, untils)]


def counted(Ledger ledger) -> list:
    """(key, how many now, of all workers) of what is counted and no target: keys that begin with a zero byte."""
    if "health.rows" not in ledger.sections:
        return []
    cdef Table table = Table(ledger, "health")
    cdef const int32_t *flights = <const int32_t *>ledger.start("health.flights")
    cdef int64_t rows = min(ledger_load(<int64_t *>ledger.start("health.rows")), <int64_t>WORKERS.slots)
    cdef int64_t block, row, sum
    found = []
    for key in table.snapshot()[0]:
        if not key.startswith(b"\0"):
            continue
        block = table.locate(key)
        if 0 <= block < TARGETS:  # a column in each of the rows that the section has
            sum = 0
            for row in range(rows):
                sum += flights_load(flights + row * TARGETS + block)
            found.append((key, max(sum, <int64_t>0)))
    return found


def forget(Ledger ledger):
    """For a start: everything is shut, since keys and addresses may be others than before; what was learned stays."""
    cdef Table table = Table(ledger, "health")
    cdef int64_t *cells = table.cells
    cdef int block
    for block in range(table.capacity):  # blocks are capacity * width cells, as the ledger's shape says
        for cell in (OPEN_UNTIL, PROBE_UNTIL, LEVEL, IN_A_ROW):
            ledger_store(&cells[<size_t>block * table.width + <int>cell], 0)


cdef class Board:
    """All targets' health as worker `number` (its line in the ledger's worker table) sees and writes it."""

    def __init__(self, Ledger ledger, int number):
        if not 0 <= number < WORKERS.slots:
            raise ValueError(f"worker {number}")
        self.ledger = ledger
        self.table = Table(ledger, "health")
        self.rows = <int64_t *>ledger.start("health.rows")
        self.flights = <int32_t *>ledger.start("health.flights")
        self.number = number
        self.known = {}
        # What a predecessor in this row left in flight died with it.
        memset(self.flights + <size_t>number * TARGETS, 0, TARGETS * 4)
        cdef int64_t rows = ledger_load(self.rows)
        while rows <= number and not ledger_swap(self.rows, rows, number + 1):
            rows = ledger_load(self.rows)

    def target(
        self,
        bytes key,
        *,
        int failures=5,
        double rate=0.5,
        int minimum=20,
        int64_t window=30_000_000_000,
        int64_t cooldown=5_000_000_000,
        int64_t longest=120_000_000_000,
        int64_t probe=30_000_000_000,
    ):
        """The health of the target `key`. It opens after `failures` in a row, or when of at least `minimum` answers
        in `window` ns a share of `rate` failed; first for `cooldown`, then twice as long each time up to `longest`;
        `probe` is how long a probe's claim holds. A full table leaves a target with a block of this worker alone.
        With 0 `failures` it never opens."""
        cdef TargetHealth found = self.known.get(key)
        if found is not None:
            return found
        found = TargetHealth.__new__(TargetHealth)
        found.board = self
        found.key = key
        found.failures, found.rate, found.minimum = failures, rate, minimum
        found.window, found.cooldown, found.longest, found.probe = window, cooldown, longest, probe
        cdef int64_t block = self.table.locate(key)
        # A block lies in the table's section and a column in each row: both are checked by the ledger's shape.
        if 0 <= block < TARGETS:
            found.cells = self.table.cells + block * self.table.width
            found.column = self.flights + block
        else:
            found.cells = found.own
            found.column = NULL
        self.known[key] = found
        return found

    def targets(self) -> list:
        """Every target that this worker asked for."""
        return list(self.known.values())


cdef class TargetHealth:
    """One target: a provider's model, or one of a provider's keys."""

    def __init__(self):
        raise TypeError("use Board.target")

    # --- requests in flight ---

    def begin(self):
        """One more request is on its way; `end` gives it back, exactly once."""
        flights_add(&self.alone if self.column == NULL else self.column + <size_t>self.board.number * TARGETS, 1)

    def end(self):
        flights_add(&self.alone if self.column == NULL else self.column + <size_t>self.board.number * TARGETS, -1)

    @property
    def in_flight(self) -> int:
        """Requests on their way to it, from all workers."""
        return self.flying()

    cdef int64_t flying(self) noexcept nogil:
        cdef int64_t row, found = 0
        if self.column == NULL:
            return self.alone
        for row in range(min(ledger_load(self.board.rows), <int64_t>256)):
            found += flights_load(self.column + row * TARGETS)
        return max(found, <int64_t>0)

    # --- the breaker ---

    cdef int phase(self, int64_t now) noexcept nogil:
        cdef int64_t until = ledger_load(&self.cells[OPEN_UNTIL])
        if until == 0 or self.failures == 0:
            return 0
        return 2 if now < until else 1

    def state(self, int64_t now) -> int:
        """SHUT, HALF_OPEN or OPEN at this moment."""
        return self.phase(now)

    @property
    def open_until(self) -> int:
        """The moment until which it is open; 0 when it is shut."""
        return ledger_load(&self.cells[OPEN_UNTIL])

    def admit(self, int64_t now) -> int:
        """Whether a request may go there: 0 no, 1 yes, 2 yes as the one probe of a half-open target.

        A probe ends with `succeeded`, `failed` or `release`; if its worker dies, another may probe after a while."""
        cdef int phase = self.phase(now)
        cdef int64_t claimed
        if phase == 0:
            return 1
        if phase == 2:
            return 0
        claimed = ledger_load(&self.cells[PROBE_UNTIL])
        return 2 if claimed <= now and ledger_swap(&self.cells[PROBE_UNTIL], claimed, now + self.probe) else 0

    def release(self):
        """The probe came to nothing: its caller went away, or somebody else was to blame."""
        ledger_store(&self.cells[PROBE_UNTIL], 0)

    def succeeded(self, int64_t first, int64_t now) -> bool:
        """An answer came, its first token after `first` ns; whether this shut an open breaker."""
        self._count(now, ANSWERS)
        if ledger_load(&self.cells[IN_A_ROW]):
            ledger_store(&self.cells[IN_A_ROW], 0)
        self._sample(min(max(first, 1), LARGEST), now)
        cdef int64_t missing = ledger_load(&self.cells[SUCCESS])
        if missing:
            ledger_store(&self.cells[SUCCESS], missing - missing // 16 - (1 if missing < 16 else 0))
        cdef int64_t until = ledger_load(&self.cells[OPEN_UNTIL])
        # An answer to a request from before it opened proves nothing.
        if until == 0 or now < until or not ledger_swap(&self.cells[OPEN_UNTIL], until, 0):
            return False
        ledger_store(&self.cells[PROBE_UNTIL], 0)
        ledger_store(&self.cells[LEVEL], 0)
        ledger_store(&self.cells[ANSWERS], 0)
        ledger_store(&self.cells[FAILURES], 0)
        ledger_add(&self.cells[CLOSED], 1)
        return True

    def failed(self, int64_t now, int64_t rest=0) -> bool:
        """It failed, and asks to be left alone for `rest` ns (0: does not say); whether this opened the breaker."""
        cdef int64_t until = ledger_load(&self.cells[OPEN_UNTIL])
        cdef int64_t answers, failures, in_a_row
        missing = ledger_load(&self.cells[SUCCESS])
        ledger_store(&self.cells[SUCCESS], missing + (MILLION - missing) // 16)
        self._count(now, FAILURES)
        in_a_row = ledger_add(&self.cells[IN_A_ROW], 1)
        if until and now < until:
            if rest:
                self._extend(now + min(rest, LARGEST))
            return False
        if until == 0:
            answers, failures = ledger_load(&self.cells[ANSWERS]), ledger_load(&self.cells[FAILURES])
            answers += failures
            if in_a_row < self.failures and (answers < self.minimum or failures < self.rate * answers):
                return False
        return self._open(until, now, rest)

    def cool(self, int64_t now, int64_t rest) -> bool:
        """It asks to be left alone for `rest` ns, and is not to blame; whether this opened the breaker."""
        cdef int64_t until = ledger_load(&self.cells[OPEN_UNTIL])
        cdef int64_t wanted = now + min(max(rest, <int64_t>0), LARGEST)
        if self.failures == 0:
            return False
        # As long as it asks, and no longer: nothing failed, so nothing doubles.
        if until > now or not ledger_swap(&self.cells[OPEN_UNTIL], until, wanted):
            self._extend(wanted)
            return False
        ledger_store(&self.cells[PROBE_UNTIL], 0)
        ledger_add(&self.cells[OPENED], 1)
        return True

    cdef bint _open(self, int64_t until, int64_t now, int64_t rest):
        if self.failures == 0:
            return False
        cdef int64_t level = min(ledger_load(&self.cells[LEVEL]), <int64_t>32)
        cdef int64_t pause = self.cooldown
        while level > 0 and pause < self.longest:
            pause *= 2
            level -= 1
        pause = max(min(pause, self.longest), min(rest, LARGEST))
        if not ledger_swap(&self.cells[OPEN_UNTIL], until, now + pause):
            self._extend(now + pause)
            return False
        ledger_add(&self.cells[LEVEL], 1)
        ledger_store(&self.cells[PROBE_UNTIL], 0)
        ledger_add(&self.cells[OPENED], 1)
        return True

    cdef void _extend(self, int64_t wanted) noexcept:
        # The longer deadline wins, whoever writes last.
        cdef int64_t until = ledger_load(&self.cells[OPEN_UNTIL])
        while until and until < wanted and not ledger_swap(&self.cells[OPEN_UNTIL], until, wanted):
            until = ledger_load(&self.cells[OPEN_UNTIL])

    cdef void _count(self, int64_t now, int cell) noexcept:
        cdef int64_t began = ledger_load(&self.cells[WINDOW])
        if now - began > self.window and ledger_swap(&self.cells[WINDOW], began, now):
            ledger_store(&self.cells[ANSWERS], 0)
            ledger_store(&self.cells[FAILURES], 0)
        ledger_add(&self.cells[cell], 1)

    # --- latency and success ---

    cdef void _sample(self, int64_t first, int64_t now) noexcept:
        # Peaks count at once, what is quicker only slowly (Finagle's peak EWMA).
        cdef double before = self.wait(now)
        cdef double passed = now - ledger_load(&self.cells[FIRST_AT])
        cdef double keep = exp(-max(passed, 0.0) / DECAY)
        cdef int64_t slow = ledger_load(&self.cells[SLOW])
        cdef int64_t step
        old = <double>ledger_load(&self.cells[FIRST])
        ledger_store(&self.cells[FIRST], first if first > before else <int64_t>(old * keep + first * (1 - keep)))
        ledger_store(&self.cells[FIRST_AT], now)
        # A quantile by steps: it rests where 95 of 100 samples are below it.
        step = max(slow // 64, <int64_t>10_000)
        if slow == 0:
            slow = first * 2
        elif first > slow:
            slow += 19 * step // 4
        else:
            slow = max(slow - step // 4, <int64_t>1)
        ledger_store(&self.cells[SLOW], slow)

    def outwaited(self, int64_t least, int64_t now):
        """Nobody waited any longer: the first token would have come after `least` ns at the soonest.

        That is all it tells. A peak counts at once, so whatever is above the average may raise it to `least`; below it
        such a try says nothing, and must not make the target look quick. The same for the quantile: a try that was
        above it counts as one above it, any other as none."""
        cdef int64_t first = min(max(least, 1), LARGEST)
        cdef int64_t slow = ledger_load(&self.cells[SLOW])
        if first > self.wait(now):
            ledger_store(&self.cells[FIRST], first)
            ledger_store(&self.cells[FIRST_AT], now)
        if 0 < slow < first:
            ledger_store(&self.cells[SLOW], slow + 19 * max(slow // 64, <int64_t>10_000) // 4)

    cdef double wait(self, int64_t now) noexcept nogil:
        """The expected time to the first token, ns; forgotten while nothing is heard; 0 when nothing is known."""
        cdef double passed = now - ledger_load(&self.cells[FIRST_AT])
        return ledger_load(&self.cells[FIRST]) * exp(-max(passed, 0.0) / DECAY)

    def latency(self, int64_t now) -> float:
        """The expected time to the first token in ns: a decaying average in which peaks count at once."""
        return self.wait(now)

    @property
    def slow(self) -> int:
        """About the 95th percentile of the time to the first token, ns; 0 when nothing is known."""
        return ledger_load(&self.cells[SLOW])

    cdef double health(self) noexcept nogil:
        return 1.0 - <double>ledger_load(&self.cells[SUCCESS]) / MILLION

    @property
    def success(self) -> float:
        """A decaying share of tries that succeeded; 1 when nothing is known."""
        return self.health()

    @property
    def opened(self) -> int:
        """How often its breaker opened."""
        return ledger_load(&self.cells[OPENED])

    # --- the provider's own limits ---

    def limits(self, int64_t now, requests=None, tokens=None):
        """What the provider said of its limits: (left, limit, ns until it is full again), for requests and tokens."""
        if requests is not None:
            self._limit(REQUESTS_LEFT, now, requests)
        if tokens is not None:
            self._limit(TOKENS_LEFT, now, tokens)

    cdef _limit(self, int cell, int64_t now, tuple said):
        cdef int64_t left, limit, reset
        left, limit, reset = said
        ledger_store(&self.cells[cell], max(left, 0))
        ledger_store(&self.cells[cell + 1], max(limit, 0))
        ledger_store(&self.cells[cell + 2], now + min(max(reset, 0), LARGEST))

    cdef double room(self, int64_t now) noexcept nogil:
        """The smaller share that is left of the provider's limits: 1 when full, unknown, or reset since."""
        cdef double found = 1.0
        cdef int cell
        cdef int64_t limit
        for cell in range(REQUESTS_LEFT, REQUESTS_LEFT + 6, 3):
            limit = ledger_load(&self.cells[cell + 1])
            if limit > 0 and now < ledger_load(&self.cells[cell + 2]):
                found = min(found, <double>ledger_load(&self.cells[cell]) / limit)
        return found

    def headroom(self, int64_t now) -> float:
        """The smaller share that is left of the provider's limits, from 0 to 1."""
        return self.room(now)

    def __repr__(self) -> str:
        return f"TargetHealth({self.key!r})"
