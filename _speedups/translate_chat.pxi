# The messages of a chat that translate.pyx includes: those that most requests are made of, from the wire structs of
# OpenAI Chat Completions into the neutral form, and from there into the wire structs of Anthropic Messages.
#
# As with shapes, what is not plain is None, and the codec's own to read and write. Structs are frozen or new, so nothing
# here can change under another's hand.

from cpython.unicode cimport PyUnicode_GET_LENGTH

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)

from gateway.schemas.chat import Message, Text, ToolCall, ToolResult
from gateway.schemas.wire.anthropic import TextBlock, ToolResultBlock, ToolUseBlock

cdef object NO_TEXT = ""


cdef inline str quoted_text(bytes raw):
    """The text in a JSON string; None for any other JSON. The Raw of a decoded struct is valid JSON without space around
    it, so the string ends where the bytes do."""
    cdef const unsigned char *b = <const unsigned char *> PyBytes_AS_STRING(raw)
    cdef Py_ssize_t n = PyBytes_GET_SIZE(raw)
    cdef bint escaped = False
    cdef Fault fault = FINE
    if n < 2 or b[0] != c'"' or string_end(b, 1, n, &escaped, &fault) != n or fault:
        return None
    return text_of(b, 1, n - 1) if escaped else PyUnicode_DecodeUTF8(<char *> b + 1, n - 2, NULL)


cdef object plain_call(object call):
    """A function call with an id and arguments in a string."""
    cdef object function = call.function, identity = call.id
    cdef str arguments
    if function is None or not identity or call.custom is not None or call.extra_content is not None:
        return None
    arguments = quoted_text(bytes(function.arguments))
    return None if arguments is None else ToolCall(identity, function.name or NO_TEXT, arguments)


cdef tuple plain_answer(object message, object content):
    """What an assistant said in text and function calls."""
    cdef list parts = []
    cdef object calls = message.tool_calls, call, read
    if (
        message.refusal is not None
        or message.reasoning_content is not None
        or message.reasoning is not None
        or message.reasoning_details is not None
        or message.thinking_blocks is not None
        or message.audio is not None
        or message.function_call is not None
    ):
        return None
    if content:
        parts.append(Text(content))
    if calls is not None:
        for call in <list> calls:
            read = plain_call(call)
            if read is None:
                return None
            parts.append(read)
    return tuple(parts)


def plain_message(message):
    """The neutral message of a wire message (`gateway.schemas.wire.openai_chat.Message`) of text, function calls or a
    tool's result in text, without cache marks; None for any other."""
    cdef object content = message.content, role = message.role, name = message.name
    cdef tuple parts
    if message.cache_control is not None or (content is not None and type(content) is not str):
        return None
    if name is None:
        name = NO_TEXT
    if role == "assistant":
        parts = plain_answer(message, content)
        return None if parts is None else Message(role, parts, name)
    if content is None:
        return None
    if role == "tool":
        if not message.tool_call_id:
            return None
        return Message("tool", (ToolResult(message.tool_call_id, (Text(content),), bool(message.is_error), name),))
    return None if role == "function" else Message(role, (Text(content),), name)


# --- to Anthropic ----------------------------------------------------------------------------------------------------


cdef bint plain_id(str identity) except -1:
    """Of letters, digits, _ and -, and not empty."""
    cdef Py_ssize_t n, i
    cdef const unsigned char *b
    if not PyUnicode_IS_ASCII(identity):
        return False
    b = <const unsigned char *> PyUnicode_AsUTF8AndSize(identity, &n)
    for i in range(n):
        if not (is_digit(b[i]) or c'a' <= (b[i] | 0x20) <= c'z' or b[i] == c'_' or b[i] == c'-'):
            return False
    return n > 0


cdef bytes object_bytes(str text):
    """Text that is one strict JSON object, from its first byte to its last; None for any other, and where halves of
    characters are escaped: whether they belong together is not looked at here."""
    cdef Py_ssize_t n
    cdef const unsigned char *b
    if not text or text[0] != u"{" or text[PyUnicode_GET_LENGTH(text) - 1] != u"}":
        return None
    if u"\\ud" in text or u"\\uD" in text:
        return None
    try:
        b = <const unsigned char *> PyUnicode_AsUTF8AndSize(text, &n)   # the text keeps these bytes
    except UnicodeEncodeError:
        return None
    return b[:n] if value_end(b, 0, n, SKIPPED) == n else None


cdef inline bint says(str text):
    """Whether it has a visible character; a common first one needs no search."""
    return PyUnicode_GET_LENGTH(text) > 0 and (33 <= <Py_UCS4> text[0] <= 126 or not text.isspace())


cdef inline bint bare(object text):
    """A text without a cache mark or citations."""
    return type(text) is Text and text.cache is None and not text.citations


cdef object plain_block(object part):
    cdef object kind = type(part), parts, first
    cdef bytes arguments
    if kind is Text:
        if not bare(part) or not says(part.text):
            return None
        return TextBlock(text=part.text)
    if kind is ToolCall:
        if part.kind != "function" or part.cache is not None or part.origin or part.signature or part.rest:
            return None
        arguments = object_bytes(part.arguments)
        if arguments is None or not plain_id(part.id):
            return None
        return ToolUseBlock(id=part.id, name=part.name, input=Raw(arguments))
    if kind is ToolResult:
        parts = part.parts
        if len(<tuple> parts) != 1 or part.cache is not None or part.is_error or part.rest:
            return None
        first = (<tuple> parts)[0]
        if not bare(first) or not says(first.text) or not plain_id(part.call_id):
            return None
        return ToolResultBlock(tool_use_id=part.call_id, content=first.text)
    return None


def plain_blocks(tuple parts not None):
    """The wire blocks (`gateway.schemas.wire.anthropic`) of neutral parts that are text, function calls and results in
    text, which Anthropic takes as they are; None where one of them is not."""
    cdef list blocks = []
    cdef object part, block
    for part in parts:
        block = plain_block(part)
        if block is None:
            return None
        blocks.append(block)
    return blocks
