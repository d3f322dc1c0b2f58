# Fields of structs, read where they lie: to ask for an attribute by its name takes some ten times as long.
#
# A struct's fields are slots, which lie at a place that their type tells. Of anything else, and of a field that is not
# set, the name is asked for. Included by who reads many of them for each request.

cdef extern from * nogil:
    """
    #include <structmember.h>
    static Py_ssize_t fields_place(PyObject *descriptor) {
        if (Py_TYPE(descriptor) != &PyMemberDescr_Type) return 0;
        PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
        return member->type == T_OBJECT_EX ? member->offset : 0;
    }
    """
    Py_ssize_t fields_place(PyObject *descriptor)


cdef struct Field:
    PyTypeObject *kind
    Py_ssize_t place  # in bytes from its beginning, 0 where it is no slot
    PyObject *name


cdef list _kept_fields = []


cdef Field _field(kind, str name) except *:
    cdef Field found
    descriptor = kind.__dict__.get(name)
    _kept_fields.append((kind, name))  # for ever: the field refers to them
    found.kind, found.name = <PyTypeObject *>kind, <PyObject *>name
    found.place = 0 if descriptor is None else fields_place(<PyObject *>descriptor)
    return found


cdef inline object _read(object one, Field *field):
    cdef PyObject *found
    if Py_TYPE(one) == field.kind and field.place:
        found = (<PyObject **>(<char *><void *>one + field.place))[0]
        if found != NULL:
            return <object>found
    return getattr(one, <str>field.name)


cdef inline _note(object one, Field *field, object value):
    """Sets it to something of which no collector needs to know."""
    cdef PyObject **place
    cdef PyObject *before
    if Py_TYPE(one) == field.kind and field.place:
        place = <PyObject **>(<char *><void *>one + field.place)
        before = place[0]
        Py_INCREF(value)
        place[0] = <PyObject *>value
        Py_XDECREF(before)
    else:
        setattr(one, <str>field.name, value)
