"""The output items of a stream under way: what has been said of each, and the events that begin and end it."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.openai_responses.output import (
    Json,
    call_item,
    encode,
    message_item,
    refusal_content,
    text_content,
    unwrapped,
)
from gateway.dialects.openai_responses.thought import MADE_UP, native, write_thought
from gateway.schemas.chat import Citation, Reasoning, SealedReasoning

Emit = Callable[[str, Json], bytes]
"""Writes one event of a type, with its fields."""

_decode_any = msgspec.json.Decoder().decode


class Piece(msgspec.Struct):
    """A text or refusal of a message. `index` is its place there."""

    kind: str
    index: int = 0
    before: int = 0
    said: list[str] = msgspec.field(default_factory=list)
    citations: list[Citation] = msgspec.field(default_factory=list)
    logprobs: list[Raw] = msgspec.field(default_factory=list)

    def content(self) -> Json:
        text = "".join(self.said)
        if self.kind == "refusal":
            return refusal_content(text)
        return text_content(text, self.before, self.citations, self.logprobs)


class OpenItem:
    """One item. `place` ends its made-up id; `index` is its output index."""

    __slots__ = ("closed", "id", "index", "place")

    def __init__(self, index: int, place: str) -> None:
        self.index = index
        self.place = place
        self.id = ""
        self.closed = False

    def close(self, emit: Emit) -> list[bytes]:
        """The events that end it."""
        self.closed = True
        out = self._ends(emit)
        out.append(emit("response.output_item.done", {"output_index": self.index, "item": self.whole()}))
        return out

    def whole(self) -> Any:
        """The finished item."""
        raise NotImplementedError

    def _ends(self, emit: Emit) -> list[bytes]:
        raise NotImplementedError

    def at(self, **fields: Any) -> Json:
        return {"item_id": self.id, "output_index": self.index, **fields}


class OpenMessage(OpenItem):
    __slots__ = ("pieces",)

    def __init__(self, index: int, place: str) -> None:
        super().__init__(index, place)
        self.id = f"msg_{place}"
        self.pieces: list[Piece] = []

    def begin(self, emit: Emit) -> bytes:
        item = message_item(self.place, [], "in_progress")
        return emit("response.output_item.added", {"output_index": self.index, "item": item})

    def add(self, piece: Piece, emit: Emit) -> bytes:
        self.pieces.append(piece)
        where = self.at(content_index=len(self.pieces) - 1, part=piece.content())
        return emit("response.content_part.added", where)

    def whole(self) -> Any:
        return message_item(self.place, [piece.content() for piece in self.pieces], "completed")

    def _ends(self, emit: Emit) -> list[bytes]:
        out = []
        for index, piece in enumerate(self.pieces):
            content = piece.content()
            if piece.kind == "refusal":
                done = self.at(content_index=index, refusal=content["refusal"])
                out.append(emit("response.refusal.done", done))
            else:
                for place, note in enumerate(content["annotations"]):
                    where = self.at(content_index=index, annotation_index=place, annotation=note)
                    out.append(emit("response.output_text.annotation.added", where))
                done = self.at(content_index=index, text=content["text"], logprobs=content["logprobs"])
                out.append(emit("response.output_text.done", done))
            out.append(emit("response.content_part.done", self.at(content_index=index, part=content)))
        return out


class Thought(msgspec.Struct):
    """A part of a reasoning item. `index` is its place among the item's summaries or texts, -1 before it shows any."""

    id: str
    format: str
    summary: bool
    data: str | None = None
    text: list[str] = msgspec.field(default_factory=list)
    signature: str = ""
    index: int = -1

    def neutral(self) -> Reasoning | SealedReasoning:
        if self.data is not None:
            return SealedReasoning(self.data, self.id, self.format)
        return Reasoning("".join(self.text), self.signature, self.id, self.format, self.summary)


