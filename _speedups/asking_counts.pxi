# What the cache does, counted in the ledger.
#
# A part of asking.pyx.


cdef class Counts:
    """Counts what the cache says in blocks of a table of the ledger; in a full table nothing is counted."""

    cdef Table table
    cdef dict looked
    cdef dict ns
    cdef dict saved

    def __init__(self, Table table not None, dict looked not None, dict ns not None, dict saved not None):
        """`looked` and `ns` are blocks by the result, `saved` three of them: for tokens that were read, for those that
        were written, for nano-dollars."""
        self.table, self.looked, self.ns, self.saved = table, looked, ns, saved

    def raised(self, int64_t block, int64_t amount):
        """Adds to a block's first cell."""
        self.adds(block, amount)

    cdef adds(self, int64_t block, int64_t amount):
        if 0 <= block < self.table.capacity and amount > 0:
            ledger_add(&self.table.cells[block * self.table.width], amount)

    def cache_lookup(self, str result not None, int64_t ns, double similarity=0.0):
        """The cache was asked, which took so long."""
        self.adds(self.looked[result], 1)
        self.adds(self.ns[result], ns)
        if similarity:
            self._alike(similarity)

    def cache_saved(self, record):
        """An answer was given that nobody had to be paid for."""
        cdef tuple blocks = self.saved[_read(record, &CACHE_SAID)]
        usage, nano_usd = _read(record, &USAGE), _read(record, &SAVED)
        if usage is not None:
            self.adds(blocks[0], _read(usage, &INPUT))
            self.adds(blocks[1], _read(usage, &OUTPUT))
        if nano_usd:
            self.adds(blocks[2], nano_usd)
