# Byte pair encoding by a list of merges: of all neighbours the pair with the lowest rank becomes one, the leftmost
# first, until no pair has a rank. Pairs of tokens and single characters lie in hash tables that are at most half full.
# A short stretch is searched from end to end each time; a long one has a heap, so that no text makes the work grow with
# its square.

cdef enum:
    SHORT = 64
    NOTHING = 4294967295

cdef struct Pair:
    uint32_t left
    uint32_t right
    uint32_t rank       # NOTHING: the slot is free
    uint32_t result

cdef struct Character:
    uint32_t point      # NOTHING: the slot is free
    uint32_t token

cdef struct Merges:
    Pair *pairs
    Character *characters
    uint64_t pair_mask
    uint64_t character_mask
    uint32_t ascii[128]
    uint32_t bytes[256]


cdef uint64_t slots_for(uint64_t count) noexcept:
    cdef uint64_t slots = 16
    while slots < 2 * count:
        slots *= 2
    return slots


cdef reserve_pairs(Merges *merges, uint64_t count):
    cdef uint64_t slots = slots_for(count), each
    merges.pairs = <Pair *>malloc(slots * sizeof(Pair))
    if merges.pairs == NULL:
        raise MemoryError
    merges.pair_mask = slots - 1
    for each in range(slots):
        merges.pairs[each].rank = NOTHING


cdef reserve_characters(Merges *merges, uint64_t count):
    cdef uint64_t slots = slots_for(count), each
    merges.characters = <Character *>malloc(slots * sizeof(Character))
    if merges.characters == NULL:
        raise MemoryError
    merges.character_mask = slots - 1
    for each in range(slots):
        merges.characters[each].point = NOTHING
    for each in range(128):
        merges.ascii[each] = NOTHING


cdef inline uint64_t pair_slot(uint32_t left, uint32_t right) noexcept nogil:
    return ((<uint64_t>left << 32 | right) * <uint64_t>0x9E3779B97F4A7C15) >> 40


cdef void add_pair(Merges *merges, uint32_t left, uint32_t right, uint32_t rank, uint32_t result) noexcept:
    """Of two entries for one pair the later one holds."""
    cdef uint64_t slot = pair_slot(left, right) & merges.pair_mask
    while merges.pairs[slot].rank != NOTHING:
        if merges.pairs[slot].left == left and merges.pairs[slot].right == right:
            break
        slot = (slot + 1) & merges.pair_mask
    merges.pairs[slot] = Pair(left, right, rank, result)


cdef inline const Pair *pair_of(const Merges *merges, uint32_t left, uint32_t right) noexcept nogil:
    """NULL for a pair that does not merge. Ends at a free slot, of which there is always one."""
    cdef uint64_t slot = pair_slot(left, right) & merges.pair_mask
    while merges.pairs[slot].rank != NOTHING:
        if merges.pairs[slot].left == left and merges.pairs[slot].right == right:
            return &merges.pairs[slot]
        slot = (slot + 1) & merges.pair_mask
    return NULL


cdef void add_character(Merges *merges, uint32_t point, uint32_t token) noexcept:
    cdef uint64_t slot = (point * <uint64_t>0x9E3779B97F4A7C15 >> 40) & merges.character_mask
    if point < 128:
        merges.ascii[point] = token
        return
    while merges.characters[slot].point != NOTHING:
        slot = (slot + 1) & merges.character_mask
    merges.characters[slot] = Character(point, token)


cdef uint32_t character(const Merges *merges, uint32_t point) noexcept nogil:
    cdef uint64_t slot = (point * <uint64_t>0x9E3779B97F4A7C15 >> 40) & merges.character_mask
    while merges.characters[slot].point != NOTHING:
        if merges.characters[slot].point == point:
            return merges.characters[slot].token
        slot = (slot + 1) & merges.character_mask
    return NOTHING


cdef size_t spell(
    const Merges *merges, const uint8_t *data, size_t left, uint32_t *out, size_t *count
) noexcept nogil:
    """Adds the symbols of the character at `data`, one of them or one for each byte; how many bytes it has.

    The text is UTF-8 as Python writes it: a first byte is never without those that it announces.
    """
    cdef uint32_t point = data[0], token
    cdef size_t length = 1, each
    if point < 0x80:
        token = merges.ascii[point]
    else:
        length = 2 if point < 0xE0 else 3 if point < 0xF0 else 4
        point &= 0x1F if length == 2 else 0x0F if length == 3 else 0x07
        length = min(length, left)
        for each in range(1, length):
            point = point << 6 | (data[each] & 0x3F)
        token = character(merges, point)
    if token != NOTHING:
        out[0] = token
        count[0] += 1
        return length
    for each in range(length):
        out[each] = merges.bytes[data[each]]
    count[0] += length
    return length


