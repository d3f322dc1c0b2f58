# A request, and the waiting for its answer.
#
# A part of asking.pyx.

cdef extern from "Python.h":
    ctypedef enum PySendResult:
        PYGEN_RETURN
        PYGEN_ERROR
        PYGEN_NEXT
    ctypedef PySendResult (*sendfunc)(PyObject *, PyObject *, PyObject **) except PYGEN_ERROR
    ctypedef struct PyAsyncMethods:
        sendfunc am_send
    ctypedef struct AwaitableType "PyTypeObject":
        PyAsyncMethods *tp_as_async
    PySendResult PyIter_Send(PyObject *, PyObject *, PyObject **) except PYGEN_ERROR
    bint PyCoro_CheckExact(object)


@cython.freelist(128)
cdef class Asked:
    """One request, where it may go, and what is looked for: under `key`, by `terms`. A `plain` request says nothing but
    texts and a few numbers. Whoever asks the provider leads those who join meanwhile: what they hear is `shared`; to be
    awaited is then the answer, and the way back for it."""

    cdef readonly object inbound
    cdef readonly object endpoint
    cdef readonly object call
    cdef readonly object plan
    cdef readonly object record
    cdef readonly Terms terms
    cdef readonly bytes key
    cdef readonly bint plain
    cdef readonly int64_t began
    cdef public object shared
    cdef Journey journey
    cdef object asking          # the dispatcher, as an iterator of what it waits for
    cdef object back
    cdef bint told              # it stands for an answer that is there, and not yet written
    cdef bint listed            # in `flying`
    cdef bint passed            # somebody asked anew meanwhile

    def __init__(self, inbound, endpoint, call, plan, record):
        self.inbound, self.endpoint, self.call, self.plan, self.record = inbound, endpoint, call, plan, record

    def look_for(self, Terms terms not None, bytes key, bint plain=False):
        """Says what is looked for."""
        self.terms, self.key, self.plain = terms, key, plain

    @property
    def place(self):
        """Under which the answer is remembered; None for one that may repeat what its request says."""
        return self.remembered_at()

    cdef tuple remembered_at(self):
        if not self.plain or self.terms.paced:
            return None
        call, stream = self.call, _read(self.call, &CALL_STREAM)
        counted = stream and _read(call, &CALL_FACTS).include_usage
        return self.key, _read(call, &CALL_ENDPOINT), _read(call, &CALL_MODEL), stream, counted

    def keep(self, bytes body not None):
        """Keeps the answer, all of which this request was told."""
        self.journey.keep(self, body)

    cpdef done(self):
        """From now on nobody joins."""
        if self.listed:
            self.listed = False
            self.journey.flying.pop(self.key, None)

    cpdef failed(self, error):
        """Nobody gets an answer."""
        self.done()
        if self.shared is not None:
            self.shared.failed(error)

    cdef asks(self, reply):
        self.asking = reply if PyCoro_CheckExact(reply) else reply.__await__()

    cdef answered(self, reply):
        self.asking = None
        return self.journey.answered(self, reply)

    # What a coroutine does that awaits the dispatcher, without a frame of its own between any two steps.

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        """Goes on until the dispatcher waits again. Raises StopIteration with the answer, and what the dispatcher
        raises."""
        cdef PyObject *result = NULL
        cdef PySendResult step = _sent(<PyObject *>self, <PyObject *>value, &result)
        found = <object>result
        Py_DECREF(found)
        if step == PYGEN_NEXT:
            return found
        raise StopIteration(found)

    def throw(self, *raised):
        """As `send`, with an exception for the dispatcher, such as a caller's going away."""
        try:
            try:
                return self.asking.throw(*raised)
            except StopIteration as end:
                found = self.answered(end.value)
        except BaseException as error:
            self.failed(error)
            raise
        raise StopIteration(found)

    def close(self):
        """Nobody waits any more."""
        try:
            self.asking.close()
        finally:
            self.failed(GeneratorExit())


cdef PySendResult _sent(PyObject *waiting, PyObject *value, PyObject **result) except PYGEN_ERROR:
    """`send` as the interpreter calls it: the answer comes back without an exception."""
    cdef Asked asked = <Asked>waiting
    result[0] = NULL
    try:
        if PyIter_Send(<PyObject *>asked.asking, value, result) == PYGEN_NEXT:
            return PYGEN_NEXT
        reply = <object>result[0]
        Py_DECREF(reply)
        result[0] = NULL
        found = asked.answered(reply)
    except BaseException as error:
        asked.failed(error)
        raise
    Py_INCREF(found)
    result[0] = <PyObject *>found
    return PYGEN_RETURN


# Cython fills in the slots for `__await__` and `__next__`; for this one it has no name.
(<AwaitableType *>Asked).tp_as_async.am_send = _sent
