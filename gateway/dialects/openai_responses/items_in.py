"""Reads the input items of OpenAI's Responses API into neutral messages.

Items are flat where the neutral form has turns: what the model did between two words of the caller (its text, thought
and calls) becomes one assistant message; a second text begins another, unless a call stands between, since a call and
its result must not be torn apart.
"""

import msgspec
from msgspec import Raw

from gateway._speedups.translate import Shape
from gateway.dialects.decode import Decoded, RequestDecoder, mistake
from gateway.dialects.media import read_url, type_of
from gateway.dialects.openai_responses.items_quick import known_items
from gateway.dialects.openai_responses.thought import read_thought
from gateway.errors import BadRequest
from gateway.schemas.chat import (
    Audio,
    CacheMark,
    Citation,
    Extra,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Refusal,
    Role,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.schemas.wire import openai_responses as wire
from gateway.schemas.wire import openai_responses_answers as answers
from gateway.schemas.wire.common import ABSENT, OpaquePart, Wire, given

NAME = "openai_responses"

FILES = "openai_chat"
"""Files of one account serve both of OpenAI's dialects, so their ids are read as the other's and cross."""

ITEM = "input."
"""Begins the kind of an opaque part that is an item of its own."""


class _Kind(Wire):
    type: str | None = None
    role: str | None = None


_KIND = RequestDecoder(_Kind)
_PLAIN_KIND = Shape({"type": "text", "role": "text"})
"""The same, for an item that may be large: one pass that decodes nothing else."""
_MESSAGE = RequestDecoder(wire.MessageItem)
_CALL = RequestDecoder(wire.CallItem)
_OUTPUT = RequestDecoder(wire.OutputItem)
_REASONING = RequestDecoder(wire.ReasoningItem)
_ANNOTATION = msgspec.json.Decoder(answers.Annotation)
_encode = msgspec.json.Encoder().encode

_ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
}
_REST = ("id", "status", "phase", "caller", "namespace", "name")


class ItemReader:
    """Reads one request's items. `unknown` collects the names of fields that nobody knows."""

    def __init__(self, unknown: list[str]) -> None:
        self._unknown = unknown
        self._messages: list[Message] = []
        self._turn: list[Part] = []
        self._rest = b""

    def read(self, items: list[Raw]) -> tuple[Message, ...]:
        for index, raw in enumerate(items):
            self._item(raw, f"input[{index}]")
        self._close()
        return tuple(self._messages)

    def read_quick(self, items: list[wire.AnyItem]) -> tuple[Message, ...] | None:
        """The same of items that were decoded with the request; None when they have to be read one by one."""
        known = known_items(items)
        if known is None:
            return None
        for index, item in enumerate(known):
            path = f"input[{index}]"
            if isinstance(item, wire.MessageItem):
                self._message(Decoded(item), path)
            elif isinstance(item, wire.CallItem):
                self._call(Decoded(item))
            elif isinstance(item, wire.OutputItem):
                self._output(Decoded(item), path)
            else:
                self._reasoning(Decoded(item))
        self._close()
        return tuple(self._messages)

    def _item(self, raw: Raw, path: str) -> None:
        found = _PLAIN_KIND.match(bytes(raw))
        if found is None:
            kind = _KIND.decode(raw, path).value
            found = kind.type, kind.role
        name = found[0] or ("message" if found[1] is not None else "")
        if name == "message":
            self._message(_MESSAGE.decode(raw, path), path)
        elif name in ("function_call", "custom_tool_call"):
            self._call(_CALL.decode(raw, path))
        elif name in ("function_call_output", "custom_tool_call_output"):
            self._output(_OUTPUT.decode(raw, path), path)
        elif name == "reasoning":
            self._reasoning(_REASONING.decode(raw, path))
        elif name == "item_reference":
            raise BadRequest(
                "Invalid request: an item_reference points to what only OpenAI remembers; send the item itself",
                param=path,
            )
        elif not name:
            raise BadRequest(f"Invalid request: an item needs a `type` or a `role` at `{path}`", param=path)
        else:
            self._turn.append(Opaque(NAME, ITEM + name, bytes(raw)))

    def _close(self) -> None:
        if self._turn:
            self._messages.append(Message("assistant", tuple(self._turn), rest=self._rest))
            self._turn, self._rest = [], b""

    # --- items ---

    def _message(self, decoded: Decoded[wire.MessageItem], path: str) -> None:
        item = decoded.value
        self._name(decoded.unknown)
        role = _ROLES.get(item.role)
        if role is None:
            raise BadRequest(
                f"Invalid request: `{item.role[:40]}` is no role; use user, assistant, system or developer",
                param=f"{path}.role",
            )
        parts = self._parts(item.content, path)
        rest = self._rest_of(item, decoded.extras)
        if role != "assistant":
            self._close()
            self._messages.append(Message(role, parts, rest=rest))
            return
        if self._said() and not any(isinstance(part, ToolCall) for part in self._turn):
            self._close()
        if not self._said():
            self._rest = rest
        self._turn += parts or (Text(""),)

    def _said(self) -> bool:
        return any(isinstance(part, Text | Refusal) for part in self._turn)

    def _call(self, decoded: Decoded[wire.CallItem]) -> None:
        item = decoded.value
        rest = self._rest_of(item, decoded.extras)
        if item.type == "custom_tool_call":
            call = ToolCall(item.call_id, item.name, item.input or "", "custom", rest=rest)
        else:
            call = ToolCall(item.call_id, item.name, item.arguments or "", rest=rest)
        self._turn.append(call)

    def _output(self, decoded: Decoded[wire.OutputItem], path: str) -> None:
        item = decoded.value
        self._name(decoded.unknown)
        self._close()
        parts = tuple(
            [
                Text(part.text) if isinstance(part, Refusal) else part
                for part in self._parts(item.output, path)
                if isinstance(part, Text | Image | File | Audio | Opaque | Refusal)
            ]
        )
        rest = self._rest_of(item, decoded.extras, "type" if item.type == "custom_tool_call_output" else "")
        result = ToolResult(item.call_id, parts, rest=rest)
        last = self._messages[-1] if self._messages else None
        if last is not None and last.role == "tool":
            self._messages[-1] = Message("tool", (*last.parts, result))
        else:
            self._messages.append(Message("tool", (result,)))

    def _reasoning(self, decoded: Decoded[wire.ReasoningItem]) -> None:
        item = decoded.value
        self._name([extra.name for extra in decoded.extras])
        self._turn += read_thought(
            item.id or "",
            [entry.text for entry in item.summary or ()],
            [entry.text for entry in item.content or ()],
            item.encrypted_content or "",
            keep=True,
        )

    def _name(self, names: tuple[str, ...] | list[str]) -> None:
        for name in names:
            shown = name if name.startswith("input") else f"input.{name}"
            if shown not in self._unknown:
                self._unknown.append(shown)

    def _rest_of(
        self,
        item: wire.MessageItem | wire.CallItem | wire.OutputItem,
        extras: tuple[Extra, ...],
        also: str = "",
    ) -> bytes:
        """What else the item says, as a JSON object: in this dialect it is written back."""
        rest: dict[str, Raw] = {}
        for name in _REST:
            value = getattr(item, name, ABSENT)
            if value is not ABSENT and isinstance(value, Raw) and given(value):
                rest[name] = value
        rest |= {extra.name: Raw(extra.value) for extra in extras}
        if also:
            rest[also] = Raw(_encode(getattr(item, also)))
        return _encode(rest) if rest else b""

    # --- content ---

    def _parts(self, content: str | list[wire.ContentPart], path: str) -> tuple[Part, ...]:
        if isinstance(content, str):
            return (Text(content),)
        try:
            return tuple([_part(part) for part in content])
        except msgspec.ValidationError as error:
            raise mistake(error, f"{path}.content.annotations") from error


