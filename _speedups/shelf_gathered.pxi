# Entries that are appended together: one write for all that a worker keeps in a moment.
#
# A part of shelf.pyx.


cdef class Gathered:
    """Entries on their way into a writer's segment: `add` one after the other, then `write`, and all processes find
    them. Their places are taken at once. The interpreter's lock is held throughout."""

    def __init__(self, Writer writer not None):
        self.writer = writer
        self.room = <char *>malloc(GATHERED)
        if self.room == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.room)

    def add(self, bytes key not None, uint64_t scope, double expires, bytes payload not None, double written):
        """Takes one; what does not fit in is put at once, what was purged before it came is not kept: its erasure may be
        over. Times are Unix seconds."""
        cdef int64_t length = PyBytes_GET_SIZE(payload)
        cdef char *room
        if PyBytes_GET_SIZE(key) != 32 or not self.takes(length):
            self.writer.put(key, scope, expires, payload, KIND_ENTRY, written)
            return
        room = self.begin(key, scope, expires, length, written)
        if room != NULL:
            memcpy(room, PyBytes_AS_STRING(payload), length)
            self.end(length)

    cdef bint takes(self, int64_t most):
        """Whether a payload of so many bytes is written with others."""
        return most <= self.writer.max_entry and _padded(most) <= GATHERED

    cdef char *begin(self, bytes key, uint64_t scope, double expires, int64_t most, double written) except? NULL:
        """Room for a payload of at most so many bytes, which `end` takes; NULL where it is not kept. The key has 32
        bytes."""
        cdef Writer writer = self.writer
        cdef Head *head
        if writer.shelf.is_purged(scope, _nanoseconds(written)):
            writer.shelf.count("purged")
            return NULL
        # Another thread may have put something behind what is gathered, or turned to the next segment.
        if self.used and (
            self.used + _padded(most) > GATHERED or not self.goes_on() or writer.sizes[0] >= writer.segment
        ):
            self.flush()
        if self.used == 0:
            if not writer.ready(0):
                writer.shelf.count("refused")
                return NULL
            self.at, self.file, self.number, self.salt = (
                writer.sizes[0], writer.files[0], writer.numbers[0], writer.salts[0],
            )
        head = <Head *>(self.room + self.used)
        memset(head, 0, HEAD)
        memcpy(head.key, PyBytes_AS_STRING(key), 32)
        head.magic, head.kind, head.scope = MAGIC, KIND_ENTRY, scope
        head.written, head.expires = _nanoseconds(written), _nanoseconds(expires)
        return <char *>head + HEAD

    cdef void end(self, int64_t length) noexcept:
        """The payload stands where `begin` said; nothing happened in between."""
        cdef Writer writer = self.writer
        cdef Head *head = <Head *>(self.room + self.used)
        cdef int64_t total = _padded(length)
        cdef char *payload = <char *>head + HEAD
        memset(payload + length, 0, total - HEAD - length)
        head.length = length
        head.checksum = shelf_crc(0, payload, length)
        head.check = _check(head, self.salt, self.at + self.used)
        writer.sizes[0] += total
        writer.pending[0] += 1
        self.used += total

    cdef bint goes_on(self):
        return self.writer.files[0] == self.file and self.writer.sizes[0] == self.at + self.used

    def write(self):
        """Writes what was added."""
        self.flush()

    cdef flush(self):
        cdef Writer writer = self.writer
        cdef int64_t used = self.used, at = self.at, offset = 0, total
        cdef int file = self.file, frames = 0
        cdef bint here = writer.files[0] == file
        cdef ssize_t done
        cdef Head *head
        cdef uint64_t mixed
        if used == 0:
            return
        self.used = 0
        while offset < used:  # their slots come while the file is written
            head = <Head *>(self.room + offset)
            mixed = _mixed(head.key)
            shelf_prefetch(writer.shelf.slots + writer.shelf.first(mixed))
            shelf_prefetch(writer.shelf.slots + writer.shelf.second(mixed))
            offset += _padded(head.length)
        offset = 0
        done = shelf_pwrite(file, self.room, used, NULL, 0, at)
        while offset < used:
            head = <Head *>(self.room + offset)
            total = _padded(head.length)
            if here:
                writer.pending[0] -= 1
            else:
                writer.left(file)
            if done == used:
                writer.publish(
                    self.number, head, writer.sizes[0] if here else at + offset + total,
                    not here or writer.pending[0] == 0,
                )
                mixed = _mixed(head.key)
                writer.shelf.insert(mixed, _word(mixed, self.number, at + offset))
            frames += 1
            offset += total
        if done != used:
            for _ in range(frames - 1):
                writer.shelf.count("lost")
            if here:
                writer.failed(IN_ENTRIES, -done if done < 0 else errno.ENOSPC)
