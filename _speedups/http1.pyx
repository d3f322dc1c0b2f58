"""The HTTP/1.1 client toward the providers: pooled connections, strict answers, bounded waits.

Layout: `Client` owns one `Pool` per `Origin`; a `Pool` owns `Connection`s (asyncio protocols) and the queue for them; an
`Exchange` is one request on its way; a `Response` is the caller's hold on an exchange whose head arrived.

All runs in the loop's thread. Time-outs cost a request two stored numbers: one tick every 50 ms looks at all exchanges.
They are late by up to two ticks, and never early.
"""

import asyncio
import collections
import ssl

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.pythread cimport PyThread_get_thread_ident
from libc.errno cimport EAGAIN, errno
from libc.stdio cimport snprintf
from libc.string cimport memchr, memcmp, memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from gateway._speedups.http1_parser cimport ResponseParser, field_list, field_value

from gateway.errors import (
    Unavailable,
    UpstreamClosed,
    UpstreamConnectError,
    UpstreamPoolTimeout,
    UpstreamProtocolError,
    UpstreamTimeout,
)

cdef extern from "<sys/socket.h>" nogil:
    enum: MSG_PEEK
    enum: MSG_DONTWAIT
    ssize_t recv(int fd, void *buffer, size_t size, int flags)
    int setsockopt(int fd, int level, int name, const void *value, unsigned int size)

cdef extern from "<netinet/in.h>" nogil:
    enum: IPPROTO_TCP

cdef extern from "<netinet/tcp.h>" nogil:
    enum: TCP_NODELAY

cdef double TICK = 0.05

PoolStats = collections.namedtuple("PoolStats", "open idle waiting")


cdef double clock() noexcept:
    """Seconds that only go up."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <double>now.tv_sec + <double>now.tv_nsec * 1e-9


include "http1_request.pxi"
include "http1_exchange.pxi"
include "http1_connection.pxi"
include "http1_pool.pxi"


cdef class Client:
    """Upstream connections of one event loop. Times in seconds, sizes in bytes.

    `max_connections` is per origin; a request waits `pool_wait` for one of them. `max_head` bounds an answer's head,
    `max_body` what `Response.read()` collects, `high_water` what may wait for a slow reader before reading stops.
    """

    def __init__(self, loop, *, int max_connections=1024, double keepalive=60.0, double pool_wait=5.0,
                 Py_ssize_t max_head=65536, Py_ssize_t max_body=64 << 20, Py_ssize_t high_water=262144):
        if max_connections < 1:
            raise ValueError("max_connections is at least 1")
        self.loop = loop
        self.max_connections = max_connections
        self.keepalive = keepalive
        self.pool_wait = pool_wait
        self.max_head = max_head
        self.max_body = max_body
        self.high_water = high_water
        self.pools = {}
        self.connections = set()
        self.pending = set()
        self.dials = set()
        self.create_future = loop.create_future

    @property
    def stats(self) -> dict:
        """{origin: PoolStats(open, idle, waiting)}; an origin without connections is left out."""
        cdef Pool pool
        return {
            pool.origin: PoolStats(pool.slots, len(pool.idle), len(pool.waiters)) for pool in self.pools.values()
        }

    async def request(self, Origin origin not None, bytes head not None, bytes body not None, *,
                      double connect, double first_byte, double idle, double total):
        """Send `head` (request line and fields, each with its CRLF) and `body`; the Response, once its head is there.

        Content-Length is added here. Raises UpstreamConnectError, UpstreamClosed, UpstreamProtocolError,
        UpstreamTimeout, UpstreamPoolTimeout, and ValueError for a head that could be read as two. What it is cancelled
        by is marked `unsent` where nothing has been sent.
        """
        cdef Exchange exchange = Exchange.__new__(Exchange)
        if self.closed:
            raise Unavailable("the upstream client is closed")
        compose(exchange, head, body)
        exchange.connect_limit = connect
        exchange.first_byte_limit = first_byte
        exchange.idle_limit = idle
        exchange.total_at = clock() + total
        exchange.waiter = self.create_future()
        self.pool_of(origin).place(exchange)
        if self.ticker is None:
            self.arm()
        try:
            await exchange.waiter
        except BaseException as error:
            exchange.waiter = None
            if exchange.phase == QUEUED or exchange.phase == CONNECTING:
                error.unsent = True
            exchange.fail(UpstreamClosed("the request was cancelled"))
            raise
        exchange.waiter = None
        if exchange.error is not None and exchange.status == 0:
            raise exchange.failure()
        return respond(exchange)

    async def close(self):
        """Close every connection; what is under way fails with UpstreamClosed."""
        cdef Exchange exchange
        cdef Connection connection
        self.closed = True
        for exchange in list(self.pending):
            exchange.fail(UpstreamClosed("the upstream client was closed"))
        for connection in list(self.connections):
            if connection.exchange is not None:
                connection.exchange.fail(UpstreamClosed("the upstream client was closed"))
            else:
                connection.lost(None)
        for timer in (self.ticker, self.sweeper):
            if timer is not None:
                timer.cancel()
        self.ticker = self.sweeper = None
        await asyncio.gather(*self.dials, return_exceptions=True)
        while self.connections:     # an aborted transport reports its end in one of the loop's next turns
            await asyncio.sleep(0)

    cdef Pool pool_of(self, Origin origin):
        cdef object found = self.pools.get(origin)
        cdef Pool pool
        if found is not None:
            return <Pool>found
        pool = Pool.__new__(Pool)
        pool.client = self
        pool.origin = origin
        pool.idle = []
        pool.waiters = collections.deque()
        self.pools[origin] = pool
        return pool

    cdef int arm(self) except -1:
        self.ticker = self.loop.call_later(TICK, self._tick)
        self.thread = PyThread_get_thread_ident()
        return 0

    def _tick(self):
        """Fail what is overdue; go on while anything could become so."""
        cdef Connection connection
        cdef Exchange exchange
        cdef double now = clock()
        cdef list overdue = []
        cdef bint armed = len(self.pending) > 0
        self.ticker = None
        for connection in self.connections:
            if connection.exchange is not None:
                armed = True
                if connection.exchange.is_due(now):
                    overdue.append(connection.exchange)
        for exchange in self.pending:
            if exchange.is_due(now):
                overdue.append(exchange)
        if armed:
            self.arm()
        for exchange in overdue:
            exchange.expire(now)

    cdef int arm_sweep(self, double delay) except -1:
        self.sweeper = self.loop.call_later(min(delay, 3600.0), self._sweep)
        return 0

    def _sweep(self):
        """Close connections that were idle for `keepalive`; go on while there are idle ones."""
        cdef Pool pool
        cdef double now = clock()
        cdef double oldest = now
        cdef bint any_idle = False
        self.sweeper = None
        for pool in list(self.pools.values()):
            oldest = min(oldest, pool.expire_idle(now))
            any_idle |= len(pool.idle) > 0
        if any_idle and not self.closed:
            self.arm_sweep(max(TICK, oldest + self.keepalive - now))
