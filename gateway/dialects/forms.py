"""Reads what the gateway must know of a multipart form that passes: where its fields stand, without copying them.

The form is a stranger's, and the provider's parser is another one: whatever two parsers could read differently is
refused, so that the model that is authorised is the model that is asked (RFC 7578, RFC 2046 5.1).
"""

import re
from collections.abc import Iterator

import msgspec

from gateway.errors import BadRequest

MAX_PARTS = 256
MAX_PART_HEAD = 8 << 10
"""Bytes of the head of one part."""
MAX_TEXT = 64 << 10
"""Bytes of a field that is read as text."""

_BOUNDARY_CHARS = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_DISPOSITION = re.compile(
    rb"form-data((?:[ \t]*;[ \t]*[a-z*]+=(?:\"(?:[^\"\\]|\\.)*\"|[^\s;\"]+))*)[ \t]*", re.I
)
_PARAMETER = re.compile(rb";[ \t]*([a-z*]+)=(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;\"]+))", re.I)
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PLAIN_ENCODINGS = (b"7bit", b"8bit", b"binary")


class Part(msgspec.Struct, frozen=True):
    """One field: its value is body[start:end]. `filename` is None for a plain value."""

    name: str
    filename: str | None
    content_type: str
    start: int
    end: int
    encoded: bool = False


class Form(msgspec.Struct, frozen=True):
    """A multipart body and its fields, in their order."""

    body: bytes
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part | None:
        """The one field of this name. Raises BadRequest when there are several."""
        found = [part for part in self.parts if part.name == name]
        if len(found) > 1:
            raise BadRequest(f"the form has the field {name!r} more than once", param=name)
        return found[0] if found else None

    def text(self, name: str) -> str | None:
        """The value of the one plain field of this name."""
        part = self.part(name)
        return None if part is None else self._text(part)

    def texts(self, name: str) -> list[str]:
        """The values of a field that may be repeated, as `name` or `name[]`."""
        return [self._text(part) for part in self.parts if part.name in (name, name + "[]")]

    def _text(self, part: Part) -> str:
        if part.filename is not None or part.encoded or not _in_utf8(part.content_type):
            raise BadRequest(f"the field {part.name!r} must be plain text", param=part.name)
        if part.end - part.start > MAX_TEXT:
            raise BadRequest(f"the field {part.name!r} is longer than {MAX_TEXT} bytes", param=part.name)
        try:
            return self.body[part.start : part.end].decode()
        except UnicodeDecodeError:
            raise BadRequest(f"the field {part.name!r} is not UTF-8", param=part.name) from None

    def with_text(self, name: str, value: str) -> bytes:
        """The form with another value for a field that it has; every other byte as it was. One copy."""
        part = self.part(name)
        assert part is not None  # asked for by those who have read it
        view = memoryview(self.body)
        return b"".join((view[: part.start], value.encode(), view[part.end :]))


def boundary_of(content_type: bytes) -> bytes:
    """The boundary that a Content-Type names. Raises BadRequest."""
    kind, *parameters = content_type.split(b";")
    found = [value for name, _, value in (one.partition(b"=") for one in parameters) if _is_boundary(name)]
    if kind.strip().lower() != b"multipart/form-data" or len(found) != 1:
        raise BadRequest("the Content-Type must be multipart/form-data with one boundary")
    boundary = found[0].strip()
    if boundary[:1] == b'"' == boundary[-1:]:
        boundary = boundary[1:-1]
    if not _BOUNDARY_CHARS.fullmatch(boundary):
        raise BadRequest("the boundary of the form has characters that no boundary has, or more than 70")
    return boundary


def _is_boundary(name: bytes) -> bool:
    return name.strip().lower() == b"boundary"


def read_form(body: bytes, content_type: bytes) -> Form:
    """Finds the fields. Raises BadRequest for a form that is cut short, ambiguous, nested or too finely divided."""
    return Form(body, tuple(_parts(body, boundary_of(content_type))))


def _parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    delimiter = b"\r\n--" + boundary
    if not body.startswith(delimiter[2:]):
        raise BadRequest("the form does not begin with its boundary")
    at = len(delimiter) - 2
    for _ in range(MAX_PARTS + 1):
        if body.startswith(b"--", at):
            if body[at + 2 : at + 5] not in (b"", b"\r\n"):
                raise BadRequest("the form has bytes after its end")
            return
        if not body.startswith(b"\r\n", at):
            raise BadRequest("a boundary of the form is not followed by a line's end")
        head_end = body.find(b"\r\n\r\n", at, at + MAX_PART_HEAD)
        if head_end < 0:
            raise BadRequest(f"a part of the form has no head, or one of more than {MAX_PART_HEAD} bytes")
        start = head_end + 4
        end = body.find(delimiter, start)
        if end < 0:
            raise BadRequest("the form is cut short: its last boundary is missing")
        yield _part(body[at + 2 : head_end], start, end)
        at = end + len(delimiter)
    raise BadRequest(f"the form has more than {MAX_PARTS} parts")


def _part(head: bytes, start: int, end: int) -> Part:
    headers: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        label, colon, value = line.partition(b":")
        key = label.lower()
        if not colon or not re.fullmatch(rb"[a-z0-9-]+", key) or key in headers or _CONTROL.search(value):
            raise BadRequest("a part of the form has a malformed head")
        headers[key] = value.strip(b" \t")
    name, filename = _disposition(headers.get(b"content-disposition", b""))
    if name == "_charset_":
        raise BadRequest("the form says how its text is encoded; UTF-8 is what is read", param=name)
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    if content_type.lower().startswith("multipart/"):
        raise BadRequest("the form has a form inside; that is not read", param=name)
    encoding = headers.get(b"content-transfer-encoding", b"binary").lower()
    return Part(name, filename, content_type, start, end, encoding not in _PLAIN_ENCODINGS)


def _disposition(value: bytes) -> tuple[str, str | None]:
    """The field's name and file name. A name that parsers unescape differently is refused."""
    found = _DISPOSITION.fullmatch(value)
    if found is None:
        raise BadRequest("a part of the form has no readable Content-Disposition")
    parameters: dict[bytes, bytes] = {}
    for key, quoted, token in _PARAMETER.findall(found[1]):
        if key.lower() in parameters:
            raise BadRequest("a part of the form names itself twice")
        parameters[key.lower()] = quoted or token
    raw = parameters.get(b"name", b"")
    if not raw or b"\\" in raw or b"%" in raw or b"name*" in parameters:
        raise BadRequest("a part of the form has no plain name")
    file = parameters.get(b"filename", b"" if b"filename*" in parameters else None)
    return raw.decode("utf-8", "replace"), None if file is None else file.decode("utf-8", "replace")


def _in_utf8(content_type: str) -> bool:
    charset = content_type.lower().partition("charset=")[2].strip('" ')
    return charset in ("", "utf-8", "utf8", "us-ascii")
