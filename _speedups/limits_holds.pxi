# What one request holds of its limits and budgets: taken all or nothing, and given back or settled exactly once.
#
# A part of limits.pyx, which has the imports and the layout.


cdef int64_t limits_bounded(object value) noexcept:
    return _bounded(value, LARGEST)


cdef int64_t limits_within(int64_t figure) noexcept nogil:
    return min(max(figure, <int64_t>0), LARGEST)


cdef tuple _figures(int64_t *tightest):
    return (tightest[0], tightest[1], tightest[2]) if tightest[0] else None


cdef class Refusal:
    """Why a request may not go: `index` and `id` of the handle, its `kind` ("requests", "tokens", "parallel", "money"),
    and after how many ns it may be worth another try (-1: never). `requests` and `tokens` are (limit, left, ns until
    full) of the tightest of its limits, or None."""

    cdef readonly int index
    cdef readonly str id
    cdef readonly str kind
    cdef readonly int64_t retry_after
    cdef readonly tuple requests
    cdef readonly tuple tokens

    def __init__(self):
        raise TypeError("made by reserve")

    def __repr__(self) -> str:
        return f"Refusal({self.id!r}, {self.kind!r}, retry_after={self.retry_after})"


cdef int limits_places(tuple handles, void **places) noexcept:
    cdef int at, count = min(PyTuple_GET_SIZE(handles), <Py_ssize_t>FEW)
    for at in range(count):
        places[2 * at] = <void *>PyTuple_GET_ITEM(handles, at)
        places[2 * at + 1] = (<Account>PyTuple_GET_ITEM(handles, at)).cells
    return 2 * count


cdef void limits_ask_all(void **places, int count) noexcept:
    # A handle has some 100 bytes. Of a block of cells the first 48 are read; a limit's are in one line.
    cdef int at = 0
    cdef char *handle
    cdef char *cells
    while at < count:
        handle, cells = <char *>places[at], <char *>places[at + 1]
        limits_ask(handle)
        limits_ask(handle + 48)
        limits_ask(handle + 100)
        limits_ask(cells)
        limits_ask(cells + 47)
        at += 2


cdef limits_check(Accounts accounts, tuple handles):
    if PyTuple_GET_SIZE(handles) > MOST:
        raise ValueError(f"{len(handles)} handles")
    for account in handles:
        if (<Account?>account).accounts is not accounts:
            raise ValueError(f"{account!r} is of other accounts")


cdef object limits_reserve(Accounts accounts, tuple handles, int64_t now, int64_t tokens, int64_t money):
    cdef Hold hold = Hold.__new__(Hold)
    cdef int refused
    hold.taken = hold.few
    if PyTuple_GET_SIZE(handles) > FEW:
        hold.taken = <Taken *>malloc(PyTuple_GET_SIZE(handles) * sizeof(Taken))
        if hold.taken == NULL:
            raise MemoryError
    hold.count = PyTuple_GET_SIZE(handles)
    hold.accounts, hold.handles = accounts, handles
    hold.wanted, hold.price = tokens, money
    refused = _attempt(hold, now)
    # What another worker takes and is about to give back refuses nobody.
    if refused >= 0 and accounts.seen() > 1:
        refused = _insist(hold, now)
    if refused < 0:
        hold.open = True
        return hold
    return _refusal(hold, refused, now)


cdef _refusal(Hold hold, int index, int64_t now):
    cdef Refusal refusal = Refusal.__new__(Refusal)
    cdef int64_t requests[3]
    cdef int64_t tokens[3]
    cdef Limiter limiter
    requests[0] = tokens[0] = 0
    for account in hold.handles:
        if isinstance(account, Limiter):
            limiter = <Limiter>account
            if limiter.requests:
                limiter.look(REQUEST_BUCKET, limiter.requests, limiter.request_step, now, requests)
            if limiter.tokens:
                limiter.look(TOKEN_BUCKET, limiter.tokens, limiter.token_step, now, tokens)
    refusal.index, refusal.id = index, (<Account>hold.handles[index]).id
    refusal.kind = KINDS[hold.verdict.kind]
    refusal.retry_after = hold.verdict.retry
    refusal.requests, refusal.tokens = _figures(requests), _figures(tokens)
    return refusal


