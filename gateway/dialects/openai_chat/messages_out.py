"""Writes messages of OpenAI Chat Completions from the neutral form."""

from typing import cast

import msgspec
from msgspec import Raw

from gateway.dialects.codec import TargetFacts
from gateway.dialects.dropped import CITE, CITED, PROOF, THOUGHT, Dropped
from gateway.dialects.ids import shortened
from gateway.dialects.media import base64_text, data_url
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
from gateway.schemas.wire import openai_chat as wire

NAME = "openai_chat"

LONGEST_CALL_ID = 40
"""OpenAI refuses a call with a longer id."""

Marked = wire.TextPart | wire.ImagePart | wire.AudioPart | wire.FilePart
ContentPart = wire.TextPart | wire.ImagePart | wire.AudioPart | wire.FilePart | wire.RefusalPart | Raw


class MessageWriter:
    """Writes the messages of one request for one target, and names what it could not."""

    def __init__(self, request: ChatRequest, facts: TargetFacts, dropped: Dropped) -> None:
        self._native = request.dialect == NAME
        self._accepts = facts.accepts
        self._dropped = dropped

    def write(self, messages: tuple[Message, ...]) -> list[wire.Message]:
        written: list[wire.Message] = []
        for message in messages:
            role = message.role
            if role == "assistant":
                written.append(self._assistant(message))
            elif role == "system" or role == "developer":
                content = self._content(message.parts, "\n\n")
                written.append(wire.Message(role=role, content=content, name=message.name or None))
            else:
                self._user(message, written)
        return written

    def _takes(self, name: str) -> bool:
        return self._native or name in self._accepts

    # --- what the caller said ---

    def _user(self, message: Message, written: list[wire.Message]) -> None:
        """Tool results first, each a message of its own; then, as the user's, what a tool message cannot hold."""
        rest: list[Part] = []
        for part in message.parts:
            if isinstance(part, ToolResult):
                written.append(self._result(part, rest))
        rest += [part for part in message.parts if not isinstance(part, ToolResult)]
        if rest or not message.parts:
            content = self._content(tuple(rest), None)
            written.append(wire.Message(role="user", content=content, name=message.name or None))

    def _result(self, result: ToolResult, rest: list[Part]) -> wire.Message:
        """OpenAI's tool messages hold text only: media go into the user message that follows, with a pointer."""
        media = [part for part in result.parts if isinstance(part, Image | File | Audio)]
        texts: list[Part] = [part for part in result.parts if isinstance(part, Text | Opaque)]
        if media:
            rest.append(Text(f"Attached to the result of tool call {result.call_id}:"))
            rest += media
            if not texts:
                texts.append(Text("The result is attached to the next message."))
        if result.is_error and not self._takes("is_error"):
            self._dropped.add("messages.content.is_error")
        content = self._content(tuple(texts), "\n")
        if result.is_error and not content:
            content = "error"
        return wire.Message(
            role="tool",
            tool_call_id=self._id(result.call_id),
            content=content,
            name=result.name or None if self._native else None,
            is_error=True if result.is_error and self._takes("is_error") else None,
        )

    # --- what the model said ---

    def _assistant(self, message: Message) -> wire.Message:
        calls: list[wire.ToolCall] = []
        thoughts: list[Reasoning | SealedReasoning] = []
        said: list[Part] = []
        refusal = audio = None
        for part in message.parts:
            if isinstance(part, ToolCall):
                calls.append(self._call(part))
            elif isinstance(part, Reasoning | SealedReasoning):
                thoughts.append(part)
            elif isinstance(part, Refusal) and self._native and not said:
                refusal = part.text
            elif isinstance(part, Audio) and part.source.dialect == NAME:
                audio = wire.AudioRef(id=part.source.file_id)
            elif not isinstance(part, Text) or part.text or not message.parts[1:]:
                said.append(part)
        written = wire.Message(
            role="assistant",
            content=self._content(tuple(said), "") if said or not (calls or refusal or audio) else None,
            name=message.name or None,
            refusal=refusal,
            audio=audio,
            tool_calls=calls or None,
        )
        if thoughts:
            self._reasoning(thoughts, written)
        return written

    def _id(self, identity: str) -> str:
        return identity if self._native else shortened(identity, LONGEST_CALL_ID, "call_")

    def _call(self, call: ToolCall) -> wire.ToolCall:
        identity = self._id(call.id)
        if call.cache is not None:
            self._dropped.add("messages.content.cache_control")
        extra = signed(call.signature) if self._takes("extra_content") else None
        if call.signature and extra is None:
            self._dropped.add(PROOF)
        if call.kind == "custom":
            custom = wire.CustomCall(name=call.name, input=call.arguments)
            return wire.ToolCall(id=identity, type="custom", custom=custom, extra_content=extra)
        function = wire.FunctionCall(
            name=call.name, arguments=Raw(msgspec.json.encode(call.arguments or "{}"))
        )
        return wire.ToolCall(id=identity, type="function", function=function, extra_content=extra)

    def _reasoning(self, thoughts: list[Reasoning | SealedReasoning], message: wire.Message) -> None:
        bare = all(
            isinstance(thought, Reasoning) and not (thought.signature or thought.format)
            for thought in thoughts
        )
        if self._takes("reasoning_details") and not (self._native and bare):
            message.reasoning_details = [detail(thought, index) for index, thought in enumerate(thoughts)]
        elif self._takes("reasoning_content"):
            message.reasoning_content = "".join(
                [each.text for each in thoughts if isinstance(each, Reasoning)]
            )
        else:
            for each in thoughts:
                self._dropped.add(THOUGHT if isinstance(each, Reasoning) else PROOF)

    # --- content ---

    def _content(self, parts: tuple[Part, ...], joint: str | None) -> str | list[wire.RequestPart]:
        """One string where that says the same, because some servers take nothing else.

        `joint` joins several texts of a foreign dialect; None keeps them apart.
        """
        if not parts:
            return ""
        first = parts[0]
        if (
            len(parts) == 1
            and isinstance(first, Text)
            and (first.cache is None or not self._marks(first.cache))
        ):
            if first.citations and not self._native:
                self._dropped.add(CITED)
            return first.text
        written = [content for part in parts if (content := self._part(part)) is not None]
        texts = [part for part in written if isinstance(part, wire.TextPart) and not _marked(part)]
        if joint is not None and not self._native and len(texts) == len(written):
            return joint.join([part.text or "" for part in texts])
        return cast("list[wire.RequestPart]", written)

    def _part(self, part: Part) -> ContentPart | None:
        if isinstance(part, Text):
            if part.citations and not self._native:
                self._dropped.add(CITED)
            return self._mark(part.cache, wire.TextPart(text=part.text))
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, File):
            return self._file(part)
        if isinstance(part, Audio):
            sound = wire.InputAudio(data=part.source.data, format=part.format)
            return self._mark(part.cache, wire.AudioPart(input_audio=sound))
        if isinstance(part, Refusal):
            return wire.RefusalPart(refusal=part.text) if self._native else wire.TextPart(text=part.text)
        if isinstance(part, Opaque):
            return self._opaque(part)
        return None

    def _opaque(self, part: Opaque) -> ContentPart | None:
        if part.dialect == NAME:
            return Raw(part.raw)
        self._dropped.add(f"messages.content.{part.kind}")
        return wire.TextPart(text=part.text) if part.text else None

    def _image(self, part: Image) -> ContentPart | None:
        url = data_url(part.source)
        if part.options:
            self._dropped.add("messages.content.transformations")
        if not url:
            self._dropped.add("messages.content.image.file_id")
            return None
        image = wire.ImagePart(image_url=wire.ImageUrl(url=url, detail=part.detail or None))
        return self._mark(part.cache, image)

    def _file(self, part: File) -> ContentPart | None:
        """OpenAI takes a file by its data or its own id; a plain text crosses as text."""
        source = part.source
        if part.cite:
            self._dropped.add(CITE)
        if source.text and not self._native:
            title = "\n".join([line for line in (part.name, part.context) if line])
            text = f"{title}\n\n{source.text}" if title else source.text
            return self._mark(part.cache, wire.TextPart(text=text))
        if part.context:
            self._dropped.add("messages.content.context")
        if source.file_id and source.dialect == NAME:
            file = wire.FileData(file_id=source.file_id, filename=part.name or None)
        elif source.data or source.text:
            data = source.data or base64_text(source.text)
            url = f"data:{source.media_type or 'application/pdf'};base64,{data}"
            file = wire.FileData(file_data=url, filename=part.name or _FILE_NAME)
        elif source.url and self._native:
            file = wire.FileData(file_data=source.url, filename=part.name or None)
        else:
            self._dropped.add(f"messages.content.document.{'file_id' if source.file_id else 'url'}")
            return None
        return self._mark(part.cache, wire.FilePart(file=file))

    # --- cache marks ---

    def _marks(self, cache: CacheMark) -> str:
        """The field that says a mark to this target; "" when none does, which is named."""
        if self._native:
            return cache.spelling or "cache_control"
        for name in ("cache_control", "prompt_cache_breakpoint"):
            if name in self._accepts:
                return name
        self._dropped.add("messages.content.cache_control")
        return ""

    def _mark(self, cache: CacheMark | None, part: Marked) -> Marked:
        if cache is None:
            return part
        name = self._marks(cache)
        if name == "cache_control":
            part.cache_control = wire.CacheControl(type="ephemeral", ttl=cache.ttl or None)
        elif name:
            # The lifetimes of the two fields have no value in common.
            part.prompt_cache_breakpoint = wire.Breakpoint(
                mode="explicit", ttl=cache.ttl if self._native and cache.ttl else None
            )
        return part


def signed(signature: str) -> wire.ExtraContent | None:
    """A call's thought signature, where Google's OpenAI compatibility has it."""
    return wire.ExtraContent(wire.GoogleContent(signature)) if signature else None


def detail(thought: Reasoning | SealedReasoning, index: int | None = None) -> wire.ReasoningDetail:
    """One entry of `reasoning_details`, as OpenRouter defines them."""
    identity, form = thought.id or None, thought.format or None
    if isinstance(thought, SealedReasoning):
        return wire.ReasoningDetail(
            "reasoning.encrypted", data=thought.data, id=identity, format=form, index=index
        )
    signature = thought.signature or None
    if thought.summary:
        return wire.ReasoningDetail(
            "reasoning.summary",
            summary=thought.text,
            signature=signature,
            id=identity,
            format=form,
            index=index,
        )
    return wire.ReasoningDetail(
        "reasoning.text", text=thought.text, signature=signature, id=identity, format=form, index=index
    )


def _marked(part: wire.TextPart) -> bool:
    return part.cache_control is not None or part.prompt_cache_breakpoint is not None


_FILE_NAME = "file.pdf"
"""OpenAI wants a name beside a file's data."""
