# Tables of series: from labels to a block of cells, without a lock; and what one request adds to its block.
#
# A part of ledger.pyx, which has the imports, the file and its sections.

# One figure from outside never exceeds this (104 days in ns, 9 million USD in nano-dollars): a provider that
# lies cannot make a sum wrap.
cdef int64_t LARGEST = <int64_t>1 << 53


cdef uint32_t _mix(const char *key, Py_ssize_t length) noexcept nogil:
    # FNV-1a. Keys are names that the operator or the catalogue chose, never a caller's.
    cdef uint32_t mixed = 2166136261
    cdef Py_ssize_t at
    for at in range(length):
        mixed = (mixed ^ <unsigned char>key[at]) * 16777619
    return mixed ^ (mixed >> 15)


cdef class Table:
    """A fixed table from a key (at most KEY_LIMIT bytes) to a block of int64 cells that only ever grow.

    A block is filled in privately and published by one CAS into the hash table, so no reader sees half a key
    and no killed process leaves a lock. Blocks are never freed. A process killed between taking a block and
    publishing it costs one block.
    """

    def __init__(self, Ledger ledger, str name):
        cdef char *index = ledger.start(name + ".index")
        shape = ledger.sections[name + ".cells"][0]
        self.ledger = ledger
        self.taken = <int64_t *>index
        self.buckets = <uint32_t *>(index + LINE_WORDS * 8)
        self.mask = (ledger.sections[name + ".index"][0].slots - 1) * 16 - 1
        self.keys = ledger.start(name + ".keys")
        self.cells = <int64_t *>ledger.start(name + ".cells")
        self.capacity = shape.slots
        self.width = shape.slot_size // 8
        self.spare = -1

    @property
    def used(self) -> int:
        """Blocks taken."""
        return ledger_load(self.taken)

    def locate(self, bytes key, int reserve=0) -> int:
        """The key's block, made when there is none; -1 when only `reserve` free blocks are left. ValueError
        when the key is too long."""
        cdef uint32_t length = len(key)
        cdef const char *text = key
        if length > KEY_BYTES - 8:
            raise ValueError(f"a key of {length} bytes")
        cdef uint32_t mixed = _mix(text, length)
        cdef uint32_t at = mixed & self.mask
        cdef uint32_t found
        cdef char *slot
        # There are at least twice as many buckets as blocks, so an empty one always ends the search.
        while True:
            found = ledger_load32(&self.buckets[at])
            if found == 0:
                # A block left over from a lost race is used first, but not the one of a parent before a fork.
                if self.spare < 0 or self.spare_pid != getpid():
                    self.spare = self.take(self.capacity - reserve)
                    self.spare_pid = getpid()
                if self.spare < 0:
                    return -1
                slot = self.keys + self.spare * KEY_BYTES
                memcpy(slot, &length, 4)
                memcpy(slot + 4, &mixed, 4)
                memcpy(slot + 8, text, length)
                if ledger_swap32(&self.buckets[at], 0, <uint32_t>self.spare + 1):
                    block = self.spare
                    self.spare = -1
                    return block
                continue
            if self.holds(found - 1, mixed, text, length):
                return found - 1
            at = (at + 1) & self.mask

    cdef int64_t take(self, int64_t limit) noexcept:
        cdef int64_t taken
        while True:
            taken = ledger_load(self.taken)
            if taken >= limit:
                return -1
            if ledger_swap(self.taken, taken, taken + 1):
                return taken

    cdef bint holds(self, uint32_t block, uint32_t mixed, const char *key, uint32_t length) noexcept:
        cdef const char *slot = self.keys + <size_t>block * KEY_BYTES
        return (
            memcmp(slot, &length, 4) == 0
            and memcmp(slot + 4, &mixed, 4) == 0
            and memcmp(slot + 8, key, length) == 0
        )

    def add(self, int block, int cell, int64_t amount):
        """IndexError outside the table."""
        if not (0 <= block < self.capacity and 0 <= cell < self.width):
            raise IndexError(f"cell {cell} of block {block}")
        ledger_add(&self.cells[<size_t>block * self.width + cell], amount)

    def snapshot(self) -> tuple:
        """Every key in the order of creation, and a copy of the cells in one int64 view: `width` for each."""
        cdef uint32_t at
        blocks = sorted([ledger_load32(&self.buckets[at]) for at in range(self.mask + 1)])
        blocks = [block - 1 for block in blocks if block]
        copy = bytearray(len(blocks) * self.width * 8)
        cdef char *into = copy
        cdef int64_t *cells
        cdef int cell
        cdef uint32_t length
        keys = []
        for block in blocks:
            cells = self.cells + <size_t>block * self.width
            for cell in range(self.width):
                (<int64_t *>into)[cell] = ledger_load(&cells[cell])
            into += self.width * 8
            memcpy(&length, self.keys + <size_t>block * KEY_BYTES, 4)
            keys.append((self.keys + <size_t>block * KEY_BYTES + 8)[:length])
        return keys, memoryview(copy).cast("q")