cdef int _attempt(Hold hold, int64_t now) noexcept:
    """Takes from one handle after the other; the one that refused, with nothing taken, or -1."""
    cdef int64_t *phase = &hold.accounts.line[PHASE]
    cdef int at, kind, refused = -1
    memset(&hold.verdict, 0, sizeof(Verdict))
    hold.verdict.room = LATEST
    hold.warned = 0
    ledger_store(phase, phase[0] + 1)
    for at in range(hold.count):
        hold.verdict.kind = NONE
        kind = (<Account>PyTuple_GET_ITEM(hold.handles, at)).take(
            &hold.taken[at], now, hold.wanted, hold.price, &hold.verdict
        )
        if kind != NONE:
            hold.verdict.kind = kind
            hold.undo(at, now)
            refused = at
            break
        if hold.verdict.kind != NONE:
            hold.warned |= <int64_t>1 << at
    ledger_store(phase, phase[0] + 1)
    return refused


cdef int _insist(Hold hold, int64_t now) noexcept:
    """Tries again until nobody else was reserving meanwhile, so that the refusal is no other's attempt; for some 50 us
    at the most, for the other may have been put to sleep, or be dead."""
    cdef Accounts accounts = hold.accounts
    cdef int64_t phases[64]
    cdef int64_t rows = min(accounts.seen(), <int64_t>MOST_ROWS)
    cdef int turn, spin, refused = -1
    for turn in range(TURNS):
        for spin in range(turn * accounts.number * 16):  # so that two do not meet for ever
            limits_pause()
        _watch(accounts, phases, rows)
        refused = _attempt(hold, now)
        if refused < 0 or _was_alone(accounts, phases, rows):
            break
    return refused


cdef void _watch(Accounts accounts, int64_t *phases, int64_t rows) noexcept nogil:
    """Where every other row stands, as far as possible when it is not reserving."""
    cdef int64_t row
    cdef int spin = SPINS
    for row in range(rows):
        phases[row] = ledger_load(&accounts.lines[row * ROW_WORDS + PHASE])
        while phases[row] & 1 and spin > 0 and row != accounts.number:
            limits_pause()
            spin -= 1
            phases[row] = ledger_load(&accounts.lines[row * ROW_WORDS + PHASE])


cdef bint _was_alone(Accounts accounts, int64_t *phases, int64_t rows) noexcept nogil:
    cdef int64_t row
    for row in range(rows):
        if row != accounts.number and (
            phases[row] & 1 or ledger_load(&accounts.lines[row * ROW_WORDS + PHASE]) != phases[row]
        ):
            return False
    return True


