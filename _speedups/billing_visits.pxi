# A caller, and its requests on the way that nearly all of them take: let in, agreed to, held, told and settled.
#
# A part of billing.pyx, which has the imports and the claim.

cdef tuple NO_ARGUMENTS = ()

cdef class Porter


@cython.final
cdef class Terms:
    """What stands against requests for `name` with these targets: `narrowed` are those that are allowed, where not
    all of them are. `holds`: a request takes from some account, `weighs`: how much matters. `others` finds what stands
    on a target that was not expected; only where `targeted` there may be such."""

    cdef readonly str name
    cdef readonly tuple targets
    cdef readonly tuple narrowed
    cdef readonly object target
    cdef readonly Bound common
    cdef readonly Bound own
    cdef readonly object others
    cdef readonly bint is_route
    cdef readonly bint targeted
    cdef readonly bint holds
    cdef readonly bint weighs

    def __init__(
        self,
        str name not None,
        tuple targets not None,
        tuple narrowed,
        target,
        Bound common not None,
        Bound own not None,
        others,
        *,
        bint is_route,
        bint targeted,
    ):
        self.name, self.targets, self.narrowed, self.target = name, targets, narrowed, target
        self.common, self.own, self.others = common, own, others
        self.is_route, self.targeted = is_route, targeted
        self.holds = targeted or PyTuple_GET_SIZE(common.handles) > 0
        self.weighs = common.weighs or own.weighs


cdef class Guest:
    """A caller, as each of its requests finds it. `guarded`: not every request may come in, `is_bound`: not every model
    may be asked for, `edits`: the key has parameters of its own."""

    cdef unsigned char digest[32]  # of its credential, where it is found by that
    cdef readonly bint guarded
    cdef readonly bint is_bound
    cdef readonly bint edits
    cdef bint keeps_bodies
    cdef str id
    cdef str team
    cdef str user
    cdef str org
    cdef tuple tags
    cdef Terms last
    cdef readonly object key
    cdef int count          # places that requests by the last terms read, only ever asked for
    cdef void *common
    cdef void *handles
    cdef void *raw
    cdef void *written
    cdef void *places[16]

    def __init__(self, key, *, bint guarded, bint is_bound, bint edits):
        self.key, self.guarded, self.is_bound, self.edits = key, guarded, is_bound, edits
        self.id, self.team, self.user, self.org = key.id, key.team, key.user, key.org
        self.tags, self.keeps_bodies = key.tags, key.keeps_bodies

    cdef enter(self, record, asked):
        """Notes who calls. Raises Unauthorized and Forbidden."""
        self.near()
        _note(record, &KEY, self.id)
        _note(record, &TEAM, self.team)
        _note(record, &USER, self.user)
        _note(record, &ORG, self.org)
        if self.tags:
            record.tags = self.tags
        if self.keeps_bodies:
            record.keeps_bodies = True
        if self.guarded:
            self._check(_read(record, &ENDPOINT), asked.client)

    cdef void near(self) noexcept:
        """Asks for all that a request of this caller reads."""
        limits_ask(<void *>self.id)
        limits_ask(<void *>self.team)
        limits_ask(<void *>self.user)
        limits_ask(<void *>self.org)
        if self.last is not None:
            limits_ask(<void *>self.last)
            limits_ask(<char *><void *>self.last + 64)
            limits_ask(<void *>self.common)
            limits_ask(self.handles)
            limits_ask(<char *>self.handles + 64)
            limits_ask_all(self.places, self.count)

    cdef void near_again(self) noexcept:
        """The same, once its answer is there."""
        limits_ask(self.common)
        limits_ask(self.raw)
        limits_ask(self.written)
        limits_ask(<char *>self.written + 64)
        limits_ask(<char *>self.written + 128)
        limits_ask(<void *>self.id)
        limits_ask(<void *>self.team)
        limits_ask(<void *>self.user)
        limits_ask(<void *>self.org)
        limits_ask_all(self.places, self.count)

    cdef void settle_down(self, Terms terms) noexcept:
        """The next request will be one by these terms, perhaps."""
        self.last = terms
        self.common, self.handles = <void *>terms.common, <void *>terms.common.handles
        self.raw, self.written = <void *>terms.common.written, <void *>terms.common.written_down
        self.count = limits_places(terms.common.handles, self.places)

    cdef Terms agreed(self, str name, plan):
        """What stands against a request for `name` that would go as planned. Raises Forbidden and Unavailable."""
        cdef Terms terms = self.last
        if (
            terms is None
            or terms.name != name
            or terms.targets is not _read(plan, &TARGETS)
            or terms.is_route != bool(_read(plan, &ROUTE))
        ):
            terms = self.terms(name, plan)
            self.settle_down(terms)
        return terms


