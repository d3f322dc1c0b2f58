"""Writes messages of Cohere's v2 chat from the neutral form.

Cohere's places: text everywhere, images with the user alone, documents in tool results and for the whole request,
thought and a tool plan with the assistant.
"""

from typing import cast

import msgspec
from msgspec import Raw

from gateway.dialects.cohere.citations import NAME, citation_out
from gateway.dialects.cohere.messages_in import PLAN
from gateway.dialects.dropped import CITE, CITED, PROOF, Dropped
from gateway.dialects.media import data_url, plain_text, type_of
from gateway.schemas.chat import (
    Audio,
    CacheMark,
    ChatRequest,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    SealedReasoning,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.schemas.wire import cohere as wire

OutPart = wire.TextPart | wire.ImagePart | wire.ThinkingPart | wire.DocumentPart | Raw

_encode = msgspec.json.Encoder().encode


class MessageWriter:
    """Writes the messages of one request, and names what it could not. `documents` is the JSON of the request's own."""

    def __init__(self, request: ChatRequest, dropped: Dropped) -> None:
        self._native = request.dialect == NAME
        self._dropped = dropped
        self.documents = b""

    def write(self, messages: tuple[Message, ...]) -> list[wire.Message]:
        written: list[wire.Message] = []
        for message in messages:
            if message.name and message.role != "tool":
                self._dropped.add("messages.name")
            if message.role == "assistant":
                written.append(self._assistant(message))
            elif message.role in ("system", "developer"):
                written.append(wire.Message(role="system", content=self._content(message.parts)))
            else:
                self._user(message, written)
        return written

    # --- what the caller said ---

    def _user(self, message: Message, written: list[wire.Message]) -> None:
        """Tool results first, each a message of its own; then, as the user's, what a tool message cannot hold."""
        rest: list[Part] = []
        for part in message.parts:
            if isinstance(part, ToolResult):
                written.append(self._result(part, rest))
        rest += [part for part in message.parts if not isinstance(part, ToolResult)]
        if not rest and message.parts:
            return
        content = self._content(tuple(rest))
        if content or self._native or not rest:
            written.append(wire.Message(role="user", content=content))

    def _result(self, result: ToolResult, rest: list[Part]) -> wire.Message:
        images = [part for part in result.parts if isinstance(part, Image)]
        parts = [part for part in result.parts if not isinstance(part, Image)]
        if images:
            rest.append(Text(f"Attached to the result of tool call {result.call_id}:"))
            rest += images
            if not parts:
                parts.append(Text("The result is attached to the next message."))
        self._mark(result.cache)
        if result.is_error:
            self._dropped.add("messages.content.is_error")
        content = self._content(tuple(parts), documents=True)
        if result.is_error and not content:
            content = "error"
        return wire.Message(role="tool", tool_call_id=result.call_id, content=content)

    # --- what the model said ---

    def _assistant(self, message: Message) -> wire.Message:
        calls: list[wire.ToolCall] = []
        plans: list[str] = []
        cited: list[Raw] = []
        said: list[OutPart] = []
        before = 0
        for part in message.parts:
            if isinstance(part, ToolCall):
                calls.append(self._call(part))
            elif isinstance(part, Reasoning) and part.format == PLAN:
                plans.append(part.text)
            elif isinstance(part, Opaque) and part.dialect == NAME and part.kind == "citations":
                cited.append(Raw(part.raw))
            elif (written := self._part(part, documents=False)) is not None:
                if isinstance(part, Text):
                    cited += self._citations(part, before, len(said))
                    before += len(part.text)
                said.append(written)
        return wire.Message(
            role="assistant",
            content=_simplest(said) if said or not (calls or plans) else None,
            tool_plan="".join(plans) or None,
            tool_calls=calls or None,
            citations=cited or None,
        )

    def _citations(self, part: Text, before: int, block: int) -> list[Raw]:
        found = [citation_out(each, part.text, before, block) for each in part.citations]
        if None in found:
            self._dropped.add(CITED)
        return [raw for raw in found if raw is not None]

    def _call(self, call: ToolCall) -> wire.ToolCall:
        self._mark(call.cache)
        if call.signature:
            self._dropped.add(PROOF)
        arguments = call.arguments
        if call.kind == "custom":
            arguments = _encode({"input": arguments}).decode()
        function = wire.FunctionCall(name=call.name, arguments=Raw(_encode(arguments or "{}")))
        return wire.ToolCall(id=call.id, type="function", function=function)

    def _thought(self, part: Reasoning | SealedReasoning) -> OutPart | None:
        """Shown thought crosses as it stands; what proves or seals it is another provider's and means nothing here."""
        if isinstance(part, SealedReasoning):
            self._dropped.add(PROOF)
            return None
        if part.signature:
            self._dropped.add(PROOF)
        return wire.ThinkingPart(thinking=part.text) if part.text or self._native else None

    # --- content ---

    def _content(self, parts: tuple[Part, ...], *, documents: bool = False) -> str | list[wire.RequestPart]:
        """`documents`: the message is a tool's, whose content may hold them."""
        found = [written for part in parts if (written := self._part(part, documents)) is not None]
        return _simplest(found)

    def _part(self, part: Part, documents: bool) -> OutPart | None:
        if isinstance(part, Text):
            self._mark(part.cache)
            return wire.TextPart(text=part.text) if part.text or self._native else None
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, File):
            return self._file(part, documents)
        if isinstance(part, Reasoning | SealedReasoning):
            return self._thought(part)
        if isinstance(part, Refusal):
            return wire.TextPart(text=part.text) if part.text else None
        if isinstance(part, Opaque):
            return self._opaque(part)
        if isinstance(part, Audio):
            self._dropped.add("messages.audio" if part.source.file_id else "messages.content.input_audio")
        return None

    def _opaque(self, part: Opaque) -> OutPart | None:
        if part.dialect == NAME:
            if part.kind == "documents":
                self.documents = part.raw
                return None
            return Raw(part.raw)
        self._dropped.add(f"messages.content.{part.kind}")
        return wire.TextPart(text=part.text) if part.text else None

    def _image(self, part: Image) -> OutPart | None:
        self._mark(part.cache)
        if part.options:
            self._dropped.add("messages.content.transformations")
        url = data_url(part.source)
        if not url:
            self._dropped.add("messages.content.image.file_id")
            return None
        return wire.ImagePart(image_url=wire.ImageUrl(url=url, detail=part.detail or None))

    def _file(self, part: File, documents: bool) -> OutPart | None:
        """Only text crosses: as a document of a tool's result, else in the words of the message."""
        self._mark(part.cache)
        source = part.source
        media_type = source.media_type or type_of(part.name)
        if source.data and media_type.startswith("image/"):
            return wire.ImagePart(image_url=wire.ImageUrl(url=data_url(source)))
        text: str | None = source.text
        if not text and source.data and media_type != "application/pdf":
            text = plain_text(source.data)
        if not text:
            self._dropped.add("messages.content.file")
            return None
        if documents:
            fields = {"title": part.name, "context": part.context, "text": text}
            data = {name: value for name, value in fields.items() if value}
            return wire.DocumentPart(document=Raw(_encode({"data": data})))
        if part.cite:
            self._dropped.add(CITE)
        title = "\n".join([line for line in (part.name, part.context) if line])
        return wire.TextPart(text=f"{title}\n\n{text}" if title else text)

    def _mark(self, cache: CacheMark | None) -> None:
        if cache is not None:
            self._dropped.add("messages.content.cache_control")


def _simplest(parts: list[OutPart]) -> str | list[wire.RequestPart]:
    """A lone text is said as a string."""
    first = parts[0] if len(parts) == 1 else None
    if isinstance(first, wire.TextPart):
        return first.text
    return cast("list[wire.RequestPart]", parts) if parts else ""
