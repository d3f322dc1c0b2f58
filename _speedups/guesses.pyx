# cython: auto_pickle=False
"""What a request will take of limits and budgets, guessed on the way that nearly every request takes, and what is
learnt of it when it is over.

The ways beside it (another set of targets, a very long prompt, an answer's length by the configuration) are methods
that `wiring/guessing.py` adds: `_look_out`, `_allows`, `_parts`, `_rates`, `_output`, `_count`, `_heard`.
"""

cimport cython
from cpython.bytes cimport PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check
from cpython.object cimport Py_TYPE, PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.math cimport ceil
from libc.stdint cimport int64_t

from gateway._speedups.jsonscan import Facts
from gateway.schemas.call import Call
from gateway.schemas.plan import Plan
from gateway.schemas.record import Record
from gateway.schemas.usage import Usage

include "fields.pxi"

cdef Field TARGETS = _field(Plan, "targets")
cdef Field BODY = _field(Call, "body")
cdef Field FACTS = _field(Call, "facts")
cdef Field ENDPOINT = _field(Call, "endpoint")
cdef Field USAGE = _field(Record, "usage")
cdef Field ESTIMATED = _field(Record, "estimated")
cdef Field MODEL = _field(Record, "model")
cdef Field PROVIDER = _field(Record, "provider")
cdef Field INPUT = _field(Usage, "input")
cdef Field OUTPUT = _field(Usage, "output")

cdef enum:
    FILE_TOKENS = 1100 # of a file within a prompt
    FEW = 8            # reports from which on a guess is one of its own,
    MANY = 64          # and from which on only every eighth is heard
    TEACHING = 64      # bytes of a prompt that teaches what the next ones are like
    COUNTED = 65536    # bytes of a prompt that is counted where that decides; 1 ms or so
    SAMPLED = 8192     # bytes of a prompt that may be counted for the sake of learning,
    EVERY = 64         # and how seldom that is done
    LONG = 1024        # bytes of a body that may hold a file
    LONG_TOKENS = 100_000  # of a prompt: the rates of a longer one may be others
    MOST_ANSWERS = 128

FILE, ENOUGH, SMALLEST = FILE_TOKENS, FEW, TEACHING

cdef double SHARE = 0.95
"""Of what is told, this share is not more than the guess."""
cdef double STEP = 0.05
"""Each report moves it by such a part."""
cdef double ABSURD = 1e18
cdef int64_t LARGEST = <int64_t>1 << 53


cdef inline int64_t _figure(object value) noexcept:
    """What is no int counts 0, as does what is below; what is absurd counts as much as anything may."""
    cdef int overflow = 0
    if not PyLong_Check(value):
        return 0
    cdef int64_t found = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow < 0 or found < 0 and not overflow:
        return 0
    return LARGEST if overflow or found > LARGEST else found


@cython.final
cdef class Figure:
    """What `SHARE` of all that was told is not above, between `least` and `most`; the highest of the first few reports,
    at the beginning."""

    def __init__(self, double value, double least, double most):
        self.value, self.least, self.most = value, least, most

    def fresh(self) -> Figure:
        """Another one that begins as this one did, as long as it was told nothing."""
        return Figure(self.value, self.least, self.most)

    def tell(self, double value):
        """One more report: the figure goes up by much where that was above, down by little where not."""
        self.hear(value)

    cdef void hear(self, double value) noexcept:
        cdef double moved, far
        self.reports += 1
        if self.reports > MANY and self.reports & 7:
            return
        if self.reports <= FEW:
            self.highest = max(self.highest, value)
            if self.reports < FEW:
                return
            moved = self.highest
        else:
            far = STEP * self.value
            moved = self.value + far * SHARE if value > self.value else self.value - far * (1 - SHARE)
        self.value = min(max(moved, self.least), self.most)


