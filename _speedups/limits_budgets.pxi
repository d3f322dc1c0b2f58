# Budgets: what was committed and spent, by rows that only grow, and the period that it counts from.
#
# A part of limits.pyx, which has the imports and the layout.
#
# The rows' sums never start anew. A period is a base line under them: what had been spent in all when it began. So a
# request counts in the period in which it is settled, and what is reserved stays reserved when a period ends.
#
# One worker turns a period, by a claim in the low bits of START. Until it is done the others go by the old period,
# which is never too generous; when it dies on the way its claim is taken off and another does it again.


cdef tuple _period(str text):
    """The kind, and the length of a rolling one's slot in ns."""
    kinds = {"day": CALENDAR_DAY, "week": CALENDAR_WEEK, "month": CALENDAR_MONTH, "never": NEVER}
    if text in kinds:
        return kinds[text], 0
    name, _, seconds = text.partition(":")
    if name != "rolling" or not seconds.isascii() or not seconds.isdigit() or not 0 < int(seconds) <= 10**9:
        raise ValueError(f"period {text!r} is not day, week, month, never or rolling:SECONDS")
    return ROLLING, int(seconds) * SECOND // SLOTS


@cython.final
cdef class Purse(Account):
    """A budget."""

    cdef int64_t *own(self) noexcept nogil:
        return &self.cells[PURSES + 2 * self.accounts.number]

    cdef int64_t total(self, int which) noexcept nogil:
        """What all rows committed (0) or spent (1), ever."""
        cdef int64_t row, found = ledger_load(&self.cells[CARRIED]) >> 1
        for row in range(self.accounts.seen()):
            found += ledger_load(&self.cells[PURSES + 2 * row + which])
        return found

    cdef int64_t committed(self, int64_t more) noexcept nogil:
        """What this period has spent and reserved, once this worker has reserved `more`."""
        cdef int64_t *own = self.own()
        # Before the rows: a base line that moves in between makes the result too large, never too small.
        cdef int64_t base = ledger_load(&self.cells[BASE])
        ledger_store(own, ledger_load(own) + more)
        limits_fence()
        return self.total(0) - base

    cdef int64_t fitting(self, int64_t money) noexcept nogil:
        return min(money, 2 * CEILING - ledger_load(self.own()))

    cdef int take(self, Taken *taken, int64_t now, int64_t tokens, int64_t money, Verdict *verdict) noexcept:
        cdef int64_t *own = self.own()
        cdef int64_t committed
        taken.parts = 0
        money = self.fitting(money)
        self.keep_up(now)
        committed = self.committed(money)
        if not self.soft:
            verdict.room = min(verdict.room, (self.nano_usd - committed) // max(money, <int64_t>1))
        if committed > self.nano_usd:
            if not self.soft:
                ledger_store(own, ledger_load(own) - money)
                verdict.retry = self.wait(now)
                return MONEY
            verdict.kind = MONEY
        taken.parts, taken.money = HAS_MONEY, money
        return NONE

    cdef void give_back(self, Taken *taken, int64_t now) noexcept:
        cdef int64_t *own = self.own()
        if taken.parts & HAS_MONEY:
            ledger_store(own, ledger_load(own) - taken.money)
        taken.parts = 0

    cdef bint more(self, Taken *taken, int64_t now, int64_t tokens, int64_t money) noexcept:
        if not taken.parts & HAS_MONEY:
            return True
        money = self.fitting(money)
        self.keep_up(now)
        taken.money += money
        return self.committed(money) <= self.nano_usd or self.soft

    # --- periods ---

    cdef void keep_up(self, int64_t now) noexcept nogil:
        if ledger_load(&self.cells[START]) != self.word or not self.since <= now < self.until:
            self.turn(now)

    cdef int64_t bounds(self, int64_t now) noexcept nogil:
        """The number of the period (or slot) at this moment: its first second, or how many slots there were."""
        cdef int64_t day = 86_400 * SECOND
        cdef int64_t today = now // day
        if self.kind == ROLLING:
            self.since = now // self.slot_ns * self.slot_ns
            self.until = self.since + self.slot_ns
            return now // self.slot_ns
        if self.kind == NEVER:
            self.since, self.until = 0, LATEST
            return 1
        if self.kind == CALENDAR_DAY:
            self.since, self.until = today * day, (today + 1) * day
        elif self.kind == CALENDAR_WEEK:
            today -= (today + 3) % 7  # 1970 began on a Thursday, weeks begin on Mondays
            self.since, self.until = today * day, (today + 7) * day
        else:
            today -= limits_month_day(now // SECOND) - 1
            self.since = today * day
            today += 31
            self.until = (today - limits_month_day(today * 86_400) + 1) * day
        return self.since // SECOND

    cdef void turn(self, int64_t now) noexcept nogil:
        cdef int64_t wanted = self.bounds(now)
        cdef int64_t word, start
        cdef bint ahead
        self.word = -1
        while True:
            word = ledger_load(&self.cells[START])
            if word & 0xFFFF:
                return
            start = word >> 16
            ahead = self.is_ahead(start, wanted, now)
            if start >= wanted and not ahead:
                self.word = word
                return
            if ledger_swap(&self.cells[START], word, word | (self.accounts.number + 1)):
                self.begin(start, wanted, ahead)
                ledger_store(&self.cells[START], wanted << 16)
                self.word = wanted << 16
                return

    cdef bint is_ahead(self, int64_t start, int64_t wanted, int64_t now) noexcept nogil:
        # The clock was far ahead once. A little (it was set back across the end of a period) passes by itself.
        if self.kind == ROLLING:
            return start > wanted + SLOTS
        return start > wanted and start > now // SECOND + 3600

    cdef void begin(self, int64_t was, int64_t wanted, bint ahead) noexcept nogil:
        """Moves the base line to what is spent by now; back from a future it stays where it is."""
        cdef int64_t total = ledger_load(&self.cells[BASE]) if ahead else self.total(1)
        cdef int64_t slot = wanted - MARKS + 1 if ahead else max(was + 1, wanted - MARKS + 1)
        if self.kind != ROLLING:
            ledger_store(&self.cells[BASE], total)
            return
        while slot <= wanted:
            ledger_store(&self.marks[slot % MARKS], total)
            slot += 1
        ledger_store(&self.cells[BASE], ledger_load(&self.marks[(wanted - SLOTS) % MARKS]))

    cdef int64_t wait(self, int64_t now) noexcept nogil:
        return -1 if self.kind == NEVER else max(self.until - now, <int64_t>1)

    # --- reading, and what was spent before this ledger ---

    def restore(self, nano_usd, int64_t now, *, bint surely=True) -> bool:
        """This period had `nano_usd` spent before this ledger was (`Accounts.born`): as far as is known by now, or
        `surely`, which is said once for each budget. False when that was said already."""
        cdef int64_t seen
        self.keep_up(_moment(now))
        while True:
            seen = ledger_load(&self.cells[CARRIED])
            if seen & 1:
                return False
            if ledger_swap(&self.cells[CARRIED], seen, _bounded(nano_usd, CEILING) << 1 | surely):
                return True

    def spent(self, int64_t now) -> int:
        """Nano-dollars settled in the current period, by all workers."""
        self.keep_up(_moment(now))
        cdef int64_t base = ledger_load(&self.cells[BASE])
        return max(self.total(1) - base, <int64_t>0)

    @property
    def reserved(self) -> int:
        """Nano-dollars that requests in flight may still spend, from all workers."""
        cdef int64_t spent = self.total(1)
        return max(self.total(0) - spent, <int64_t>0)

    def remaining(self, int64_t now) -> int:
        """Nano-dollars that are neither spent nor reserved."""
        self.keep_up(_moment(now))
        cdef int64_t base = ledger_load(&self.cells[BASE])
        return max(self.nano_usd - (self.total(0) - base), <int64_t>0)

    def resets(self, int64_t now) -> int:
        """When the period (of a rolling one: the slot) ends, Unix ns; 0 for never."""
        self.bounds(_moment(now))
        # The bounds are those of `now` again, whatever they were when the period was looked at last.
        self.word = -1
        return 0 if self.kind == NEVER else self.until
