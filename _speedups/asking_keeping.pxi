# What may be kept of an answer.
#
# A part of asking.pyx.

COMPLETE = frozenset((
    "stop", "tool_calls", "function_call", "eos", "eos_token",              # OpenAI Chat, and servers that are like it
    "end_turn", "stop_sequence", "tool_use",                                # Anthropic, Bedrock
    "STOP", "COMPLETE", "STOP_SEQUENCE", "TOOL_CALL", "completed",          # Gemini, Cohere, OpenAI's Responses API
))
"""The dialects' words for an answer that ended by itself. Any other was cut, filtered, refused or paused."""

cdef frozenset ENDED = COMPLETE
cdef object ENDS = re.compile(rb'"(?:finish_reason|stop_reason|finishReason|stopReason)"\s*:\s*"([^"\\]{1,64})"')


cpdef bint may_keep(record, bytes body, Py_ssize_t most, choices=1) except -1:
    """Whether `body`, all that a caller was told of an answer that came to its right end, is a whole one of at most so
    many bytes, and nothing but one."""
    if _read(record, &SKIPPED) or _read(record, &FINISH) not in ENDED:
        return False
    if not 0 < PyBytes_GET_SIZE(body) <= most:
        return False
    usage = _read(record, &USAGE)
    if usage is not None and not usage.output:
        return False
    if refuses(body):
        return False
    return choices <= 1 or all([word.decode("latin-1") in ENDED for word in ENDS.findall(body)])
