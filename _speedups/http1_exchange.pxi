# One request and its answer, and the caller's hold on it.

cdef enum:
    QUEUED          # waits for a connection of the pool
    CONNECTING
    SENDING         # from the first byte written until a tick sees that the kernel has the last
    WAITING         # for the answer's head
    BODY
    DONE

cdef enum:
    SMALL_PIECE = 1024      # gathered with its neighbours when many wait: an object for every byte of a peer that
    GATHERED = 65536        # drips would cost 50 times the bytes


@cython.final
@cython.freelist(256)
cdef class Exchange:

    cdef int wake(self) except -1:
        """Let the caller's task look again. Errors never travel in the future: nobody may be left to retrieve them."""
        cdef object waiter = self.waiter
        if waiter is not None:
            self.waiter = None
            if not waiter.done():
                waiter.set_result(None)
        return 0

    cdef int begin_answer(self, ResponseParser parser) except -1:
        self.phase = BODY
        self.status = parser.status
        self.reason = parser.reason
        self.fields = parser.fields
        self.length = parser.length
        self.payload = None
        self.large_body = None
        return 0

    cdef int keep(self, bytes piece) except -1:
        cdef object last
        self.buffered += PyBytes_GET_SIZE(piece)
        if self.piece is None:
            self.piece = piece
            return 0
        if self.pieces is None:
            self.pieces = [self.piece]
        last = self.pieces[len(self.pieces) - 1]
        if PyBytes_GET_SIZE(piece) > SMALL_PIECE:
            self.pieces.append(piece)
        elif type(last) is bytearray and len(<bytearray>last) < GATHERED:
            (<bytearray>last).extend(piece)
        else:
            self.pieces.append(bytearray(piece))
        return 0

    cdef bytes take(self):
        """All that is buffered."""
        cdef bytes taken = self.piece if self.pieces is None else b"".join(self.pieces)
        self.taken += self.buffered
        self.buffered = 0
        self.piece = None
        self.pieces = None
        return taken

    cdef int hold_back(self) except -1:
        """Stop reading when too much waits for the caller."""
        if self.buffered > self.pool.client.high_water and not self.paused:
            self.paused = True
            self.connection.transport.pause_reading()
        return 0

    cdef int resume(self) except -1:
        if self.paused:
            self.paused = False
            self.moved = True       # the silence was ours
            if self.connection is not None and not self.connection.transport.is_closing():
                self.connection.transport.resume_reading()
        return 0

    cdef int finish(self) except -1:
        self.phase = DONE
        self.connection = None
        return 0

    cdef int fail(self, object error) except -1:
        """End with an error and give back what is held. What was buffered stays readable. No-op at the end."""
        cdef int phase = self.phase
        if phase == DONE:
            return 0
        self.phase = DONE
        self.error = error
        self.payload = None
        self.large_body = None
        self.let_go(phase)
        return self.wake()

    cdef object failure(self):
        """The error, handed over: kept, it would hold its reader's frames, and they this exchange."""
        cdef object error = self.error
        if error is not None:
            self.error = UpstreamClosed("the answer had failed already")
        return error

    cdef int let_go(self, int phase) except -1:
        cdef Connection connection = self.connection
        cdef object dialling = self.dialling
        self.connection = None
        self.dialling = None
        if connection is not None:
            connection.exchange = None
            connection.discard()
        elif phase == QUEUED:
            self.pool.client.pending.discard(self)
            self.pool.waiters.remove(self)
        elif phase == CONNECTING:
            self.pool.client.pending.discard(self)
            if dialling is not None:
                dialling.cancel()
            self.pool.freed()
        return 0

    cdef bint is_due(self, double now) except -1:
        """A tick's look. The clocks of a phase start here, at the first tick that sees it: late, never early."""
        if now >= self.total_at:
            return True
        if self.phase == SENDING:
            if self.connection.unsent() == 0:
                self.phase = WAITING
                self.due_at = now + self.first_byte_limit
            return False
        if self.phase == BODY:
            if self.moved:
                self.moved = False
                self.due_at = now + self.idle_limit
            return now >= self.due_at and not self.paused
        return now >= self.due_at

    cdef int expire(self, double now) except -1:
        if now >= self.total_at:
            sent = self.phase != QUEUED and self.phase != CONNECTING
            return self.fail(UpstreamTimeout("the provider took too long in total", phase="total", sent=sent))
        if self.phase == QUEUED:
            return self.fail(UpstreamPoolTimeout(f"every connection to {self.pool.origin.host} stayed busy"))
        if self.phase == CONNECTING:
            return self.fail(UpstreamTimeout("connecting to the provider took too long", phase="connect"))
        if self.phase == WAITING:
            return self.fail(UpstreamTimeout("the provider did not begin to answer", phase="first_byte"))
        return self.fail(UpstreamTimeout("the provider fell silent within its answer", phase="idle"))


