"""Counting in four dialects: each takes its own conversation, some in a wrapping, and answers a number.

Sources: "Count tokens" of Anthropic's and OpenAI's references, `models.countTokens` of Gemini's, CountTokens of
Bedrock's.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from gateway.dialects import anthropic, bedrock, gemini, openai_responses
from gateway.dialects.codec import Codec, TargetFacts, Written
from gateway.dialects.leaves import UNREADABLE, as_count
from gateway.dialects.leaves import read_reply as decoded
from gateway.errors import BadRequest, UpstreamProtocolError
from gateway.schemas.chat import ChatRequest
from gateway.schemas.counting import TokenCount

Members = dict[str, Raw]
_MEMBERS = msgspec.json.Decoder(Members)
_ANSWER = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


class Counting:
    """One dialect's. `takes` are the members of a conversation that are counted; `open` and `wrap` undo and do its
    wrapping; `says` is the number's name in an answer, `cached` that of the cached part."""

    def __init__(
        self,
        codec: Codec,
        takes: frozenset[str],
        says: str,
        *,
        cached: str = "",
        constant: tuple[tuple[str, str], ...] = (),
        opened: Callable[[bytes], bytes] = bytes,
        wrap: Callable[[Members, TargetFacts], Any] = lambda members, _: members,
    ) -> None:
        self._codec = codec
        self._takes = takes
        self._says = says
        self._cached = cached
        self._constant = dict(constant)
        self._opened = opened
        self._wrap = wrap

    def read_request(self, body: bytes, model: str) -> ChatRequest:
        request = self._codec.read_request(self._opened(body))
        return replace(bare(request), model=model)

    def split(self, request: ChatRequest, model: str) -> tuple[ChatRequest, ...]:  # noqa: ARG002
        return (request,)

    def write_request(self, request: ChatRequest, facts: TargetFacts) -> Written:
        written = self._codec.write_request(request, facts)
        members = {name: raw for name, raw in _MEMBERS.decode(written.body).items() if name in self._takes}
        return Written(_encode(self._wrap(members, facts)), written.dropped)

    def read_reply(self, body: bytes, request: ChatRequest) -> TokenCount:  # noqa: ARG002
        wire = decoded(_ANSWER, body)
        total = wire.get(self._says)
        if type(total) not in (int, float) or as_count(total) != total:
            raise UpstreamProtocolError(f"the provider's answer has no {self._says}")
        return TokenCount(as_count(total), as_count(wire.get(self._cached)))

    def join(self, replies: list[TokenCount]) -> TokenCount:
        return replies[0]

    def write_reply(self, reply: TokenCount, request: ChatRequest, model: str, reply_id: str) -> bytes:  # noqa: ARG002
        body: dict[str, Any] = {**self._constant, self._says: reply.total}
        if self._cached and reply.cached:
            body[self._cached] = reply.cached
        return _encode(body)


def bare(request: ChatRequest) -> ChatRequest:
    """The request without what is no part of the prompt: nothing of it is counted, so none of it is missed."""
    return replace(
        request,
        stream=False,
        stream_usage=False,
        max_output=None,
        temperature=None,
        top_p=None,
        top_k=None,
        min_p=None,
        presence_penalty=None,
        frequency_penalty=None,
        seed=None,
        stop=(),
        n=None,
        logprobs=None,
        top_logprobs=None,
        logit_bias=b"",
        user="",
        safety_id="",
        metadata=b"",
        service_tier="",
        sealed=False,
        store=None,
    )


def _parsed(body: bytes | Raw) -> Members:
    try:
        return _MEMBERS.decode(body)
    except msgspec.ValidationError as error:
        raise BadRequest(f"Invalid request: {error}") from error
    except UNREADABLE as error:
        raise BadRequest(f"the body is not valid JSON: {error}") from error


def _open_gemini(body: bytes) -> bytes:
    members = _parsed(body)
    wrapped = members.get("generateContentRequest")
    if wrapped is None:
        return body
    if "contents" in members:
        raise BadRequest("give `contents` or `generateContentRequest`, not both", param="contents")
    return bytes(wrapped)


TOP_FIELDS = "countTokens.systemInstruction"
"""In a provider's `accepts`: its countTokens takes a conversation's fields as they are, without a wrapping."""


def _wrap_gemini(members: Members, facts: TargetFacts) -> Any:
    if members.keys() <= {"contents"} or TOP_FIELDS in facts.accepts:
        return members
    return {"generateContentRequest": {"model": f"models/{facts.model}", **members}}


def _open_bedrock(body: bytes) -> bytes:
    given = _parsed(_parsed(body).get("input", Raw(b"{}")))
    if "converse" in given:
        return bytes(given["converse"])
    raise BadRequest("for a model that Bedrock does not serve, give `input.converse`", param="input")


claude = Counting(
    anthropic,
    frozenset(
        {"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"}
        | {"mcp_servers", "context_management", "speed"}
    ),
    "input_tokens",
)
google = Counting(
    gemini,
    frozenset({"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "cachedContent"}),
    "totalTokens",
    cached="cachedContentTokenCount",
    opened=_open_gemini,
    wrap=_wrap_gemini,
)
responses = Counting(
    openai_responses,
    frozenset(
        {"model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text"}
        | {"truncation", "conversation", "previous_response_id", "personality"}
    ),
    "input_tokens",
    constant=(("object", "response.input_tokens"),),
)
aws = Counting(
    bedrock,
    frozenset({"messages", "system", "toolConfig", "additionalModelRequestFields"}),
    "inputTokens",
    opened=_open_bedrock,
    wrap=lambda members, _: {"input": {"converse": members}},
)
