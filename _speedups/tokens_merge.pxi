# Byte pair encoding of one piece: of all neighbours the pair with the lowest rank becomes one, the leftmost first, until
# no pair is a token. A short piece is searched from end to end each time; a long one has a heap, so that no text makes
# the work grow with its square.

cdef enum:
    SHORT = 96


cdef Py_ssize_t merge_short(const Table *table, const uint8_t *data, size_t length, uint32_t *out) noexcept nogil:
    """The tokens of 2 to SHORT bytes."""
    cdef uint8_t starts[SHORT + 1]
    cdef uint32_t ranks[SHORT + 1]
    cdef uint32_t lowest
    cdef size_t parts = length, each, best
    for each in range(length + 1):
        starts[each] = <uint8_t>each
    for each in range(length - 1):
        ranks[each] = rank_of(table, data + each, 2)
    while parts > 1:
        lowest = NOTHING
        best = 0
        for each in range(parts - 1):
            if ranks[each] < lowest:
                lowest = ranks[each]
                best = each
        if lowest == NOTHING:
            break
        parts -= 1
        memmove(&starts[best + 1], &starts[best + 2], parts - best)
        if best + 1 < parts:
            memmove(&ranks[best], &ranks[best + 1], (parts - 1 - best) * sizeof(uint32_t))
            ranks[best] = rank_of(table, data + starts[best], starts[best + 2] - starts[best])
        if best > 0:
            ranks[best - 1] = rank_of(table, data + starts[best - 1], starts[best + 1] - starts[best - 1])
    if out != NULL:
        for each in range(parts):
            out[each] = rank_of(table, data + starts[each], starts[each + 1] - starts[each])
    return parts


cdef struct Heap:
    uint64_t *items     # rank and position of the pair's first part: the smallest is the next to merge
    size_t count


cdef void push(Heap *heap, uint32_t rank, uint32_t position) noexcept nogil:
    cdef uint64_t item = <uint64_t>rank << 32 | position
    cdef size_t at = heap.count, above
    heap.count += 1
    while at:
        above = (at - 1) >> 1
        if heap.items[above] <= item:
            break
        heap.items[at] = heap.items[above]
        at = above
    heap.items[at] = item


cdef uint64_t pop(Heap *heap) noexcept nogil:
    cdef uint64_t top = heap.items[0], item
    cdef size_t at = 0, below = 1
    heap.count -= 1
    item = heap.items[heap.count]
    while below < heap.count:
        if below + 1 < heap.count and heap.items[below + 1] < heap.items[below]:
            below += 1
        if heap.items[below] >= item:
            break
        heap.items[at] = heap.items[below]
        at = below
        below = 2 * at + 1
    heap.items[at] = item
    return top


cdef struct Chain:
    uint32_t *ends      # of the part that begins here
    uint32_t *before    # where the part before it begins
    uint32_t *ranks     # of it and the next one as one token: what the heap's item must still say
    uint32_t length


cdef void pair(const Table *table, const uint8_t *data, Chain *chain, uint32_t at, Heap *heap) noexcept nogil:
    """Notes the pair that begins at `at`, if it is a token."""
    cdef uint32_t middle = chain.ends[at]
    chain.ranks[at] = NOTHING
    if middle < chain.length:
        chain.ranks[at] = rank_of(table, data + at, chain.ends[middle] - at)
        if chain.ranks[at] != NOTHING:
            push(heap, chain.ranks[at], at)


cdef Py_ssize_t merge_chain(
    const Table *table, const uint8_t *data, Chain *chain, Heap *heap, uint32_t *out
) noexcept nogil:
    cdef uint32_t at, middle
    cdef uint64_t item
    cdef Py_ssize_t parts = chain.length
    for at in range(chain.length):
        chain.ends[at] = at + 1
        chain.before[at] = at - 1
    for at in range(chain.length):
        pair(table, data, chain, at, heap)
    while heap.count:
        item = pop(heap)
        at = <uint32_t>item
        if chain.ranks[at] != <uint32_t>(item >> 32):
            continue  # one of its parts has become part of another since
        middle = chain.ends[at]
        chain.ends[at] = chain.ends[middle]
        chain.ranks[middle] = NOTHING
        parts -= 1
        if chain.ends[at] < chain.length:
            chain.before[chain.ends[at]] = at
        pair(table, data, chain, at, heap)
        if at:
            pair(table, data, chain, chain.before[at], heap)
    if out != NULL:
        at = 0
        while at < chain.length:
            out[0] = rank_of(table, data + at, chain.ends[at] - at)
            out += 1
            at = chain.ends[at]
    return parts


cdef Py_ssize_t merge_long(const Table *table, const uint8_t *data, size_t length, uint32_t *out) noexcept nogil:
    """The tokens of a piece of any length up to 4 GB; -1 without memory: it takes 36 bytes for each of the piece's.

    Each of the `length` pairs is pushed once at first, and each of fewer merges pushes two.
    """
    cdef Chain chain
    cdef Heap heap
    cdef Py_ssize_t parts
    cdef uint8_t *room = <uint8_t *>malloc(length * 36)
    if room == NULL or length >= NOTHING:
        free(room)
        return -1
    heap.items = <uint64_t *>room
    heap.count = 0
    chain.ends = <uint32_t *>(room + length * 24)
    chain.before = chain.ends + length
    chain.ranks = chain.before + length
    chain.length = <uint32_t>length
    parts = merge_chain(table, data, &chain, &heap, out)
    free(room)
    return parts


cdef Py_ssize_t merge(const Table *table, const uint8_t *data, size_t length, uint32_t *out) noexcept nogil:
    return merge_short(table, data, length, out) if length <= SHORT else merge_long(table, data, length, out)
