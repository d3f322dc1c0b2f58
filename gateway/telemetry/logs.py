"""Events with fields, one line each: JSON for machines, readable on a terminal; writing never blocks or fails.

A line that the reader of standard error is too slow for is dropped and counted; the next line that gets through is
followed by the count. Values come from callers and providers, so nothing in them can end a line, drive a terminal or
carry a credential into the log.
"""

import logging
import os
import re
import select
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

LONGEST_LINE = 4096
"""Bytes: what a pipe takes whole or not at all (PIPE_BUF on Linux), so that lines of several workers never mix."""

LONGEST_VALUE = 1000
LONGEST_TRACE = 2800
_ROOMS = (600, 200, 60, 12)
"""Characters left to each value of a line that is too long, tried in turn."""

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_PLAIN = re.compile(r"[\w./:@%+,*-]+")
_CREDENTIAL = re.compile(r"\b(Bearer +|sk-|gsk_|xai-|pplx-|nvapi-|AIza|csk-|tgp_|fw_|hf_)[\w.~+/-]{8,}")
_HOLDS_ONE = frozenset({"authorization", "api_key", "apikey", "password", "secret", "credential"})
_COLOURS = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31;1m"}
_DIM, _RESET = "\x1b[2m", "\x1b[0m"


class Log:
    """A writer of events to a file descriptor. `debugs` tells whether debug events are written: ask it before
    gathering fields that cost something."""

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._dropped = 0
        self.configure()

    def configure(self, level: str = "info", style: str = "auto") -> None:
        """Sets the lowest level written, and the style: json, text, or auto, which is text on a terminal."""
        terminal = _is_terminal(self._descriptor)
        self._least = LEVELS[level]
        self._json = style == "json" or (style == "auto" and not terminal)
        self._colours = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        self.debugs = level == "debug"

    def debug(self, event: str, /, **fields: object) -> None:
        """What helps to understand one request."""
        self.write("debug", event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """What an operator wants to have read afterwards: start, drain, stop."""
        self.write("info", event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """What went wrong and was coped with."""
        self.write("warning", event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """What went wrong and needs somebody."""
        self.write("error", event, fields)

    def write(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        """One line, if `level` is high enough. Raises nothing, whatever the fields hold."""
        if LEVELS[level] < self._least:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        plain = {_field_name(name): _plain(name, value) for name, value in fields.items()}
        line = self._line(now, level, event, plain)
        for room in _ROOMS:
            if len(line) <= LONGEST_LINE:
                break
            line = self._line(now, level, event, _shortened(plain, room))
        if len(line) > LONGEST_LINE:
            line = self._line(now, level, event[:64], {"fields": "too long"})
        if not self._send(line):
            self._dropped += 1
        elif self._dropped:
            count, self._dropped = self._dropped, 0
            self.write("warning", "log_lines_dropped", {"count": count})

    def _line(self, now: str, level: str, event: str, fields: Mapping[str, object]) -> bytes:
        if self._json:
            text = _json({"time": now, "level": level, "event": event, **fields})
        else:
            text = self._readable(now, level, event, fields)
        return text.encode("utf-8", "backslashreplace") + b"\n"

    def _readable(self, now: str, level: str, event: str, fields: Mapping[str, object]) -> str:
        colour, dim, reset = (_COLOURS[level], _DIM, _RESET) if self._colours else ("", "", "")
        shown = {name: value for name, value in fields.items() if name != "trace"}
        pairs = "".join(f" {dim}{name}={reset}{_word(value)}" for name, value in shown.items())
        trace = "".join(f"\n    | {_escaped(row)}" for row in str(fields.get("trace", "")).splitlines())
        return f"{dim}{now}{reset} {colour}{level:<7}{reset} {_escaped(event)}{pairs}{trace}"

    def _send(self, line: bytes) -> bool:
        """Writes at once or not at all: a full pipe must not hold up a request."""
        try:
            ready = select.poll()
            ready.register(self._descriptor, select.POLLOUT)
            if not any(event & select.POLLOUT for _, event in ready.poll(0)):
                return False
            os.write(self._descriptor, line)
        except (OSError, ValueError):  # closed, or nobody reads any more
            return False
        return True


class Forward(logging.Handler):
    """Sends what libraries say through the standard `logging` to the same place, in the same form."""

    def __init__(self, target: Log) -> None:
        super().__init__()
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        level = "debug" if record.levelno < 20 else record.levelname.lower()
        fields: dict[str, object] = {"logger": record.name, "message": _said(record)}
        if record.exc_info:
            fields["trace"] = logging.Formatter().formatException(record.exc_info)
        self._target.write(level if level in LEVELS else "error", "library", fields)


def configure(level: str, style: str) -> None:
    """Sets up `log` and takes over the standard `logging`, of which only warnings are kept unless debugging."""
    log.configure(level, style)
    root = logging.getLogger()
    root.handlers = [Forward(log)]
    root.setLevel(max(LEVELS[level], logging.INFO if log.debugs else logging.WARNING))


def _said(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit the message are the library's mistake
        return str(record.msg)


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _field_name(name: str) -> str:
    return name + "_" if name in ("time", "level", "event") else name


def _plain(name: str, value: object) -> object:
    """`value` as something that JSON has, of bounded length."""
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value[:32]]
    if isinstance(value, dict):
        return {_text("", key)[:64]: _plain(str(key), item) for key, item in list(value.items())[:32]}
    return _text(name, value)


def _text(name: str, value: object) -> str:
    if name.lower().replace("-", "_") in _HOLDS_ONE:
        return "***"
    try:
        found = _spelled(value)
    except Exception:  # the log must not fail over what it is given
        return f"<{type(value).__name__}>"
    if not found.isascii():  # a lone surrogate has no bytes
        found = found.encode("utf-8", "backslashreplace").decode()
    found = _CREDENTIAL.sub(r"\1***", found)
    if name == "trace":
        return found if len(found) <= LONGEST_TRACE else "…" + found[-LONGEST_TRACE:]
    return found if len(found) <= LONGEST_VALUE else found[:LONGEST_VALUE] + "…"


def _spelled(value: object) -> str:
    match value:
        case str():
            return str(value)
        case bytes() | bytearray():
            return bytes(value[: LONGEST_VALUE + 1]).decode("utf-8", "backslashreplace")
        case BaseException():
            return f"{type(value).__name__}: {value}" if str(value) else type(value).__name__
        case _:
            return str(value)


def _shortened(fields: Mapping[str, object], room: int) -> dict[str, object]:
    """The same fields with at most `room` characters in each; of a trace the end tells most."""
    short: dict[str, object] = {}
    for name, value in list(fields.items())[:24]:
        text = value if isinstance(value, str) else _json(value)
        if len(text) <= room:
            short[name] = value
        else:
            short[name[:32]] = "…" + text[-room:] if name == "trace" else text[:room] + "…"
    return short


def _json(value: object) -> str:
    try:
        return _escaped(msgspec.json.encode(value, enc_hook=str).decode())
    except (UnicodeEncodeError, RecursionError, TypeError):
        return msgspec.json.encode(ascii(value)).decode()


def _escaped(text: str) -> str:
    """Without characters that end lines, drive terminals or reorder what is read; they appear as in JSON."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _word(value: object) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _UNSAFE.search(value):
        return value
    return _json(value)


log = Log()
