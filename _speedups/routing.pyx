# cython: auto_pickle=False
"""The planner: from a route's tree and what a request needs to an ordered list of targets, in one synchronous pass.

A tree is arranged from its root: a node's strategy orders its members, and each member stands for a target or for the
order of a node of its own. A node's figures (latency, price, load) are those of the first target that it would give.
Every target comes once; those that the request cannot use do not come at all; those whose breaker is open come last.
All numbers of a plan are read once at its start, so that a sort never sees one change.
"""

import os

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.math cimport log, pow
from libc.stdint cimport int64_t, uint32_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from gateway._speedups.health cimport TargetHealth

STRATEGIES = (
    "weighted",
    "ordered",
    "round_robin",
    "least_busy",
    "latency",
    "cost",
    "headroom",
    "sticky",
    "adaptive",
)
NEEDS = ("vision", "tools", "json_schema", "reasoning", "audio", "documents")
LARGEST_ROUTE = 64

cdef enum:
    MOST = 64       # targets of a route, and members of a node
    DEEPEST = 16
    MEMO = 512      # plans that are kept, by the order of their targets
    WEIGHTED = 0
    ORDERED = 1
    ROUND_ROBIN = 2
    LEAST_BUSY = 3
    LATENCY = 4
    COST = 5
    HEADROOM = 6
    STICKY = 7
    ADAPTIVE = 8
    # what is known of a target, and read where a strategy goes by it
    LOAD = 1
    WAITING = 2
    ROOM = 4
    SUCCESS = 8
    PRICE = 16
    EVERY = 31
    # why a target is left out
    FITS = 0
    LACKS = 1
    TOO_LONG = 2
    TOO_MUCH = 3
    ELSEWHERE = 4

cdef double UNKNOWN = 1e30
"""Sorts after everything that is known."""

cdef double EXPLORE = 0.05
"""The share of adaptive plans that begin with a target drawn at random, so that a better one is noticed."""

cdef double CROWDED = 1.25
"""Bounded load: a sticky target with more than this times the mean in flight passes requests on."""

_LEFT_OUT = {
    LACKS: "cannot do what the request needs",
    TOO_LONG: "the prompt does not fit into its context window",
    TOO_MUCH: "cannot answer with as many tokens as asked for",
    ELSEWHERE: "has not all of the tags asked for",
}
LEFT_OUT = frozenset(_LEFT_OUT.values())

_FIGURES = {
    LEAST_BUSY: LOAD,
    LATENCY: LOAD | WAITING,
    COST: PRICE,
    HEADROOM: ROOM,
    STICKY: LOAD,
    ADAPTIVE: EVERY,
}

cdef int _births = 0
"""How often this process was forked off: each worker draws for itself."""


def _born():
    global _births
    _births += 1


os.register_at_fork(after_in_child=_born)


include "routing_parts.pxi"


