"""Reads contents of Gemini's requests into the neutral form."""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from gateway.dialects.decode import UNREADABLE
from gateway.dialects.gemini.calls import History
from gateway.dialects.gemini.errors import NAME
from gateway.dialects.gemini.signatures import FORMAT, Turn, carried, is_carried, joined_thoughts, seal
from gateway.dialects.gemini.spelling import SpelledDecoder
from gateway.errors import BadRequest
from gateway.schemas.chat import (
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    SealedReasoning,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.schemas.wire import gemini as wire
from gateway.schemas.wire.common import given

_decode = msgspec.json.Decoder(wire.Part).decode
_PART = SpelledDecoder(wire.Part)
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode

Media = Image | Audio | File
Content = wire.Content | wire.KnownContent
PATH = "contents.parts"


class ContentReader:
    """Reads the contents of one request; `unknown` names what nobody knows."""

    def __init__(self) -> None:
        self._history = History()
        self._carried = False
        self.unknown: list[str] = []

    def system(self, content: Content | None) -> tuple[Message, ...]:
        if content is None or not content.parts:
            return ()
        return (Message("system", tuple(self._parts(content.parts, "systemInstruction.parts"))),)

    def messages(self, contents: Sequence[Content]) -> tuple[Message, ...]:
        turns: list[Turn] = []
        for content in contents:
            role = content.role or "user"
            if role not in ("user", "model", "function"):
                raise BadRequest(
                    f"Invalid request: `{role[:40]}` is no role; use user or model", param="contents.role"
                )
            parts = self._parts(content.parts or [], PATH)
            turns.append(("assistant" if role == "model" else "user", parts))
        if self._carried:
            turns = joined_thoughts(turns)
        return tuple([Message(role, tuple(parts)) for role, parts in turns])

    def _parts(self, given_parts: Sequence[Raw | wire.Part], path: str) -> list[Part]:
        parts: list[Part] = []
        for part in given_parts:
            if isinstance(part, wire.Part):
                self._known(part, parts)
            else:
                self._part(bytes(part), path, parts)
        return parts

    def _part(self, raw: bytes, path: str, parts: list[Part]) -> None:
        try:
            part = _decode(raw)
        except UNREADABLE:
            found = self._odd_part(raw, path)
            if isinstance(found, Opaque):
                parts.append(found)
                return
            part = found
        self._known(part, parts, raw)

    def _known(self, part: wire.Part, parts: list[Part], raw: bytes = b"") -> None:
        """`raw` is the part's JSON where it may say more than the part."""
        if part.thought_signature and not part.thought and is_carried(part.thought_signature):
            if _signs_last(parts, part):
                return
            part.thought_signature = None
        read = self._read(part, raw)
        if part.thought and part.thought_signature:
            thought = carried(part.thought_signature, part.text or "")
            self._carried = self._carried or thought is not None
            read = thought or read
        parts.append(read)
        if part.thought_signature and not isinstance(read, ToolCall | Reasoning | SealedReasoning | Opaque):
            parts.append(SealedReasoning(seal(part.thought_signature), format=FORMAT))

    def _odd_part(self, raw: bytes, path: str) -> wire.Part | Opaque:
        """A part in snake_case, with unknown fields, or of a kind that only Gemini knows."""
        decoded = _PART.decode(raw, path)
        part, extras = decoded.value, decoded.extras
        if extras and not _says(part):
            return Opaque(NAME, extras[0].name, raw)
        for name in (*decoded.unknown, *[f"{path}.{extra.name}" for extra in extras]):
            if name not in self.unknown:
                self.unknown.append(name)
        return part

    def _read(self, part: wire.Part, raw: bytes) -> Part:
        if part.function_call is not None:
            call = part.function_call
            _refuse_unless_object(call.args, "functionCall.args")
            arguments = compact(call.args) if given(call.args) else ""
            identity = self._history.call(call.name, call.id)
            return ToolCall(identity, call.name, arguments, signature=part.thought_signature or "")
        if part.function_response is not None:
            return self._result(part.function_response)
        if part.inline_data is not None or part.file_data is not None:
            return self._media(part)
        if part.thought:
            return Reasoning(part.text or "", seal(part.thought_signature or ""), format=FORMAT)
        if part.text is None and not part.thought_signature:
            return Opaque(NAME, "part", raw or _encode(part))
        return Text(part.text or "")

    def _result(self, response: wire.FunctionResponse) -> ToolResult:
        identity = self._history.result(response.name, response.id)
        parts: list[Text | Image | File | Audio | Opaque] = []
        _refuse_unless_object(response.response, "functionResponse.response")
        text, failed = read_response(response.response)
        if text is not None:
            parts.append(Text(text))
        for raw in response.parts or ():
            media: list[Part] = []
            self._part(bytes(raw), f"{PATH}.functionResponse.parts", media)
            parts += [part for part in media if isinstance(part, Image | File | Audio | Opaque)]
        return ToolResult(identity, tuple(parts), failed, response.name)

    def _media(self, part: wire.Part) -> Media:
        """A name is kept for files alone."""
        read = _media(part)
        named = part.inline_data or part.file_data
        if not isinstance(read, File) and named is not None and named.display_name:
            name = f"{PATH}.{'inlineData' if part.inline_data is not None else 'fileData'}.displayName"
            self.unknown += [] if name in self.unknown else [name]
        return read


def _signs_last(parts: list[Part], part: wire.Part) -> bool:
    """Puts another maker's signature back on its thought: LiteLLM moves it to the part that follows.

    True where that part is nothing but the thought once more.
    """
    last = parts[-1] if parts else None
    if not isinstance(last, Reasoning) or last.signature or last.id:
        return False
    parts[-1] = carried(part.thought_signature or "", last.text) or last
    return part.text == last.text


def _refuse_unless_object(raw: Raw, name: str) -> None:
    if given(raw) and bytes(raw)[:1] != b"{":
        raise BadRequest(f"Invalid request: expected an object at `{PATH}.{name}`", param=f"{PATH}.{name}")


def _says(part: wire.Part) -> bool:
    return bool(
        part.text is not None
        or part.function_call
        or part.function_response
        or part.inline_data
        or part.file_data
    )


def _media(part: wire.Part) -> Media:
    """By its media type. A URI that only Google can read is a file of Google's."""
    if part.inline_data is not None:
        kind, name = part.inline_data.mime_type, part.inline_data.display_name or ""
        source = Source(kind, part.inline_data.data)
    else:
        file = part.file_data or wire.FileData()
        kind, name = file.mime_type or "", file.display_name or ""
        public = file.file_uri.startswith(("http://", "https://")) and _GOOGLE not in file.file_uri
        source = (
            Source(kind, url=file.file_uri) if public else Source(kind, file_id=file.file_uri, dialect=NAME)
        )
    if kind.startswith("image/"):
        options = (
            msgspec.json.encode({"mediaResolution": part.media_resolution})
            if given(part.media_resolution)
            else b""
        )
        return Image(source, options=options)
    if kind.startswith("audio/") and source.data:
        return Audio(source, _FORMATS.get(kind, kind.partition("/")[2]))
    return File(source, name)


_GOOGLE = "generativelanguage.googleapis.com/"
_FORMATS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}


def read_response(raw: Raw) -> tuple[str | None, bool]:
    """A function's response as text, and whether it says that the function failed.

    Google's words for a result are `{"output": ...}` and `{"error": ...}`; any other object is the result itself.
    """
    if not given(raw):
        return None, False
    fields = _OBJECT.decode(raw)
    for name in ("output", "error"):
        if len(fields) == 1 and name in fields:
            value = bytes(fields[name])
            text = msgspec.json.decode(value, type=str) if value[:1] == b'"' else None
            if text is not None and not is_object(text):
                return text, name == "error"
            if name == "error" and value[:1] == b"{":
                return compact(fields[name]), True
    return compact(raw), False


def compact(raw: Raw) -> str:
    """JSON as text without the white space around its values."""
    return msgspec.json.format(bytes(raw), indent=-1).decode()


def is_object(text: str) -> bool:
    """Whether a text is a JSON object."""
    if not text.lstrip().startswith("{"):
        return False
    try:
        _OBJECT.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return False
    return True
