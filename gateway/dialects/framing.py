"""JSON inside the events of a stream of server-sent events."""


def one_line(data: bytes) -> bytes:
    """JSON as an event's `data` can carry it. A provider may lay its JSON out in lines, and what is carried as it came
    (a citation, a tool's schema) would end the event; in JSON a line end only ever stands between tokens."""
    return data.translate(_ONE_LINE) if b"\n" in data or b"\r" in data else data


_ONE_LINE = bytes.maketrans(b"\n\r", b"  ")
