# What one process appends: one write for each frame, then one word in the index.
#
# A part of shelf.pyx.


cdef class Writer:
    """Appends to two segments of its own, one for each stream. Never waits for another process.

    `turn(stream)` is called where the next segment is needed: it calls `use`, or returns False. `failed(stream, errno)` hears of
    every frame that could not be written whole; that segment is given up.
    """

    def __init__(self, Shelf shelf, turn, failed, *, int64_t max_entry, int64_t segment):
        if not 0 < segment <= MOST_SEGMENT or not 0 < max_entry <= MOST_PAYLOAD:
            raise ValueError(f"segments of {segment} bytes, entries of {max_entry}")
        self.shelf, self.turn, self.failed = shelf, turn, failed
        self.max_entry, self.segment = max_entry, segment
        self.files[0] = self.files[1] = -1
        self.leaving = {}

    def use(self, int stream, int file, int number, int64_t identity, uint64_t salt) -> int:
        """Appends to this file from now on; returns the one before, to be closed, or -1."""
        cdef int at = stream == IN_LOG
        before = self.leave(stream)
        self.files[at], self.numbers[at], self.identities[at] = file, number, identity
        self.salts[at], self.sizes[at], self.looked[at] = salt, START, shelf_now()
        return before

    def leave(self, int stream) -> int:
        """Appends no more to this stream's segment; returns its file, to be closed, or -1. One that a thread is still
        writing to stays open."""
        cdef int at = stream == IN_LOG
        before = self.files[at]
        if before >= 0 and self.shelf.identity_of(self.numbers[at]) == self.identities[at]:
            self.shelf.release(self.numbers[at])
        self.files[at] = -1
        if self.pending[at]:
            self.leaving[before], self.pending[at] = self.pending[at], 0
            return -1
        return before

    def look(self, int stream):
        """Before the next frame it is asked whether the segment still stands."""
        self.looked[stream == IN_LOG] = 0

    def standing(self, int stream) -> tuple:
        """Number, identity and whole bytes of the segment that is appended to; bytes of 0 where there is no frame."""
        cdef int at = stream == IN_LOG
        cdef int64_t *line = self.shelf.line(self.numbers[at])
        return self.numbers[at], self.identities[at], ledger_load(&line[SIZE])

    def put(
        self, bytes key not None, uint64_t scope, double expires, bytes payload not None, int kind=KIND_ENTRY,
        double now=0.0,
    ) -> bool:
        """Appends a frame; an entry is found by all processes when this returns. False when it could not be kept, and
        for what was purged before it came: its erasure may be over. Times are Unix seconds; `now` of 0 is the clock's."""
        cdef Head head
        if PyBytes_GET_SIZE(key) != 32 or PyBytes_GET_SIZE(payload) > self.max_entry or not 0 < kind <= KIND_PURGE:
            self.shelf.count("refused")
            return False
        memcpy(head.key, PyBytes_AS_STRING(key), 32)
        head.scope, head.kind = scope, kind
        head.written = _nanoseconds(now) if now else shelf_now()
        head.expires = _nanoseconds(expires)
        if kind != KIND_PURGE and self.shelf.is_purged(scope, head.written):
            self.shelf.count("purged", kind == KIND_ENTRY)
            return False
        cdef int number
        cdef int64_t at = self.append(&head, payload, &number)
        if at < 0:
            return False
        if kind == KIND_ENTRY:
            self.shelf.insert(_mixed(head.key), _word(_mixed(head.key), number, at))
        return True

    cdef bint ready(self, int at) except -1:
        """Whether there is a segment to append to; looks now and then whether it is still there."""
        cdef int64_t now
        if self.files[at] >= 0:
            now = shelf_now()
            if now - self.looked[at] > LOOK or now < self.looked[at]:
                self.looked[at] = now
                if not shelf_stands(self.files[at], self.sizes[at] if self.pending[at] == 0 else START):
                    self.failed(IN_LOG if at else IN_ENTRIES, 0)
                    return self.turn(IN_LOG if at else IN_ENTRIES)
            if (
                self.sizes[at] < self.segment
                and self.shelf.identity_of(self.numbers[at]) == self.identities[at]
            ):
                return True
        return self.turn(IN_LOG if at else IN_ENTRIES)

    cdef int64_t append(self, Head *head, bytes payload, int *number) except -2:
        """Where the frame lies in the segment of that number, or -1."""
        cdef int stream = head.kind != KIND_ENTRY
        cdef int64_t at
        cdef uint64_t salt
        cdef ssize_t done, total
        cdef int file
        cdef bint here
        cdef const char *data = PyBytes_AS_STRING(payload)
        cdef int64_t length = PyBytes_GET_SIZE(payload)
        if not self.ready(stream):
            self.shelf.count("refused")
            return -1
        file, number[0], salt = self.files[stream], self.numbers[stream], self.salts[stream]
        # The place is taken before the lock is given away, so that threads do not write over each other.
        at = self.sizes[stream]
        total = _padded(length)
        self.sizes[stream] = at + total
        self.pending[stream] += 1
        head.magic, head.length = MAGIC, length
        with nogil:
            head.checksum = shelf_crc(0, data, length)
            head.check = _check(head, salt, at)
            done = shelf_pwrite(file, head, HEAD, data, length, at)
        here = self.files[stream] == file
        if here:
            self.pending[stream] -= 1
        else:
            self.left(file)
        if done != total:
            if here:
                self.failed(IN_LOG if stream else IN_ENTRIES, -done if done < 0 else errno.ENOSPC)
            return -1
        self.publish(
            number[0], head, self.sizes[stream] if here else at + total, not here or self.pending[stream] == 0
        )
        return at

    cdef left(self, int file):
        """Another thread turned to the next segment while this one was still writing to the one before."""
        self.leaving[file] -= 1
        if self.leaving[file] == 0:
            del self.leaving[file]
            close(file)

    cdef void publish(self, int number, Head *head, int64_t end, bint whole) noexcept:
        cdef int64_t *line = self.shelf.line(number)
        ledger_store(&line[FRAMES], ledger_load(&line[FRAMES]) + 1)
        if head.expires > ledger_load(&line[LATEST]):
            ledger_store(&line[LATEST], head.expires)
        if whole and end > ledger_load(&line[SIZE]):  # else what lies before may not be there yet
            ledger_store(&line[SIZE], end)
        if head.kind != KIND_ENTRY:
            ledger_add(&self.shelf.words[LOG_VERSION], 1)
