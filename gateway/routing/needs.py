"""What a request needs of a target, as far as a route has use for it: read from the bytes, nothing is decoded.

Every figure errs on the low side, so that no able target is left out: what a text does not plainly say is not needed.
"""

import re
from collections.abc import Callable

import msgspec

from gateway._speedups.jsonscan import Facts, members, number
from gateway._speedups.routing import NEEDS
from gateway.errors import BadRequest
from gateway.schemas.call import Call

VISION, TOOLS, JSON_SCHEMA, REASONING, AUDIO, DOCUMENTS = (
    1 << NEEDS.index(name) for name in ("vision", "tools", "json_schema", "reasoning", "audio", "documents")
)
MEDIA = VISION | AUDIO | DOCUMENTS

BYTES_A_TOKEN = 6
"""More than any tokenizer makes of plain text on average, so that a prompt is rather taken for shorter than it is."""

LONGEST_WORD = 1024
"""Bytes without a space from which on a string is taken for a file and not for text."""

MOST_TOKENS = 1 << 40
"""What a caller asks for beyond this makes no difference to any model."""

_LOOKS = 64
"""Places of a body that are looked at for one need: a text of such places alone must not cost a scan each."""

_TYPE = re.compile(rb'"type"[ \t\r\n]*:[ \t\r\n]*$')
_MIME = re.compile(rb'"(?:mime_?[Tt]ype|media_type)"[ \t\r\n]*:[ \t\r\n]*$')
_FILE = re.compile(rb'"file_data"[ \t\r\n]*:[ \t\r\n]*$')
_FORMAT = re.compile(rb'"format"[ \t\r\n]*:[ \t\r\n]*$')
_KEY = re.compile(rb"[{,][ \t\r\n]*$")

Mark = tuple[bytes, re.Pattern[bytes]]
"""Bytes that stand for a need, and what stands before them where they do."""

Output = Callable[[Facts], int | None]


class Shape(msgspec.Struct, frozen=True):
    """Where the requests of an endpoint say what they need: names of top-level fields, and `marks` by need. A
    conversation without the bytes `media` has none of the marks. `output` are the names on the way to the bound."""

    conversation: bytes
    tools: bytes
    media: bytes
    marks: tuple[tuple[int, tuple[Mark, ...]], ...]
    schema: tuple[bytes, re.Pattern[bytes]] = (b"", re.compile(rb"$."))
    reasoning: tuple[bytes, re.Pattern[bytes]] = (b"", re.compile(rb"$."))
    output: tuple[str, ...] = ()


_OPENAI = (
    (VISION, ((b'"image_url"', _TYPE), (b'"input_image"', _TYPE))),
    (AUDIO, ((b'"input_audio"', _TYPE),)),
    (DOCUMENTS, ((b'"data:application/pdf', _FILE),)),
)
_ANTHROPIC = ((VISION, ((b'"image"', _TYPE),)), (DOCUMENTS, ((b'"application/pdf"', _MIME),)))
_GEMINI = (
    (VISION, ((b'"image/', _MIME),)),
    (AUDIO, ((b'"audio/', _MIME),)),
    (DOCUMENTS, ((b'"application/pdf"', _MIME),)),
)
_BEDROCK = ((VISION, ((b'"image"', _KEY),)), (DOCUMENTS, ((b'"pdf"', _FORMAT),)))
_COHERE = ((VISION, ((b'"image_url"', _TYPE),)),)

_SCHEMA = re.compile(rb'"json_schema"')
_EFFORT = re.compile(rb'"(?:minimal|low|medium|high|xhigh|max)"')
_THINKING = re.compile(rb'"type"[ \t\r\n]*:[ \t\r\n]*"(?:enabled|adaptive)"')
_THOUGHT = re.compile(rb'"thinking_?[Ll]evel"|"thinking_?[Bb]udget"[ \t\r\n]*:[ \t\r\n]*[1-9]')

