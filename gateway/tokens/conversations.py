"""The tokens of a conversation's prompt: its texts counted, what surrounds them by OpenAI's documented numbers."""

from collections.abc import Iterable, Iterator

from gateway._speedups.tokens import Encoding
from gateway.dialects.counting import estimate
from gateway.dialects.counting.estimate import BYTES_PER_TOKEN, DOCUMENT, TOOL, estimated
from gateway.schemas.chat import (
    Audio,
    BuiltinTool,
    ChatRequest,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    SealedReasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from gateway.tokens.encodings import encoding
from gateway.tokens.images import image_tokens
from gateway.tokens.models import Reading, reading_of
from gateway.tokens.tools import TOOLS, Piece, tool_pieces

MESSAGE = 4
"""Three around each message, and its role."""
NAME = 1
REPLY = 3
"""What the answer begins with is part of the prompt."""

WHOLE = 200_000
"""Characters of a conversation that are counted; of a longer one, each text is judged by its beginning. The most that
hostile text can make of it is some 30 ms."""


def prompt_tokens(model: str, request: ChatRequest) -> int:
    """The prompt's tokens as far as its encoding tells, which for another vendor's model is o200k. Estimated where the
    gateway has no ranks."""
    reading = reading_of(model)
    counter = encoding(reading.encoding)
    if counter is None:
        return estimated(model, request)
    total, texts = REPLY, list[str]()
    for piece in _pieces(request, reading):
        if isinstance(piece, int):
            total += piece
        else:
            texts.append(piece)
    return total + _counted(counter, texts)


def answer_tokens(model: str, parts: Iterable[Part]) -> int:
    """The tokens of one answer, as far as its encoding tells. Estimated where the gateway has no ranks."""
    reading = reading_of(model)
    pieces = [piece for part in parts for piece in _part(part, reading)]
    texts = [piece for piece in pieces if isinstance(piece, str)]
    counter = encoding(reading.encoding)
    counted = sum(map(estimate.text_tokens, texts)) if counter is None else _counted(counter, texts)
    return counted + sum([piece for piece in pieces if isinstance(piece, int)])


def text_tokens(model: str, text: str) -> int | None:
    """The tokens of one text, which may be an answer; None where the gateway has no ranks."""
    counter = encoding(reading_of(model).encoding)
    return None if counter is None else _counted(counter, [text])


def _counted(counter: Encoding, texts: list[str]) -> int:
    letters = sum(map(len, texts))
    if letters <= WHOLE:
        return sum(map(counter.count, texts))
    beginnings = [text[: len(text) * WHOLE // letters + 1] for text in texts]
    return sum(map(counter.count, beginnings)) * letters // sum(map(len, beginnings))


def _pieces(request: ChatRequest, reading: Reading) -> Iterator[Piece]:
    for message in request.messages:
        yield from _message(message, reading)
    yield from _tools(request.tools, reading)
    if request.output is not None:
        yield (request.output.schema or request.output.native).decode("utf-8", "replace")


def _message(message: Message, reading: Reading) -> Iterator[Piece]:
    yield MESSAGE
    if message.name:
        yield NAME
        yield message.name
    for part in message.parts:
        yield from _part(part, reading)


def _tools(tools: tuple[Tool | BuiltinTool, ...], reading: Reading) -> Iterator[Piece]:
    if tools and reading.known:
        yield TOOLS
    for tool in tools:
        if isinstance(tool, BuiltinTool):
            yield tool.raw.decode("utf-8", "replace")
        elif reading.known:
            yield from tool_pieces(tool, reading)
        else:
            yield TOOL
            yield f"{tool.name}:{tool.description or ''}"
            yield (tool.parameters or tool.native or tool.format).decode("utf-8", "replace")


def _part(part: Part, reading: Reading) -> Iterator[Piece]:
    match part:
        case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
            yield text
        case ToolCall():
            yield TOOL
            yield part.name
            yield part.arguments
        case ToolResult():
            yield TOOL
            for inner in part.parts:
                yield from _part(inner, reading)
        case Image():
            yield image_tokens(part, reading)
        case Audio():
            yield part.transcript or len(part.source.data) * 3 // 4 // BYTES_PER_TOKEN
        case File():
            yield part.source.text or DOCUMENT
        case SealedReasoning():
            yield len(part.data) // 4
        case _:
            yield part.text or part.raw.decode("utf-8", "replace")
