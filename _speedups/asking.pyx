# cython: auto_pickle=False
"""The cache's step of a journey on the way that nearly every request takes: looked for in the usual way, and then known
ready-made, or asked for by somebody who is alone with the question.

The ways beside it are methods that `caching/journey.py` adds: `_terms`, `_at_length`, `_told`, `_sought`, `_begun`,
`_answered`, `_shared`, `_learn`.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.object cimport Py_TYPE, PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from gateway._speedups.ledger cimport Table, ledger_add
from gateway._speedups.plainness cimport refuses
from gateway._speedups.shelf cimport Found, Gathered, Reader, Stand
from gateway._speedups.verbatim cimport around_id

import re
from asyncio import get_running_loop
from collections import OrderedDict

from gateway._speedups.plain_keys import quick_key

include "asking_fields.pxi"

cdef enum:
    MOST_TERMS = 4096
    ENTRY = 1           # the store's kind of frames that are found by their keys
    MANY = 24           # entries that are written together, where RUSH is less than so many ns lie between two
    RUSH = 200_000

cdef double MOMENT = 0.02   # seconds after which they are written all the same: a timer costs as much as ten of them
cdef tuple RIGHT = (0, 200)  # it is not said yet, or it was
cdef bytes CACHE = b"cache"
cdef bytes NOTHING = b"\xc0"  # of MessagePack
cdef str WHOLE_FORM = "whole"
cdef bytes AGE = b"x-gateway-cache-age"
cdef bytes ID = b"x-gateway-cache-id"


cdef inline int64_t _now() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec


cpdef str mark(str entry, count):
    """The id of an entry's answer number `count`."""
    return f"cache-{entry}-{count}"


cpdef str named(call, plan):
    """The model as answers are kept under: the same however its provider is spelled."""
    cdef tuple targets = _read(plan, &PLAN_TARGETS)
    if _read(plan, &PLAN_ROUTE) or len(targets) != 1:
        return _read(call, &CALL_MODEL)
    target = targets[0]
    return f"{_read(target, &TARGET_PROVIDER)}/{_read(target, &TARGET_MODEL)}"


@cython.final
cdef class Terms:
    """What holds for some requests: the operator's settings, what their callers wish within them, and who shares
    answers with whom: `scope`, whose `owner` the store knows by a number."""

    cdef readonly object settings
    cdef readonly object wishes
    cdef readonly bytes scope
    cdef readonly object owner
    cdef uint64_t tenant        # the same
    cdef readonly bint looks
    cdef bint reads
    cdef bint writes
    cdef bint only
    cdef bint paced
    cdef bint means
    cdef bint joins
    cdef bint leads
    cdef bint aged
    cdef double ttl
    cdef double max_age
    cdef Py_ssize_t max_entry

    def __init__(self, settings, wishes, bytes scope not None, owner):
        self.settings, self.wishes, self.scope, self.owner, self.tenant = settings, wishes, scope, owner, owner
        self.reads, self.writes, self.only, self.paced = wishes.read, wishes.write, wishes.only, wishes.paced
        self.looks = wishes.mode != "off" and (self.reads or self.writes)
        self.means = wishes.mode == "semantic"
        self.leads = settings.coalesce
        self.joins = self.leads and self.reads
        self.aged = wishes.max_age is not None
        self.max_age = wishes.max_age or 0.0
        self.ttl, self.max_entry = wishes.ttl, settings.max_entry


cdef class Journey


include "asking_asked.pxi"
include "asking_ready.pxi"
include "asking_counts.pxi"


