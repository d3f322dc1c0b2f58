# cython: auto_pickle=False
"""Limits and budgets in the ledger: what a request may take, at all its levels at once, exactly.

A limit has a block of the table `limits`: two GCRA buckets, and for each worker its requests in flight. A budget has
a block of the table `budgets`: its period, and for each worker what it committed (spent and reserved) and what it
spent. A worker is a *row*: the number of its line in the ledger's worker table.

Every word that counts money or places has one writer, the worker of its row. That is what makes crashes harmless:

- A reservation raises the worker's own word first and then adds up all rows. Of two workers that reserve at once at
  least one sees the other (a full fence stands between), so never more is granted than there is.
- What was spent never shrinks and is raised by one store; `committed` moves by `actual - reserved` in one store. So a
  dead worker's reservations are given back by `committed := spent`, as often as one likes, and nothing else is needed.
- Settling writes to several budgets. The new values go to the worker's log first (absolute, so that writing them again
  changes nothing), then the log's length, which is the moment at which all of it has happened: whoever cleans the row
  of a worker that died later finishes the writing. Who died earlier has spent nothing.

Buckets are one shared word each and moved by compare-and-swap. What a dead worker took of them flows back with time.

Times are wall-clock ns (CLOCK_REALTIME), money is nano-dollars.
"""

import time
from os import getpid

cimport cython
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from gateway._speedups.ledger cimport Ledger, Table, ledger_load, ledger_store, ledger_swap

from gateway._speedups.ledger import LINE, LedgerError, Section, process_identity, table_sections

cdef extern from * nogil:
    """
    #include <time.h>
    static inline void limits_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
    static inline void limits_pause(void) {
    #if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
    #else
        __asm__ __volatile__("" ::: "memory");
    #endif
    }
    static inline int limits_month_day(int64_t seconds) {
        time_t at = (time_t)seconds;
        struct tm parts;
        return gmtime_r(&at, &parts) ? parts.tm_mday : 1;
    }
    """
    void limits_fence()
    void limits_pause()
    int limits_month_day(int64_t seconds)

cdef enum:
    # A row's line: who it is, whether it is reserving (odd), the last settled record, and the log of one settling.
    OWNER = 0
    PHASE = 1
    SEQUENCE = 2
    LOG_SEQUENCE = 3
    LOG_LENGTH = 4   # entries + 1; 0 is none
    LOG = 8
    ROW_WORDS = 72   # LOG and two words for each of MOST entries
    # The head's line.
    ROWS_SEEN = 0
    BORN = 1

    # A limit's block.
    REQUEST_BUCKET = 0
    TOKEN_BUCKET = 1
    FLIGHTS = 2      # and one for each row

    # A budget's block.
    START = 0        # the period's number << 16 | the row that is turning it + 1
    BASE = 1         # what had been spent in all when the period began
    CARRIED = 2      # what was spent before this ledger, << 1 | 1 once it is surely known
    PURSES = 4       # and for each row: committed, spent

    MARKS = 64       # of a rolling budget: what had been spent in all when each slot began
    SLOTS = 60       # in its window

    HAS_REQUEST = 1
    HAS_TOKENS = 2
    HAS_PLACE = 4
    HAS_MONEY = 8

    NONE = 0
    REQUESTS = 1
    TOKENS = 2
    PARALLEL = 3
    MONEY = 4

    CALENDAR_DAY = 0
    CALENDAR_WEEK = 1
    CALENDAR_MONTH = 2
    NEVER = 3
    ROLLING = 4

    MOST_ROWS = 64
    SPINS = 500      # some 10 µs
    TURNS = 4

KINDS = ("", "requests", "tokens", "parallel", "money")

cdef int64_t SECOND = 1_000_000_000
cdef int64_t LARGEST = <int64_t>1 << 53
"""One figure from outside never exceeds this: 9 million USD, 9e15 tokens."""
cdef int64_t CEILING = <int64_t>1 << 55
"""Nor what one worker spent this, and reserved the same again: the sums of all rows (64 at most) fit in a word."""
cdef int64_t LATEST = <int64_t>1 << 62
"""Wall clocks are taken for between 1970 and 2116."""


def sections(*, int limits=50_000, int budgets=20_000, int rolling=2_000, int workers=16) -> tuple:
    """The ledger's sections for so many limits, budgets (`rolling` of them with a sliding period) and workers."""
    if not 0 < workers <= MOST_ROWS:
        raise ValueError(f"{workers} workers")
    return (
        *table_sections("limits", slots=max(limits, 1), cells=FLIGHTS + workers),
        *table_sections("limits.budgets", slots=max(budgets, 1), cells=PURSES + 2 * workers),
        *table_sections("limits.rolling", slots=max(rolling, 1), cells=MARKS),
        Section("limits.head", 1, LINE, 1),
        Section("limits.rows", 1, ROW_WORDS * 8, workers),
    )