cdef inline int64_t _bounded(object value) noexcept:
    """Figures may come from a provider's JSON: what is no int counts 0, what is absurd counts LARGEST."""
    cdef int overflow = 0
    if not PyLong_Check(value):
        return 0
    cdef int64_t figure = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow < 0 or figure < 0 and not overflow:
        return 0
    return LARGEST if overflow or figure > LARGEST else figure


cdef class RequestCells:
    """Adds one request to its block: four sums, six plain cells, then the buckets of four histograms.

    The sums and plain cells share two cache lines, because a line that another process wrote last costs as
    much as all the rest of the call.

    `bounds` are the upper bounds (inclusive, ns, at most 31) of duration, overhead, first token and upstream.
    """

    def __init__(self, Table table, bounds):
        self.table = table
        offset = 10
        if len(bounds) != 4:
            raise ValueError("four histograms")
        for which, limits in enumerate(bounds):
            if len(limits) > 31 or list(limits) != sorted(set(limits)):
                raise ValueError("bounds must ascend, 31 at most")
            for place, limit in enumerate(limits):
                self.bounds[which][place] = limit
            self.lengths[which] = len(limits)
            self.offsets[which] = offset
            offset += len(limits) + 1
        if offset > table.width:
            raise ValueError("the table's blocks are too small")

    cdef void observe(self, int64_t *cells, int which, int64_t value) noexcept nogil:
        cdef int length = self.lengths[which]
        cdef int place = 0
        while place < length and value > self.bounds[which][place]:
            place += 1
        ledger_add(&cells[which], value)
        ledger_add(&cells[self.offsets[which] + place], 1)

    def add(
        self,
        int block,
        total,
        waited,
        first_token,
        input,
        output,
        cached,
        reasoning,
        cost,
        bint unknown,
        queued=0,
    ):
        """Durations in ns, cost in nano-USD; `waited` and `first_token` of 0 are not observed, and
        what was `queued` is part of the duration alone. IndexError."""
        if not 0 <= block < self.table.capacity:
            raise IndexError(f"block {block}")
        cdef int64_t *cells = self.table.cells + <size_t>block * self.table.width
        cdef int64_t duration = _bounded(total)
        cdef int64_t upstream = _bounded(waited)
        cdef int64_t first = _bounded(first_token)
        self.observe(cells, 0, duration)
        self.observe(cells, 1, max(0, duration - upstream - _bounded(queued)))
        if first:
            self.observe(cells, 2, first)
        if upstream:
            self.observe(cells, 3, upstream)
        cells += 4
        _add_some(&cells[0], _bounded(input))
        _add_some(&cells[1], _bounded(output))
        _add_some(&cells[2], _bounded(cached))
        _add_some(&cells[3], _bounded(reasoning))
        _add_some(&cells[4], _bounded(cost))
        _add_some(&cells[5], unknown)


cdef inline void _add_some(int64_t *cell, int64_t amount) noexcept nogil:
    # Adding nothing would still take the line from the other processes.
    if amount:
        ledger_add(cell, amount)
