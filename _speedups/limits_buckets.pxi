# Limits: GCRA buckets of requests and of tokens, and places for requests in flight.
#
# A part of limits.pyx, which has the imports and the layout.
#
# A bucket is one word, its theoretical arrival time (TAT): when it is full again. Its level is TAT - now,
# between 0 and limit * step; each unit that is taken raises it by a step. A whole window's amount may go at once, and
# it comes back evenly. Since all are whole steps, nothing is rounded on the way.


cdef inline int64_t _level(int64_t tat, int64_t now, int64_t window, int64_t debt) noexcept nogil:
    # Further ahead than any debt it was never set by this clock: the clock was set back. The bucket then counts as
    # used up and comes back within a window.
    if tat <= now:
        return 0
    return tat - now if tat - now <= window + debt else window


cdef int64_t _bucket_take(
    int64_t *bucket, int64_t now, int64_t cost, int64_t window, int64_t debt, int64_t *retry
) noexcept nogil:
    """The bucket's TAT with `cost` ns more, or -1 and when to come back."""
    cdef int64_t tat, level
    while True:
        tat = ledger_load(bucket)
        level = _level(tat, now, window, debt)
        if tat > now + window + debt and ledger_swap(bucket, tat, now + level):
            continue
        if level + cost > window:
            retry[0] = level + cost - window
            return -1
        if cost == 0 or ledger_swap(bucket, tat, now + level + cost):
            return now + level + cost


cdef void _bucket_force(
    int64_t *bucket, int64_t now, int64_t cost, int64_t window, int64_t debt
) noexcept nogil:
    """Takes what was used already, into a bounded debt."""
    cdef int64_t tat, level
    while cost > 0:
        tat = ledger_load(bucket)
        level = min(_level(tat, now, window, debt) + cost, window + debt)
        if ledger_swap(bucket, tat, now + level):
            return


cdef void _bucket_refund(int64_t *bucket, int64_t now, int64_t cost, int64_t mark) noexcept nogil:
    """Gives back up to `cost` of what brought the bucket to `mark`.

    What has flowed back by itself is not given twice: of a taking that brought the TAT to `mark`, `mark - now` at most
    is still in the bucket."""
    cdef int64_t tat
    cost = min(cost, mark - now)
    while cost > 0:
        tat = ledger_load(bucket)
        if tat <= now or ledger_swap(bucket, tat, max(tat - cost, now)):
            return


cdef inline void _note(int64_t *tightest, int64_t limit, int64_t left, int64_t reset) noexcept nogil:
    left = max(left, <int64_t>0)
    if tightest[0] == 0 or left < tightest[1]:
        tightest[0], tightest[1], tightest[2] = limit, left, max(reset, <int64_t>0)