@cython.final
cdef class Outlook:
    """What is known of requests with these targets: the first one, the rates (the highest nano-dollars for a token in,
    a token out, and a request), tokens for a byte of a prompt, tokens of an answer. `turn` counts its requests, as far
    as its ratio is to be learnt; else it is below 0."""

    def __init__(
        self, tuple targets not None, target, rates, Figure size not None, Figure answer not None, int64_t turn
    ):
        self.targets, self.target, self.size, self.answer, self.turn = targets, target, size, answer, turn
        self.provider, self.model = target.provider, target.model
        self.rates[0], self.rates[1], self.rates[2] = rates

    cdef bint due(self) noexcept:
        """Whether a prompt is to be counted, so that its report teaches the model's ratio."""
        self.turn += 1
        return self.turn <= FEW or self.turn % EVERY == 0


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Asked:
    """What one request will take (`amount`), and of what that was made up: tokens that it allows for an answer and for
    how many of them, bytes of text and files in its prompt, and what that is in tokens by count, once it was. Nothing
    that it refers to leads back to it."""

    def __init__(self):
        raise TypeError("made by a guesser")

    @property
    def amount(self) -> tuple:
        """Tokens and nano-dollars."""
        return self.tokens, self.nano_usd

    cdef void weigh(self, int64_t prompt) noexcept:
        cdef double price = ceil(prompt * self.rates[0] + self.output * self.rates[1] + self.rates[2])
        self.tokens = prompt + self.output
        self.nano_usd = <int64_t>price if price < ABSURD else <int64_t>ABSURD

    def exactly(self):
        """The same with its prompt counted; None where that cannot be done, or was."""
        if self.counted or self.text > COUNTED:
            return None
        found = self.guesser._count(self.call, self.outlook.model)
        if found is None:
            return None
        self.counted, prompt = found
        self.weigh(_figure(prompt))
        return self.tokens, self.nano_usd


cdef class Guesser:
    """What requests will take, by one configuration. The endpoints of `plain` say in `max_tokens` how long an answer
    may be and in `n` how many there are; of others `_allows` tells. `learns`: an answer is taken to be as long as those
    before, `most`: as long as there can be, else as long as is asked for."""

    def __init__(self, frozenset plain not None, *, bint learns, bint most):
        self.plain, self.learns, self.most = plain, learns, most
        self.outlooks = {}

    def of(self, call, plan, str key):
        """What this request is expected to take at the dearest target; what has no known price costs nothing."""
        return self.guess(call, plan, key)

    cdef Asked guess(self, call, plan, str key):
        cdef tuple targets = _read(plan, &TARGETS)
        cdef bytes body = _read(call, &BODY)
        cdef Asked found = Asked.__new__(Asked)
        cdef Outlook outlook = self.last
        cdef int64_t prompt
        if outlook is None or outlook.targets is not targets:
            outlook = self.last = self.outlook(targets)
        facts = _read(call, &FACTS)
        found.guesser, found.call, found.outlook, found.text = self, call, outlook, PyBytes_GET_SIZE(body)
        if type(facts) is not Facts:
            found.text, found.files = 0, 1
        if found.text > LONG:
            found.text, found.files = self._parts(body)
        prompt = <int64_t>(found.text * outlook.size.value) + found.files * FILE_TOKENS
        self.answer(found, call, facts, key)
        found.rates = outlook.rates
        if prompt > LONG_TOKENS:
            found.rates[0], found.rates[1], found.rates[2] = self._rates(targets, prompt)
        found.weigh(prompt)
        if outlook.turn >= 0 and found.text <= SAMPLED and outlook.due():
            found.exactly()
        return found

    cdef answer(self, Asked found, call, facts, str key):
        """What the request allows for its answers, and what they are expected to be."""
        cdef Outlook outlook = found.outlook
        found.choices = 1
        if _read(call, &ENDPOINT) in self.plain:
            found.choices = max(<int64_t>1, min(_figure(facts.answers), <int64_t>MOST_ANSWERS))
            found.allowed = min(_figure(facts.max_tokens), <int64_t>1 << 40)
        else:
            allowed = self._allows(call)
            if allowed is None:
                return
            found.allowed, found.choices = allowed
        found.output = found.allowed
        if self.learns or self.most and not found.allowed:
            found.output = self._output(found.allowed, outlook, key)
        elif not found.allowed:
            found.output = <int64_t>outlook.answer.value
        found.output *= found.choices

    cdef Outlook outlook(self, tuple targets):
        found = self.outlooks.get(targets)
        return self._look_out(targets, self.outlooks) if found is None else found

    def learn(self, record, wanted):
        """What the request turned out to have taken."""
        usage = _read(record, &USAGE)
        if usage is not None and type(wanted) is Asked:
            self.hear(record, usage, <Asked>wanted)

    cdef hear(self, record, usage, Asked asked):
        cdef Outlook outlook = asked.outlook
        cdef int64_t input, output
        if _read(record, &ESTIMATED):
            return
        if _read(record, &MODEL) != outlook.model or _read(record, &PROVIDER) != outlook.provider:
            return  # another one answered, of whose kind this prompt was not taken for
        input, output = _figure(_read(usage, &INPUT)), _figure(_read(usage, &OUTPUT))
        if (self.learns or not asked.allowed) and output:
            outlook.answer.hear(<double>output / asked.choices)
        if asked.text >= TEACHING and input:
            outlook.size.hear(<double>max(input - asked.files * FILE_TOKENS, <int64_t>1) / asked.text)
        if self.learns or asked.counted:
            self._heard(record, asked)
