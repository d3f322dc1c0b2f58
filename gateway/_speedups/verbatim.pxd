cpdef tuple around_id(bytes body, object tokens, bint claude, bint stream, bint counted)