cdef inline int64_t _bounded(object value, int64_t most) noexcept:
    """What is no int counts 0, as does what is below; what is absurd counts `most`."""
    cdef int overflow = 0
    if not PyLong_Check(value):
        return 0
    cdef int64_t figure = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow < 0 or figure < 0 and not overflow:
        return 0
    return most if overflow or figure > most else figure


cdef inline int64_t _moment(int64_t now) noexcept nogil:
    return min(max(now, <int64_t>0), LATEST)


cdef bint _gone(int64_t owner):
    return process_identity((owner & 0xFFFFFFFF) >> 1) != owner >> 32


@cython.final
cdef class Accounts:
    """All limits and budgets as worker `number` (its line in the ledger's worker table) takes from them.

    One thread of one process uses it; a forked child makes its own. LedgerError when the row belongs to another living
    process. What a dead predecessor in the row had reserved is given back; `inherited` is the number of the last
    record that the row settled (`Hold.settle`).
    """

    def __init__(self, Ledger ledger, int number):
        self.ledger = ledger
        self.rows = ledger.sections["limits.rows"][0].slots
        if not 0 <= number < self.rows:
            raise ValueError(f"worker {number} of {self.rows}")
        self.limits = Table(ledger, "limits")
        self.budgets = Table(ledger, "limits.budgets")
        self.windows = Table(ledger, "limits.rolling")
        self.head = <int64_t *>ledger.start("limits.head")
        self.lines = <int64_t *>ledger.start("limits.rows")
        self.number = number
        self.line = self.line_of(number)
        self.owner = (<int64_t>process_identity(getpid()) << 32) | (<int64_t>getpid() << 1)
        ledger_swap(&self.head[BORN], 0, time.time_ns())
        self.born = ledger_load(&self.head[BORN])
        cdef int64_t seen = ledger_load(&self.head[ROWS_SEEN])
        while seen <= number and not ledger_swap(&self.head[ROWS_SEEN], seen, number + 1):
            seen = ledger_load(&self.head[ROWS_SEEN])
        self.inherited = self.claim()

    cdef int64_t *line_of(self, int64_t row) noexcept:
        return self.lines + row * ROW_WORDS

    cdef int64_t seen(self) noexcept nogil:
        """Rows that were ever used."""
        return min(ledger_load(&self.head[ROWS_SEEN]), <int64_t>self.rows)

    # --- rows and their owners ---
    #
    # An owner is a process (identity << 32 | pid << 1), with the low bit set once the row is its own; without it, it
    # is cleaning the row. Only who made itself the owner cleans, so nobody cleans what a successor reserves.

    cdef int64_t claim(self):
        cdef int64_t owner
        for _ in range(400):
            owner = ledger_load(&self.line[OWNER])
            if owner == self.owner | 1:
                return ledger_load(&self.line[SEQUENCE])
            if (owner == 0 or _gone(owner)) and ledger_swap(&self.line[OWNER], owner, self.owner):
                self.clean(self.number)
                ledger_store(&self.line[OWNER], self.owner | 1)
                return ledger_load(&self.line[SEQUENCE])
            time.sleep(0.005)  # at a worker's start: another process is about to leave the row, or cleans it
        raise LedgerError(f"{self.ledger.path}: row {self.number} of limits is held by another process")

    def leave(self):
        """Gives the row back, with all that is reserved in it. Nothing may be reserved or settled after it."""
        if ledger_swap(&self.line[OWNER], self.owner | 1, self.owner):
            self.clean(self.number)
            ledger_swap(&self.line[OWNER], self.owner, 0)

    def sweep(self) -> list:
        """Gives back what dead workers had reserved: (row, last settled record) of each."""
        cdef int64_t owner
        cdef int64_t *line
        found = []
        for row in range(self.seen()):
            line = self.line_of(row)
            owner = ledger_load(&line[OWNER])
            if owner and _gone(owner) and ledger_swap(&line[OWNER], owner, self.owner):
                self.clean(row)
                found.append((row, ledger_load(&line[SEQUENCE])))
                ledger_swap(&line[OWNER], self.owner, 0)
        return found

    cdef void clean(self, int64_t row) noexcept:
        # Each step may be repeated: whoever dies in here is followed by another who does it all again.
        cdef int64_t block, word
        cdef int64_t *cells
        cdef int64_t *line = self.line_of(row)
        self.replay(row)
        for block in range(min(ledger_load(self.budgets.taken), <int64_t>self.budgets.capacity)):
            cells = self.budgets.cells + block * self.budgets.width
            ledger_store(&cells[PURSES + 2 * row], ledger_load(&cells[PURSES + 2 * row + 1]))
            # A turn that was begun is not lost: the next one to come does it again.
            word = ledger_load(&cells[START])
            if word & 0xFFFF == row + 1:
                ledger_store(&cells[START], word & ~<int64_t>0xFFFF)
        for block in range(min(ledger_load(self.limits.taken), <int64_t>self.limits.capacity)):
            ledger_store(&self.limits.cells[block * self.limits.width + FLIGHTS + row], 0)
        word = ledger_load(&line[PHASE])
        ledger_store(&line[PHASE], word + (word & 1))

    cdef void replay(self, int64_t row) noexcept:
        """Finishes a settling that its worker began."""
        cdef int64_t *line = self.line_of(row)
        cdef int64_t length = min(ledger_load(&line[LOG_LENGTH]) - 1, <int64_t>MOST)
        cdef int64_t at, block
        if length < 0:
            return
        for at in range(length):
            block = line[LOG + 2 * at]
            # The file may have been scribbled over: no number from it is an address unchecked.
            if 0 <= block < self.budgets.capacity:
                ledger_store(
                    &self.budgets.cells[block * self.budgets.width + PURSES + 2 * row + 1], line[LOG + 2 * at + 1]
                )
        if line[LOG_SEQUENCE]:
            ledger_store(&line[SEQUENCE], line[LOG_SEQUENCE])
        ledger_store(&line[LOG_LENGTH], 0)

    # --- handles ---

    def reserve(self, tuple handles not None, int64_t now, tokens, nano_usd):
        """Takes one request, `tokens` and `nano_usd` from each of the handles (32 at most, all of these accounts), or
        nothing from any of them: a `Hold`, or a `Refusal`. ValueError, TypeError."""
        limits_check(self, handles)
        return limits_reserve(self, handles, _moment(now), _bounded(tokens, LARGEST), _bounded(nano_usd, LARGEST))

    def limit(self, str id, *, seconds=60, requests=0, tokens=0, parallel=0):
        """A handle of the limit `id`: at most `requests` and `tokens` in each `seconds` and `parallel` in flight; 0 is
        no limit of that kind. What was taken survives a change of the figures. LedgerError when the table is full."""
        cdef Limiter found = Limiter.__new__(Limiter)
        cdef int64_t window = max(_bounded(seconds, 10_000_000), <int64_t>1) * SECOND
        _place(found, self, self.limits, id, id)
        # A step is one request's or token's share of the window, whole ns rounded up, so that all is exact.
        found.requests, found.tokens = _bounded(requests, window), _bounded(tokens, window)
        found.parallel = _bounded(parallel, LARGEST)
        found.request_step = (window + found.requests - 1) // max(found.requests, <int64_t>1)
        found.token_step = (window + found.tokens - 1) // max(found.tokens, <int64_t>1)
        found.debt = max(window, 60 * SECOND)
        return found

    def budget(self, str id, nano_usd, *, str period="month", bint soft=False):
        """A handle of the budget `id`: at most `nano_usd` in each `period` ("day", "week", "month" of UTC, "never" or
        "rolling:SECONDS"); a soft one only warns. What was spent survives a change of `nano_usd` and of `soft`; a
        changed period begins with nothing spent. ValueError; LedgerError when the table is full."""
        cdef Purse found = Purse.__new__(Purse)
        found.kind, found.slot_ns = _period(period)
        found.period = period
        found.nano_usd = _bounded(nano_usd, CEILING)
        found.soft = soft
        found.word = -1
        key = f"{id}\0{period}"
        _place(found, self, self.budgets, id, key)
        if found.kind == ROLLING:
            found.marks = self.windows.cells + _block(self.windows, key) * self.windows.width
        return found


