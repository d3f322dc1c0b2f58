"""The tiny application that `bench.interfaces` serves: reads a body, answers 1 KB, or streams 200 events."""

from typing import Any

from bench.mock.ask import READ_ASK
from bench.mock.behaviour import Behaviour
from bench.mock.openai import chat, chat_events

_ASK = READ_ASK.decode(b'{"model":"gpt-4o-mini"}')
_BODY = chat(_ASK, Behaviour())
_EVENTS = chat_events(_ASK, Behaviour())
_STREAM_MARK = b'"stream":true'
_PLAIN_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
_STREAM_HEADERS = [(b"content-type", b"text/event-stream")]
_TEXT_PLAIN = [(name.decode(), value.decode()) for name, value in _PLAIN_HEADERS]
_TEXT_STREAM = [(name.decode(), value.decode()) for name, value in _STREAM_HEADERS]


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI form."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if _STREAM_MARK not in body:
        await send({"type": "http.response.start", "status": 200, "headers": _PLAIN_HEADERS})
        await send({"type": "http.response.body", "body": _BODY})
        return
    await send({"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS})
    for event in _EVENTS:
        await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def rsgi(_: Any, protocol: Any) -> None:
    """The RSGI form."""
    body = await protocol()
    if _STREAM_MARK not in body:
        protocol.response_bytes(200, _TEXT_PLAIN, _BODY)
        return
    transport = protocol.response_stream(200, _TEXT_STREAM)
    for event in _EVENTS:
        await transport.send_bytes(event)
