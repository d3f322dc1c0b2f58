# Shapes, which translate.pyx includes: what the common event of a dialect looks like.

cdef enum:
    NODES = 32          # objects and lists in one shape
    KEYS = 32           # keys of one object: `seen` has a bit for each
    CAPTURES = 16
    DIGITS = 15         # a number of so many digits fits into every type

cdef enum Kind:
    ANYTHING            # nobody reads it: any JSON
    NOTHING             # null, or not there
    EMPTY               # NOTHING, [] or {}
    SOME_TEXT           # a string that nobody reads, or NOTHING
    SOME_NUMBER         # a whole number that nobody reads, or NOTHING
    TEXT                # captured: a string, or NOTHING
    NUMBER              # captured: a whole number from 0, or NOTHING
    RAW                 # captured: the bytes of any JSON, or NOTHING
    WORD                # captured: one of a few strings without escapes, or NOTHING
    OBJECT              # of a shape of its own, or NOTHING
    LIST                # of exactly one item, which is an object, or NOTHING

KINDS = {
    "anything": ANYTHING,
    "nothing": NOTHING,
    "empty": EMPTY,
    "some text": SOME_TEXT,
    "some number": SOME_NUMBER,
    "text": TEXT,
    "number": NUMBER,
    "raw": RAW,
}

OTHERS = "*"            # in the place of a key: the kind of all that are not named

cdef struct Key:
    const char *name    # owned by the shape's `held`
    Py_ssize_t length
    Kind kind
    int node            # of OBJECT and LIST
    int slot            # of TEXT, NUMBER and WORD
    int first           # of WORD: its words are words[first:first + count]
    int count

cdef struct Node:
    Key keys[KEYS]
    int count
    Key others