cdef int64_t _block(Table table, str key) except -1:
    cdef int64_t block = table.locate(key.encode())
    # The table was checked when it was opened; a bucket written over since must still not lead outside.
    if not 0 <= block < table.capacity:
        raise LedgerError(f"no room for {key!r}: {table.capacity} are taken")
    return block


cdef _place(Account account, Accounts accounts, Table table, str id, str key):
    account.accounts = accounts
    account.id = id
    account.block = _block(table, key)
    account.cells = table.cells + account.block * table.width


cdef class Account:
    """What a request takes from: a `Limiter` or a `Purse`, found with `Accounts.limit` and `Accounts.budget`."""

    def __init__(self):
        raise TypeError("use Accounts.limit or Accounts.budget")

    cdef int take(self, Taken *taken, int64_t now, int64_t tokens, int64_t money, Verdict *verdict) noexcept:
        """All of it or nothing; the kind that refused, or NONE."""
        return NONE

    cdef void give_back(self, Taken *taken, int64_t now) noexcept:
        """As if nothing had been taken."""

    cdef void correct(self, Taken *taken, int64_t now, int64_t used) noexcept:
        """The request is over and used `used` tokens; money is settled by its hold."""

    cdef bint more(self, Taken *taken, int64_t now, int64_t tokens, int64_t money) noexcept:
        """Takes more without asking; whether that is still within the limit."""
        return True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"


include "limits_buckets.pxi"
include "limits_budgets.pxi"
include "limits_holds.pxi"
