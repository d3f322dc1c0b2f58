# Entries of whole answers as bytes, as `cache/entries.pack` writes them.
#
# A part of asking.pyx. Bounds: a text is written with at most five bytes before it, so are the body and the list; a
# number takes at most nine. The body itself is copied once, to where it is kept.

include "msgpack_write.pxi"

cdef enum:
    FIELDS = 10         # of an entry, without what it lost
    WORDS = 6

cdef struct Words:
    const char *text
    Py_ssize_t length


cdef int words_of(str text, Words *words) except -1:
    words.text = PyUnicode_AsUTF8AndSize(text, &words.length)
    return 0


cdef inline unsigned char *put_words(unsigned char *out, const Words *words) noexcept:
    return put_bytes(put_length(out, STR, words.length), <const unsigned char *>words.text, words.length)


cdef Py_ssize_t measured(
    Words *words, bytes before, str endpoint, bytes body, record, bytes usage
) except -1:
    """How many bytes an entry has at the most. Its words last as long as the record and the endpoint's name."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(before) + PyBytes_GET_SIZE(body) + PyBytes_GET_SIZE(usage)
    cdef int k
    words_of(WHOLE_FORM, &words[0])
    words_of(endpoint, &words[1])
    words_of(_read(record, &PROVIDER), &words[2])
    words_of(_read(record, &MODEL), &words[3])
    words_of(_read(record, &ANSWERED), &words[4])
    words_of(_read(record, &FINISH), &words[5])
    for k in range(WORDS):
        size += words[k].length
    return size + WORDS * 5 + 2 * 5 + 2 * 9


cdef Py_ssize_t put_entry(char *room, const Words *words, bytes before, bytes body, record, bytes usage) except -1:
    """How many bytes the entry has. `before` stands before every entry; `usage` is encoded already."""
    cdef unsigned char *out = <unsigned char *>room
    cdef Number created
    cost = _read(record, &COST)
    cdef int64_t nano_usd = 0 if cost is None else cost
    created.kind, created.broken = BROKEN, asked_at(record)
    out = put_bytes(out, <const unsigned char *>PyBytes_AS_STRING(before), PyBytes_GET_SIZE(before))
    out = put_length(out, ARRAY, FIELDS)
    out = put_words(put_words(out, &words[0]), &words[1])
    out = put_bin(out, body)
    out = put_words(put_words(put_words(out, &words[2]), &words[3]), &words[4])
    out = put_bytes(out, <const unsigned char *>PyBytes_AS_STRING(usage), PyBytes_GET_SIZE(usage))
    out = put_byte(out, NIL) if cost is None else put_whole(out, nano_usd)
    out = put_words(out, &words[5])
    out = put_number(out, &created)
    return <char *>out - room
