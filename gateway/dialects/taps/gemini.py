"""What the gateway reads of Gemini's answers: generateContent, whole and streamed, and countTokens.

Source: the REST reference of the Gemini API. Every event of a stream has the shape of a whole answer; nothing marks
the last one but the reason to finish.
"""

from typing import Any, ClassVar

import msgspec

from gateway._speedups.jsonscan import Facts
from gateway._speedups.sse import Event
from gateway.dialects.gemini.errors import STATUS_OF_NAME
from gateway.dialects.gemini.usage import read_usage
from gateway.dialects.leaves import ABSENT, UNREADABLE, as_text, read_reply
from gateway.dialects.taps.failure import in_band
from gateway.dialects.taps.reply import ReplyFacts
from gateway.dialects.taps.stream import StreamTap
from gateway.errors import UpstreamProtocolError, UpstreamStatus

DIALECT = "gemini"


class Content(msgspec.Struct):
    parts: Any = None


class Candidate(msgspec.Struct, rename="camel"):
    index: Any = None
    content: Content | None = None
    finish_reason: Any = None


class Feedback(msgspec.Struct, gc=False, rename="camel"):
    block_reason: Any = None


class Answer(msgspec.Struct, rename="camel"):
    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: msgspec.Raw = ABSENT
    model_version: Any = None
    error: Any = None


class Count(msgspec.Struct, rename="camel"):
    total_tokens: Any = None
    error: Any = None


class Config(msgspec.Struct, rename="camel"):
    candidate_count: Any = None


_config = msgspec.json.Decoder(Config)
_answer = msgspec.json.Decoder(Answer)
_count = msgspec.json.Decoder(Count)


def gemini_choices(facts: Facts) -> int:
    """How many candidates a request asks for, in either spelling of its fields."""
    span = facts.spans.get("generationConfig") or facts.spans.get("generation_config")
    if span is None:
        return 1
    raw = facts.body[span[0] : span[1]].replace(b"candidate_count", b"candidateCount")
    try:
        count = _config.decode(raw).candidate_count
    except UNREADABLE:
        return 1
    return count if isinstance(count, int) and 1 <= count <= MOST_CHOICES else 1


MOST_CHOICES = 128
"""A request for more is left to the provider to refuse."""


class GeminiTap(StreamTap):
    """`POST …:streamGenerateContent?alt=sse`. `choices` is the request's `candidateCount`."""

    MARKS: ClassVar = (b"usageMetadata", b"finishReason", b"blockReason", b"error")

    __slots__ = ("_stopped",)

    def __init__(self, hide_usage: bool = False, choices: int = 1) -> None:
        super().__init__(hide_usage, choices)
        self._stopped: set[int] = set()

    def _see(self, event: Event) -> bool:
        data = event.data
        if not data:
            return False
        try:
            answer = _answer.decode(data)
        except UNREADABLE:
            answer = Answer()
            if event.name != "error" and self._leaves_out(data):
                return True
        if answer.error or event.name == "error":
            self.error = failure(answer.error, data)
            return False
        self.model = self.model or as_text(answer.model_version)
        self.usage = read_usage(answer.usage_metadata) or self.usage
        for place, candidate in enumerate(answer.candidates or ()):
            self._see_candidate(candidate, place)
        if answer.prompt_feedback is not None and answer.prompt_feedback.block_reason:
            self._stop(0, as_text(answer.prompt_feedback.block_reason), self._choices)
        return False

    def _see_candidate(self, candidate: Candidate, place: int) -> None:
        if candidate.content is not None and candidate.content.parts:
            self.committed = True
        if candidate.finish_reason:
            index = candidate.index if isinstance(candidate.index, int) else place
            self._stop(index, as_text(candidate.finish_reason))

    def _stop(self, index: int, reason: str, counts: int = 1) -> None:
        """`counts`: for how many of the choices this is the end."""
        self.committed = True
        self._stopped.add(index)
        if index == 0 or not self.finish:
            self.finish = reason
        if len(self._stopped) >= self._choices or counts >= self._choices:
            self.finished = True


def gemini_reply_facts(body: bytes) -> ReplyFacts:
    """Of a whole answer. UpstreamProtocolError when it is none."""
    answer = read_reply(_answer, body)
    model, usage = as_text(answer.model_version), read_usage(answer.usage_metadata)
    if answer.error:
        return ReplyFacts(model=model, error=failure(answer.error, body))
    if answer.candidates:
        return ReplyFacts(model=model, usage=usage, finish=as_text(answer.candidates[0].finish_reason))
    if answer.prompt_feedback is None and answer.candidates is None:
        raise UpstreamProtocolError("the provider's answer has no candidates")
    reason = "" if answer.prompt_feedback is None else as_text(answer.prompt_feedback.block_reason)
    return ReplyFacts(model=model, usage=usage, finish=reason)


def gemini_count_facts(body: bytes) -> ReplyFacts:
    """Of an answer of `POST …:countTokens`. Counting consumes nothing, so there is no usage in it."""
    count = read_reply(_count, body)
    if count.error:
        return ReplyFacts(error=failure(count.error, body))
    if not isinstance(count.total_tokens, int):
        raise UpstreamProtocolError("the provider's answer has no totalTokens")
    return ReplyFacts()


def failure(error: Any, body: bytes) -> UpstreamStatus:
    """Google's `code` is the HTTP status; where it is missing, the name in `status` says as much."""
    if isinstance(error, dict):
        name = as_text(error.get("status"))
        known = error.get("code") or STATUS_OF_NAME.get(name)
        error = {**error, "code": known, "type": name}
    return in_band(error, body, DIALECT)
