"""A realtime provider on loopback: what a session's model is called says how it behaves; every handshake is kept."""

import asyncio
import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from ssl import SSLContext
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

RESPONSE_DONE = {
    "event_id": "event_1",
    "type": "response.done",
    "response": {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "completed",
        "status_details": None,
        "output": [],
        "usage": {
            "total_tokens": 150,
            "input_tokens": 100,
            "output_tokens": 50,
            "input_token_details": {"text_tokens": 30, "audio_tokens": 70, "cached_tokens": 20},
            "output_token_details": {"text_tokens": 10, "audio_tokens": 40},
        },
    },
}
TRANSCRIBED = {
    "event_id": "event_2",
    "type": "conversation.item.input_audio_transcription.completed",
    "item_id": "item_1",
    "content_index": 0,
    "transcript": "hello",
    "usage": {"type": "tokens", "total_tokens": 12, "input_tokens": 9, "output_tokens": 3},
}
SESSION = {"event_id": "event_0", "type": "session.created", "session": {"type": "realtime", "model": "m"}}


class RealtimeProvider:
    """A WebSocket server in a thread of its own. `closes` are the codes of sessions that ended, in order."""

    def __init__(self, context: SSLContext | None = None) -> None:
        self._context = context
        self.handshakes: list[Request] = []
        self.closes: list[int | None] = []
        self._open = 0
        self._started = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._main(),), daemon=True)

    def start(self) -> "RealtimeProvider":
        self._thread.start()
        assert self._started.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def reset(self) -> None:
        """Forgets what was, once all of it is over: a late end would count as the next one's."""
        self.wait(lambda: self._open == 0)
        self.handshakes.clear()
        self.closes.clear()

    def query(self, index: int = -1) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.handshakes[index].path).query, keep_blank_values=True)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = monotonic() + 10
        while not condition():
            assert monotonic() < deadline, "it did not come to pass"
            sleep(0.01)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        server: Server
        async with serve(
            self._session,
            "127.0.0.1",
            0,
            process_request=self._handshake,
            max_size=None,
            close_timeout=1,
            ssl=self._context,
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._started.set()
            await self._over.wait()

    def _handshake(self, _: ServerConnection, request: Request) -> Response | None:
        self.handshakes.append(request)
        model = _model(request)
        if not model.startswith("status-"):
            return None
        status = int(model.removeprefix("status-"))
        body = json.dumps({"error": {"message": f"no: {status}", "type": "t", "code": "c"}}).encode()
        headers = Headers([("content-type", "application/json"), ("content-length", str(len(body)))])
        return Response(status, HTTPStatus(status).phrase, headers, body)

    async def _session(self, session: ServerConnection) -> None:
        assert session.request is not None
        self._open += 1
        behaviour = getattr(self, "_" + _model(session.request).replace("-", "_"), self._echo)
        try:
            await behaviour(session)
        except ConnectionClosed:
            pass
        finally:
            await session.wait_closed()
            self.closes.append(session.close_code)
            self._open -= 1

    async def _echo(self, session: ServerConnection) -> None:
        while True:
            await session.send(await session.recv())

    async def _talks(self, session: ServerConnection) -> None:
        await session.send(json.dumps(SESSION))
        while True:
            await session.recv()
            await session.send(json.dumps(TRANSCRIBED))
            await session.send(json.dumps(RESPONSE_DONE, indent=1))

    _gpt_realtime = _talks

    async def _listens(self, session: ServerConnection) -> None:
        told: dict[str, Any] = {
            "type": "transcription",
            "audio": {"input": {"transcription": {"model": "ear"}}},
        }
        await session.send(json.dumps({**SESSION, "session": told}))
        while True:
            await session.recv()
            await session.send(json.dumps(TRANSCRIBED))

    async def _mumbles(self, session: ServerConnection) -> None:
        """Answers that never come to their end."""
        await session.send(json.dumps(SESSION))
        await session.recv()
        for _ in range(30):
            await session.send(json.dumps({"type": "response.output_text.delta", "delta": " word"}))
        await session.recv()

    async def _tells_keys(self, session: ServerConnection) -> None:
        """Repeats the key that it was given, in an event and as it leaves."""
        assert session.request is not None
        given = session.request.headers["Authorization"].removeprefix("Bearer ")
        await session.send(json.dumps({"type": "error", "error": {"message": f"no such key: {given}"}}))
        await session.close(1008, f"no such key: {given}")

    async def _breaks_off(self, session: ServerConnection) -> None:
        await session.send("the first")
        await session.recv()
        session.transport.abort()

    async def _leaves(self, session: ServerConnection) -> None:
        code = int(await session.recv())
        await session.send("the last word")
        await session.close(code, "as was asked")

    async def _floods(self, session: ServerConnection) -> None:
        self.sent = 0
        while True:
            await session.send(bytes(1 << 16))
            self.sent += 1


def _model(request: Request) -> str:
    query = parse_qs(urlsplit(request.path).query)
    return (query.get("model") or query.get("deployment") or ["listens"])[0]