@cython.final
cdef class Limiter(Account):
    """A limit of requests and tokens in a time, and of requests in flight."""

    cdef int take(self, Taken *taken, int64_t now, int64_t tokens, int64_t money, Verdict *verdict) noexcept:
        cdef int64_t window, tat
        taken.parts = 0
        if self.requests:
            window = self.requests * self.request_step
            tat = _bucket_take(
                &self.cells[REQUEST_BUCKET], now, self.request_step, window, self.debt, &verdict.retry
            )
            if tat < 0:
                self.look(REQUEST_BUCKET, self.requests, self.request_step, now, verdict.requests)
                return REQUESTS
            taken.parts |= HAS_REQUEST
            taken.request_mark = tat
            _note(verdict.requests, self.requests, (now + window - tat) // self.request_step, tat - now)
        if self.tokens:
            window = self.tokens * self.token_step
            if tokens > self.tokens:
                # More than the whole limit never fits.
                tat, verdict.retry = -1, -1
            else:
                tat = _bucket_take(
                    &self.cells[TOKEN_BUCKET], now, tokens * self.token_step, window, self.debt, &verdict.retry
                )
            if tat < 0:
                self.look(TOKEN_BUCKET, self.tokens, self.token_step, now, verdict.tokens)
                self.give_back(taken, now)
                return TOKENS
            taken.parts |= HAS_TOKENS
            taken.tokens, taken.token_mark = tokens, tat
            tokens = max(tokens, <int64_t>1)
            verdict.room = min(verdict.room, (now + window - tat) // (tokens * self.token_step))
            _note(verdict.tokens, self.tokens, (now + window - tat) // self.token_step, tat - now)
        if self.parallel:
            if not self.enter():
                self.give_back(taken, now)
                verdict.retry = SECOND  # nobody knows when a request ends
                return PARALLEL
            taken.parts |= HAS_PLACE
        return NONE

    cdef void look(self, int cell, int64_t limit, int64_t step, int64_t now, int64_t *tightest) noexcept:
        cdef int64_t level = _level(ledger_load(&self.cells[cell]), now, limit * step, self.debt)
        _note(tightest, limit, (limit * step - level) // step, level)

    cdef void give_back(self, Taken *taken, int64_t now) noexcept:
        if taken.parts & HAS_REQUEST:
            _bucket_refund(&self.cells[REQUEST_BUCKET], now, self.request_step, taken.request_mark)
        self.correct(taken, now, 0)

    cdef void correct(self, Taken *taken, int64_t now, int64_t used) noexcept:
        cdef int64_t *bucket = &self.cells[TOKEN_BUCKET]
        if taken.parts & HAS_TOKENS and used < taken.tokens:
            _bucket_refund(bucket, now, self.cost(taken.tokens - used), taken.token_mark)
        elif taken.parts & HAS_TOKENS:
            _bucket_force(
                bucket, now, self.cost(used - taken.tokens), self.tokens * self.token_step, self.debt
            )
        if taken.parts & HAS_PLACE:
            self.leave()
        taken.parts = 0

    cdef bint more(self, Taken *taken, int64_t now, int64_t tokens, int64_t money) noexcept:
        cdef int64_t window = self.tokens * self.token_step
        if not taken.parts & HAS_TOKENS:
            return True
        _bucket_force(&self.cells[TOKEN_BUCKET], now, self.cost(tokens), window, self.debt)
        taken.tokens = min(taken.tokens + tokens, LARGEST)
        taken.token_mark = max(ledger_load(&self.cells[TOKEN_BUCKET]), now)
        return taken.token_mark - now <= window

    cdef int64_t cost(self, int64_t tokens) noexcept nogil:
        # No more than the deepest debt is ever taken, so that nothing overflows.
        return min(tokens, self.tokens + self.debt // self.token_step + 1) * self.token_step

    # --- requests in flight ---

    cdef bint enter(self) noexcept:
        cdef int64_t *own = &self.cells[FLIGHTS + self.accounts.number]
        ledger_store(own, ledger_load(own) + 1)
        limits_fence()
        if self.places() <= self.parallel:
            return True
        self.leave()
        return False

    cdef void leave(self) noexcept:
        cdef int64_t *own = &self.cells[FLIGHTS + self.accounts.number]
        ledger_store(own, ledger_load(own) - 1)

    cdef int64_t places(self) noexcept nogil:
        cdef int64_t row, found = 0
        for row in range(self.accounts.seen()):
            found += ledger_load(&self.cells[FLIGHTS + row])
        return found

    # --- reading ---

    @property
    def in_flight(self) -> int:
        """Requests in flight that hold a place here, from all workers; only counted where `parallel` is limited."""
        return self.places()

    def requests_left(self, int64_t now) -> tuple:
        """(limit, requests left, ns until all are there again), or None without such a limit."""
        return self._left(REQUEST_BUCKET, self.requests, self.request_step, now)

    def tokens_left(self, int64_t now) -> tuple:
        """The same of tokens."""
        return self._left(TOKEN_BUCKET, self.tokens, self.token_step, now)

    def _left(self, int cell, int64_t limit, int64_t step, int64_t now):
        cdef int64_t found[3]
        if limit == 0:
            return None
        found[0] = 0
        self.look(cell, limit, step, now, found)
        return found[0], found[1], found[2]
