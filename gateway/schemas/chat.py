"""The neutral form of a chat: what a caller asks and what a model answers, whatever dialect said it.

Every dialect reads into these structs and writes from them. JSON that no dialect needs to understand (schemas, provider
options) stays as the bytes it came in. What only one dialect can say travels along as `Extra` or `Opaque` under that
dialect's name: written back untouched in the same dialect, and named as dropped in any other.
"""

from typing import Literal

import msgspec

from gateway.schemas.usage import Usage


class CacheMark(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The prompt up to here is worth caching. `ttl` is the provider's word ("5m", "1h"); "" is its default.

    `spelling` is the field that said so, where a dialect has several.
    """

    ttl: str = ""
    spelling: str = ""


class Citation(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A source of a text. `start` and `end` are characters of the whole answer's text; None: the part it hangs on.

    `raw` is the citation's JSON as `dialect` wrote it.
    """

    url: str = ""
    title: str = ""
    quote: str = ""
    start: int | None = None
    end: int | None = None
    dialect: str = ""
    raw: bytes = b""


class Source(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Where media comes from: exactly one of `data` (base64 text), `text` (plain), `url`, `file_id` (at `dialect`)."""

    media_type: str = ""
    data: str = ""
    text: str = ""
    url: str = ""
    file_id: str = ""
    dialect: str = ""


class Text(msgspec.Struct, frozen=True, gc=False, tag=True):
    text: str
    cache: CacheMark | None = None
    citations: tuple[Citation, ...] = ()


class Image(msgspec.Struct, frozen=True, gc=False, tag=True):
    """`options` is JSON that only its own dialect knows (how to scale it)."""

    source: Source
    detail: str = ""
    cache: CacheMark | None = None
    options: bytes = b""


class Audio(msgspec.Struct, frozen=True, gc=False, tag=True):
    """`format` is a file format: wav, mp3. As an answer, `transcript` is what was said and `raw` the dialect's JSON."""

    source: Source
    format: str = ""
    transcript: str = ""
    cache: CacheMark | None = None
    raw: bytes = b""


class File(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A document. `name` is its file name or title, `context` what the caller says of it; `cite` asks for citations."""

    source: Source
    name: str = ""
    context: str = ""
    cite: bool | None = None
    cache: CacheMark | None = None


class ToolCall(msgspec.Struct, frozen=True, gc=False, tag=True):
    """`arguments` is JSON text as the model wrote it (perhaps empty or broken); for `kind` custom, free text.

    `signature` proves the call to the provider that made it; `origin` is JSON that says which code may have called;
    `rest` is a JSON object of what else only its own dialect knows of it.
    """

    id: str
    name: str
    arguments: str = ""
    kind: Literal["function", "custom"] = "function"
    signature: str = ""
    origin: bytes = b""
    cache: CacheMark | None = None
    rest: bytes = b""


class Reasoning(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Thought that the model shows. `signature` proves it to the provider that made it, which `format` names."""

    text: str
    signature: str = ""
    id: str = ""
    format: str = ""
    summary: bool = False


class SealedReasoning(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Thought that only its provider can read."""

    data: str
    id: str = ""
    format: str = ""


class Refusal(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The model's words where it declines."""

    text: str


class Opaque(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A part that only `dialect` knows: its JSON, and plain text that may stand in for it elsewhere."""

    dialect: str
    kind: str
    raw: bytes
    text: str = ""


class ToolResult(msgspec.Struct, frozen=True, gc=False, tag=True):
    """What a tool gave back. `name` is the tool's, where the dialect says it; `rest` as a call's."""

    call_id: str
    parts: tuple[Text | Image | File | Audio | Opaque, ...] = ()
    is_error: bool = False
    name: str = ""
    cache: CacheMark | None = None
    rest: bytes = b""


Part = Text | Image | Audio | File | ToolCall | ToolResult | Reasoning | SealedReasoning | Refusal | Opaque

Role = Literal["system", "developer", "user", "assistant", "tool"]


class Message(msgspec.Struct, frozen=True, gc=False):
    """One turn or a piece of one. Tool results stand in a `tool` or a `user` message, as the dialect has it.

    `rest` is JSON of what else only its own dialect knows of it.
    """

    role: Role
    parts: tuple[Part, ...]
    name: str = ""
    rest: bytes = b""


class Extra(msgspec.Struct, frozen=True, gc=False):
    """A field that only the request's own dialect knows: its name and JSON."""

    name: str
    value: bytes


class Tool(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A tool the caller runs. `parameters` is a JSON schema; `format` the grammar of a custom tool's text, as JSON.

    `native` is the schema as its own dialect spelled it, where that is no JSON schema.
    """

    name: str
    description: str | None = None
    parameters: bytes = b""
    strict: bool | None = None
    kind: Literal["function", "custom"] = "function"
    format: bytes = b""
    cache: CacheMark | None = None
    extras: tuple[Extra, ...] = ()
    native: bytes = b""


class BuiltinTool(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A tool that the provider of `dialect` runs or defines: its JSON."""

    dialect: str
    kind: str
    raw: bytes


class ToolChoice(msgspec.Struct, frozen=True, gc=False):
    """`name` is given for `named`; `allowed`, when not empty, narrows `auto` and `required` to these tools."""

    mode: Literal["auto", "none", "required", "named"]
    name: str = ""
    allowed: tuple[str, ...] = ()


class OutputFormat(msgspec.Struct, frozen=True, gc=False):
    """The shape of the answer's text. `schema` is a JSON schema, `native` as in `Tool`."""

    kind: Literal["json_object", "json_schema"]
    schema: bytes = b""
    name: str = ""
    description: str = ""
    strict: bool | None = None
    native: bytes = b""


class Thinking(msgspec.Struct, frozen=True, gc=False):
    """How much the model may think: an `effort`, a `budget` in tokens, both or neither.

    `mode` is off, on (with `budget` if given), adaptive (the model decides), between_tools, or "" for what the effort
    implies. `display` is omitted, summarized or "" (the provider's default). `spelling` is the field of the request's
    dialect that said so, where there are several: the same dialect repeats it.
    """

    effort: str = ""
    budget: int | None = None
    mode: Literal["", "off", "on", "adaptive", "between_tools"] = ""
    display: str = ""
    spelling: str = ""


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller asks, and how. `dialect` is the one it was read from; `unknown` names fields nobody knows.

    `max_output` is in tokens; `sealed`: thought is wanted back in its sealed form; `store` False: the provider is not
    to keep the answer. None and empty mean that the caller did not say.
    """

    dialect: str
    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    stream_usage: bool = False
    max_output: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: bytes = b""
    tools: tuple[Tool | BuiltinTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    output: OutputFormat | None = None
    thinking: Thinking | None = None
    user: str = ""
    safety_id: str = ""
    metadata: bytes = b""
    service_tier: str = ""
    cache: CacheMark | None = None
    sealed: bool = False
    store: bool | None = None
    extras: tuple[Extra, ...] = ()
    unknown: tuple[str, ...] = ()


Finish = Literal[
    "stop",
    "stop_sequence",
    "length",
    "context_window",
    "tool_calls",
    "content_filter",
    "refusal",
    "pause",
    "other",
]
"""Why an answer ended. `refusal`: the model or its guard declined; `pause`: the provider wants the turn sent back."""


def why_ended(finish: Finish, native: str) -> str:
    """For records: the provider's word where it has one. OpenAI's for a refusal is the one for any answer."""
    return finish if finish == "refusal" else native or finish


class Choice(msgspec.Struct, frozen=True, gc=False):
    """One answer. `native` is the provider's own word for `finish`, `details` its JSON about it, and `explanation`
    its sentence for people."""

    parts: tuple[Part, ...]
    finish: Finish = "stop"
    index: int = 0
    native: str = ""
    stop_sequence: str | None = None
    explanation: str = ""
    details: bytes = b""
    logprobs: bytes = b""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the model answers. `created` is in Unix seconds, 0 when the dialect does not say."""

    dialect: str
    id: str
    model: str
    choices: tuple[Choice, ...]
    created: int = 0
    usage: Usage | None = None
    service_tier: str = ""
    fingerprint: str = ""

    @property
    def finish(self) -> str:
        """Why the first choice ended, in the provider's word where it has one."""
        return why_ended(self.choices[0].finish, self.choices[0].native) if self.choices else ""
