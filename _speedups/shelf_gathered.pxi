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
        """Takes one; what does not fit in is put at once. Times are Unix seconds."""
        cdef Writer writer = self.writer
        cdef int64_t length = PyBytes_GET_SIZE(payload), total = _padded(length)
        cdef Head *head
        if PyBytes_GET_SIZE(key) != 32 or length > writer.max_entry or total > GATHERED:
            writer.put(key, scope, expires, payload, KIND_ENTRY, written)
            return
        # Another thread may have put something behind what is gathered, or turned to the next segment.
        if self.used and (self.used + total > GATHERED or not self.goes_on() or writer.sizes[0] >= writer.segment):
            self.write()
        if self.used == 0:
            if not writer.ready(0):
                writer.shelf.count("refused")
                return
            self.at, self.file, self.number, self.salt = (
                writer.sizes[0], writer.files[0], writer.numbers[0], writer.salts[0],
            )
        writer.sizes[0] += total
        writer.pending[0] += 1
        head = <Head *>(self.room + self.used)
        memset(head, 0, HEAD)
        memcpy(head.key, PyBytes_AS_STRING(key), 32)
        head.magic, head.length, head.kind, head.scope = MAGIC, length, KIND_ENTRY, scope
        head.written, head.expires = _nanoseconds(written), _nanoseconds(expires)
        memcpy(<char *>head + HEAD, PyBytes_AS_STRING(payload), length)
        memset(<char *>head + HEAD + length, 0, total - HEAD - length)
        head.checksum = shelf_crc(0, PyBytes_AS_STRING(payload), length)
        head.check = _check(head, self.salt, self.at + self.used)
        self.used += total

    cdef bint goes_on(self):
        return self.writer.files[0] == self.file and self.writer.sizes[0] == self.at + self.used

    def write(self):
        """Writes what was added."""
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
