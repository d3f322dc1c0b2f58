# What one process reads: entries by key, frames in the order in which they lie.
#
# A part of shelf.pyx.

cdef int64_t AHEAD = 60_000_000_000     # ns by which an entry may be of a later time than now: clocks are set right


cdef class Reader:
    """Reads the segments of `folder`, of which it keeps at most `files` open.

    `failed(what, errno)` hears of what could not be read: "open" with its errno, "read" where a frame is not what its
    slot promised. `writer` is what entries of old segments are carried over with, when they are hit.
    """

    def __init__(self, Shelf shelf, str folder, Writer writer, failed, *, int files=256):
        self.shelf, self.writer, self.failed = shelf, writer, failed
        self.folder = os.fsencode(folder)
        self.opened = <Opened *>calloc(MOST_LINES, sizeof(Opened))
        self.chunk = <char *>malloc(CHUNK)
        if self.opened == NULL or self.chunk == NULL:
            raise MemoryError
        self.most_files = max(files, 1)
        self.cursors = {}
        self.seen = -1
        shelf_populate(shelf.base, shelf.size)  # else the first requests wait for a page each

    def __dealloc__(self):
        cdef int number
        if self.opened != NULL:
            for number in range(MOST_LINES):
                if self.opened[number].identity:
                    close(self.opened[number].file)
        free(self.opened)
        free(self.chunk)

    def close(self):
        """Closes all files; what is read later opens them again."""
        cdef int number
        for number in range(MOST_LINES):
            if self.opened[number].identity:
                self.drop(&self.opened[number])

    # --- entries ---

    def get(self, bytes key not None, double now) -> Found | None:
        """The entry, if it is whole, neither expired nor purged, nor of a time that is yet to come: whose clock was ahead
        has no age."""
        return self.find(key, now)

    def is_purged(self, uint64_t scope, int64_t written) -> bool:
        """Whether what this scope wrote then (Unix time, ns) was purged."""
        return self.shelf.is_purged(scope, written)

    cdef void expect(self, bytes key) noexcept:
        """The key is asked for in a moment: its slots come from afar."""
        cdef uint64_t mixed
        if PyBytes_GET_SIZE(key) == 32:
            mixed = _mixed(<const unsigned char *>PyBytes_AS_STRING(key))
            shelf_prefetch(self.shelf.slots + self.shelf.first(mixed))
            shelf_prefetch(self.shelf.slots + self.shelf.second(mixed))

    cdef Found find(self, bytes key, double now):
        if PyBytes_GET_SIZE(key) != 32:
            return None
        cdef uint64_t mixed = _mixed(<const unsigned char *>PyBytes_AS_STRING(key))
        cdef uint64_t *bucket = self.shelf.slots + self.shelf.first(mixed)
        cdef uint64_t *other = self.shelf.slots + self.shelf.second(mixed)
        cdef uint64_t word
        cdef int way, answer
        cdef Found found
        shelf_prefetch(other)
        for way in range(2 * WAYS):
            if way == WAYS:
                bucket = other
            word = shelf_load(&bucket[way & (WAYS - 1)])
            if word == 0 or word >> 36 != mixed >> 36:
                continue
            found = self.load(&bucket[way & (WAYS - 1)], word, key, _nanoseconds(now), &answer)
            if answer == HIT:
                return found
        return None

    cdef bint stands(self, bytes key, const Stand *known, double now) noexcept:
        """Whether `find` would return the entry that was found there before; for a key of 32 bytes. Nothing is read."""
        cdef uint64_t mixed = _mixed(<const unsigned char *>PyBytes_AS_STRING(key))
        cdef uint64_t *bucket = self.shelf.slots + self.shelf.first(mixed)
        cdef uint64_t *other = self.shelf.slots + self.shelf.second(mixed)
        cdef int64_t moment = _nanoseconds(now)
        cdef int way
        if known.word == 0 or known.expires <= moment or known.written > moment + AHEAD:
            return False
        # One of an old segment has to be carried over.
        if known.identity < ledger_load(&self.shelf.words[OLD_BELOW]):
            return False
        if self.shelf.identity_of(_number(known.word)) != known.identity:
            return False
        if self.shelf.is_purged(known.scope, known.written):
            return False
        for way in range(WAYS):
            if shelf_load(&bucket[way]) == known.word or shelf_load(&other[way]) == known.word:
                return True
        return False

    cdef Found load(self, uint64_t *slot, uint64_t word, bytes key, int64_t now, int *answer):
        cdef char buffer[PEEK]
        cdef Head *head = <Head *>buffer
        cdef int number = _number(word)
        cdef int64_t at = _place(word)
        cdef int64_t identity = self.shelf.identity_of(number)
        cdef Opened *one
        cdef ssize_t got, more
        cdef int64_t length
        cdef bytes payload
        cdef char *into
        answer[0] = MISS
        if identity <= MADE:
            shelf_swap(slot, word, 0)
            return None
        one = self.reach(number, identity)
        if one == NULL:
            if self.error == ENOENT:
                shelf_swap(slot, word, 0)
            return None
        got = shelf_peek(one.file, buffer, PEEK, at)
        if got < HEAD or got < HEAD + <int64_t>head.length and got < PEEK:
            # Not in memory, or the file's end: the disk is waited for, but by nobody else.
            one.users += 1
            with nogil:
                got = shelf_pread(one.file, buffer, PEEK, at)
            one.users -= 1
        if got < HEAD or not _is_head(head, one.salt, at):
            return self.damaged(slot, word, identity, -got if got < 0 else 0)
        if memcmp(head.key, PyBytes_AS_STRING(key), 32) != 0 or head.kind != KIND_ENTRY:
            return None  # another key with the same tag
        if head.expires <= now or head.written > now + AHEAD or self.shelf.is_purged(head.scope, head.written):
            return None
        length = head.length
        payload = PyBytes_FromStringAndSize(NULL, length)
        into = PyBytes_AS_STRING(payload)
        more = min(length, <int64_t>got - HEAD)
        memcpy(into, buffer + HEAD, more)
        if more < length:
            got = shelf_peek(one.file, into + more, length - more, at + HEAD + more)
            if more + got < length:
                one.users += 1
                with nogil:
                    got = shelf_pread(one.file, into + more, length - more, at + HEAD + more)
                one.users -= 1
                if got < 0 or more + got < length:
                    return self.damaged(slot, word, identity, -got if got < 0 else 0)
        if shelf_crc(0, into, length) != head.checksum:
            return self.damaged(slot, word, identity, 0)
        answer[0] = HIT
        if identity < ledger_load(&self.shelf.words[OLD_BELOW]) and self.writer is not None:
            self.carry(slot, word, head, payload)
        cdef Found found = Found.__new__(Found)
        found.key, found.payload, found.scope = key, payload, head.scope
        found.stand.word, found.stand.identity, found.stand.scope = word, identity, head.scope
        found.stand.written, found.stand.expires = head.written, head.expires
        found.written = head.written / 1e9
        found.expires = head.expires / 1e9
        return found

    cdef damaged(self, uint64_t *slot, uint64_t word, int64_t identity, int error):
        """The slot promised what is not there: it is cleared, unless its segment was exchanged at this moment."""
        if self.shelf.identity_of(_number(word)) == identity and shelf_swap(slot, word, 0):
            self.shelf.count("damaged")
            self.failed("read", error)

    cdef carry(self, uint64_t *slot, uint64_t word, Head *head, bytes payload):
        """Appends an entry again, so that it outlives its segment. What replaced or purged it meanwhile wins."""
        cdef int number
        cdef int64_t at = self.writer.append(head, payload, &number)
        if at >= 0 and not self.shelf.is_purged(head.scope, head.written):
            if shelf_swap(slot, word, _word(_mixed(head.key), number, at)):
                self.shelf.count("carried")

    def forget(self, bytes start not None) -> int:
        """Takes the entries away whose keys begin so (16 bytes); how many."""
        if PyBytes_GET_SIZE(start) != 16:
            return 0
        cdef uint64_t mixed = _mixed(<const unsigned char *>PyBytes_AS_STRING(start))
        cdef uint64_t *slot
        cdef uint64_t word
        cdef Head head
        cdef int way
        found = 0
        for way in range(2 * WAYS):
            slot = self.shelf.slots + (self.shelf.second(mixed) if way >= WAYS else self.shelf.first(mixed))
            slot += way & (WAYS - 1)
            word = shelf_load(slot)
            if word and word >> 36 == mixed >> 36 and self.leads_to(word, &head):
                if memcmp(head.key, PyBytes_AS_STRING(start), 16) == 0:
                    found += shelf_swap(slot, word, 0)
        return found

    cdef bint leads_to(self, uint64_t word, Head *head) except -1:
        """Whether there is a frame where the slot says."""
        cdef int64_t identity = self.shelf.identity_of(_number(word))
        cdef Opened *one = self.reach(_number(word), identity) if identity > MADE else NULL
        if one == NULL:
            return False
        return (
            shelf_pread(one.file, head, HEAD, _place(word)) == HEAD and _is_head(head, one.salt, _place(word))
        )

    def holds(self, bytes key not None, int64_t apart=0) -> bool:
        """Whether the index knows the key in a segment other than the one of that identity."""
        cdef uint64_t mixed = _mixed(<const unsigned char *>PyBytes_AS_STRING(key))
        cdef uint64_t *slot
        cdef uint64_t word
        cdef Head head
        cdef int way
        for way in range(2 * WAYS):
            slot = self.shelf.slots + (self.shelf.second(mixed) if way >= WAYS else self.shelf.first(mixed))
            word = shelf_load(slot + (way & (WAYS - 1)))
            if word and word >> 36 == mixed >> 36 and self.shelf.identity_of(_number(word)) != apart:
                if self.leads_to(word, &head) and memcmp(head.key, PyBytes_AS_STRING(key), 32) == 0:
                    return True
        return False

    def restore(self, int number, int64_t identity, list frames) -> int:
        """Puts entries of an earlier time into the index, unless it knows later ones; how many."""
        cdef uint64_t mixed, word
        cdef int64_t at
        found = 0
        for frame in frames:
            key = frame.key
            mixed = _mixed(<const unsigned char *>PyBytes_AS_STRING(key))
            if self.shelf.identity_of(number) != identity:
                break
            if frame.kind == KIND_ENTRY and not self.is_later(mixed, key, frame.written):
                at = frame.offset
                self.shelf.insert(mixed, _word(mixed, number, at))
                found += 1
        return found

    cdef bint is_later(self, uint64_t mixed, bytes key, double written) except -1:
        cdef uint64_t *slot
        cdef uint64_t word
        cdef Head head
        cdef int way
        for way in range(2 * WAYS):
            slot = self.shelf.slots + (self.shelf.second(mixed) if way >= WAYS else self.shelf.first(mixed))
            word = shelf_load(slot + (way & (WAYS - 1)))
            if word and word >> 36 == mixed >> 36 and self.leads_to(word, &head):
                if head.written / 1e9 >= written:
                    return True
        return False

    # --- files ---

    cdef Opened *reach(self, int number, int64_t identity):
        """The opened segment, or NULL."""
        cdef Opened *one = &self.opened[number]
        cdef int64_t *line
        cdef int64_t salt
        cdef int file
        if one.identity == identity:
            return one
        self.error = 0
        line = self.shelf.line(number)
        salt = ledger_load(&line[SALT])
        if salt == 0:
            return NULL  # nobody has looked into it since the start
        if one.users:
            return NULL
        if one.identity:
            self.drop(one)
        while self.open_files >= self.most_files:
            if not self.spare_one():
                break
        suffix = b".log" if ledger_load(&line[STREAM]) == IN_LOG else b".seg"
        file = shelf_open(PyBytes_AS_STRING(self.folder), identity, suffix)
        if (file == -EMFILE or file == -ENFILE) and self.spare_one():
            file = shelf_open(PyBytes_AS_STRING(self.folder), identity, suffix)
        if file < 0:
            if self.shelf.identity_of(number) == identity:
                self.error = -file
                self.failed("open", -file)
            return NULL
        one.identity, one.salt, one.file = identity, <uint64_t>salt, file
        self.open_files += 1
        return one

    cdef bint spare_one(self):
        cdef int turn
        for turn in range(MOST_LINES):
            self.hand = (self.hand + 1) & (MOST_LINES - 1)
            if self.opened[self.hand].identity and self.opened[self.hand].users == 0:
                self.drop(&self.opened[self.hand])
                return True
        return False

    cdef void drop(self, Opened *one) noexcept:
        if one.users == 0:
            close(one.file)
            one.identity = 0
            self.open_files -= 1

    def forget_files(self):
        """Closes those whose segments are gone."""
        cdef int number
        for number in range(MOST_LINES):
            if self.opened[number].identity and self.opened[number].identity != self.shelf.identity_of(number):
                self.drop(&self.opened[number])

    # --- frames in their order ---

    cdef bint view(self, Opened *one, int64_t at, int64_t size) except -1:
        """Brings these bytes (a chunk at the most) into the chunk; False where the file has not got them."""
        cdef ssize_t got
        if one.identity == self.chunk_identity and self.chunk_at <= at and at + size <= self.chunk_at + self.chunk_size:
            return True
        got = shelf_peek(one.file, self.chunk, CHUNK, at)
        if got < size:
            one.users += 1
            with nogil:
                got = shelf_pread(one.file, self.chunk, CHUNK, at)
            one.users -= 1
        self.chunk_identity, self.chunk_at, self.chunk_size = one.identity, at, max(got, 0)
        return got >= size

    cdef bint head_at(self, Opened *one, int64_t at, Head *head) except -1:
        memcpy(head, self.chunk + (at - self.chunk_at), HEAD)
        return _is_head(head, one.salt, at)

    def frames(
        self, int number, int64_t identity, int64_t at, int64_t end, *, int most=256, bint payloads=True,
        int64_t reach=4 << 20, double now=0.0,
    ) -> tuple:
        """Frames that lie between `at` and `end`, and where to go on (`end` when all is done). At most `most` of them
        and `reach` bytes further at a time. Bytes that are no frame are passed over. Without `payloads` these are
        empty and unchecked; with them, what is expired or purged is left out too."""
        cdef Opened *one = self.reach(number, identity)
        cdef Head head
        cdef int64_t stop = min(end, at + reach)
        cdef int64_t moment = _nanoseconds(now) if now else shelf_now()
        found = []
        if one == NULL:
            return found, end
        self.chunk_size = 0
        while at + HEAD <= stop and len(found) < most:
            if not self.view(one, at, HEAD):
                return found, end  # the file is shorter than it was
            if one.identity != identity:
                return found, end
            if not self.head_at(one, at, &head) or at + HEAD + <int64_t>head.length > end:
                at += UNIT
                continue
            if not payloads:
                found.append(_frame(&head, b"", at))
            elif head.kind == KIND_PURGE or head.kind and head.expires > moment and not self.shelf.is_purged(
                head.scope, head.written
            ):
                payload = self.payload(one, &head, at)
                if payload is not None:
                    found.append(_frame(&head, payload, at))
            at += _padded(head.length)
        return found, end if at + HEAD > end else at

    cdef payload(self, Opened *one, Head *head, int64_t at):
        cdef int64_t length = head.length
        cdef bytes data
        cdef ssize_t got
        if HEAD + length <= CHUNK and self.view(one, at, HEAD + length):
            data = PyBytes_FromStringAndSize(self.chunk + (at - self.chunk_at) + HEAD, length)
        else:
            data = PyBytes_FromStringAndSize(NULL, length)
            got = shelf_pread(one.file, PyBytes_AS_STRING(data), length, at + HEAD)
            if got < length:
                return None
        if shelf_crc(0, PyBytes_AS_STRING(data), length) != head.checksum:
            return None
        return data

    def tail(self, int most=256) -> list:
        """Frames of the log that any process appended since the last call, and what was there before the first."""
        cdef int64_t version = ledger_load(&self.shelf.words[LOG_VERSION])
        cdef int number
        cdef int64_t *line
        cdef int64_t identity, size, at
        if version == self.seen:
            return []
        found = []
        living = set()
        for number in range(MOST_LINES):
            line = self.shelf.line(number)
            identity = ledger_load(&line[IDENTITY])
            if identity <= MADE or ledger_load(&line[STREAM]) != IN_LOG or ledger_load(&line[SALT]) == 0:
                continue
            living.add(identity)
            size = ledger_load(&line[SIZE])
            at = self.cursors.get(identity, START)
            if at < size:
                more, at = self.frames(number, identity, at, size, most=most - len(found), reach=1 << 20)
                self.cursors[identity] = at
                found += more
            if at < size:
                return found  # the rest comes with the next call
        self.seen = version
        self.cursors = {one: at for one, at in self.cursors.items() if one in living}
        return found