cdef Response respond(Exchange exchange):
    cdef Response response = Response.__new__(Response)
    response.exchange = exchange
    return response


cdef class Response:
    """An answer whose head arrived. One task at a time reads it; dropping it unread closes its connection."""

    @property
    def status(self) -> int:
        return self.exchange.status

    @property
    def reason(self) -> bytes:
        return self.exchange.reason

    @property
    def headers(self) -> list:
        """(lower-case name, value) in the provider's order."""
        if self._headers is None:
            self._headers = field_list(self.exchange.fields)
        return self._headers

    def header(self, bytes name not None):
        """The first value of a lower-case name, or None."""
        return field_value(self.exchange.fields, name)

    async def chunk(self):
        """The bytes that are there, or the next ones; b"" at the end. Raises UpstreamError, after what had arrived."""
        cdef Exchange exchange = self.exchange
        cdef bytes taken
        while exchange.piece is None and exchange.phase != DONE:
            future = self.wait()
            try:
                await future
            except BaseException:
                self.abort()
                raise
        if exchange.piece is not None:
            taken = exchange.take()
            exchange.resume()
            return taken
        if exchange.error is not None:
            raise exchange.failure()
        return b""

    async def read(self):
        """The rest of the body. Raises UpstreamProtocolError when that is more than `max_body` bytes."""
        cdef Exchange exchange = self.exchange
        cdef Py_ssize_t limit = exchange.pool.client.max_body
        if exchange.phase != DONE:
            if exchange.length - exchange.taken > limit or exchange.buffered > limit:
                exchange.fail(too_large(limit))
                raise exchange.failure()
            exchange.resume()
            future = self.wait()
            exchange.collecting = True
            try:
                await future
            except BaseException:
                self.abort()
                raise
        if exchange.error is not None:
            raise exchange.failure()
        if exchange.buffered > limit:
            raise too_large(limit)
        return exchange.take() or b""

    def abort(self):
        """Close the connection at once, unless the answer is already whole."""
        cdef Exchange exchange = self.exchange
        if exchange.phase != DONE:
            exchange.take()
            exchange.fail(UpstreamClosed("the answer was abandoned"))

    cdef object wait(self):
        if self.exchange.waiter is not None or self.exchange.collecting:
            raise RuntimeError("another task is reading this response")
        self.exchange.waiter = self.exchange.pool.client.create_future()
        return self.exchange.waiter

    def __del__(self):
        cdef Client client
        if self.exchange is None or self.exchange.phase == DONE:
            return
        client = self.exchange.pool.client
        if client.loop.is_closed():
            return
        if client.thread == PyThread_get_thread_ident():
            self.abort()
        else:       # the cycle collector runs in whichever thread allocates
            client.loop.call_soon_threadsafe(self.abort)


cdef object too_large(Py_ssize_t limit):
    return UpstreamProtocolError(f"the provider's answer is larger than {limit} bytes")
