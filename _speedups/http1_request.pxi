# What goes out: where to (Origin), and the bytes of one request.

cdef enum:
    JOIN_LIMIT = 32768      # a body up to this size is copied behind its head: one buffer, one write


cdef class Origin:
    """Where a base URL points. Make one per base URL and keep it: a pool belongs to the object, not to its values.

    A given `ssl_context` decides about verification; it is told to offer "http/1.1" alone.
    """

    def __init__(self, str host not None, int port, *, bint tls=False, ssl_context=None, server_hostname=None):
        self.host = host
        self.port = port
        if not tls:
            return
        self.ssl_context = default_context() if ssl_context is None else ssl_context
        self.ssl_context.set_alpn_protocols(["http/1.1"])
        self.server_hostname = server_hostname or host

    @property
    def tls(self) -> bool:
        return self.ssl_context is not None

    def __repr__(self):
        return f"Origin({'https' if self.tls else 'http'}://{self.host}:{self.port})"


cdef object shared_context = None


cdef object default_context():
    """The system's trust store. Reading it takes milliseconds, so it is done once."""
    global shared_context
    if shared_context is None:
        shared_context = ssl.create_default_context()
    return shared_context


cdef int compose(Exchange exchange, bytes head, bytes body) except -1:
    """Lay out the bytes to send."""
    cdef const char *p = PyBytes_AS_STRING(head)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(body), head_size = PyBytes_GET_SIZE(head)
    cdef char length[48]
    cdef int length_size
    cdef char *out
    check_head(p, head_size)
    exchange.head_request = memcmp(p, b"HEAD ", 5) == 0
    if size or memcmp(p, b"POST ", 5) == 0 or memcmp(p, b"PUT ", 4) == 0 or memcmp(p, b"PATCH ", 6) == 0:
        length_size = snprintf(length, sizeof(length), b"content-length: %zd\r\n\r\n", size)
    else:
        length_size = snprintf(length, sizeof(length), b"\r\n")
    if size > JOIN_LIMIT:
        exchange.large_body = body
        size = 0
    exchange.payload = PyBytes_FromStringAndSize(NULL, head_size + length_size + size)
    out = PyBytes_AS_STRING(exchange.payload)
    memcpy(out, p, head_size)
    memcpy(out + head_size, length, length_size)
    memcpy(out + head_size + length_size, PyBytes_AS_STRING(body), size)
    return 0


cdef int check_head(const char *p, Py_ssize_t n) except -1:
    """The last line of defence against injected fields: CRLF behind every line, no empty line, no bare CR or LF."""
    cdef Py_ssize_t start = 0, size
    cdef const char *lf
    if n < 16 or memcmp(p, b"CONNECT ", 8) == 0:        # the shortest is "GET / HTTP/1.1" CRLF
        raise ValueError("not a request head")
    while start < n:
        lf = <const char *>memchr(p + start, c"\n", n - start)
        if lf == NULL:
            raise ValueError("a request head ends in CRLF")
        size = lf - (p + start)
        if size < 2 or <const char *>memchr(p + start, c"\r", size) != lf - 1:
            raise ValueError("a request head has an empty line, a bare CR or a bare LF")
        start += size + 1
    return 0