SHAPES: dict[str, Shape] = {
    "chat_completions": Shape(
        *(b"messages", b"tools", b'"type"', _OPENAI),
        schema=(b"response_format", _SCHEMA),
        reasoning=(b"reasoning_effort", _EFFORT),
    ),
    "responses": Shape(
        *(b"input", b"tools", b'"type"', _OPENAI),
        schema=(b"text", _SCHEMA),
        reasoning=(b"reasoning", _EFFORT),
        output=("max_output_tokens",),
    ),
    "messages": Shape(
        *(b"messages", b"tools", b'"type"', _ANTHROPIC),
        schema=(b"output_config", _SCHEMA),
        reasoning=(b"thinking", _THINKING),
    ),
    "generate_content": Shape(
        *(b"contents", b"tools", b'"mime', _GEMINI),
        schema=(b"generationConfig", re.compile(rb'"response(?:_schema|Schema|JsonSchema|_json_schema)"')),
        reasoning=(b"generationConfig", _THOUGHT),
        output=("generationConfig", "maxOutputTokens"),
    ),
    "converse": Shape(
        *(b"messages", b"toolConfig", b'"source"', _BEDROCK), output=("inferenceConfig", "maxTokens")
    ),
    "cohere_chat": Shape(
        *(b"messages", b"tools", b'"type"', _COHERE),
        schema=(b"response_format", re.compile(rb'"(?:json_)?schema"')),
        reasoning=(b"thinking", _THINKING),
    ),
}
"""The conversations, by endpoint. Of other requests nothing is known to be needed."""


def prompt_tokens(body: bytes) -> int:
    """About how many tokens a prompt has at least; files in it count nothing."""
    size = len(body)
    for word in body.split(b'"'):
        if len(word) > LONGEST_WORD and b" " not in word:
            size -= len(word)
    return size // BYTES_A_TOKEN


def output_tokens(call: Call, shape: Shape) -> int:
    """The most tokens that the caller asks for; 0 where it does not say."""
    facts: Facts = call.facts
    if not shape.output:
        return min(max(facts.max_tokens or 0, 0), MOST_TOKENS)
    first, *rest = shape.output
    spans = [
        span for name in (first, *_ALSO.get(first, ())) if (span := facts.span(name.encode())) is not None
    ]
    return max((_bound(call.body, span, rest) for span in spans), default=0)


_ALSO: dict[str, tuple[str, ...]] = {
    "generationConfig": ("generation_config",),
    "maxOutputTokens": ("max_output_tokens",),
}
"""Google's JSON takes every name in two spellings."""


def _bound(body: bytes, span: tuple[int, int], names: list[str]) -> int:
    """The number at `span`, or under the last name in the object there; 0 where it is none."""
    found = [span]
    if names:
        try:
            inner = members(body, span)
        except BadRequest:  # no object: the provider says so
            return 0
        found = [inner[name] for name in (names[0], *_ALSO.get(names[0], ())) if name in inner]
    written = [body[start:end] for start, end in found]
    return max((min(number(one) or 0, MOST_TOKENS) for one in written), default=0)


def looks_for(shape: Shape, asked: int) -> tuple[tuple[int, bytes, bytes], ...]:
    """Where in a request's top level to look first for the abilities in the mask `asked`: most requests have none of
    it, and need no closer look."""
    places = (
        (asked & TOOLS, shape.tools, b"{"),
        (asked & JSON_SCHEMA, shape.schema[0], b""),
        (asked & REASONING, shape.reasoning[0], b""),
        (asked & MEDIA, shape.conversation, shape.media),
    )
    return tuple([look for look in places if look[0]])


def needs(call: Call, shape: Shape, asked: int) -> int:
    """Which of the abilities in the mask `asked` the request needs."""
    facts: Facts = call.facts
    body = call.body
    found = 0
    if asked & TOOLS and (span := facts.span(shape.tools)) is not None and body.find(b"{", *span) >= 0:
        found = TOOLS
    if asked & JSON_SCHEMA and (span := facts.span(shape.schema[0])) is not None:
        found |= JSON_SCHEMA if shape.schema[1].search(body, *span) else 0
    if asked & REASONING and (span := facts.span(shape.reasoning[0])) is not None:
        found |= REASONING if shape.reasoning[1].search(body, *span) else 0
    if not asked & MEDIA:
        return found
    span = facts.span(shape.conversation)
    if span is None or body.find(shape.media, *span) < 0:
        return found
    return found | _media(body, span, shape, asked)


def _media(body: bytes, span: tuple[int, int], shape: Shape, asked: int) -> int:
    found = 0
    for need, marks in shape.marks:
        if asked & need and any(_marked(body, span, mark) for mark in marks):
            found |= need
    return found


def _marked(body: bytes, span: tuple[int, int], mark: Mark) -> bool:
    start, end = span
    word, before = mark
    at = body.find(word, start, end)
    for _ in range(_LOOKS):
        if at < 0:
            return False
        if before.search(body, max(start, at - 32), at):
            return True
        at = body.find(word, at + len(word), end)
    return False
