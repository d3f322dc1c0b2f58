"""Writes contents of Gemini's requests from the neutral form.

Google's rules, and how they are met: system text stands apart from the contents; the results of calls follow these at
once, in the calls' order, each with its function's name; a signature stands on the part that it came with.
"""

import msgspec
from msgspec import Raw

from gateway.dialects.dropped import CITED, PROOF, THOUGHT, Dropped
from gateway.dialects.gemini.calls import said
from gateway.dialects.gemini.contents_in import is_object
from gateway.dialects.gemini.errors import NAME
from gateway.dialects.gemini.media_out import MediaWriter
from gateway.dialects.gemini.models import Traits
from gateway.dialects.gemini.signatures import SKIP, unseal
from gateway.schemas.chat import (
    Audio,
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
from gateway.schemas.wire import gemini as wire

OutPart = wire.Part | Raw


class ContentWriter:
    """Writes the contents of one request, and names what it could not."""

    def __init__(self, request: ChatRequest, traits: Traits, call_ids: bool, dropped: Dropped) -> None:
        self._native = request.dialect == NAME
        self._traits = traits
        self._call_ids = call_ids
        self._dropped = dropped
        self._media = MediaWriter(self._native, dropped)
        calls = [part for message in request.messages for part in message.parts if isinstance(part, ToolCall)]
        self._names = {call.id: call.name for call in calls}
        self._places = {call.id: place for place, call in enumerate(calls)}
        self._order: dict[int, int] = {}
        self.system: list[OutPart] = []
        self.contents: list[wire.ContentOut] = []

    def write(self, messages: tuple[Message, ...]) -> None:
        for message in messages:
            if message.name and message.role != "tool":
                self._dropped.add("messages.name")
            if message.role in ("system", "developer"):
                self.system += self._said(message.parts)
            elif message.role == "assistant":
                self._add("model", self._answer(message.parts))
            elif self._native:
                self._add("user", self._said(message.parts))
            else:
                self._asked(message.parts)
        if not self.contents and self.system and not self._native:
            self.contents.append(wire.ContentOut(role="user", parts=self.system))
            self.system = []

    def _asked(self, parts: tuple[Part, ...]) -> None:
        """Results first, in a content of their own; then, as the user's, what results cannot hold."""
        rest: list[Part] = []
        results: list[OutPart] = [self._result(part, rest) for part in parts if isinstance(part, ToolResult)]
        self._add("user", sorted(results, key=lambda part: self._order.get(id(part), 0)))
        self._add("user", self._said((*rest, *[part for part in parts if not isinstance(part, ToolResult)])))

    def _add(self, role: str, parts: list[OutPart]) -> None:
        """Neighbours of one role become one, but results and the user's own words stay apart."""
        if not parts and not self._native:
            return
        last = self.contents[-1] if self.contents else None
        if (
            last is not None
            and last.role == role
            and not self._native
            and _is_result(last) == _is_result_part(parts[0])
        ):
            last.parts += parts
            last.parts.sort(key=lambda part: self._order.get(id(part), 0))
        else:
            self.contents.append(wire.ContentOut(role=role, parts=parts))

    # --- parts ---

    def _said(self, parts: tuple[Part, ...]) -> list[OutPart]:
        written: list[OutPart] = []
        for part in parts:
            if isinstance(part, SealedReasoning):
                self._sign(part, written)
                continue
            out = self._part(part)
            if out is not None:
                written.append(out)
        return written

    def _part(self, part: Part) -> OutPart | None:
        if isinstance(part, Text):
            if part.cache is not None:
                self._dropped.add("messages.content.cache_control")
            if part.citations:
                self._dropped.add(CITED)
            return wire.Part(text=part.text) if part.text or self._native else None
        if isinstance(part, Refusal):
            return wire.Part(text=part.text) if part.text else None
        if isinstance(part, Image | Audio | File):
            return self._media.write(part)
        if isinstance(part, Opaque):
            return self._opaque(part)
        if isinstance(part, ToolResult):
            return self._result(part, None)
        if isinstance(part, Reasoning):
            return self._reasoning(part)
        return None

    def _opaque(self, part: Opaque) -> OutPart | None:
        if part.dialect == NAME:
            return Raw(part.raw)
        self._dropped.add(f"messages.content.{part.kind}")
        return wire.Part(text=part.text) if part.text else None

    # --- what the model said ---

    def _answer(self, parts: tuple[Part, ...]) -> list[OutPart]:
        written: list[OutPart] = []
        of_calls: dict[str, str] = {}
        loose: list[SealedReasoning] = []
        for place, part in enumerate(parts):
            following = parts[place + 1] if place + 1 < len(parts) else None
            if isinstance(part, SealedReasoning):
                signature = unseal(part.data, part.format)
                owner = part.id or (
                    following.id if isinstance(following, ToolCall) and not self._native else ""
                )
                if signature is None:
                    self._dropped.add(PROOF)
                elif owner:
                    of_calls[owner] = signature
                elif not self._signed(signature, written[-1:]):
                    loose.append(part)
            elif isinstance(part, ToolCall):
                written.append(self._call(part, of_calls.get(part.id, "")))
            else:
                out = self._part(part)
                if out is not None:
                    written.append(out)
        for part in loose:
            self._sign(part, written)
        if self._traits.signs and not self._native:
            _vouch(written)
        return written

    def _call(self, part: ToolCall, signature: str) -> wire.Part:
        if part.cache is not None:
            self._dropped.add("messages.content.cache_control")
        call = wire.FunctionCall(name=part.name, id=self._id(part.id))
        arguments = call_args(part)
        if arguments or not self._native:
            call.args = Raw(arguments or b"{}")
        return wire.Part(function_call=call, thought_signature=part.signature or signature or None)

    def _reasoning(self, part: Reasoning) -> wire.Part | None:
        """Google takes back only thought of its own."""
        signature = unseal(part.signature, part.format)
        if signature is None:
            self._dropped.add(THOUGHT)
            return None
        return wire.Part(text=part.text, thought=True, thought_signature=signature or None)

    def _sign(self, part: SealedReasoning, written: list[OutPart]) -> None:
        """Puts a signature on the last text that has none, else on an empty one, as Google itself does at the end."""
        signature = unseal(part.data, part.format)
        if signature is None:
            self._dropped.add(PROOF)
        elif not self._signed(signature, written):
            written.append(wire.Part(text="", thought_signature=signature))

    def _signed(self, signature: str, written: list[OutPart]) -> bool:
        for part in reversed(written):
            if isinstance(part, wire.Part) and not part.thought_signature:
                if part.function_call is not None or part.thought:
                    continue
                part.thought_signature = signature
                return True
        return False

    # --- results ---

    def _id(self, identity: str) -> str | None:
        return said(identity) if self._call_ids else None

    def _result(self, result: ToolResult, rest: list[Part] | None) -> wire.Part:
        """Media go into the result where the model takes them there, else into `rest`, with a pointer."""
        if result.cache is not None:
            self._dropped.add("messages.content.cache_control")
        media: list[Part] = [
            part for part in result.parts if not isinstance(part, Text) and not _foreign(part)
        ]
        texts = [part.text for part in result.parts if isinstance(part, Text)]
        for part in result.parts:
            if isinstance(part, Opaque) and _foreign(part):
                self._dropped.add(f"messages.content.{part.kind}")
                texts += [part.text] if part.text else []
        if media and rest is not None and not self._traits.signs:
            rest += [Text(f"Attached to the result of tool call {result.call_id}:"), *media]
            media = []
        inside = [self._part(part) for part in media]
        raws = [Raw(msgspec.json.encode(part)) for part in inside if part is not None]
        name = result.name or self._names.get(result.call_id, "") or "tool"
        response = wire.FunctionResponse(name=name, id=self._id(result.call_id), parts=raws or None)
        if texts or not self._native:
            response.response = Raw(response_of("\n".join(texts), result.is_error))
        written = wire.Part(function_response=response)
        self._order[id(written)] = self._places.get(result.call_id, 0)
        return written


def call_args(part: ToolCall) -> bytes:
    """Arguments as the object that Google insists on; b"" for none. What is no object is kept whole under one name."""
    text = part.arguments.strip()
    if part.kind == "custom":
        return msgspec.json.encode({"input": part.arguments})
    if not text or text == "null":
        return b""
    if is_object(text):
        return text.encode()
    return msgspec.json.encode({"arguments": part.arguments})


def response_of(text: str, failed: bool) -> bytes:
    """A result as the object that Google insists on: itself if it is one, else under Google's word for results."""
    if is_object(text):
        return b'{"error":' + text.encode() + b"}" if failed else text.encode()
    return msgspec.json.encode({"error" if failed else "output": text})


def _foreign(part: Part) -> bool:
    return isinstance(part, Opaque) and part.dialect != NAME


def _vouch(written: list[OutPart]) -> None:
    """The first call of an answer needs a signature; another model's call has none, and Google has a word for that."""
    for part in written:
        if isinstance(part, wire.Part) and part.function_call is not None:
            part.thought_signature = part.thought_signature or SKIP
            return


def _is_result(content: wire.ContentOut) -> bool:
    return bool(content.parts) and _is_result_part(content.parts[0])


def _is_result_part(part: OutPart) -> bool:
    return isinstance(part, wire.Part) and part.function_response is not None