cdef class Stay(Claim):
    """One request of a caller, made by a porter: what it holds until it is over."""

    cdef readonly Guest caller
    cdef Porter porter
    cdef object wanted
    cdef bint billed

    def __init__(self):
        raise TypeError("made by a porter")

    cdef void near(self) noexcept:
        self.caller.near_again()

    def edit(self, call):
        """Changes the call as the key demands. Raises Forbidden for fallbacks that it may not use."""
        cdef Guest caller = self.caller
        if caller.is_bound and getattr(_read(call, &FACTS), "wishes", False):
            caller.check_wishes(call)
        if caller.edits:
            caller.edit(call)

    def plan(self, call, plan, record):
        """The plan as far as the key allows it, and its limits' and budgets' consent. Raises Forbidden, Unavailable,
        LimitExceeded, BudgetExceeded."""
        cdef Terms terms = self.caller.agreed(_read(call, &MODEL), plan)
        if terms.narrowed is not None:
            plan = msgspec.structs.replace(plan, targets=terms.narrowed)
        if terms.weighs:
            self.wanted = self.porter.guess(call, plan, self.caller.id)
        if terms.holds:
            self.hold(terms, record)
        return plan

    def _hold(self, Terms terms not None, record):
        self.hold(terms, record)

    cdef hold(self, Terms terms, record):
        self.others, self.targeted = terms.others, terms.targeted
        self.ask(terms.common, terms.own, terms.target, self.wanted, self.porter.watcher, self.caller.id)
        self.porter.bills[id(record)] = self
        self.billed = True

    def around(self, send):
        """A way back that says how far limits are used up."""
        cdef Metered found
        if self.common is None and self.own is None:
            return send
        found = Metered.__new__(Metered)
        found.send, found.claim = send, self
        return found

    def settle(self, record):
        """The request is over, whatever way it ended. What was not paid with its record is paid now."""
        if not self.billed:
            return
        if not self.drawn:
            self.porter.bills.pop(id(record), None)
            self.draw(record)
        if not self.paid:
            self.pay()
        self.porter.learn(record, self.wanted)


cdef class Porter:
    """Lets callers in; those whom it has `found` before, at once. `visits` is what their requests are; the rest is what
    a house has."""

    cdef readonly Found found
    cdef PyTypeObject *visits
    cdef object _visits
    cdef Accounts accounts
    cdef Numbers numbers
    cdef Guesser guesser  # None where somebody else guesses
    cdef object guesses
    cdef object watcher
    cdef object nothing
    cdef dict bills

    def __init__(
        self,
        type visits not None,
        Accounts accounts not None,
        Numbers numbers not None,
        guess,
        watcher,
        dict bills not None,
        nothing,
    ):
        """`nothing` is what is wanted of requests that nobody weighs. TypeError where `visits` are no kind of Stay."""
        if not issubclass(visits, Stay):
            raise TypeError(f"{visits} is no kind of stay")
        self.found = Found()
        self._visits, self.visits = visits, <PyTypeObject *>visits
        self.accounts, self.numbers, self.watcher = accounts, numbers, watcher
        self.bills, self.nothing = bills, nothing
        self.guesses, self.guesser = guess, guess if isinstance(guess, Guesser) else None

    def admit(self, asked, record):
        """A visit for one request. Raises Unauthorized and Forbidden."""
        cdef dict headers = asked.headers
        cdef unsigned char digest[DIGEST]
        cdef PyObject *known = NULL
        cdef Guest guest
        if _digested(headers, digest):
            known = self.found.places[self.found.place(digest)]
        guest = <Guest>known if known != NULL else self._caller(headers)
        guest.enter(record, asked)
        cdef Stay visit = <Stay>self.visits.tp_new(<type>self._visits, <PyObject *>NO_ARGUMENTS, NULL)
        visit.accounts, visit.numbers, visit.caller = self.accounts, self.numbers, guest
        visit.porter, visit.wanted = self, self.nothing
        return visit

    cdef guess(self, call, plan, str key):
        """What a request is expected to take."""
        if self.guesser is not None:
            return self.guesser.guess(call, plan, key)
        return self.guesses.of(call, plan, key)

    cdef learn(self, record, wanted):
        """What it turned out to have taken."""
        usage = _read(record, &USAGE)
        if usage is None:
            return
        if type(wanted) is Asked:
            (<Asked>wanted).guesser.hear(record, usage, <Asked>wanted)
        else:
            self.guesses.learn(record, wanted)


cdef bint _digested(dict headers, unsigned char *digest) except -1:
    """The digest of what stands in `Authorization: Bearer …`, as nearly all write it; False where it is written in
    another way."""
    cdef PyObject *found = PyDict_GetItemWithError(headers, b"authorization")
    cdef const unsigned char *text
    cdef Py_ssize_t size
    if found == NULL or type(<object>found) is not bytes:
        return False
    text, size = _whole(<bytes>found), PyBytes_GET_SIZE(<object>found)
    # What is above a space is no white space, so that there is nothing to strip.
    if size < 8 or memcmp(text, b"Bearer ", 7) or text[7] <= 32 or text[size - 1] <= 32:
        return False
    if able:
        sha_digest(text + 7, size - 7, digest)
    else:
        memcpy(digest, _whole(sha256((<bytes>found)[7:]).digest()), DIGEST)
    return True