@cython.final
cdef class Shape:
    """One object: its keys, each with the kind of its value.

    A kind is a word of `KINDS`, a tuple of words (one of which is captured), a dict (an object with such keys), or a
    list of one dict (a list of exactly one such object). Keys that are not named have the kind of the key "*", or may
    have any value.
    """

    cdef Node nodes[NODES]
    cdef int count
    cdef int slots
    cdef list held          # keeps the bytes of the keys
    cdef list words         # (text, bytes)

    def __init__(self, dict keys not None):
        self.held = []
        self.words = []
        self.count = self.slots = 0
        self.add(keys)

    cdef int add(self, dict keys) except -1:
        """Makes the node of an object; returns its number."""
        cdef int number = self.count, place = 0
        cdef Key *key
        cdef bytes name
        if number == NODES or len(keys) > KEYS:
            raise ValueError("the shape is too large")
        self.count += 1
        self.nodes[number].others.kind = ANYTHING
        for spelled, kind in keys.items():
            if spelled == OTHERS:
                self.nodes[number].others.kind = KINDS[kind]
                if self.nodes[number].others.kind > EMPTY:
                    raise ValueError("keys without a name are not captured")
                continue
            name = spelled.encode()
            if not name or b'"' in name or b"\\" in name:
                raise ValueError("a key of a shape is plain")
            self.held.append(name)
            key = &self.nodes[number].keys[place]
            key.name = PyBytes_AS_STRING(name)
            key.length = PyBytes_GET_SIZE(name)
            self.set_kind(key, kind)
            place += 1
        self.nodes[number].count = place
        return number

    cdef int set_kind(self, Key *key, object kind) except -1:
        if isinstance(kind, dict):
            key.kind = OBJECT
            key.node = self.add(kind)
        elif isinstance(kind, list):
            (inner,) = kind
            key.kind = LIST
            key.node = self.add(inner)
        elif isinstance(kind, tuple):
            key.kind = WORD
            key.first = len(self.words)
            key.count = len(kind)
            self.words += [(word, word.encode()) for word in kind]
        else:
            key.kind = KINDS[kind]
        if TEXT <= key.kind <= WORD:
            if self.slots == CAPTURES:
                raise ValueError("the shape captures too much")
            key.slot = self.slots
            self.slots += 1
        return 0

    def match(self, bytes data not None):
        """What was captured, in the order of the keys, None for what is null or not there; None when `data` does not
        have this shape."""
        cdef const unsigned char *b = <const unsigned char *> PyBytes_AS_STRING(data)
        cdef Py_ssize_t n = PyBytes_GET_SIZE(data), i
        cdef tuple found
        cdef int k
        i = skip_space(b, 0)
        if b[i] != c'{':
            return None
        found = PyTuple_New(self.slots)
        for k in range(self.slots):
            Py_INCREF(None)
            PyTuple_SET_ITEM(found, k, None)
        i = self.object(&self.nodes[0], b, i, n, found)
        return found if i >= 0 and skip_space(b, i) == n else None

    cdef Py_ssize_t object(
        self, Node *node, const unsigned char *b, Py_ssize_t i, Py_ssize_t n, tuple found
    ) except -2:
        """From the opening brace to the byte after the closing one; -1 when it does not fit."""
        cdef uint32_t seen = 0
        cdef int place = 0, k
        cdef Py_ssize_t start, length
        cdef bint escaped = False
        cdef Fault fault = FINE
        cdef Key *key
        i = skip_space(b, i + 1)
        if b[i] == c'}':
            return i + 1
        while True:
            if b[i] != c'"':
                return -1
            start = i + 1
            key = NULL
            for k in range(node.count):         # keys mostly come in the order of the shape
                length = node.keys[place].length
                if (
                    start + length < n
                    and b[start + length] == c'"'
                    and memcmp(node.keys[place].name, b + start, length) == 0
                ):
                    key = &node.keys[place]
                    if seen & (<uint32_t> 1 << place):
                        return -1
                    seen |= <uint32_t> 1 << place
                    i = start + length + 1
                place += 1
                if place == node.count:
                    place = 0
                if key != NULL:
                    break
            if key == NULL:
                i = string_end(b, start, n, &escaped, &fault)
                if fault or escaped:
                    return -1       # an escaped key may spell one that matters
                key = &node.others
            i = skip_space(b, i)
            if b[i] != c':':
                return -1
            i = skip_space(b, i + 1)
            i = self.value(key, b, i, n, found)
            if i < 0:
                return -1
            i = skip_space(b, i)
            if b[i] == c'}':
                return i + 1
            if b[i] != c',':
                return -1
            i = skip_space(b, i + 1)

    cdef Py_ssize_t value(
        self, Key *key, const unsigned char *b, Py_ssize_t i, Py_ssize_t n, tuple found
    ) except -2:
        cdef Kind kind = key.kind
        cdef unsigned char c = b[i]
        cdef Py_ssize_t start
        if kind == ANYTHING:
            return value_end(b, i, n, SKIPPED)
        if c == c'n':
            return i + 4 if n - i >= 4 and memcmp(b + i, b"null", 4) == 0 else -1
        if kind == TEXT or kind == SOME_TEXT or kind == WORD:
            return self.string(key, b, i + 1, n, found) if c == c'"' else -1
        if kind == NUMBER or kind == SOME_NUMBER:
            return self.number(key, b, i, found)
        if kind == RAW:
            start = i
            i = value_end(b, i, n, SKIPPED)
            if i >= 0:
                capture(found, key.slot, PyBytes_FromStringAndSize(<char *> b + start, i - start))
            return i
        if kind == OBJECT:
            return self.object(&self.nodes[key.node], b, i, n, found) if c == c'{' else -1
        if kind == LIST:
            if c != c'[':
                return -1
            i = skip_space(b, i + 1)
            if b[i] != c'{':
                return -1
            i = self.object(&self.nodes[key.node], b, i, n, found)
            if i < 0:
                return -1
            i = skip_space(b, i)
            return i + 1 if b[i] == c']' else -1
        if kind == EMPTY and (c == c'[' or c == c'{'):
            i = skip_space(b, i + 1)
            return i + 1 if b[i] == c + 2 else -1
        return -1

    cdef Py_ssize_t string(
        self, Key *key, const unsigned char *b, Py_ssize_t start, Py_ssize_t n, tuple found
    ) except -2:
        cdef bint escaped = False
        cdef Fault fault = FINE
        cdef Py_ssize_t i = string_end(b, start, n, &escaped, &fault)
        cdef Py_ssize_t length = i - 1 - start
        cdef str text
        cdef bytes word
        cdef int k
        if fault:
            return -1
        if key.kind == TEXT:
            if escaped:
                text = text_of(b, start, i - 1)
                if text is None:
                    return -1
            else:
                text = PyUnicode_DecodeUTF8(<char *> b + start, length, NULL)
            capture(found, key.slot, text)
            return i
        if escaped:
            return -1               # a codec that decodes it might refuse it
        if key.kind == SOME_TEXT:
            return i
        for k in range(key.first, key.first + key.count):
            word = (<tuple> self.words[k])[1]
            if PyBytes_GET_SIZE(word) == length and memcmp(PyBytes_AS_STRING(word), b + start, length) == 0:
                capture(found, key.slot, (<tuple> self.words[k])[0])
                return i
        return -1

    cdef Py_ssize_t number(self, Key *key, const unsigned char *b, Py_ssize_t i, tuple found) except -2:
        """A whole number without sign or exponent, of so few digits that no type is too small for it."""
        cdef Py_ssize_t start = i
        cdef long long value = 0
        while is_digit(b[i]) and i - start <= DIGITS:
            value = value * 10 + (b[i] - c'0')
            i += 1
        if i == start or i - start > DIGITS or (b[start] == c'0' and i - start > 1):
            return -1
        if b[i] == c'.' or (b[i] | 0x20) == c'e':
            return -1
        if key.kind == NUMBER:
            capture(found, key.slot, value)
        return i
