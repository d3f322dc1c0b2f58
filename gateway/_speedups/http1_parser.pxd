cimport cython


@cython.final
cdef class ResponseParser:
    cdef readonly int status
    cdef readonly bytes reason
    cdef readonly bint head_complete    # of the answer itself, not of a 1xx before it
    cdef readonly bint complete
    cdef readonly bint keep_alive
    cdef readonly Py_ssize_t surplus    # bytes that followed the answer
    cdef readonly long long length      # Content-Length, -1 without one
    cdef bytes fields                   # the checked header lines, as they came
    cdef bytes piece                    # body bytes of the last push, or None

    cdef int state
    cdef bint head_request
    cdef int version                    # the 1 of HTTP/1.1
    cdef int interims
    cdef int field_count
    cdef bint chunked
    cdef bint saw_close
    cdef bint saw_keep_alive
    cdef Py_ssize_t max_head
    cdef bytes held                     # an unfinished head, or trailer line
    cdef Py_ssize_t fields_start        # offsets in an unfinished head
    cdef Py_ssize_t line_start
    cdef Py_ssize_t scan
    cdef unsigned long long remaining   # of the body or the chunk
    cdef int digits                     # of a chunk size
    cdef Py_ssize_t excess
    cdef Py_ssize_t trailer_bytes

    cdef void start(self, bint head_request) noexcept
    cdef int push(self, bytes data) except -1
    cdef bint end(self) except -1

    cdef void _expect_head(self) noexcept
    cdef int _refuse(self, str why) except -1
    cdef Py_ssize_t _head(self, bytes data) except -2
    cdef int _hold_head(self, bytes data, const unsigned char *p, Py_ssize_t n) except -1
    cdef int _status_line(self, const unsigned char *p, Py_ssize_t n) except -1
    cdef int _field(self, const unsigned char *p, Py_ssize_t n, bint trailer) except -1
    cdef int _framing_field(self, const unsigned char *name, Py_ssize_t size,
                            const unsigned char *value, Py_ssize_t n, bint trailer) except -1
    cdef bint _head_end(self) except -1
    cdef int _frame_body(self) except -1
    cdef int _body(self, bytes data, Py_ssize_t pos) except -1
    cdef Py_ssize_t _counted(self, bytes data, Py_ssize_t pos) except -1
    cdef void _chunk_begin(self) noexcept
    cdef Py_ssize_t _chunks(self, bytes data, Py_ssize_t pos) except -1
    cdef int _chunk_mark(self, unsigned char c) except -1
    cdef int _size_mark(self, unsigned char c) except -1
    cdef int _extension_mark(self, unsigned char c) except -1
    cdef void _chunk_size_end(self) noexcept
    cdef Py_ssize_t _trailers(self, bytes data, Py_ssize_t pos) except -1
    cdef Py_ssize_t _hold_trailer(self, bytes data, Py_ssize_t pos) except -1


cdef bytes field_value(bytes fields, bytes name)
cdef list field_list(bytes fields)
