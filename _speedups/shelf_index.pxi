# The shared memory: lines of segments, purges, slots.
#
# A part of shelf.pyx.


cdef inline uint64_t _mixed(const unsigned char *key) noexcept nogil:
    # Keys are hashes already.
    cdef uint64_t mixed
    memcpy(&mixed, key, 8)
    return mixed


cdef inline uint64_t _word(uint64_t mixed, int number, int64_t at) noexcept nogil:
    # Never 0: no frame begins before START.
    return (mixed >> 36) << 36 | <uint64_t>number << 22 | <uint64_t>(at // UNIT)


cdef inline int _number(uint64_t word) noexcept nogil:
    return (word >> 22) & 0x3FFF


cdef inline int64_t _place(uint64_t word) noexcept nogil:
    return <int64_t>(word & 0x3FFFFF) * UNIT


cdef int64_t _me():
    cdef int64_t pid = getpid()
    return (<int64_t>process_identity(pid) << 32) | pid


cdef bint _alive(int64_t owner):
    return owner != 0 and process_identity(owner & 0xFFFFFFFF) == owner >> 32


cdef class Shelf:
    """Room for `entries` of them, at least. Made before the fork; each process then has a Reader and a Writer of
    its own. MemoryError."""

    def __init__(self, int64_t entries=1_000_000):
        cdef uint64_t buckets = 16
        # three quarters full at the most: by then hardly a key finds both of its buckets full
        while buckets * WAYS * 3 < <uint64_t>entries * 4:
            buckets *= 2
        head = HEADER_WORDS * 8
        purges = MOST_PURGES * PURGE_WORDS * 8
        lines = MOST_LINES * LINE_WORDS * 8
        self.size = head + purges + lines + buckets * WAYS * 8
        mapped = shelf_map(self.size)
        if mapped == MAP_FAILED:
            raise MemoryError(f"no room for an index of {self.size} bytes")
        self.base = <char *>mapped
        self.words = <int64_t *>self.base
        self.purges = <int64_t *>(self.base + <size_t>head)
        self.lines = <int64_t *>(self.base + <size_t>(head + purges))
        self.slots = <uint64_t *>(self.base + <size_t>(head + purges + lines))
        self.mask = buckets - 1
        self.capacity = buckets * WAYS

    def __dealloc__(self):
        if self.base != NULL:
            munmap(self.base, self.size)

    # --- numbers ---

    def count(self, str name, int64_t amount=1):
        """KeyError for a counter that is not there."""
        ledger_add(&self.words[COUNTERS + _COUNTERS[name]], amount)

    def put_count(self, str name, int64_t amount):
        ledger_store(&self.words[COUNTERS + _COUNTERS[name]], amount)

    def counts(self) -> dict:
        return {name: ledger_load(&self.words[COUNTERS + at]) for name, at in _COUNTERS.items()}

    @property
    def old_below(self) -> int:
        """Entries of segments with a smaller identity are carried over when they are hit."""
        return ledger_load(&self.words[OLD_BELOW])

    @old_below.setter
    def old_below(self, int64_t identity):
        ledger_store(&self.words[OLD_BELOW], identity)

    # --- lines ---

    cdef int64_t *line(self, int number) noexcept nogil:
        return self.lines + <size_t>(number & 0x3FFF) * LINE_WORDS

    cdef int64_t identity_of(self, int number) noexcept nogil:
        return ledger_load(self.line(number) + IDENTITY)

    def claim(self, int stream, int64_t identity=0, int64_t size=0, *, uint64_t salt=0, bint mine=False) -> tuple | None:
        """A line for a segment: (number, identity), or None when there is none. Without `identity` a new one is made,
        larger than those before. `mine`: this process writes it."""
        cdef int number, turn
        cdef int64_t *line
        cdef int64_t name
        cdef int64_t begin = ledger_add(&self.words[HIGH + 1], 1)
        for turn in range(MOST_LINES):
            number = (begin + turn) & 0x3FFF
            line = self.line(number)
            if ledger_load(&line[IDENTITY]) != FREE:
                continue
            name = identity or (shelf_now() >> 14 << 14) | number
            if ledger_swap(&line[IDENTITY], FREE, MADE):  # who dies before the end of this costs a line
                ledger_store(&line[SIZE], size)
                ledger_store(&line[SALT], <int64_t>salt)
                ledger_store(&line[OWNER], _me() if mine else 0)
                ledger_store(&line[STREAM], stream)
                ledger_store(&line[IDENTITY], name)
                return number, name
        return None

    def describe(self, int number, *, int64_t frames, int64_t latest, uint64_t salt, int64_t size):
        """What was found in a segment that another time wrote."""
        cdef int64_t *line = self.line(number)
        ledger_store(&line[FRAMES], frames)
        ledger_store(&line[LATEST], latest)
        ledger_store(&line[SIZE], size)
        ledger_store(&line[SALT], <int64_t>salt)
        ledger_add(&self.words[LOG_VERSION], 1)

    def release(self, int number):
        """This segment gets no more frames."""
        ledger_store(&self.line(number)[OWNER], 0)

    def retire(self, int number, int64_t identity) -> bool:
        """From now on all that lies in this segment is a miss; False when somebody else retired it. The line is used
        again after `sweep`."""
        return ledger_swap(&self.line(number)[IDENTITY], identity, CLEARED)

    def sweep(self) -> int:
        """Takes all slots away that lead to retired segments, and frees their lines; how many slots."""
        cdef bint *cleared = <bint *>calloc(MOST_LINES, sizeof(bint))
        cdef int number, lines = 0
        cdef int64_t found = 0
        cdef uint64_t at, word
        if cleared == NULL:
            raise MemoryError
        with nogil:
            for number in range(MOST_LINES):
                cleared[number] = self.identity_of(number) == CLEARED
                lines += cleared[number]
            # Where nothing was retired, the index is left alone: to read it takes the processor's cache from others.
            for at in range((self.mask + 1) * WAYS if lines else 0):
                word = shelf_load(&self.slots[at])
                if word and cleared[_number(word)]:
                    found += shelf_swap(&self.slots[at], word, 0)
            for number in range(MOST_LINES):
                if cleared[number]:
                    memset(self.line(number) + 1, 0, (LINE_WORDS - 1) * 8)
                    ledger_store(self.line(number) + IDENTITY, FREE)
        free(cleared)
        return found

    def occupied(self) -> int:
        """How many slots lead somewhere."""
        cdef int64_t found = 0
        cdef uint64_t at
        with nogil:
            for at in range((self.mask + 1) * WAYS):
                found += shelf_load(&self.slots[at]) != 0
        return found

    def get_lines(self) -> list:
        """Every segment, the oldest first."""
        cdef int number
        cdef int64_t *line
        cdef int64_t identity
        found = []
        for number in range(MOST_LINES):
            line = self.line(number)
            identity = ledger_load(&line[IDENTITY])
            if identity > MADE:
                found.append(Line(
                    number, identity, ledger_load(&line[STREAM]), ledger_load(&line[SIZE]),
                    ledger_load(&line[FRAMES]), ledger_load(&line[LATEST]), ledger_load(&line[OWNER]),
                    <uint64_t>ledger_load(&line[SALT]),
                ))
        found.sort(key=_by_identity)
        return found

    def total(self) -> int:
        """Bytes of all segments."""
        cdef int number
        cdef int64_t found = 0
        for number in range(MOST_LINES):
            if self.identity_of(number) > MADE:
                found += ledger_load(self.line(number) + SIZE)
        return found

    # --- purges ---

    cdef int64_t *purge_of(self, uint64_t scope, bint make) noexcept nogil:
        # 0 ends the search, so that scope shares a place with another one: both are only misses then.
        cdef uint64_t name = scope or SPREAD
        cdef uint64_t at = (name * SPREAD) >> 51
        cdef int64_t *one
        cdef int64_t *spare = NULL
        cdef int turn
        for turn in range(MOST_PURGES):
            one = self.purges + ((at + turn) & (MOST_PURGES - 1)) * PURGE_WORDS
            if <uint64_t>ledger_load(&one[SCOPE]) == name:
                return one
            if ledger_load(&one[SCOPE]) == 0:
                if not make:
                    return NULL
                if spare == NULL:
                    spare = one
                break
            if make and spare == NULL and ledger_load(&one[DONE]) and turn >= 64:
                spare = one
        if not make or spare == NULL:
            return NULL
        # A reader between these steps takes the old scope's purge for gone, or for later: that is done with anyway.
        ledger_store(&spare[BEFORE], 0)
        ledger_store(&spare[DONE], 0)
        ledger_store(&spare[SCOPE], <int64_t>name)
        return spare

    cdef bint is_purged(self, uint64_t scope, int64_t written) noexcept nogil:
        cdef int64_t *one
        cdef int64_t everybody = ledger_load(&self.words[PURGED_ALL])
        if ledger_load(&self.words[PURGED]) == 0:
            return False
        if everybody and written <= everybody:
            return True
        one = self.purge_of(scope, False)
        return one != NULL and written <= ledger_load(&one[BEFORE])

    def purge(self, uint64_t scope, int64_t before) -> bool:
        """All processes refuse what this scope wrote until `before` (Unix time, ns), at once; of EVERYBODY, what any
        scope wrote. False when there is no room, or another process that purges does not come to an end: ask again."""
        cdef int64_t *lock = &self.words[PURGE_OWNER]
        cdef int64_t me = _me()
        cdef int64_t owner = 0
        cdef int64_t *one
        cdef int turn
        for turn in range(100):
            owner = ledger_load(lock)
            if (owner == 0 or turn == 99 and not _alive(owner)) and ledger_swap(lock, owner, me):
                break
        else:
            return False
        if scope == ALL_SCOPES:
            ledger_store(&self.words[PURGED_ALL], max(ledger_load(&self.words[PURGED_ALL]), before))
            ledger_add(&self.words[PURGED], 1)
            ledger_swap(lock, me, 0)
            return True
        one = self.purge_of(scope, True)
        if one != NULL:
            ledger_store(&one[DONE], 0)
            ledger_store(&one[BEFORE], max(ledger_load(&one[BEFORE]), before))
            ledger_add(&self.words[PURGED], 1)
        ledger_swap(lock, me, 0)
        return one != NULL

    def purged(self, uint64_t scope):
        """What was purged of this scope is erased: its place may be used again where there is no other."""
        cdef int64_t *one = self.purge_of(scope, False)
        if one != NULL:
            ledger_store(&one[DONE], 1)

    def refuses(self, uint64_t scope, int64_t written) -> bool:
        """Whether what was written then is purged."""
        return self.is_purged(scope, written)

    # --- slots ---

    cdef size_t first(self, uint64_t mixed) noexcept nogil:
        return (mixed & self.mask) * WAYS

    cdef size_t second(self, uint64_t mixed) noexcept nogil:
        cdef uint64_t other = (mixed * SPREAD) >> 32
        other &= self.mask
        if other == mixed & self.mask:
            other ^= 1
        return other * WAYS

    cdef void insert(self, uint64_t mixed, uint64_t word) noexcept nogil:
        """Puts `word` in the place of whatever the key had."""
        cdef int turn
        for turn in range(16):  # others may change the same buckets meanwhile; who loses so often is a miss
            if self.place(mixed, word):
                return

    def leave_out(self, bytes key not None, int number, int64_t at) -> bool:
        """The index forgets what lies exactly there."""
        cdef uint64_t mixed = _mixed(<const unsigned char *>PyBytes_AS_STRING(key))
        cdef uint64_t word = _word(mixed, number, at)
        cdef int way
        for way in range(2 * WAYS):
            if shelf_swap(
                self.slots + (self.second(mixed) if way >= WAYS else self.first(mixed)) + (way & (WAYS - 1)), word, 0
            ):
                return True
        return False

    cdef bint place(self, uint64_t mixed, uint64_t word) noexcept nogil:
        cdef uint64_t *bucket
        cdef uint64_t *same = NULL
        cdef uint64_t *spare[2]
        cdef int free_ways[2]
        cdef uint64_t had = 0
        cdef uint64_t one
        cdef int side, way
        cdef uint64_t *into
        spare[0] = spare[1] = NULL
        free_ways[0] = free_ways[1] = 0
        for side in range(2):
            bucket = self.slots + (self.second(mixed) if side else self.first(mixed))
            for way in range(WAYS):
                one = shelf_load(&bucket[way])
                if one == 0:
                    free_ways[side] += 1
                    spare[side] = &bucket[way]
                elif one >> 36 == mixed >> 36:
                    if same == NULL:
                        same, had = &bucket[way], one
                    else:
                        shelf_swap(&bucket[way], one, 0)
        if same != NULL:
            return shelf_swap(same, had, word)
        side = free_ways[1] > free_ways[0]
        if spare[side] != NULL:
            return shelf_swap(spare[side], 0, word)
        into = self.victim(mixed)
        return shelf_swap(into, shelf_load(into), word)

    cdef uint64_t *victim(self, uint64_t mixed) noexcept nogil:
        """The slot whose segment is gone or the oldest."""
        cdef uint64_t *found = NULL
        cdef uint64_t *bucket
        cdef int64_t least = FOREVER
        cdef int64_t identity
        cdef int side, way
        for side in range(2):
            bucket = self.slots + (self.second(mixed) if side else self.first(mixed))
            for way in range(WAYS):
                identity = self.identity_of(_number(shelf_load(&bucket[way])))
                if identity < least or found == NULL:
                    found, least = &bucket[way], identity
        return found


_COUNTERS = {name: at for at, name in enumerate(COUNTERS_NAMES)}


def _by_identity(line) -> int:
    return line.identity
