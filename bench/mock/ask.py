"""What a request asks of a mock provider: only the fields that change the answer are decoded."""

from typing import Any

import msgspec


class StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class Message(msgspec.Struct, gc=False):
    role: str = ""
    content: Any = None


class Ask(msgspec.Struct):
    """A chat, completion or messages request, whichever dialect."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    messages: list[Message] = []
    prompt: Any = None
    tools: Any = None
    n: int | None = None
    thinking: Any = None

    @property
    def streams(self) -> bool:
        return self.stream is True

    @property
    def with_usage(self) -> bool:
        """Whether an OpenAI stream ends with a usage event."""
        return self.stream_options is not None and self.stream_options.include_usage is True


class EmbeddingAsk(msgspec.Struct):
    """An embeddings request; `input` is a text, texts, tokens, or lists of tokens."""

    model: str
    input: Any
    encoding_format: str | None = None
    dimensions: int | None = None


READ_ASK = msgspec.json.Decoder(Ask)
READ_EMBEDDING_ASK = msgspec.json.Decoder(EmbeddingAsk)

ECHO = "echo:"
CALL_TOOLS = "call tools"


def last_user_text(ask: Ask) -> str:
    """The text of the last message if a user wrote it (tool results are not text), else of the prompt, else
    empty."""
    if not ask.messages:
        return ask.prompt if isinstance(ask.prompt, str) else ""
    last = ask.messages[-1]
    return _text(last.content) if last.role == "user" else ""


def begun(ask: Ask) -> str:
    """The beginning of the answer, where the last message is the assistant's; providers trim its end."""
    last = ask.messages[-1] if ask.messages else None
    return _text(last.content) if last is not None and last.role == "assistant" else ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    blocks = [block for block in content if isinstance(block, dict)]
    if any(block.get("type") == "tool_result" for block in blocks):
        return ""
    return "".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text")


def echoed(text: str) -> str | None:
    """What the caller wants to hear back, when it asked for an echo."""
    return text[len(ECHO) :].strip() if text.startswith(ECHO) else None


def called_tools(ask: Ask, text: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and arguments of each tool to call: every tool of the request, when its last text starts with the
    mark."""
    if not isinstance(ask.tools, list) or not text.lower().startswith(CALL_TOOLS):
        return []
    functions = [tool.get("function", tool) for tool in ask.tools if isinstance(tool, dict)]
    return [
        (str(f.get("name", "")), _arguments(f.get("parameters") or f.get("input_schema"))) for f in functions
    ]


def _arguments(schema: Any) -> dict[str, Any]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return {}
    return {name: _value(name, kind) for name, kind in properties.items()}


def _value(name: str, schema: Any) -> Any:
    if not isinstance(schema, dict):
        return f"a {name}"
    if schema.get("enum"):
        return schema["enum"][0]
    samples = {"integer": 3, "number": 1.5, "boolean": True, "array": [], "null": None}
    if schema.get("type") == "object":
        return _arguments(schema)
    return samples.get(str(schema.get("type")), f"a {name} 🙂")