class OpenThought(OpenItem):
    """A reasoning item. Raw text of OpenAI's own stays that; every other thought is shown as a summary."""

    __slots__ = ("_shown", "thoughts")

    def __init__(self, index: int, place: str, first: Thought) -> None:
        super().__init__(index, place)
        own = native(first.neutral()) and first.id
        self.id = first.id if own else MADE_UP + place
        self.thoughts = [first]
        self._shown = [0, 0]

    def begin(self, emit: Emit) -> bytes:
        item = {"id": self.id, "type": "reasoning", "summary": []}
        return emit("response.output_item.added", {"output_index": self.index, "item": item})

    def is_raw(self, thought: Thought) -> bool:
        return not thought.summary and not self.id.startswith(MADE_UP)

    def say(self, thought: Thought, text: str, emit: Emit) -> list[bytes]:
        raw = self.is_raw(thought)
        out = []
        if thought.index < 0:
            thought.index = self._shown[raw]
            self._shown[raw] += 1
            if raw:
                part = {"type": "reasoning_text", "text": ""}
                out.append(
                    emit("response.content_part.added", self.at(content_index=thought.index, part=part))
                )
            else:
                part = {"type": "summary_text", "text": ""}
                where = self.at(summary_index=thought.index, part=part)
                out.append(emit("response.reasoning_summary_part.added", where))
        thought.text.append(text)
        if raw:
            where = self.at(content_index=thought.index, delta=text)
            out.append(emit("response.reasoning_text.delta", where))
        else:
            where = self.at(summary_index=thought.index, delta=text)
            out.append(emit("response.reasoning_summary_text.delta", where))
        return out

    def whole(self) -> Any:
        return write_thought([thought.neutral() for thought in self.thoughts], self.place)

    def _ends(self, emit: Emit) -> list[bytes]:
        out = []
        for thought in self.thoughts:
            text = "".join(thought.text)
            if thought.index < 0:
                continue
            if self.is_raw(thought):
                where = self.at(content_index=thought.index, text=text)
                part = self.at(content_index=thought.index, part={"type": "reasoning_text", "text": text})
                out += [emit("response.reasoning_text.done", where), emit("response.content_part.done", part)]
            else:
                where = self.at(summary_index=thought.index, text=text)
                part = self.at(summary_index=thought.index, part={"type": "summary_text", "text": text})
                out.append(emit("response.reasoning_summary_text.done", where))
                out.append(emit("response.reasoning_summary_part.done", part))
        return out


class OpenCall(OpenItem):
    """A tool call. `wrapped`: a custom tool's text comes as the one string of a function's arguments, and can be said
    only when it is whole."""

    __slots__ = ("call_id", "head", "kind", "name", "said", "wrapped")

    def __init__(self, index: int, place: str, kind: str, call_id: str, name: str, wrapped: bool) -> None:
        super().__init__(index, place)
        self.kind, self.call_id, self.name = "custom" if wrapped else kind, call_id, name
        self.wrapped = wrapped
        self.said: list[str] = []
        self.id = ("ctc_" if self.kind == "custom" else "fc_") + place
        self.head = b"" if self.kind == "custom" else b"," + encode(self.at())[1:-1] + b',"delta":'

    @property
    def _event(self) -> str:
        return (
            "response.custom_tool_call_input" if self.kind == "custom" else "response.function_call_arguments"
        )

    def begin(self, emit: Emit) -> bytes:
        item = call_item(self.place, self.kind, self.call_id, self.name, "", "in_progress")
        return emit("response.output_item.added", {"output_index": self.index, "item": item})

    def say(self, text: str, emit: Emit) -> bytes:
        self.said.append(text)
        return b"" if self.wrapped else emit(self._event + ".delta", self.at(delta=text))

    def is_whole(self) -> bool:
        """Whether its arguments are whole JSON; a custom call's text never tells."""
        if (
            (self.kind == "custom" and not self.wrapped)
            or not self.said
            or not self.said[-1].rstrip().endswith("}")
        ):
            return False
        try:
            _decode_any("".join(self.said))
        except msgspec.DecodeError:
            return False
        return True

    def whole(self) -> Any:
        return call_item(self.place, self.kind, self.call_id, self.name, "".join(self.said), "completed")

    def _ends(self, emit: Emit) -> list[bytes]:
        arguments = "".join(self.said)
        out = []
        if self.wrapped:
            self.said, self.wrapped = [], False
            out.append(self.say(unwrapped(arguments), emit))
        elif self.kind != "custom" and not arguments:
            out.append(self.say("{}", emit))
        name = "input" if self.kind == "custom" else "arguments"
        out.append(emit(self._event + ".done", self.at(**{name: "".join(self.said)})))
        return out


class OpenOpaque(OpenItem):
    """An item that only this dialect knows: it comes whole."""

    __slots__ = ("raw",)

    def __init__(self, index: int, raw: bytes) -> None:
        super().__init__(index, "")
        self.raw = Raw(raw)

    def begin(self, emit: Emit) -> bytes:
        return emit("response.output_item.added", {"output_index": self.index, "item": self.raw})

    def whole(self) -> Any:
        return self.raw

    def _ends(self, emit: Emit) -> list[bytes]:  # noqa: ARG002
        return []
