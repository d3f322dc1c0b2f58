cimport cython

from gateway._speedups.http1_parser cimport ResponseParser


cdef class Origin:
    cdef readonly str host
    cdef readonly int port
    cdef readonly object ssl_context    # None for plain TCP
    cdef readonly str server_hostname


@cython.final
cdef class Exchange:
    """One request and its answer, from the wait for a connection to the answer's last byte."""

    cdef Pool pool
    cdef Connection connection
    cdef object dialling                # the task that connects, in CONNECTING
    cdef object waiter                  # what the caller's task awaits now
    cdef object error
    cdef bytes payload                  # head, and a small body
    cdef bytes large_body
    cdef int phase
    cdef bint head_request
    cdef bint moved                     # bytes arrived since the last tick
    cdef bint paused                    # by back-pressure
    cdef bint collecting                # read(): only the end is of interest
    cdef double total_at                # the times of a clock in seconds
    cdef double due_at
    cdef double connect_limit
    cdef double first_byte_limit
    cdef double idle_limit
    cdef int status
    cdef bytes reason
    cdef bytes fields
    cdef long long length
    cdef bytes piece                    # the body that waits for its reader: one piece, or more in `pieces`
    cdef list pieces
    cdef Py_ssize_t buffered

    cdef Py_ssize_t taken

    cdef int wake(self) except -1
    cdef int keep(self, bytes piece) except -1
    cdef bytes take(self)
    cdef int begin_answer(self, ResponseParser parser) except -1
    cdef int finish(self) except -1
    cdef int fail(self, object error) except -1
    cdef object failure(self)
    cdef int let_go(self, int phase) except -1
    cdef bint is_due(self, double now) except -1
    cdef int expire(self, double now) except -1
    cdef int hold_back(self) except -1
    cdef int resume(self) except -1


cdef class Response:
    cdef Exchange exchange
    cdef list _headers

    cdef object wait(self)


@cython.final
cdef class Connection:
    cdef Pool pool
    cdef Exchange exchange              # None while idle
    cdef ResponseParser parser
    cdef object transport
    cdef object write
    cdef object unsent                  # the transport's count of bytes not yet handed to the kernel
    cdef int fd
    cdef bint closed                    # never to be used again; its slot is given back
    cdef bint reused
    cdef bint heard                     # a byte of this exchange's answer arrived
    cdef double idle_since

    cdef int adopt(self, Exchange exchange) except -1
    cdef int send(self, Exchange exchange) except -1
    cdef bint usable(self, double now) noexcept
    cdef int received(self, Exchange exchange, bytes data) except -1
    cdef int answered(self, Exchange exchange) except -1
    cdef int discard(self) except -1
    cdef int lost(self, object exc) except -1
    cdef int resend(self, Exchange exchange) except -1


@cython.final
cdef class Pool:
    cdef Client client
    cdef Origin origin
    cdef list idle                      # of Connection, the latest used last
    cdef object waiters                 # deque of Exchange
    cdef int slots                      # connections, and those being made

    cdef int place(self, Exchange exchange) except -1
    cdef bint reuse(self, Exchange exchange) except -1
    cdef int offer(self, Connection connection) except -1
    cdef int dial(self, Exchange exchange) except -1
    cdef int freed(self) except -1
    cdef double expire_idle(self, double now) except -1


cdef class Client:
    cdef readonly object loop
    cdef readonly int max_connections
    cdef readonly double keepalive
    cdef readonly double pool_wait
    cdef readonly Py_ssize_t max_head
    cdef readonly Py_ssize_t max_body
    cdef readonly Py_ssize_t high_water
    cdef readonly bint closed
    cdef dict pools
    cdef set connections
    cdef set pending                    # exchanges without a connection
    cdef set dials                      # tasks that connect
    cdef object create_future
    cdef object ticker
    cdef object sweeper
    cdef unsigned long thread

    cdef Pool pool_of(self, Origin origin)
    cdef int arm(self) except -1
    cdef int arm_sweep(self, double delay) except -1
