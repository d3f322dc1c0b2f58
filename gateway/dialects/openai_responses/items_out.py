"""Writes neutral messages as the input items of OpenAI's Responses API."""

from itertools import groupby
from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.dropped import CITE, CITED, PROOF, THOUGHT, Dropped
from gateway.dialects.ids import shortened
from gateway.dialects.media import base64_text, data_url
from gateway.dialects.openai_responses.items_in import FILES, ITEM, NAME
from gateway.dialects.openai_responses.thought import Thought, continues, native, write_thought
from gateway.dialects.sealing import unseal
from gateway.schemas.chat import (
    Audio,
    CacheMark,
    ChatRequest,
    Citation,
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

LONGEST_CALL_ID = 64
"""OpenAI refuses an item with a longer one."""

_encode = msgspec.json.Encoder().encode
_decode_rest = msgspec.json.Decoder(dict[str, Raw]).decode

Item = dict[str, Any] | Raw


class ItemWriter:
    """Writes the items of one request, and names what it could not."""

    def __init__(self, request: ChatRequest, dropped: Dropped) -> None:
        self._native = request.dialect == NAME
        self._dropped = dropped
        self._custom = {
            part.id
            for message in request.messages
            for part in message.parts
            if isinstance(part, ToolCall) and part.kind == "custom"
        }
        self._items: list[Any] = []

    def write(self, messages: tuple[Message, ...]) -> list[Any]:
        for message in messages:
            if message.name and message.role != "tool":
                self._dropped.add("messages.name")
            if message.role == "assistant":
                self._assistant(message)
            else:
                self._caller(message)
        return self._items

    # --- what the caller said ---

    def _caller(self, message: Message) -> None:
        """Tool results first, each an item of its own."""
        self._items += [self._result(part) for part in message.parts if isinstance(part, ToolResult)]
        said = [part for part in message.parts if not isinstance(part, ToolResult)]
        if said or not message.parts:
            role = "user" if message.role == "tool" else message.role
            item = {"type": "message", "role": role, "content": self._content(said)}
            self._items.append(item | self._rest(message.rest))

    def _result(self, result: ToolResult) -> dict[str, Any]:
        if result.is_error:
            self._dropped.add("messages.content.is_error")
        if result.cache is not None:
            self._dropped.add("messages.content.cache_control")
        custom = (
            not self._native and result.call_id in self._custom
        )  # an item of this dialect's says it itself
        output = self._content(list(result.parts))
        return {
            "type": "custom_tool_call_output" if custom else "function_call_output",
            "call_id": self._id(result.call_id),
            "output": output or ("error" if result.is_error else ""),
        } | self._rest(result.rest)

    def _id(self, identity: str) -> str:
        return identity if self._native else shortened(identity, LONGEST_CALL_ID, "call_")

    def _rest(self, rest: bytes) -> dict[str, Raw]:
        return _decode_rest(rest) if rest[:1] == b"{" and self._native else {}

    # --- what the model said ---

    def _assistant(self, message: Message) -> None:
        rest = self._rest(message.rest)
        for kind, run in groupby(message.parts, _item_kind):
            parts: list[Any] = list(run)
            if kind == "message":
                self._message(parts, rest)
                rest = {}
            elif kind == "reasoning":
                self._thoughts(parts)
            elif kind == "call":
                self._items += [self._call(part) for part in parts]
            elif kind == "item":
                self._items += [raw for part in parts if (raw := self._opaque(part)) is not None]
            else:
                self._dropped.add("messages.audio")

    def _message(self, parts: list[Part], rest: dict[str, Raw]) -> None:
        """One string where that says the same: a list is for messages that OpenAI itself wrote."""
        if not self._native:
            text = "".join([part.text for part in parts if isinstance(part, Text | Refusal)])
            if any(isinstance(part, Text) and part.cache is not None for part in parts):
                self._dropped.add("messages.content.cache_control")
            if any(isinstance(part, Text) and part.citations for part in parts):
                self._dropped.add(CITED)
            if text:
                self._items.append({"type": "message", "role": "assistant", "content": text})
            return
        first = parts[0]
        content: str | list[Any] = [self._said(part) for part in parts]
        if len(parts) == 1 and isinstance(first, Text) and not first.citations and "id" not in rest:
            content = first.text
        self._items.append({"type": "message", "role": "assistant", "content": content} | rest)

    def _said(self, part: Part) -> Any:
        if isinstance(part, Refusal):
            return {"type": "refusal", "refusal": part.text}
        if isinstance(part, Text):
            return {"type": "output_text", "text": part.text, "annotations": annotations(part.citations)}
        assert isinstance(part, Opaque)
        return Raw(part.raw)

    def _thoughts(self, parts: list[Thought]) -> None:
        """OpenAI takes back only thought that it made and, since nothing is stored for other callers, sealed."""
        items: list[list[Thought]] = []
        for each in parts:
            # Behind a caller whose dialect keeps nothing of sealed thought but its data, that is an envelope.
            part = (unseal(each.data, "") or each) if isinstance(each, SealedReasoning) else each
            if items and continues(items[-1][-1], part):
                items[-1].append(part)
            else:
                items.append([part])
        for item in items:
            sealed = any(isinstance(part, SealedReasoning) for part in item)
            if native(item[0]) and item[0].id and (sealed or self._native):
                self._items.append(write_thought(item, ""))
            else:
                shown = any(isinstance(part, Reasoning) and part.text for part in item)
                self._dropped.add(THOUGHT if shown else PROOF)

    def _call(self, call: ToolCall) -> dict[str, Any]:
        if call.cache is not None:
            self._dropped.add("messages.content.cache_control")
        if call.signature:
            self._dropped.add(PROOF)
        head: dict[str, Any] = {"call_id": self._id(call.id), "name": call.name}
        if call.kind == "custom":
            item = {"type": "custom_tool_call", **head, "input": call.arguments}
        else:
            arguments = call.arguments if self._native else call.arguments or "{}"
            item = {"type": "function_call", **head, "arguments": arguments}
        return item | self._rest(call.rest)

    def _opaque(self, part: Opaque) -> Raw | None:
        if part.dialect == NAME:
            return Raw(part.raw)
        self._dropped.add(f"messages.content.{part.kind}")
        return None

    # --- content ---

    def _content(self, parts: list[Any]) -> str | list[Any]:
        """One string where that says the same."""
        if len(parts) == 1 and isinstance(parts[0], Text) and self._mark(parts[0].cache) is None:
            return parts[0].text
        return [written for part in parts if (written := self._part(part)) is not None]

    def _part(self, part: Part) -> Any:
        if isinstance(part, Text):
            return self._marked({"type": "input_text", "text": part.text}, part.cache)
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, File):
            return self._file(part)
        if isinstance(part, Refusal):
            return {"type": "input_text", "text": part.text}
        if isinstance(part, Audio):
            if self._native:
                sound = {"data": part.source.data, "format": part.format}
                return {"type": "input_audio", "input_audio": sound}
            self._dropped.add("messages.content.input_audio")
            return None
        if isinstance(part, Opaque):
            raw = self._opaque(part)
            return {"type": "input_text", "text": part.text} if raw is None and part.text else raw
        return None

    def _image(self, part: Image) -> dict[str, Any] | None:
        if part.options:
            self._dropped.add("messages.content.transformations")
        item: dict[str, Any] = {"type": "input_image", "detail": part.detail or "auto"}
        url = data_url(part.source)
        if part.source.file_id and part.source.dialect == FILES:
            item["file_id"] = part.source.file_id
        elif url:
            item["image_url"] = url
        else:
            self._dropped.add("messages.content.image.file_id")
            return None
        return self._marked(item, part.cache)

    def _file(self, part: File) -> dict[str, Any] | None:
        """A plain text of another dialect crosses as text; anything else by data, URL or OpenAI's own id."""
        source = part.source
        if part.cite:
            self._dropped.add(CITE)
        if source.text and not self._native:
            title = "\n".join([line for line in (part.name, part.context) if line])
            text = f"{title}\n\n{source.text}" if title else source.text
            return self._marked({"type": "input_text", "text": text}, part.cache)
        if part.context:
            self._dropped.add("messages.content.context")
        item: dict[str, Any] = {"type": "input_file"}
        if part.name:
            item["filename"] = part.name
        if source.file_id and source.dialect == FILES:
            item["file_id"] = source.file_id
        elif source.url:
            item["file_url"] = source.url
        elif source.data or source.text:
            data = source.data or base64_text(source.text)
            item["file_data"] = f"data:{source.media_type or 'application/pdf'};base64,{data}"
            item.setdefault("filename", "file.pdf")
        else:
            self._dropped.add("messages.content.document.file_id")
            return None
        return self._marked(item, part.cache)

    def _mark(self, cache: CacheMark | None) -> dict[str, str] | None:
        """OpenAI caches by itself; its own marks are repeated, others' lifetimes have no value in common."""
        if cache is None:
            return None
        if cache.spelling != "prompt_cache_breakpoint":
            self._dropped.add("messages.content.cache_control")
            return None
        return {"mode": "explicit"} | ({"ttl": cache.ttl} if cache.ttl else {})

    def _marked(self, item: dict[str, Any], cache: CacheMark | None) -> dict[str, Any]:
        mark = self._mark(cache)
        if mark is not None:
            item["prompt_cache_breakpoint"] = mark
        return item


def _item_kind(part: Part) -> str:
    """Which parts of a turn share an item, or a kind of item."""
    if isinstance(part, ToolCall):
        return "call"
    if isinstance(part, Reasoning | SealedReasoning):
        return "reasoning"
    if isinstance(part, Text | Refusal):
        return "message"
    if isinstance(part, Opaque):
        return "message" if part.dialect == NAME and not part.kind.startswith(ITEM) else "item"
    return "other"


def annotations(citations: tuple[Citation, ...]) -> list[Any]:
    """OpenAI's own, as it wrote them; of others' those of the web."""
    return [note for citation in citations if (note := annotation(citation, 0, 0)) is not None]


def annotation(citation: Citation, before: int, size: int) -> Any:
    """`before` is the length of the answer up to the text that the citation hangs on, `size` that text's length."""
    if citation.dialect == NAME:
        return Raw(citation.raw)
    if not citation.url:
        return None
    return {
        "type": "url_citation",
        "start_index": 0 if citation.start is None else max(citation.start - before, 0),
        "end_index": size if citation.end is None else max(citation.end - before, 0),
        "title": citation.title,
        "url": citation.url,
    }
