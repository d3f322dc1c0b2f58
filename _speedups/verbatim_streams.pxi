# A stream's events: one id in all of them, and the usage once.
#
# A part of verbatim.pyx. Every event is read, since one that is broken would be told again and again. An event is one
# line of data, which is an object; its lines end as usual, so that no reader finds other events in them.
#
# Most events are like the one before but for a text. Of those the text is read; what stands around it has to be the
# same.

cdef struct Reading:
    Py_ssize_t at       # where the next line begins
    bint within         # of an event whose data was read
    Py_ssize_t id       # of the first event: where it stands, with its quotes
    Py_ssize_t length
    int used            # events that say what was used
    Py_ssize_t like     # an event that was read, and is like many
    Py_ssize_t head     # bytes up to its text; 0: there is none yet
    Py_ssize_t rest     # what is behind its text, to the end of the line
    Py_ssize_t tail     # bytes of that
    Py_ssize_t own      # its id


cdef bint in_lines(Answer *a) noexcept:
    """Whether lines end with LF or CRLF. Behind a byte order mark, which readers skip, the first event is none here."""
    cdef const unsigned char *end = a.b + a.n
    cdef const unsigned char *at = a.b
    if at[0] == 0xEF:
        return False
    while True:
        at = <const unsigned char *> memchr(at, c'\r', end - at)
        if at == NULL:
            return True
        at += 1
        if at[0] != c'\n':
            return False


cdef Py_ssize_t next_event(Answer *a, Reading *r) noexcept:
    """Where the next event's object begins, and `at` behind its line; -1 at the end, -2 for what is none."""
    cdef Py_ssize_t i
    cdef const unsigned char *end
    while r.at < a.n:
        i = r.at
        end = <const unsigned char *> memchr(a.b + i, c'\n', a.n - i)
        r.at = a.n if end == NULL else end - a.b + 1
        if a.b[i] == c'\n' or a.b[i] == c'\r':
            r.within = False
            continue
        if r.at - i < 6 or memcmp(a.b + i, b"data:", 5) != 0:
            continue
        if r.within:
            return -2
        r.within = True
        i += 6 if a.b[i + 5] == c' ' else 5
        if a.b[i] == c'{':
            return i
        if r.at - i < 6 or memcmp(a.b + i, b"[DONE]", 6) != 0:
            return -2
    return -1


cdef bint opened_event(Answer *a, Reading *r, Py_ssize_t event, Members *m) noexcept:
    """As `opened`, for an object that fills its line."""
    cdef Py_ssize_t end = opened(a, event, m)
    return 0 < end <= r.at and skip_space(a.b, end) >= r.at


cdef void liken(Answer *a, Reading *r, Py_ssize_t event, Py_ssize_t id) noexcept:
    """Notes an event that was read, if it says a text."""
    cdef const char *name = b'"text"' if a.claude else b'"content"'
    cdef const unsigned char *found = <const unsigned char *> memmem(a.b + event, r.at - event, name, strlen(name))
    cdef bint escaped = False
    cdef Fault fault = FINE
    cdef Py_ssize_t i
    while found != NULL:
        i = skip_space(a.b, found - a.b + strlen(name))
        if a.b[i] == c':':
            i = skip_space(a.b, i + 1)
            if a.b[i] == c'"':
                r.like, r.head, r.own = event, i + 1 - event, id
                r.rest = string_end(a.b, i + 1, a.n, &escaped, &fault)
                r.tail = r.at - r.rest
            return
        i = found - a.b + strlen(name)      # `"type":"text"`
        found = <const unsigned char *> memmem(a.b + i, r.at - i, name, strlen(name))


cdef Py_ssize_t likeness(Answer *a, Reading *r, Py_ssize_t event) noexcept:
    """Behind the text of an event that is like the noted one; 0 for another."""
    cdef bint escaped = False
    cdef Fault fault = FINE
    cdef Py_ssize_t end
    if r.head == 0 or r.at - event <= r.head + r.tail or memcmp(a.b + event, a.b + r.like, r.head) != 0:
        return 0
    end = string_end(a.b, event + r.head, a.n, &escaped, &fault)
    if fault or r.at - end != r.tail or memcmp(a.b + end, a.b + r.rest, r.tail) != 0:
        return 0
    return end


cdef int usages(Answer *a) noexcept:
    """How many objects have that name, wherever they are."""
    cdef const unsigned char *at = a.b
    cdef const unsigned char *value
    cdef int times = 0
    while True:
        value = value_behind(a, &at, b'"usage"')
        if value == NULL:
            return times
        times += value[0] == c'{'


cdef bint chat_event(Answer *a, Reading *r, Py_ssize_t event) noexcept:
    """An event names the id of the first one."""
    cdef Members m
    cdef Member *id
    cdef Member *usage
    cdef Py_ssize_t end = likeness(a, r, event)
    cdef bint fine
    if end:
        end = end + r.own - r.rest if r.own > r.rest else event + r.own - r.like
        return edit(a, end + 1, end + r.length - 1, a.prefix, True)
    fine = opened_event(a, r, event, &m)
    if fine:
        id, usage = member(a, &m, b"id"), member(a, &m, b"usage")
        if r.length == 0 and id != NULL and id.value_end - id.value == 2 and usage == NULL:
            # Azure's first event tells what it thinks of the prompt, before there is an answer.
            close(&m)
            return True
        id = marked_id(a, &m)
        fine = id != NULL
        if fine and r.length == 0:
            r.id, r.length = id.value, id.value_end - id.value
        elif fine:
            fine = id.value_end - id.value == r.length and memcmp(a.b + id.value, a.b + r.id, r.length) == 0
        if fine and usage != NULL and a.b[usage.value] == c'{':
            r.used += 1
            fine = openai_usage(a, usage.value)
        elif fine:
            liken(a, r, event, id.value)
    close(&m)
    return fine


cdef bint chat_stream(Answer *a, bint counted) noexcept:
    """`counted` streams say their usage once, others not at all."""
    cdef Reading r
    cdef Py_ssize_t event = 0
    memset(&r, 0, sizeof(r))
    if not in_lines(a):
        return False
    while True:
        event = next_event(a, &r)
        if event < 0:
            break
        if not chat_event(a, &r, event):
            return False
    return event == -1 and r.length > 0 and r.used == counted and usages(a) == r.used


cdef bint claude_event(Answer *a, Reading *r, Py_ssize_t event) noexcept:
    """The first event has the answer as it begins; what it used is told at its end once more."""
    cdef Members m
    cdef Member *one
    cdef bint fine
    if likeness(a, r, event):
        return True
    fine = opened_event(a, r, event, &m)
    if fine and r.used == 0:
        one = member(a, &m, b"message")
        r.used = 1
        fine = one != NULL and whole(a, one.value) > 0
    elif fine:
        one = member(a, &m, b"usage")
        if one != NULL and a.b[one.value] == c'{':
            r.used += 1
            fine = anthropic_usage(a, one.value, False)
        elif one == NULL:
            liken(a, r, event, 0)
    close(&m)
    return fine


cdef bint claude_stream(Answer *a) noexcept:
    cdef Reading r
    cdef Py_ssize_t event = 0
    memset(&r, 0, sizeof(r))
    if not in_lines(a):
        return False
    while True:
        event = next_event(a, &r)
        if event < 0:
            break
        if not claude_event(a, &r, event):
            return False
    return event == -1 and r.used > 0 and usages(a) == r.used
