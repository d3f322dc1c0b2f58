"""Is this the answer that was due? By meaning the first time, by bytes from then on."""

import re

import msgspec

from bench.load.exchange import Expected


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None


class _Choice(msgspec.Struct, gc=False):
    message: _Delta | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None


class _OpenAI(msgspec.Struct, gc=False):
    choices: list[_Choice] = []
    error: object = None


class _Block(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    stop_reason: str | None = None


class _Anthropic(msgspec.Struct, gc=False):
    type: str
    content: list[_Block] = []
    stop_reason: str | None = None
    delta: _Block | None = None


_READ_OPENAI = msgspec.json.Decoder(_OpenAI)
_READ_ANTHROPIC = msgspec.json.Decoder(_Anthropic)
_STAMP = re.compile(rb'"(?:content|text)": ?"(\d{19}) "')


class Check:
    """Checks bodies against what is expected; remembers the last right one, so that an equal one costs a
    compare."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._right: bytes | None = None

    def __call__(self, status: int, body: bytes) -> str | None:
        """What is wrong with an answer, in few words; None when nothing is."""
        if status != 200:
            return f"status {status}"
        if body == self._right:
            return None
        try:
            problem = self._stream(body) if self._expected.stream else self._plain(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "malformed JSON"
        if problem is None:
            self._right = body
        return problem

    def _plain(self, body: bytes) -> str | None:
        if self._expected.family == "anthropic":
            message = _READ_ANTHROPIC.decode(body)
            text = "".join(block.text or "" for block in message.content)
            finish = message.stop_reason
        else:
            choice = _READ_OPENAI.decode(body).choices[:1]
            text = choice[0].message.content or "" if choice and choice[0].message else ""
            finish = choice[0].finish_reason if choice else None
        if text != self._expected.text:
            return "wrong text"
        return None if finish in ("stop", "end_turn") else "wrong finish"

    def _stream(self, body: bytes) -> str | None:
        if not body.endswith(b"\n\n"):
            return "stream cut inside an event"
        datas = [line[5:].lstrip() for line in body.split(b"\n") if line.startswith(b"data:")]
        found = _anthropic_texts(datas) if self._expected.family == "anthropic" else _openai_texts(datas)
        if isinstance(found, str):
            return found
        if len(found) != self._expected.chunks:
            return "wrong number of chunks"
        if self._expected.stamped:
            return None if found == sorted(found) else "chunks out of order"
        return None if "".join(found) == self._expected.text else "wrong text"


def _openai_texts(datas: list[bytes]) -> list[str] | str:
    if not datas or datas[-1] != b"[DONE]":
        return "no end marker"
    events = [_READ_OPENAI.decode(data) for data in datas[:-1]]
    if any(event.error for event in events):
        return "error event"
    choices = [choice for event in events for choice in event.choices]
    if [choice.finish_reason for choice in choices if choice.finish_reason] != ["stop"]:
        return "wrong finish"
    return [choice.delta.content for choice in choices if choice.delta and choice.delta.content]


def _anthropic_texts(datas: list[bytes]) -> list[str] | str:
    events = [_READ_ANTHROPIC.decode(data) for data in datas]
    if any(event.type == "error" for event in events):
        return "error event"
    if not events or events[0].type != "message_start" or events[-1].type != "message_stop":
        return "no end marker"
    deltas = [event.delta for event in events if event.delta is not None]
    if [delta.stop_reason for delta in deltas if delta.stop_reason] != ["end_turn"]:
        return "wrong finish"
    return [delta.text for delta in deltas if delta.text]


def stamps(data: bytes) -> list[int]:
    """The times of writing (ns, CLOCK_MONOTONIC) that whole events in `data` carry."""
    return [int(stamp) for stamp in _STAMP.findall(data)]
