# The numbers among a body's top-level members: as JSON says them, and as lenient readers take them.

cdef enum:
    LONGEST_NUMBER = 4400  # bytes: more digits than readers take

_NUMERIC = frozenset([b'"', *[b"%d" % one for one in range(10)]])


cdef object whole(bytes body, Member *member):
    """A JSON integer of up to 18 digits without a sign, or None: anything else is the provider's to judge."""
    cdef const char *b = PyBytes_AS_STRING(body)
    cdef long long value = 0
    cdef int i
    if member.value_end - member.value > 18:
        return None
    for i in range(member.value, member.value_end):
        if not c'0' <= b[i] <= c'9':
            return None
        value = value * 10 + (b[i] - c'0')
    return value


def number(bytes raw not None):
    """The whole number that lenient readers make of a JSON value: digits in a string, 4e3; None where there is none,
    or none above 0 and below 10**18."""
    if raw[:1] not in _NUMERIC or PyBytes_GET_SIZE(raw) > LONGEST_NUMBER:
        return None
    try:
        found = float(string_value(raw, (0, len(raw))) if raw[:1] == b'"' else raw)
    except (ValueError, BadRequest):
        return None
    return int(found) if 1 <= found < 1e18 and found.is_integer() else None


cdef object loosely(bytes body, Member *member):
    found = whole(body, member)
    if found is not None or member.value_end - member.value > LONGEST_NUMBER:
        return found
    return number(body[member.value:member.value_end])