def _part(part: wire.ContentPart) -> Part:
    if isinstance(part, wire.InputText):
        return Text(part.text, _mark(part.prompt_cache_breakpoint))
    if isinstance(part, wire.OutputText):
        return Text(part.text, citations=read_annotations(part.annotations or [], 0))
    if isinstance(part, wire.PlainText):
        return Text(part.text)
    if isinstance(part, wire.RefusalPart):
        return Refusal(part.refusal)
    if isinstance(part, wire.InputImage):
        source = (
            Source(file_id=part.file_id, dialect=FILES) if part.file_id else read_url(part.image_url or "")
        )
        return Image(source, part.detail or "", _mark(part.prompt_cache_breakpoint))
    if isinstance(part, wire.InputFile):
        return _file(part)
    if isinstance(part, wire.InputAudio):
        return Audio(Source(data=part.input_audio.data), part.input_audio.format)
    assert isinstance(part, OpaquePart)
    return Opaque(NAME, part.kind, bytes(part.raw))


def _file(part: wire.InputFile) -> File:
    name = part.filename or ""
    if part.file_id:
        source = Source(file_id=part.file_id, dialect=FILES)
    elif part.file_url:
        source = Source(url=part.file_url)
    else:
        data = part.file_data or ""
        source = (
            read_url(data) if data[:5].lower() == "data:" else Source(media_type=type_of(name), data=data)
        )
    return File(source, name, cache=_mark(part.prompt_cache_breakpoint))


def _mark(point: wire.Breakpoint | None) -> CacheMark | None:
    return None if point is None else CacheMark(point.ttl or "", "prompt_cache_breakpoint")


def read_annotations(annotations: list[Raw], before: int) -> tuple[Citation, ...]:
    """`before` is the length of the answer up to the text that they hang on."""
    return tuple([read_annotation(raw, before) for raw in annotations])


def read_annotation(raw: Raw, before: int) -> Citation:
    note = _ANNOTATION.decode(raw)
    start = None if note.start_index is None else note.start_index + before
    end = None if note.end_index is None else note.end_index + before
    return Citation(note.url or "", note.title or "", "", start, end, NAME, bytes(raw))
