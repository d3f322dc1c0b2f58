# Walks over a graph, and how a node is woven into it. Lists of links end at their first NOBODY; one that is rewritten
# while somebody reads it shows old and new links, all of them good.

cdef inline void come(
    const Web *web, Walk *walk, uint32_t most, float likeness, uint32_t number, uint32_t *next_one
) noexcept nogil:
    """Puts a node in its place in the pool; `next_one` is the first that may not be spent."""
    cdef uint32_t place
    if walk.count < most:
        walk.count += 1
    elif likeness <= walk.pool[most - 1].likeness:
        return
    place = walk.count - 1
    while place and walk.pool[place - 1].likeness < likeness:
        walk.pool[place] = walk.pool[place - 1]
        place -= 1
    walk.pool[place].likeness = likeness
    walk.pool[place].number = number
    walk.pool[place].spent = False
    if place < next_one[0]:
        next_one[0] = place
    if place < next_one[0] + SOON:
        fetch_links(node_of(web, number))


cdef inline bint first_seen(Walk *walk, uint32_t number) noexcept nogil:
    cdef uint64_t bit = <uint64_t>1 << (number & 63)
    if walk.seen[number >> 6] & bit:
        return False
    walk.seen[number >> 6] |= bit
    return True


cdef uint32_t fresh(
    const Web *web, Walk *walk, uint32_t *links, uint32_t most, uint32_t until, uint32_t *found
) noexcept nogil:
    """Those of a list that were not seen, on their way into the processor's cache."""
    cdef uint32_t each, number, count = 0
    for each in range(most):
        number = GET(&links[each])
        if number == NOBODY:
            break
        if number < until and first_seen(walk, number):
            fetch_values(node_of(web, number), web.brief if walk.brief else web.wide)
            found[count] = number
            count += 1
    return count