cdef class Planner:
    """A route; see the stub."""

    cdef list leaves
    cdef dict plans
    cdef dict glances
    cdef Glance blind
    cdef Node root
    cdef int count
    cdef int figures
    cdef uint64_t state
    cdef int born
    cdef bint seeded

    def __init__(self, leaves, tree, fallbacks=(), uint64_t seed=0):
        if not 0 < len(leaves) <= MOST:
            raise ValueError(f"a route has 1 to {MOST} targets")
        self.leaves = list(leaves)
        self.plans = {}
        self.glances = {}
        self.count = len(self.leaves)
        for leaf in self.leaves:
            if not isinstance(leaf, Leaf):
                raise TypeError("leaves are of type Leaf")
        members = [(tree, 1.0), *((one, 1.0) for one in fallbacks)]
        self.root = self._node(("ordered", members), 0)
        self.state = seed or int.from_bytes(os.urandom(8), "little")
        self.seeded = seed != 0
        self.born = _births

    def _node(self, tree, int depth):
        cdef Node node = Node.__new__(Node)
        strategy, members = tree
        if strategy not in STRATEGIES or not 0 < len(members) <= MOST or depth > DEEPEST:
            raise ValueError(f"{strategy!r} with {len(members)} members, {depth} deep")
        node.strategy = STRATEGIES.index(strategy)
        self.figures |= <int>_FIGURES.get(node.strategy, 0)
        node.count = len(members)
        node.inner = [None] * node.count
        for place, (member, weight) in enumerate(members):
            if not weight > 0:
                raise ValueError("weights are above zero")
            node.weights[place] = weight
            if isinstance(member, int):
                if not 0 <= member < self.count:
                    raise ValueError(f"no leaf {member}")
                node.ways[place] = member
            else:
                node.ways[place] = -1
                node.inner[place] = self._node(member, depth + 1)
        return node

    cdef double _draw(self) noexcept nogil:
        # splitmix64; 53 bits make a double in [0, 1).
        self.state += <uint64_t>0x9E3779B97F4A7C15
        return <double>(_spread(self.state) >> 11) / 9007199254740992.0

    cdef void _read(self, Ask *ask, int figures):
        """Everything that this plan needs to know of the targets; `figures` are those that its strategies go by, as
        each may lie in as many cache lines as there are workers."""
        cdef int at
        cdef Leaf leaf
        for at in range(self.count):
            leaf = <Leaf>self.leaves[at]
            ask.taken[at] = False
            ask.out[at] = FITS
            if leaf.unable & ask.needs:
                ask.out[at] = LACKS
            elif leaf.window and ask.tokens + ask.output > leaf.window:
                ask.out[at] = TOO_LONG
            elif leaf.max_output and ask.output > leaf.max_output:
                ask.out[at] = TOO_MUCH
            elif (leaf.tags & ask.tags) != ask.tags:
                ask.out[at] = ELSEWHERE
            ask.phase[at] = leaf.health.phase(ask.now)
            if figures & LOAD:
                ask.flying[at] = leaf.health.flying()
            if figures & WAITING:
                ask.wait[at] = leaf.health.wait(ask.now)
            if figures & ROOM:
                ask.room[at] = leaf.health.room(ask.now)
            if figures & SUCCESS:
                ask.success[at] = leaf.health.health()
            if not figures & PRICE:
                continue
            if leaf.price_in < 0 or leaf.price_out < 0:
                ask.price[at] = UNKNOWN
            else:
                ask.price[at] = leaf.price_in * ask.tokens + leaf.price_out * max(ask.output, <int64_t>1)
        ask.length = 0

    cdef int _first(self, Node node, int place, Ask *ask):
        """The leaf whose figures stand for a member; -1 when none of it can be used."""
        cdef int way = node.ways[place]
        cdef Node inner
        cdef int found, at
        cdef int second = -1
        if way >= 0:
            return -1 if ask.taken[way] or ask.out[way] else way
        inner = <Node>node.inner[place]
        for at in range(inner.count):
            found = self._first(inner, at, ask)
            if found >= 0:
                if ask.phase[found] != 2:
                    return found
                if second < 0:
                    second = found
        return second

    cdef void _arrange(self, Node node, Ask *ask):
        """Puts the node's targets into the order, after those that are there."""
        cdef int places[MOST]
        cdef int firsts[MOST]
        cdef double ranks[MOST]
        cdef int count = 0
        cdef int at, first
        for at in range(node.count):
            first = self._first(node, at, ask)
            if first >= 0:
                places[count] = at
                firsts[count] = first
                count += 1
        self._rank(node, ask, places, firsts, ranks, count)
        _sort(places, ranks, count)
        for at in range(count):
            if node.ways[places[at]] < 0:
                self._arrange(<Node>node.inner[places[at]], ask)
            elif not ask.taken[node.ways[places[at]]]:
                ask.taken[node.ways[places[at]]] = True
                ask.order[ask.length] = node.ways[places[at]]
                ask.length += 1

    cdef void _rank(self, Node node, Ask *ask, int *places, int *firsts, double *ranks, int count):
        """The smaller a rank, the earlier its member."""
        cdef int strategy = node.strategy
        cdef int at, leaf
        cdef double best, mean
        if strategy == ORDERED or count < 2:
            for at in range(count):
                ranks[at] = at
        elif strategy == WEIGHTED:
            for at in range(count):
                ranks[at] = self._race(node.weights[places[at]])
        elif strategy == ROUND_ROBIN:
            for at in range(count):
                ranks[at] = (at + count - <int>(node.turn % <uint64_t>count)) % count
            node.turn += 1
        elif strategy == LEAST_BUSY:
            for at in range(count):
                # Less than one request decides nothing but ties.
                ranks[at] = ask.flying[firsts[at]] / node.weights[places[at]] + self._draw() * 1e-3
        elif strategy == LATENCY:
            for at in range(count):
                ranks[at] = ask.wait[firsts[at]] * (ask.flying[firsts[at]] + 1) + ask.flying[firsts[at]]
            self._choose_of_two(node, places, ranks, count)
        elif strategy == COST:
            for at in range(count):
                ranks[at] = ask.price[firsts[at]] + self._draw() * 1e-3
        elif strategy == HEADROOM:
            for at in range(count):
                # Near its limit a target's share goes to nothing, well before it says 429.
                ranks[at] = self._race(node.weights[places[at]] * max(pow(ask.room[firsts[at]], 2), 1e-6))
        elif strategy == STICKY:
            mean = 0
            for at in range(count):
                mean += ask.flying[firsts[at]]
            mean = (mean + 1) / count
            for at in range(count):
                ranks[at] = self._seat(ask.sticky, (<Leaf>self.leaves[firsts[at]]).mark, node.weights[places[at]])
                if ask.flying[firsts[at]] + 1 > CROWDED * mean + 1:
                    ranks[at] += 1e12
        else:
            self._adapt(node, ask, firsts, ranks, count)

    cdef double _race(self, double weight) noexcept nogil:
        """Exponential races: sorting by these draws without replacement, by weight."""
        return -log(1.0 - self._draw()) / weight

    cdef double _seat(self, uint64_t key, uint64_t mark, double weight) noexcept nogil:
        """Rendezvous hashing by weight: a target that is lost moves only what sat there."""
        if key == 0:
            return self._race(weight)
        cdef uint64_t mixed = _spread(_spread(key + <uint64_t>0x9E3779B97F4A7C15) ^ mark)
        return -log((<double>(mixed >> 11) + 0.5) / 9007199254740992.0) / weight

    cdef void _choose_of_two(self, Node node, int *places, double *ranks, int count):
        """Power of two choices: of two drawn by weight the better is first, so that a herd never follows one number."""
        cdef int first = -1
        cdef int second = -1
        cdef double lead = UNKNOWN
        cdef double next_best = UNKNOWN
        cdef double race
        cdef int at
        for at in range(count):
            race = self._race(node.weights[places[at]])
            if race < lead:
                next_best, second = lead, first
                lead, first = race, at
            elif race < next_best:
                next_best, second = race, at
        ranks[second if ranks[second] < ranks[first] else first] = -1.0

    cdef void _adapt(self, Node node, Ask *ask, int *firsts, double *ranks, int count):
        """Success weighs most, then latency under load, then price; each relative to the best of the members."""
        cdef double quickest = UNKNOWN
        cdef double cheapest = UNKNOWN
        cdef double wait, score
        cdef int at, leaf
        for at in range(count):
            leaf = firsts[at]
            quickest = min(quickest, (ask.wait[leaf] + 1e6) * (ask.flying[leaf] + 1))
            cheapest = min(cheapest, ask.price[leaf])
        for at in range(count):
            leaf = firsts[at]
            wait = (ask.wait[leaf] + 1e6) * (ask.flying[leaf] + 1)
            score = pow(ask.success[leaf], 3) * pow(quickest / wait, 0.5) * max(ask.room[leaf], 0.05)
            if ask.price[leaf] < UNKNOWN and cheapest > 0:
                score *= pow(cheapest / ask.price[leaf], 0.25)
            ranks[at] = -score + self._draw() * 1e-9
        if self._draw() < EXPLORE:
            ranks[<int>(self._draw() * count)] = -UNKNOWN

    cdef int _order(self, Ask *ask, int figures):
        """The whole plan into ask.order; how many of it are not open."""
        cdef int at, leaf
        cdef int shut = 0
        cdef int places[MOST]
        cdef double ranks[MOST]
        if self.born != _births and not self.seeded:
            self.born = _births
            self.state = int.from_bytes(os.urandom(8), "little")
        self._read(ask, figures)
        self._arrange(self.root, ask)
        for at in range(ask.length):
            leaf = ask.order[at]
            places[at] = leaf
            ranks[at] = at
            if ask.phase[leaf] == 2:
                ranks[at] = MOST + <double>((<Leaf>self.leaves[leaf]).health.open_until - ask.now)
            else:
                shut += 1
        if shut < ask.length:
            _sort(places, ranks, ask.length)
            for at in range(ask.length):
                ask.order[at] = places[at]
        return shut

    def plan(
        self,
        int64_t now,
        uint32_t needs=0,
        int64_t tokens=0,
        int64_t output=0,
        uint64_t sticky=0,
        uint32_t tags=0,
    ) -> tuple:
        """The targets in the order in which to try them; see the stub."""
        cdef Ask ask
        ask.now, ask.needs, ask.tokens, ask.output, ask.tags, ask.sticky = now, needs, tokens, output, tags, sticky
        self._order(&ask, self.figures)
        cdef int at
        return tuple([(<Leaf>self.leaves[ask.order[at]]).target for at in range(ask.length)])

    def looks(self, dict glances not None, Glance blind):
        """See the stub."""
        self.glances, self.blind = dict(glances), blind

    def glance(self, str endpoint, facts):
        """The plan for a request that a glance suffices for; see the stub."""
        cdef Glance glance = self.glances.get(endpoint, self.blind)
        if glance is None:
            return None
        if glance.looks and facts.mentions(glance.looks):
            return None
        cdef Ask ask
        ask.now, ask.needs, ask.tokens, ask.output, ask.tags, ask.sticky = _now(), 0, 0, 0, 0, 0
        if glance.sized:
            asked = facts.max_tokens
            if asked is not None:
                ask.output = <int64_t>min(max(asked, 0), glance.most + 1)
            ask.tokens = len(<bytes?>facts.body) // glance.bytes_a_token
            if ask.tokens + ask.output > glance.most:
                return None
        self._order(&ask, self.figures)
        cdef char order[MOST]
        cdef int at
        for at in range(ask.length):
            order[at] = <char>ask.order[at]
        key = PyBytes_FromStringAndSize(order, ask.length)
        found = self.plans.get(key)
        if found is None and ask.length:
            if len(self.plans) >= MEMO:
                self.plans.clear()
            targets = tuple([(<Leaf>self.leaves[ask.order[at]]).target for at in range(ask.length)])
            found = self.plans[key] = glance.plan(targets)
        return found

    def explain(
        self,
        int64_t now,
        uint32_t needs=0,
        int64_t tokens=0,
        int64_t output=0,
        uint64_t sticky=0,
        uint32_t tags=0,
    ) -> list:
        """A plan with the reason for each place; then the targets that are left out, and why."""
        cdef Ask ask
        ask.now, ask.needs, ask.tokens, ask.output, ask.tags, ask.sticky = now, needs, tokens, output, tags, sticky
        cdef int shut = self._order(&ask, EVERY)
        cdef int at, leaf
        found = []
        for at in range(ask.length):
            leaf = ask.order[at]
            found.append(((<Leaf>self.leaves[leaf]).target, self._reason(leaf, at < shut, &ask)))
        for leaf in range(self.count):
            if ask.out[leaf]:
                found.append(((<Leaf>self.leaves[leaf]).target, _LEFT_OUT[ask.out[leaf]]))
        return found

    cdef str _reason(self, int leaf, bint shut, Ask *ask):
        if not shut:
            seconds = ((<Leaf>self.leaves[leaf]).health.open_until - ask.now) / 1e9
            return f"its breaker is open for {seconds:.1f} s"
        parts = [f"{<int>ask.flying[leaf]} in flight"]
        if ask.phase[leaf] == 1:
            parts.append("half-open, one probe at a time")
        if ask.wait[leaf] >= 1000:
            parts.append(f"first token in {ask.wait[leaf] / 1e6:.1f} ms")
        if ask.price[leaf] < UNKNOWN and (ask.tokens or ask.output):
            parts.append(f"up to {ask.price[leaf] / 1e15:.6f} USD")
        if ask.room[leaf] < 1:
            parts.append(f"{ask.room[leaf]:.0%} of its limits left")
        if ask.success[leaf] < 1:
            parts.append(f"{ask.success[leaf]:.0%} succeeded")
        return ", ".join(parts)


cdef void _sort(int *places, double *ranks, int count) noexcept:
    """Insertion sort, stable: routes are short, and nearly sorted ones cost nothing."""
    cdef int at, back, place
    cdef double rank
    for at in range(1, count):
        rank, place = ranks[at], places[at]
        back = at - 1
        while back >= 0 and ranks[back] > rank:
            ranks[back + 1], places[back + 1] = ranks[back], places[back]
            back -= 1
        ranks[back + 1], places[back + 1] = rank, place
