# One connection: an asyncio protocol that carries one exchange at a time.

@cython.final
cdef class Connection:
    """Not part of its pool (`closed`) until a dial adopts it, and never again after `discard`."""

    def __cinit__(self, Pool pool):
        self.pool = pool
        self.parser = ResponseParser(pool.client.max_head)
        self.closed = True
        self.fd = -1

    # --- what the loop calls -----------------------------------------------------------------------------------------

    def connection_made(self, transport):
        cdef int on = 1
        self.transport = transport
        self.write = transport.write
        self.unsent = transport.get_write_buffer_size
        self.fd = transport.get_extra_info("socket").fileno()
        setsockopt(self.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on))

    def data_received(self, bytes data):
        cdef Exchange exchange = self.exchange
        self.heard = True
        if exchange is not None:
            self.received(exchange, data)
        else:       # an answer that nobody asked for
            self.lost(None)

    def eof_received(self):
        self.lost(None)

    def connection_lost(self, exc):
        self.pool.client.connections.discard(self)
        self.lost(exc)
        self.transport = self.write = self.unsent = None

    def pause_writing(self):
        """A request is in memory as a whole: there is no writer to hold back."""

    def resume_writing(self):
        """See pause_writing."""

    # --- an exchange -------------------------------------------------------------------------------------------------

    cdef int adopt(self, Exchange exchange) except -1:
        """Carry a first exchange. A provider that spoke, or left, before it was asked is no provider."""
        self.closed = False
        self.exchange = exchange
        exchange.connection = self
        if self.transport is not None:
            self.pool.client.connections.add(self)
        if self.heard or self.transport is None:
            return exchange.fail(UpstreamClosed("the provider spoke or closed before it was asked"))
        return self.send(exchange)

    cdef bint usable(self, double now) noexcept:
        """Whether an idle connection is still silent and open, as far as the kernel knows.

        This look costs half a microsecond, and keeps bytes that arrived since the loop's last turn (a second answer, an
        end) from being taken for the answer to the next request.
        """
        cdef char byte
        if now - self.idle_since >= self.pool.client.keepalive:
            return False
        return recv(self.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 and errno == EAGAIN

    cdef int send(self, Exchange exchange) except -1:
        self.exchange = exchange
        self.heard = False
        exchange.connection = self
        exchange.phase = SENDING
        self.parser.start(exchange.head_request)
        try:
            if exchange.large_body is None:
                self.write(exchange.payload)
            else:
                self.transport.writelines((exchange.payload, exchange.large_body))
        except Exception as error:      # a transport that was closed beneath us refuses to write
            self.lost(error)
        return 0

    cdef int received(self, Exchange exchange, bytes data) except -1:
        cdef ResponseParser parser = self.parser
        cdef bytes piece
        cdef bint news
        try:
            parser.push(data)
        except UpstreamProtocolError as error:
            return exchange.fail(error)
        exchange.moved = True
        if not parser.head_complete:
            return 0
        news = exchange.phase != BODY
        if news:
            exchange.begin_answer(parser)
        piece = parser.piece
        if piece is not None:
            parser.piece = None
            exchange.keep(piece)
            news = True
        if parser.complete:
            self.answered(exchange)
            return exchange.wake()
        if exchange.collecting:
            if exchange.buffered > self.pool.client.max_body:
                exchange.fail(too_large(self.pool.client.max_body))
            return 0
        exchange.hold_back()
        return exchange.wake() if news else 0

    cdef int answered(self, Exchange exchange) except -1:
        """The last byte of an answer: the next exchange may have the connection, whoever still reads the buffer."""
        cdef ResponseParser parser = self.parser
        self.exchange = None
        exchange.finish()
        if parser.keep_alive and parser.surplus == 0 and self.unsent() == 0 and not self.pool.client.closed:
            self.reused = True
            self.idle_since = clock()
            return self.pool.offer(self)
        return self.discard()

    # --- the end -----------------------------------------------------------------------------------------------------

    cdef int discard(self) except -1:
        """Close at once and give the slot back."""
        if self.closed:
            return 0
        self.closed = True
        if self.transport is not None:
            self.transport.abort()
        return self.pool.freed()

    cdef int lost(self, object exc) except -1:
        """The connection ended, or must: settle its exchange."""
        cdef Exchange exchange = self.exchange
        if self.closed:
            if self.transport is not None:
                self.transport.abort()
            return 0
        if exchange is None:
            self.pool.idle.remove(self)
            return self.discard()
        if exc is None and self.parser.end():
            self.answered(exchange)
            return exchange.wake()
        if self.heard or not self.reused:
            return exchange.fail(UpstreamClosed("the provider closed the connection before its answer was complete"))
        return self.resend(exchange)

    cdef int resend(self, Exchange exchange) except -1:
        """A kept connection died before a byte of the answer: once more, on a fresh one, which cannot come here again."""
        exchange.connection = None
        self.exchange = None
        self.closed = True
        self.pool.slots -= 1
        self.transport.abort()
        return self.pool.dial(exchange)
