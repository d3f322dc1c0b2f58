"""What independent parsers (h11, httptools) make of an HTTP/1.1 response: oracles of the upstream client."""

from dataclasses import dataclass, field

import h11
import httptools


@dataclass
class Answer:
    """A response as read. `surplus` is the count of bytes behind it."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    surplus: int = 0


def read_with_h11(raw: bytes, method: str = "GET") -> Answer | None:
    """The final answer in `raw`, after which the connection closes; None when h11 refuses it or it is cut."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "h")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(raw)
    answer = Answer()
    try:
        return _h11_events(connection, answer)
    except h11.RemoteProtocolError:
        return None


def _h11_events(connection: h11.Connection, answer: Answer) -> Answer | None:
    closed = False
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA and not closed:
            closed = True
            connection.receive_data(b"")
        elif isinstance(event, h11.Response):
            answer.status = event.status_code
            answer.headers = [(bytes(name), bytes(value)) for name, value in event.headers]
        elif isinstance(event, h11.Data):
            answer.body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            answer.surplus = len(connection.trailing_data[0])
            return answer
        elif not isinstance(event, h11.InformationalResponse):
            return None


class _Collector:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.head_complete = False

    def on_message_begin(self) -> None:
        self.head_complete = False
        self.answers.append(Answer())

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.head_complete:  # a trailer otherwise
            self.answers[-1].headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.head_complete = True

    def on_body(self, data: bytes) -> None:
        self.answers[-1].body += data


def read_with_httptools(raw: bytes) -> Answer:
    """The last answer in `raw` (valid responses only; those before it are 1xx)."""
    collector = _Collector()
    parser = httptools.HttpResponseParser(collector)
    parser.feed_data(raw)
    answer = collector.answers[-1]
    answer.status = parser.get_status_code()
    return answer
