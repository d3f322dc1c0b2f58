cpdef bint refuses(bytes body)
