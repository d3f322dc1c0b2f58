"""Reads a stream of OpenAI chat completion chunks into neutral events, forgiving what compatible servers do to it."""

import msgspec

from gateway._speedups.translate import Shape
from gateway.dialects.decode import UNREADABLE
from gateway.dialects.failures import stream_failure
from gateway.dialects.openai_chat.answers import finish_of, thinking_text
from gateway.dialects.openai_chat.citations import read_citations
from gateway.dialects.openai_chat.messages_in import ANTHROPIC_FORMAT, read_signature
from gateway.dialects.openai_chat.messages_out import NAME
from gateway.dialects.shapes import keys
from gateway.dialects.usage import openai_stream_usage
from gateway.errors import UpstreamClosed, UpstreamProtocolError
from gateway.schemas.events import (
    Cited,
    Ended,
    Event,
    Finished,
    Fragment,
    ReasoningDelta,
    RefusalDelta,
    SealedDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from gateway.schemas.wire import openai_chat as wire
from gateway.schemas.wire import openai_chat_answers as answers
from gateway.schemas.wire.common import ABSENT, given

_decode = msgspec.json.Decoder(answers.Chunk).decode
_CALL = {
    "index": "number",
    "type": "some text",
    "function": keys(answers.CallDelta, {"arguments": "text"}),
}
_CHOICE = {
    "index": "number",
    "delta": keys(answers.Delta, {"content": "text", "tool_calls": [keys(answers.ToolDelta, _CALL)]}),
}
_PIECE = Shape(
    keys(
        answers.Chunk,
        {
            "id": "some text",
            "created": "some number",
            "model": "some text",
            "service_tier": "some text",
            "system_fingerprint": "some text",
            "choices": [keys(answers.ChunkChoice, _CHOICE)],
        },
    )
)
"""A chunk with nothing but a piece of a text or of a call's arguments, as most are."""

_TEXT, _REFUSAL, _REASONING = "text", "refusal", "reasoning"


class Reader:
    """One stream. `skipped` counts events after the finish that could not be read."""

    __slots__ = ("_choices", "_ended", "_finished", "_started", "skipped")

    def __init__(self, model: str = "") -> None:  # noqa: ARG002  (answers name it)
        self._choices: dict[int, _ChoiceReader] = {}
        self._started = False
        self._finished = False
        self._ended = False
        self.skipped = 0

    def read(self, name: str, data: bytes) -> list[Event]:
        """The neutral events of one server-sent event."""
        if self._ended or not data:
            return []
        if data[:6] == b"[DONE]":
            return self._done()
        found = _PIECE.match(data) if name != "error" else None
        if found is not None:
            piece = self._piece(*found)
            if piece is not None:
                return [piece]
        try:
            chunk = _decode(data)
        except UNREADABLE as error:
            return self._unreadable(error)
        if given(chunk.error) or name == "error":
            error_raw = chunk.error if given(chunk.error) else data
            raise stream_failure(msgspec.json.decode(error_raw), NAME)
        events: list[Event] = []
        if chunk.choices:
            if not self._started:
                events.append(self._start(chunk))
            for place, choice in enumerate(chunk.choices):
                self._choice(choice, place, events)
        usage = openai_stream_usage(chunk)
        if usage is not None:
            events.append(Used(usage))
        return events

    def end(self) -> list[Event]:
        """A missing `[DONE]` after a finish is forgiven, a missing finish is not. Raises UpstreamClosed."""
        if self._ended:
            return []
        if not self._finished:
            raise UpstreamClosed("the provider ended the stream before its answer was complete")
        self._ended = True
        return [Ended()]

    def _piece(
        self, index: int | None, text: str | None, call: int | None, arguments: str | None
    ) -> TextDelta | ToolDelta | None:
        """The event of one more piece; None where something begins with it."""
        choice = self._choices.get(index or 0)
        if choice is None:
            return None
        if text:
            return None if arguments is not None else choice.more_text(text)
        return choice.more_arguments(call, arguments) if arguments and call is not None else None

    def _done(self) -> list[Event]:
        if not self._finished:
            raise UpstreamProtocolError("the provider ended the stream without saying why the answer ended")
        self._ended = True
        return [Ended()]

    def _unreadable(self, error: Exception) -> list[Event]:
        if not self._finished:
            raise UpstreamProtocolError(
                f"an event of the stream is not a chat completion chunk: {error}"
            ) from error
        self.skipped += 1
        return []

    def _start(self, chunk: answers.Chunk) -> Started:
        self._started = True
        created = int(chunk.created or 0)
        tier, fingerprint = chunk.service_tier or "", chunk.system_fingerprint or ""
        return Started(chunk.id or "", chunk.model or "", created, None, tier, fingerprint)

    def _choice(self, choice: answers.ChunkChoice, place: int, events: list[Event]) -> None:
        index = place if choice.index is None else choice.index
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _ChoiceReader(index)
        if choice.delta is not None:
            state.read(choice.delta, events)
        if choice.logprobs is not ABSENT and given(choice.logprobs):
            events.append(Fragment(state.part_of(_TEXT), NAME, "logprobs", bytes(choice.logprobs), index))
        if choice.finish_reason and not state.finished:
            self._finished = True
            state.finish(choice.finish_reason, events)


class _Call(msgspec.Struct):
    """A tool call under way; `held` keeps arguments that came before the name, `signature` what came with its id."""

    part: int
    id: str
    kind: str
    started: bool = False
    held: str = ""
    signature: str = ""


class _ChoiceReader:
    """One choice: gives its parts their numbers, whatever order their pieces come in."""

    __slots__ = ("_calls", "_index", "_last_call", "_parts", "_sealed", "finished")

    def __init__(self, index: int) -> None:
        self._index = index
        self._parts: dict[str | int, int] = {}
        self._calls: dict[int, _Call] = {}
        self._last_call = -1
        self._sealed = 0
        self.finished = False

    def read(self, delta: answers.Delta, events: list[Event]) -> None:
        if (
            delta.reasoning_content
            or delta.reasoning
            or delta.reasoning_details is not None
            or delta.thinking_blocks is not None
        ):
            self._reasoning(delta, events)
        content = delta.content
        if content:
            if isinstance(content, str):
                events.append(TextDelta(self.part_of(_TEXT), content, self._index))
            else:
                self._listed(content, events)
        if delta.tool_calls is not None:
            for call in delta.tool_calls:
                self._call(call, events)
        if delta.function_call is not None:
            self._call(answers.ToolDelta(0, "call_0", None, delta.function_call), events)
        if delta.refusal:
            events.append(RefusalDelta(self.part_of(_REFUSAL), delta.refusal, self._index))
        if delta.annotations:
            part = self.part_of(_TEXT)
            events += [Cited(part, citation, self._index) for citation in read_citations(delta.annotations)]
        if delta.audio is not ABSENT and given(delta.audio):
            events.append(Fragment(self.part_of("audio"), NAME, "audio", bytes(delta.audio), self._index))

    def more_text(self, text: str) -> TextDelta:
        return TextDelta(self.part_of(_TEXT), text, self._index)

    def more_arguments(self, index: int, arguments: str) -> ToolDelta | None:
        """More of a call that has begun; None for any other."""
        call = self._calls.get(index)
        if call is None or not call.started:
            return None
        self._last_call = index
        return ToolDelta(call.part, arguments, self._index)

    def finish(self, native: str, events: list[Event]) -> None:
        self.finished = True
        for call in self._calls.values():
            if not call.started:
                self._begin(call, "", events)
        refused = _REFUSAL in self._parts and not self._calls
        events.append(Finished(finish_of(native, refused), self._index, native))

    def part_of(self, key: str | int) -> int:
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = len(self._parts)
        return part

    def _listed(self, content: list[answers.ReplyText], events: list[Event]) -> None:
        for item in content:
            if item.thinking is not None:
                events.append(
                    ReasoningDelta(self.part_of(_REASONING), thinking_text(item), choice=self._index)
                )
            elif item.text:
                events.append(TextDelta(self.part_of(_TEXT), item.text, self._index))

    # --- reasoning ---

    def _reasoning(self, delta: answers.Delta, events: list[Event]) -> None:
        """The most telling spelling wins; servers send the same thought in several."""
        if delta.reasoning_details:
            for entry in delta.reasoning_details:
                self._detail(entry, events)
        elif delta.thinking_blocks:
            for block in delta.thinking_blocks:
                self._block(block, events)
        else:
            text = delta.reasoning_content or delta.reasoning
            if text:
                events.append(ReasoningDelta(self.part_of(_REASONING), text, choice=self._index))

    def _detail(self, entry: wire.ReasoningDetail, events: list[Event]) -> None:
        key = f"detail {entry.index}" if entry.index is not None else f"detail {entry.id}"
        identity, form = entry.id or "", entry.format or ""
        if entry.data is not None:
            part = self.part_of(f"{key} sealed" if entry.index is None else key)
            events.append(SealedDelta(part, entry.data, identity, form, self._index))
            return
        text = entry.text if entry.text is not None else entry.summary
        if text or entry.signature:
            is_summary = entry.type == "reasoning.summary"
            events.append(
                ReasoningDelta(
                    self.part_of(key),
                    text or "",
                    entry.signature or "",
                    identity,
                    form,
                    is_summary,
                    self._index,
                )
            )

    def _block(self, block: wire.ThinkingBlock, events: list[Event]) -> None:
        """LiteLLM's thinking blocks have no index: a signature ends one."""
        key = f"block {self._sealed}"
        if block.data is not None:
            events.append(SealedDelta(self.part_of(key), block.data, "", ANTHROPIC_FORMAT, self._index))
            self._sealed += 1
            return
        text, signature = block.thinking or "", block.signature or ""
        if text or signature:
            part = self.part_of(key)
            events.append(ReasoningDelta(part, text, signature, "", ANTHROPIC_FORMAT, choice=self._index))
        if signature:
            self._sealed += 1

    # --- tool calls ---

    def _call(self, delta: answers.ToolDelta, events: list[Event]) -> None:
        function = delta.function if delta.function is not None else delta.custom
        name = (function.name if function is not None else None) or ""
        call = self._which(delta, name)
        call.signature = call.signature or read_signature(delta.extra_content)
        if not call.started and name:
            self._begin(call, name, events)
        if function is None:
            return
        arguments = function.input if delta.custom is not None else function.arguments
        if not arguments:
            return
        if call.started:
            events.append(ToolDelta(call.part, arguments, self._index))
        else:
            call.held += arguments

    def _which(self, delta: answers.ToolDelta, name: str) -> _Call:
        """The call that a piece belongs to.

        Gemini's compatible API numbers parallel calls all 0, others give no number: there a new id with a name begins
        a new call.
        """
        key = self._last_call if delta.index is None else delta.index
        call = self._calls.get(key)
        if call is None or (delta.id and name and call.started and delta.id != call.id):
            if call is not None or key < 0:
                key = max(self._calls, default=-1) + 1
            part = self.part_of(f"call {len(self._calls)}")
            kind = "custom" if delta.custom is not None else "function"
            call = self._calls[key] = _Call(part, delta.id or f"call_{self._index}_{part}", kind)
        self._last_call = key
        return call

    def _begin(self, call: _Call, name: str, events: list[Event]) -> None:
        call.started = True
        events.append(ToolStarted(call.part, call.id, name, call.kind, b"", self._index, call.signature))
        if call.held:
            events.append(ToolDelta(call.part, call.held, self._index))