cdef Py_ssize_t merge_short(const Merges *merges, const uint32_t *symbols, size_t count, uint32_t *out) noexcept nogil:
    """1 to SHORT symbols; `out` may lie before `symbols`, which are copied first."""
    cdef uint32_t parts[SHORT]
    cdef uint32_t ranks[SHORT]
    cdef uint32_t results[SHORT]
    cdef uint32_t lowest
    cdef size_t each, best
    memcpy(parts, symbols, count * sizeof(uint32_t))
    for each in range(count - 1):
        look(merges, parts, ranks, results, each)
    while count > 1:
        lowest = NOTHING
        best = 0
        for each in range(count - 1):
            if ranks[each] < lowest:
                lowest = ranks[each]
                best = each
        if lowest == NOTHING:
            break
        parts[best] = results[best]
        count -= 1
        memmove(&parts[best + 1], &parts[best + 2], (count - best - 1) * sizeof(uint32_t))
        if best + 1 < count:
            memmove(&ranks[best], &ranks[best + 1], (count - 1 - best) * sizeof(uint32_t))
            memmove(&results[best], &results[best + 1], (count - 1 - best) * sizeof(uint32_t))
            look(merges, parts, ranks, results, best)
        if best:
            look(merges, parts, ranks, results, best - 1)
    memcpy(out, parts, count * sizeof(uint32_t))
    return count


cdef inline void look(
    const Merges *merges, const uint32_t *parts, uint32_t *ranks, uint32_t *results, size_t at
) noexcept nogil:
    cdef const Pair *found = pair_of(merges, parts[at], parts[at + 1])
    ranks[at] = NOTHING
    if found != NULL:
        ranks[at] = found.rank
        results[at] = found.result


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
    uint32_t *parts
    uint32_t *after     # where the next part is; `length` after the last one
    uint32_t *before
    uint32_t *ranks     # of it and the next one: what the heap's item must still say
    uint32_t length


cdef void offer(const Merges *merges, Chain *chain, uint32_t at, Heap *heap) noexcept nogil:
    """Notes the pair that begins at `at`, if it merges."""
    cdef const Pair *found = NULL
    chain.ranks[at] = NOTHING
    if chain.after[at] < chain.length:
        found = pair_of(merges, chain.parts[at], chain.parts[chain.after[at]])
    if found != NULL:
        chain.ranks[at] = found.rank
        push(heap, found.rank, at)


cdef Py_ssize_t merge_chain(const Merges *merges, Chain *chain, Heap *heap, uint32_t *out) noexcept nogil:
    cdef uint32_t at, middle
    cdef uint64_t item
    cdef Py_ssize_t count = 0
    for at in range(chain.length):
        chain.after[at] = at + 1
        chain.before[at] = at - 1
    for at in range(chain.length):
        offer(merges, chain, at, heap)
    while heap.count:
        item = pop(heap)
        at = <uint32_t>item
        if chain.ranks[at] != <uint32_t>(item >> 32):
            continue  # one of its parts has become part of another since
        middle = chain.after[at]
        chain.parts[at] = pair_of(merges, chain.parts[at], chain.parts[middle]).result
        chain.after[at] = chain.after[middle]
        chain.ranks[middle] = NOTHING
        if chain.after[at] < chain.length:
            chain.before[chain.after[at]] = at
        offer(merges, chain, at, heap)
        if at:
            offer(merges, chain, chain.before[at], heap)
    at = 0
    while at < chain.length:
        out[count] = chain.parts[at]
        count += 1
        at = chain.after[at]
    return count


cdef Py_ssize_t merge_long(const Merges *merges, const uint32_t *symbols, size_t count, uint32_t *out) noexcept nogil:
    """-1 without memory: it takes 40 bytes for each symbol.

    Each of the `count` pairs is pushed once at first, and each of fewer merges pushes two.
    """
    cdef Chain chain
    cdef Heap heap
    cdef Py_ssize_t several
    cdef uint8_t *room = <uint8_t *>malloc(count * 40)
    if room == NULL:
        return -1
    heap.items = <uint64_t *>room
    heap.count = 0
    chain.parts = <uint32_t *>(room + count * 24)
    chain.after = chain.parts + count
    chain.before = chain.after + count
    chain.ranks = chain.before + count
    chain.length = <uint32_t>count
    memcpy(chain.parts, symbols, count * sizeof(uint32_t))
    several = merge_chain(merges, &chain, &heap, out)
    free(room)
    return several


cdef Py_ssize_t merge(const Merges *merges, const uint32_t *symbols, size_t count, uint32_t *out) noexcept nogil:
    """The tokens of a stretch, which are no more than its symbols."""
    if count <= SHORT:
        return merge_short(merges, symbols, count, out)
    return merge_long(merges, symbols, count, out)