@cython.final
@cython.no_gc
cdef class Hold:
    """What a request holds until it is settled or released; only the first of the two counts, and from then on it
    holds nothing. One that is forgotten settles for nothing when it is collected."""

    def __init__(self):
        raise TypeError("made by reserve")

    def __dealloc__(self):
        # Not collected in a cycle (no_gc), so its accounts and handles are still there.
        if self.open:
            self.undo(self.count, LATEST)
        if self.taken != self.few:
            free(self.taken)

    cdef void undo(self, int count, int64_t now) noexcept:
        cdef int at
        for at in range(count):
            (<Account>PyTuple_GET_ITEM(self.handles, at)).give_back(&self.taken[at], now)

    @property
    def held(self) -> bool:
        """Whether it is still neither settled nor released."""
        return self.open

    @property
    def room(self) -> int:
        """How often what was reserved would still have fitted in, right after that, at the tightest of its limits of
        tokens and its hard budgets."""
        return self.verdict.room

    @property
    def requests(self):
        """(limit, left, ns until full) of the limit of requests that has the fewest left; None without any."""
        return _figures(self.verdict.requests)

    @property
    def tokens(self):
        """The same of tokens."""
        return _figures(self.verdict.tokens)

    @property
    def warnings(self) -> tuple:
        """The ids of the soft budgets that this reservation went beyond."""
        return tuple([self.handles[at].id for at in range(self.count) if self.warned >> at & 1])

    def extend(self, tokens, nano_usd, int64_t now) -> bool:
        """The request takes more than was reserved; whether that is still within its limits. It is taken anyway."""
        cdef int64_t more = _bounded(tokens, LARGEST), price = _bounded(nano_usd, LARGEST)
        cdef bint within = True
        cdef int at
        if not self.open or price > LARGEST - self.price:
            return False
        self.price += price
        now = _moment(now)
        for at in range(self.count):
            if not (<Account>PyTuple_GET_ITEM(self.handles, at)).more(&self.taken[at], now, more, price):
                within = False
        return within

    def release(self, int64_t now) -> bool:
        """Nothing was consumed: all is as if it had never been taken. False when it was over already."""
        return self.drop(now)

    cdef bint drop(self, int64_t now) noexcept:
        if not self.open:
            return False
        self.open = False
        self.undo(self.count, _moment(now))
        return True

    def settle(self, tokens, nano_usd, int64_t now, int64_t sequence=0) -> bool:
        """The request used `tokens` and cost `nano_usd`, on all its budgets or (when this process dies) on none.

        `sequence` is the number of its record: which one was the last settled outlives the process (`sweep`,
        `Accounts.inherited`), so that a record which was written but not settled can be told. False when it was over
        already."""
        return self.finish(_bounded(tokens, LARGEST), _bounded(nano_usd, LARGEST), now, sequence)

    cdef bint finish(self, int64_t used, int64_t price, int64_t now, int64_t sequence) noexcept:
        """`settle`, of figures that are within bounds."""
        cdef int at
        if not self.open:
            return False
        self.open = False
        now = _moment(now)
        self.pay(price, now, sequence)
        for at in range(self.count):
            if not self.taken[at].parts & HAS_MONEY:
                (<Account>PyTuple_GET_ITEM(self.handles, at)).correct(&self.taken[at], now, used)
        return True

    cdef void pay(self, int64_t price, int64_t now, int64_t sequence) noexcept:
        cdef int64_t *line = self.accounts.line
        cdef int64_t *own
        cdef int64_t spent, value
        cdef int at, earlier, length = 0
        cdef Purse purse
        for at in range(self.count):
            if not self.taken[at].parts & HAS_MONEY:
                continue
            purse = <Purse>PyTuple_GET_ITEM(self.handles, at)
            purse.keep_up(now)
            spent = purse.own()[1]
            for earlier in range(length):  # the same budget twice
                if line[LOG + 2 * earlier] == purse.block:
                    spent = line[LOG + 2 * earlier + 1]
            line[LOG + 2 * length] = purse.block
            line[LOG + 2 * length + 1] = min(spent + price, CEILING)
            length += 1
        line[LOG_SEQUENCE] = sequence
        # The moment at which it has happened.
        ledger_store(&line[LOG_LENGTH], length + 1)
        length = 0
        for at in range(self.count):
            if not self.taken[at].parts & HAS_MONEY:
                continue
            own = (<Purse>PyTuple_GET_ITEM(self.handles, at)).own()
            value = line[LOG + 2 * length + 1]
            ledger_store(&own[0], own[0] + (value - own[1]) - self.taken[at].money)
            ledger_store(&own[1], value)
            length += 1
        if sequence:
            ledger_store(&line[SEQUENCE], sequence)
        ledger_store(&line[LOG_LENGTH], 0)