cdef class Journey:
    """What is the same for all requests of one snapshot.

    `numbers` tell answers of one entry apart; `whole` is an answer in one piece. An entry is made of what was `heard`,
    `pack` writes it and `unpack` reads it; those of whole answers are written here: what stands `before` each, and a
    usage by `encode`. `streaming` are the headers of streams, `wishing` those by which callers ask for something."""

    cdef readonly dict flying
    cdef readonly Memory memory
    cdef readonly object clock
    cdef Reader reader
    cdef Gathered gathered
    cdef object put
    cdef object send
    cdef list kept              # keys of answers that are to be written, a moment later
    cdef Asked waiting          # stands for each of them in `flying`
    cdef bint timed
    cdef int64_t last_kept
    cdef object price
    cdef object looked
    cdef object saved
    cdef object numbers
    cdef object whole
    cdef object heard
    cdef bytes before
    cdef object encode
    cdef object pack
    cdef object unpack
    cdef tuple streaming
    cdef frozenset wishing
    cdef dict usual
    cdef tuple last             # whose terms were asked for last
    cdef Terms lasting
    cdef char first[256]
    cdef char second[256]

    def __init__(
        self, store, dispatcher, books, counts, dict flying not None, Memory memory not None, clock, *,
        numbers, whole, heard, bytes before not None, encode, pack, unpack, tuple streaming not None,
        frozenset wishing not None,
    ):
        self.reader, self.gathered, self.put = store.reader, store.gathered, store.put
        self.send, self.kept = dispatcher.send, []
        self.waiting = Asked.__new__(Asked)
        self.waiting.journey, self.waiting.told = self, True
        self.price, self.looked, self.saved = books.price, counts.cache_lookup, counts.cache_saved
        self.flying, self.memory, self.clock = flying, memory, clock
        self.numbers, self.whole, self.heard, self.before, self.encode = numbers, whole, heard, before, encode
        self.pack, self.unpack, self.streaming, self.wishing, self.usual = pack, unpack, streaming, wishing, {}
        memset(self.first, 0, 256)
        memset(self.second, 0, 256)
        for name in wishing:
            self.first[<unsigned char>name[0]] = self.second[<unsigned char>name[1]] = 1

    def asked(self, inbound, endpoint, call, plan, record):
        """What is looked for, by `answer`: a little later, so that what leads to it is at hand by then."""
        cdef Asked asked = Asked.__new__(Asked)
        cdef Terms terms = self.terms(_read(plan, &PLAN_ROUTE), record)
        cdef bytes key = None
        asked.inbound, asked.endpoint, asked.call, asked.plan, asked.record = inbound, endpoint, call, plan, record
        if (
            terms.looks and _read(call, &CALL_REQUEST) is None and not self.wishes(inbound.headers)
            and _read(call, &CALL_FACTS).span(CACHE) is None
        ):
            key = quick_key(
                _read(call, &CALL_ENDPOINT), _read(call, &CALL_BODY), terms.scope, named(call, plan),
                _read(call, &CALL_HEADERS),
            )
        if key is not None:
            asked.terms, asked.key, asked.plain = terms, key, True
            self.reader.expect(key)
        return asked

    def answer(self, Asked asked not None, send):
        """The answer, and the way back for it: a hit's at once, any other when it is awaited. Raises NotCached, and
        what the dispatcher raises."""
        return self._at_length(asked, send) if asked.key is None else self._seek(asked, send)

    cdef Terms terms(self, str route, record):
        key, user, team, org = _read(record, &KEY), _read(record, &USER), _read(record, &TEAM), _read(record, &ORG)
        cdef tuple whose = self.last
        if (
            whose is not None and whose[0] is route and whose[1] is key and whose[2] is user and whose[3] is team
            and whose[4] is org
        ):
            return self.lasting
        whose = (route, key, user, team, org)
        found = self.usual.get(whose)
        if found is None:
            if len(self.usual) >= MOST_TERMS:
                self.usual.clear()
            found = self.usual[whose] = self._terms(route, record)
        self.last, self.lasting = whose, <Terms?>found
        return self.lasting

    cdef bint wishes(self, dict headers) except -1:
        """Whether one of the headers asks the cache for something."""
        cdef PyObject *name
        cdef PyObject *value
        cdef Py_ssize_t at = 0
        cdef const unsigned char *text
        while PyDict_Next(headers, &at, &name, &value):
            text = <const unsigned char *>PyBytes_AS_STRING(<bytes>name)
            # A name ends in NUL: one of a single byte is read no further.
            if self.first[text[0]] and self.second[text[1]] and <bytes>name in self.wishing:
                return True
        return False

    def seek(self, Asked asked not None, send):
        """The answer to what the request says is looked for."""
        return self._seek(asked, send)

    cdef _seek(self, Asked asked, send):
        cdef Terms terms = asked.terms
        asked.began = _now()
        if terms.reads:
            answer = self._find(asked)
            if answer is not None:
                return answer, send
            answer = self._fresh(asked)
            if answer is not None:
                return answer, send
        if terms.means or terms.only or terms.joins and asked.key in self.flying:
            return self._sought(asked, send)
        return self._ask(asked, send)

    def fresh(self, Asked asked not None):
        """What was told a moment ago and is not written yet, told to this caller; or None."""
        return self._fresh(asked)

    cdef _fresh(self, Asked asked):
        leader = self.flying.get(asked.key)
        if leader is None or not (<Asked>leader).told:
            return None
        (<Asked>leader).journey._settle()
        return self._find(asked)

    def find(self, Asked asked not None):
        """What is kept of it, told to this caller; or None."""
        return self._find(asked)

    cdef _find(self, Asked asked):
        cdef double now = self.clock()
        cdef tuple place = None
        cdef Found found
        cdef bint fresh = False
        ready = None
        if PyBytes_GET_SIZE(asked.key) == 32 and self.memory.told_lately(asked.key):
            place = asked.remembered_at()
            ready = None if place is None else self.memory.known.get(place)
            if ready is not None and not self.reader.stands(asked.key, &(<Ready>ready).stand, now):
                ready = None
        if ready is None:
            found = self.reader.find(asked.key, now)
            if found is None:
                return None
            place = asked.remembered_at()
            if place is None:
                return self._told(asked, found, None)
            ready = self.memory.find(place, found.written)
            if ready is None:
                ready = verbatim(asked, found, self.unpack(found.payload), self.streaming)
                if ready is None:
                    return self._told(asked, found, place)
                fresh = True
            (<Ready>ready).stood(found)
            if fresh and self.memory.again(asked.key):
                self.memory.keep(place, ready, found)
        age = self._age(asked, (<Ready>ready).created, (<Ready>ready).provider, (<Ready>ready).model)
        if age < 0:
            return None
        answer = (<Ready>ready).again(asked.record, age, next(self.numbers), self.whole)
        self.looked("hit", _now() - asked.began)
        self.saved(asked.record)
        return answer

    def age(self, Asked asked not None, double created, str provider, str model) -> float:
        """Seconds; less than 0 for an entry that this request may not have: too old for it, or of whom it may not
        ask."""
        return self._age(asked, created, provider, model)

    cdef double _age(self, Asked asked, double created, str provider, str model) except? -1:
        cdef double age = max(0.0, <double>self.clock() - created)
        if asked.terms.aged and age > asked.terms.max_age:
            return -1
        for target in <tuple>_read(asked.plan, &PLAN_TARGETS):
            if _read(target, &TARGET_MODEL) == model and _read(target, &TARGET_PROVIDER) == provider:
                return age
        return -1

    def ask(self, Asked asked not None, send):
        """Asks the provider; the answer is kept. To be awaited."""
        return self._ask(asked, send)

    cdef _ask(self, Asked asked, send):
        cdef Terms terms = asked.terms
        _note(asked.record, &CACHE_SAID, "miss")
        if terms.reads:
            self.looked("miss", _now() - asked.began)
        if not terms.writes:
            return self.past(asked, send)
        asked.journey, asked.back = self, send
        leader = self.flying.get(asked.key)
        if leader is not None and not terms.reads:  # who refreshes wants no older answer to take this one's place
            (<Asked>leader).listed, (<Asked>leader).passed, leader = False, True, None
        if terms.leads and leader is None:
            self.flying[asked.key] = asked
            asked.listed = True
        try:
            asked.asks(self.send(asked.plan, asked.call, asked.record))
        except BaseException as error:
            asked.failed(error)
            raise
        return asked

    cdef answered(self, Asked asked, reply):
        """Keeps the provider's answer, for which others may wait: what its caller is told, and the way back."""
        if type(reply) is not self.whole:
            return self._begun(asked, reply, asked.back)
        self.keep(asked, reply.body)
        return (reply, asked.back) if asked.shared is None else self._answered(asked, reply, asked.back)

    cdef keep(self, Asked asked, bytes body):
        """Keeps an answer that was told to its right end, where it may be kept: at once while there is little to do,
        else a moment later, together with others. Until then it is found by `fresh`."""
        cdef bint kept = False
        cdef int64_t before = self.last_kept, now = _now()
        record = asked.record
        self.last_kept = now
        if not asked.passed and not _read(record, &ERROR) and not _read(record, &RESUMED) and _read(record, &STATUS) in RIGHT:
            try:
                kept = self.write(asked, body)
            except Exception as error:  # it is the gateway's own failure, and nobody waits for this
                self._unkept(asked, error)
        if not kept:
            asked.done()
            return
        if asked.listed or asked.key not in self.flying:
            self.flying[asked.key] = self.waiting
            asked.listed = False
        self.kept.append(asked.key)
        if now - before > RUSH or len(self.kept) >= MANY:
            self._settle()
        elif not self.timed:
            self.timed = True
            get_running_loop().call_later(MOMENT, self.settle)

    def settle(self):
        """Writes what waits for it."""
        self.timed = False
        self._settle()

    cdef _settle(self):
        cdef list kept = self.kept
        if not kept:
            return
        self.kept = []
        for key in kept:
            if self.flying.get(key) is self.waiting:
                del self.flying[key]
        self.gathered.flush()

    cdef bint write(self, Asked asked, bytes body) except -1:
        """Whether it waits to be written now."""
        cdef Terms terms = asked.terms
        record, call = asked.record, asked.call
        endpoint, stream, facts = _read(call, &CALL_ENDPOINT), _read(call, &CALL_STREAM), _read(call, &CALL_FACTS)
        if _read(record, &COST) is None:
            self.price(record)
        if not may_keep(record, body, terms.max_entry, facts.choices if asked.plain else asked.endpoint.choices(facts)):
            return False
        cdef Words words[WORDS]
        cdef Py_ssize_t most
        cdef char *room
        # As old as its question: who purged meanwhile did not want this answer either.
        cdef double expires = <double>self.clock() + terms.ttl, written = asked_at(record)
        cdef bytes payload, counted
        if stream or _read(record, &DROPPED):
            entry = self.heard(endpoint, body, stream, record)
            if entry is None:
                return False
            payload = self.pack(entry)
        else:
            usage = _read(record, &USAGE)
            counted = NOTHING if usage is None else self.encode(usage)
            most = measured(words, self.before, endpoint, body, record, counted)
            if not terms.means and self.gathered.takes(most):
                room = self.gathered.begin(asked.key, terms.tenant, expires, most, written)
                if room == NULL:
                    return False
                self.gathered.end(put_entry(room, words, self.before, body, record, counted))
                return True
            payload = PyBytes_FromStringAndSize(NULL, most)
            most = put_entry(PyBytes_AS_STRING(payload), words, self.before, body, record, counted)
            payload = payload[:most]
        if not terms.means:
            self.gathered.add(asked.key, terms.tenant, expires, payload, written)
            return True
        if self.put(asked.key, terms.owner, expires, payload, ENTRY, written):
            self._learn(asked, expires)
        return False


cdef inline double asked_at(record) except -1:
    return <int64_t>_read(record, &WALL) / 1e9


include "asking_keeping.pxi"
include "asking_entries.pxi"