cdef void spread(
    const Web *web, Walk *walk, uint32_t level, uint32_t start, uint32_t until, uint32_t view
) noexcept nogil:
    """Fills the pool with the nearest: what is not among the `view` nearest so far leads nowhere."""
    cdef uint32_t found[BELOW]
    cdef uint32_t at = 0, count, each
    memset(walk.seen, 0, (until + 63) // 64 * 8)
    walk.count = 0
    first_seen(walk, start)
    come(web, walk, view, likeness(web, walk, start), start, &at)
    while True:
        while at < walk.count and walk.pool[at].spent:
            at += 1
        if at == walk.count:
            return
        walk.pool[at].spent = True
        count = fresh(
            web, walk, links_of(node_of(web, walk.pool[at].number), level), ABOVE if level else BELOW, until, found
        )
        for each in range(count):
            come(web, walk, view, likeness(web, walk, found[each]), found[each], &at)


cdef uint32_t descend(
    const Web *web, const Walk *walk, uint32_t number, uint32_t level, uint32_t until
) noexcept nogil:
    """From a node on a high level to the nearest on the one above `level`, always downhill."""
    cdef float best = likeness(web, walk, number), other
    cdef uint32_t height = node_of(web, number).level, each, next_one
    cdef uint32_t *links
    cdef bint moved
    while height > level:
        moved = True
        while moved:
            moved = False
            links = links_of(node_of(web, number), height)
            for each in range(<uint32_t>ABOVE):
                next_one = GET(&links[each])
                if next_one == NOBODY:
                    break
                if next_one >= until:
                    continue
                other = likeness(web, walk, next_one)
                if other > best:
                    best = other
                    number = next_one
                    moved = True
                    break
        height -= 1
    return number


cdef uint32_t chosen(
    const Web *web, Walk *other, const Near *pool, uint32_t count, uint32_t most, uint32_t *kept
) noexcept nogil:
    """Of neighbours, the nearest first, those that lead somewhere: none nearer to one kept than to whom it is for."""
    cdef uint32_t each, before, total = 0
    for each in range(count):
        ask_node(web, node_of(web, pool[each].number), other)
        for before in range(total):
            if likeness(web, other, kept[before]) > pool[each].likeness:
                break
        else:
            kept[total] = pool[each].number
            total += 1
            if total == most:
                break
    return total


cdef void link_back(const Web *web, Walk *other, uint32_t number, uint32_t to, uint32_t level) noexcept nogil:
    """Adds a link; where there is no place left, those that lead somewhere stay."""
    cdef uint32_t most = ABOVE if level else BELOW, each, place, count
    cdef uint32_t *links = links_of(node_of(web, number), level)
    cdef uint32_t kept[BELOW]
    cdef Near pool[BELOW + 1]
    cdef Near one
    for each in range(most):
        if links[each] == NOBODY:
            SET(&links[each], to)
            return
    ask_node(web, node_of(web, number), other)
    for each in range(most + 1):
        one.number = links[each] if each < most else to
        one.likeness = likeness(web, other, one.number)
        place = each
        while place and pool[place - 1].likeness < one.likeness:
            pool[place] = pool[place - 1]
            place -= 1
        pool[place] = one
    count = chosen(web, other, pool, most + 1, most, kept)
    for each in range(most):
        SET(&links[each], kept[each] if each < count else NOBODY)


cdef uint32_t drawn(Web *web) noexcept nogil:
    """The level of a new node: each has about a fourteenth of the nodes below."""
    cdef double chance
    web.random ^= web.random << 13
    web.random ^= web.random >> 7
    web.random ^= web.random << 17
    chance = ((web.random >> 11) + 1) * (1.0 / 9007199254740993.0)
    return min(<uint32_t>(-log(chance) / log(<double>ABOVE)), <uint32_t>TALLEST)


cdef bint weave(
    Web *web, Walk *walk, Walk *other, const float *vector, Py_ssize_t dimensions, uint32_t care
) noexcept nogil:
    """Adds one vector, for the only thread that does; False without memory. Who walks meanwhile does not see it."""
    cdef uint32_t number = web.filled, entry = web.entry, level = drawn(web), top, start, count, each, height
    cdef uint32_t kept[ABOVE]
    cdef uint32_t *links
    cdef Node *node = node_of(web, number)
    node.level = level
    node.upper = NULL
    if level:
        node.upper = <uint32_t *>malloc(level * ABOVE * sizeof(uint32_t))
        if node.upper == NULL:
            return False
        memset(node.upper, 255, level * ABOVE * sizeof(uint32_t))
    memset(node.links, 255, BELOW * sizeof(uint32_t))
    settle(web, vector, dimensions, node)
    web.factors[number] = inverse(node.values, web.brief)
    if number == 0:
        SET_ALL(&web.entry, 0)
        SET_ALL(&web.filled, 1)
        return True
    ask(web, vector, dimensions, walk)
    top = node_of(web, entry).level
    start = descend(web, walk, entry, level, number)
    height = min(level, top) + 1
    while height:
        height -= 1
        spread(web, walk, height, start, number, care)
        start = walk.pool[0].number
        count = chosen(web, other, walk.pool, walk.count, ABOVE, kept)
        links = links_of(node, height)
        for each in range(count):
            SET(&links[each], kept[each])
        for each in range(count):
            link_back(web, other, kept[each], number, height)
    SET_ALL(&web.filled, number + 1)
    if level > top:
        SET_ALL(&web.entry, number)
    return True


cdef void look_again(const Web *web, Walk *walk) noexcept nogil:
    """Compares the nearest in all dimensions, and sorts them anew."""
    cdef uint32_t each, place
    cdef Near one
    walk.brief = False
    for each in range(walk.count):
        fetch_values(node_of(web, walk.pool[each].number), web.wide)
    for each in range(walk.count):
        one = walk.pool[each]
        one.likeness = likeness(web, walk, one.number)
        place = each
        while place and walk.pool[place - 1].likeness < one.likeness:
            walk.pool[place] = walk.pool[place - 1]
            place -= 1
        walk.pool[place] = one
