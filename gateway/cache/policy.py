"""What may be looked up, and which questions may be looked for by their meaning.

What may be kept is told by `_speedups/asking`.
"""

import json
import re
from typing import Any

from gateway._speedups.plainness import look_at
from gateway.schemas.caching import Semantic, Wishes
from gateway.schemas.chat import Audio, BuiltinTool, ChatRequest, File, Image, Opaque, Text
from gateway.tokens.conversations import text_tokens

_WORLDLY = frozenset(
    (
        *("web_search_options", "mcp_servers", "container", "thread"),
        *("plugins", "x_search_filter", "enable_search", "data_sources", "connectors"),
    )
)
"""Extras that let the provider act, keep a conversation, or look at what changes: OpenAI's and Anthropic's;
OpenRouter's, Alibaba's, Azure's and Cohere's."""
_SEARCHES = "search_"
"""How those of xAI, Perplexity and Groq begin: `search_parameters`, `search_recency_filter`, `search_settings`."""

_CODE = re.compile(
    r"```|`[^`\n]+`|^(?: {4}|\t)\S|[{};]\s*$|=>|==|!=|\(\)|</?[a-z][^>]*>"
    r"|^\s*(?:def|class|import|from|SELECT|#include)\s",
    re.MULTILINE,
)
_QUOTED = re.compile(r'"[^"\n]{2,}"|“[^”]{2,}”|„[^“”]{2,}[“”]|«[^»]{2,}»|「[^」]{2,}」|^\s*>\s', re.MULTILINE)
_MOST_PER_TOKEN = 16
"""Characters: a text of more than so many for each token that it may have is not counted."""


def may_look(request: ChatRequest, wishes: Wishes, body: bytes) -> bool:
    """Whether an entry may answer, and the answer be kept.

    Not what the provider runs or keeps, for then the answer is not all that is asked; nor, where answers are shared, a
    body that the provider could read differently from the gateway: its answer would be another question's for others.
    """
    if wishes.mode == "off" or request.store:
        return False
    if request.extras and any(_acts(extra.name, extra.value) for extra in request.extras):
        return False
    if request.tools and any(isinstance(tool, BuiltinTool) for tool in request.tools):
        return False
    return wishes.scope == "key" or not ambiguous(body)


def may_mean(request: ChatRequest, semantic: Semantic, text: str | None) -> str | None:
    """`text`, the last of the user, where it may be looked for by its meaning; else None."""
    if text is None or not text.strip() or len(text) > semantic.max_tokens * _MOST_PER_TOKEN:
        return None
    if request.temperature is not None and request.temperature > semantic.max_temperature:
        return None
    allow = semantic.allow
    if request.tools and "tools" not in allow:
        return None
    if "images" not in allow and any(_looks(message.parts) for message in request.messages):
        return None
    if "code" not in allow and (_CODE.search(text) or _QUOTED.search(text)):
        return None
    tokens = text_tokens(request.model, text)
    return text if (len(text) // 4 if tokens is None else tokens) <= semantic.max_tokens else None


def ambiguous(body: bytes) -> bool:
    """Whether some object in the body has a key twice: of two readers, one may take the first and one the last."""
    if look_at(body):
        return False
    try:
        _STRICT.decode(body.decode())
    except (ValueError, RecursionError):
        return True
    return False


def _acts(name: str, value: bytes) -> bool:
    if name == "store":
        return value == b"true"
    return (name in _WORLDLY or name.startswith(_SEARCHES)) and value != b"false"


def _looks(parts: tuple[Any, ...]) -> bool:
    """Whether anything but text is in play."""
    return any(isinstance(part, Image | Audio | File | Opaque) for part in parts) or any(
        _looks(part.parts) for part in parts if not isinstance(part, Text) and hasattr(part, "parts")
    )


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Nothing of the document is needed."""
    if len(pairs) > 1 and len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key is written twice")


_STRICT = json.JSONDecoder(object_pairs_hook=_once)