cdef _frame(Head *head, bytes payload, int64_t at):
    return Frame(
        head.kind, head.key[:32], head.scope, head.written / 1e9, head.expires / 1e9, payload, at, head.length,
    )


def sealed(int64_t at, uint64_t salt, *, int length) -> bytes:
    """The head of a frame of which nothing is left but its length: what is erased is written over with it, and with
    zeros."""
    cdef Head head
    memset(&head, 0, HEAD)
    head.magic, head.length = MAGIC, length
    data = bytes(length)
    head.checksum = shelf_crc(0, PyBytes_AS_STRING(data), length)
    head.check = _check(&head, salt, at)
    return (<char *>&head)[:HEAD]


_SEGMENT_MAGIC = b"GWSHELF1"


def segment_head(int64_t identity, uint64_t salt) -> bytes:
    """What a segment begins with: SEGMENT_HEAD bytes."""
    told = struct.pack("<8sqQ", _SEGMENT_MAGIC, identity, salt)
    return (told + struct.pack("<I", crc32c(told))).ljust(SEGMENT_HEAD, b"\0")


def salt_of(bytes head not None, int64_t identity) -> int:
    """The salt of the segment that begins so; 0 when it is none."""
    if len(head) < SEGMENT_HEAD or segment_head(identity, int.from_bytes(head[16:24], "little")) != head[:SEGMENT_HEAD]:
        return 0
    return int.from_bytes(head[16:24], "little")
