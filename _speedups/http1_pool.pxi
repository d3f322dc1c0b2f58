# The connections to one origin: bounded, kept alive, latest used first; and a fair queue for them.

@cython.final
cdef class Pool:
    """A slot belongs to an exchange in CONNECTING, then to its Connection until that is discarded."""

    cdef int place(self, Exchange exchange) except -1:
        """Find a connection: an idle one, a fresh one, or a place in the queue."""
        exchange.pool = self
        if self.idle and self.reuse(exchange):      # none idles, and no slot is free, while others wait
            return 0
        if self.slots < self.client.max_connections:
            return self.dial(exchange)
        exchange.phase = QUEUED
        exchange.due_at = clock() + self.client.pool_wait
        self.client.pending.add(exchange)
        self.waiters.append(exchange)
        return 0

    cdef bint reuse(self, Exchange exchange) except -1:
        cdef double now = clock()
        cdef Connection connection
        while self.idle:
            connection = <Connection>self.idle.pop()
            if connection.usable(now):
                connection.send(exchange)
                return True
            connection.discard()
        return False

    cdef int offer(self, Connection connection) except -1:
        """A connection came free: it goes to the longest waiter, or rests."""
        cdef Exchange exchange
        if not self.waiters:
            self.idle.append(connection)
            if self.client.sweeper is None:
                self.client.arm_sweep(self.client.keepalive)
            return 0
        if not connection.usable(connection.idle_since):
            return connection.discard()     # its slot serves the waiter
        exchange = <Exchange>self.waiters.popleft()
        self.client.pending.discard(exchange)
        return connection.send(exchange)

    cdef int freed(self) except -1:
        """A slot came free."""
        self.slots -= 1
        if self.waiters and not self.client.closed:
            self.dial(<Exchange>self.waiters.popleft())
        elif self.slots == 0:
            self.client.pools.pop(self.origin, None)
        return 0

    cdef int dial(self, Exchange exchange) except -1:
        """Take a slot and connect."""
        cdef object task
        self.slots += 1
        self.client.pools[self.origin] = self
        exchange.phase = CONNECTING
        exchange.due_at = clock() + exchange.connect_limit
        self.client.pending.add(exchange)
        task = exchange.dialling = self.client.loop.create_task(self._connect(exchange))
        self.client.dials.add(task)
        task.add_done_callback(self.client.dials.discard)
        return 0

    async def _connect(self, Exchange exchange):
        cdef Connection connection = Connection(self)
        cdef Origin origin = self.origin
        try:
            await self.client.loop.create_connection(
                lambda: connection, origin.host, origin.port,
                ssl=origin.ssl_context, server_hostname=origin.server_hostname,
            )
        except BaseException as error:
            connection.lost(error)
            exchange.dialling = None
            exchange.fail(connect_error(origin, error))
            if not isinstance(error, Exception):
                raise
            return
        if exchange.phase != CONNECTING:    # given up in this very turn
            connection.lost(None)
            return
        exchange.dialling = None
        self.client.pending.discard(exchange)
        connection.adopt(exchange)

    cdef double expire_idle(self, double now) except -1:
        """Close what rested too long; since when the longest of the others rests."""
        cdef double limit = now - self.client.keepalive
        while self.idle and (<Connection>self.idle[0]).idle_since <= limit:
            (<Connection>self.idle.pop(0)).discard()
        return (<Connection>self.idle[0]).idle_since if self.idle else now


cdef object connect_error(Origin origin, object cause):
    error = UpstreamConnectError(f"no connection to {origin.host}:{origin.port}: {cause}")
    error.__cause__ = cause
    return error
