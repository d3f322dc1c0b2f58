# Cutting a text into pieces, as the regular expressions of cl100k and o200k do (tiktoken's `openai_public.py` has them):
# the alternatives of each in their order, backtracking worked out beforehand. Every piece is found by walking over its
# bytes at most twice, whatever they are.

cdef struct Text:
    const uint8_t *data
    size_t end


cdef inline uint32_t wide_class(const Table *table, uint32_t point) noexcept nogil:
    cdef uint16_t block
    memcpy(&block, table.classes + 2 * (point >> 7), 2)
    return table.classes[BLOCKS_AT + <size_t>block * 128 + (point & 127)]


cdef inline bint follows(const Text *text, size_t at) noexcept nogil:
    return at < text.end and text.data[at] & 0xC0 == 0x80


cdef uint32_t beyond_ascii(const Table *table, const Text *text, size_t at, size_t *width) noexcept nogil:
    """A byte that begins no UTF-8 is a symbol of its own, so that any bytes can be walked."""
    cdef const uint8_t *data = text.data + at
    cdef uint32_t point
    width[0] = 1
    if data[0] < 0xC2 or data[0] > 0xF4 or not follows(text, at + 1):
        return OTHER
    if data[0] < 0xE0:
        width[0] = 2
        return wide_class(table, <uint32_t>(data[0] & 0x1F) << 6 | (data[1] & 0x3F))
    if not follows(text, at + 2):
        return OTHER
    if data[0] < 0xF0:
        width[0] = 3
        return wide_class(
            table, <uint32_t>(data[0] & 0x0F) << 12 | <uint32_t>(data[1] & 0x3F) << 6 | (data[2] & 0x3F)
        )
    if not follows(text, at + 3):
        return OTHER
    point = (
        <uint32_t>(data[0] & 0x07) << 18
        | <uint32_t>(data[1] & 0x3F) << 12
        | <uint32_t>(data[2] & 0x3F) << 6
        | (data[3] & 0x3F)
    )
    if point > 0x10FFFF:  # the table ends there
        return OTHER
    width[0] = 4
    return wide_class(table, point)


cdef inline uint32_t class_at(const Table *table, const Text *text, size_t at, size_t *width) noexcept nogil:
    """The class of the character at `at`, which is before the end, and its bytes."""
    if text.data[at] < 0x80:
        width[0] = 1
        return table.classes[BLOCKS_AT + text.data[at]]
    return beyond_ascii(table, text, at, width)


cdef inline size_t run(const Table *table, const Text *text, size_t at, uint32_t classes) noexcept nogil:
    """Where the characters of these classes (a bit for each) end."""
    cdef size_t width = 0
    while at < text.end and 1 << class_at(table, text, at, &width) & classes:
        at += width
    return at


cdef enum:
    LETTERS = 1 << UPPER | 1 << LOWER | 1 << LETTER
    CASELESS = 1 << LETTER | 1 << MARK
    CAPITALS = 1 << UPPER | CASELESS
    SMALLS = 1 << LOWER | CASELESS
    SYMBOLS = 1 << OTHER | 1 << MARK
    SPACES = 1 << SPACE | 1 << LINE_END
    BEFORE_WORD = 1 << OTHER | 1 << MARK | 1 << SPACE


cdef inline size_t contraction(const Text *text, size_t at) noexcept nogil:
    """The bytes of 's, 't, 're, 've, 'm, 'll or 'd in any case, for which ſ (U+017F) is an s; 0 for anything else."""
    cdef uint8_t first, second
    if at + 1 >= text.end or text.data[at] != 0x27:
        return 0
    first = text.data[at + 1] | 0x20
    if first == c"s" or first == c"d" or first == c"m" or first == c"t":
        return 2
    if at + 2 >= text.end:
        return 0
    if text.data[at + 1] == 0xC5 and text.data[at + 2] == 0xBF:
        return 3
    second = text.data[at + 2] | 0x20
    if (first == c"l" and second == c"l") or ((first == c"v" or first == c"r") and second == c"e"):
        return 3
    return 0


cdef size_t spaces(const Table *table, const Text *text, size_t at) noexcept nogil:
    """White space up to its last line end; without one, all but the last, which belongs to what follows.

    At the text's very end cl100k takes it whole, o200k its lines first.
    """
    cdef size_t start = at, last = at, lines = 0, width = 0
    cdef uint32_t kind
    while at < text.end:
        kind = class_at(table, text, at, &width)
        if not 1 << kind & SPACES:
            break
        last = at
        at += width
        if kind == LINE_END:
            lines = at
    if at == text.end and not (table.cased and lines):
        return at
    if lines:
        return lines
    return last if last > start else at


cdef size_t symbols(const Table *table, const Text *text, size_t at) noexcept nogil:
    at = run(table, text, at, SYMBOLS)
    while at < text.end and (
        text.data[at] == c"\n" or text.data[at] == c"\r" or (table.cased and text.data[at] == c"/")
    ):
        at += 1
    return at


cdef size_t cased_word(const Table *table, const Text *text, size_t at, bint *smalls) noexcept nogil:
    """o200k's word: capitals, then small letters, at least one of either; those of no case are both.

    `smalls` tells whether it ended in one that may be small, as the first alternative wants it. 0: no word.
    """
    cdef size_t start = at, caseless = 0, width = 0
    cdef uint32_t kind = OTHER
    while at < text.end:
        kind = class_at(table, text, at, &width)
        if not 1 << kind & CAPITALS:
            break
        at += width
        if kind != UPPER:
            caseless = at
    smalls[0] = True
    if at < text.end and kind == LOWER:
        return run(table, text, at, SMALLS)
    if caseless:
        return caseless
    smalls[0] = False
    return at if at > start else 0


cdef size_t word(const Table *table, const Text *text, size_t at, uint32_t kind, size_t width) noexcept nogil:
    """The end of the word at `at`, which one sign other than a number or a line end may precede; 0: none."""
    cdef size_t end
    cdef bint smalls = False
    if not table.cased:
        end = run(table, text, at + width, LETTERS)
        return end if 1 << kind & LETTERS or end > at + width else 0
    if 1 << kind & LETTERS:
        end = cased_word(table, text, at, &smalls)
    else:
        end = cased_word(table, text, at + width, &smalls)
        if kind == MARK and not smalls:
            end = at + width  # a mark is a letter of no case before it precedes capitals
    return end + contraction(text, end) if end else 0


cdef size_t piece(const Table *table, const Text *text, size_t at) noexcept nogil:
    """Where the piece that begins at `at` ends, always behind `at`."""
    cdef size_t width = 0, end, ignored = 0
    cdef uint32_t kind = class_at(table, text, at, &width)
    cdef int digits = 0
    if kind == NUMBER:
        while digits < 3 and at < text.end and class_at(table, text, at, &width) == NUMBER:
            at += width
            digits += 1
        return at
    if not table.cased:
        end = contraction(text, at)
        if end:
            return at + end
    if kind != LINE_END:
        end = word(table, text, at, kind, width)
        if end:
            return end
    if 1 << kind & SYMBOLS:
        return symbols(table, text, at)
    if text.data[at] == c" " and at + 1 < text.end and 1 << class_at(table, text, at + 1, &ignored) & SYMBOLS:
        return symbols(table, text, at + 1)
    return spaces(table, text, at)
