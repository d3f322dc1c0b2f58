"""A naive parser of a whole event stream, line by line, after the WHATWG HTML standard, to compare `sse` with."""

import re

LINE_END = re.compile(rb"\r\n|\n|\r")


def parse(stream: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """The (name, data) of every whole event, and the lines after the last empty line with what follows them."""
    stream = stream.removeprefix(b"\xef\xbb\xbf")
    events: list[tuple[str, bytes]] = []
    name, data = "", list[bytes]()
    at = rest = 0
    for end in LINE_END.finditer(stream):
        line, at = stream[at : end.start()], end.end()
        if not line:
            if data:
                events.append((name, b"\n".join(data)))
            name, data, rest = "", [], at
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return events, stream[rest:]
