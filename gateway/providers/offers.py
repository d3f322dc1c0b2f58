"""Reads a provider's own list of its models, of which nothing is believed before it is checked.

Shapes: OpenAI's `{"data": [{"id"}]}` (some send the bare list), Anthropic's with `has_more` and `last_id`
(https://platform.claude.com/docs/en/api/models/list), Gemini's `{"models": [{"name": "models/…"}], "nextPageToken"}`
(https://ai.google.dev/api/models), Cohere's `{"models": [{"name"}], "next_page_token"}`
(https://docs.cohere.com/reference/list-models). What the entries say beyond names differs by vendor; the tables below
have the spellings of Anthropic, Cohere, Fireworks, Gemini, Groq, llama.cpp, Mistral, Moonshot, OpenRouter, SGLang,
Together, Vercel and vLLM.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import msgspec

from gateway.providers.facts import UNKNOWN, Abilities

MOST_MODELS = 2_000
"""Of one provider; further ones are left out."""

LONGEST_NAME = 256
LONGEST_ENTRY = 64 << 10
MOST_TOKENS = 1 << 31
LONGEST_TOKEN = 2_048
"""Characters of a mark that asks for the next page."""


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """One model as its provider lists it. `created` is Unix time, 0 where unknown."""

    context_window: int | None = None
    max_output: int | None = None
    created: int = 0
    abilities: Abilities = UNKNOWN


class BadList(ValueError):
    """What a provider sent is no list of models."""


class Page(msgspec.Struct, frozen=True):
    """One page of a list, checked; `following` is the query that asks for the next one, empty at the end."""

    offers: dict[str, Offer]
    following: str = ""


class _Raw(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    models: list[msgspec.Raw] | None = None
    has_more: bool | None = None
    last_id: str | None = None
    nextPageToken: str | None = None
    next_page_token: str | None = None


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(_Raw)

FIRST_QUERY = {"anthropic": "limit=1000", "gemini": "pageSize=1000", "cohere": "page_size=1000"}
"""What the first page is asked for with, by dialect; others have one page."""

_NEXT: dict[str, Callable[[_Raw], tuple[str, str | None]]] = {
    "anthropic": lambda raw: ("after_id", raw.last_id if raw.has_more else None),
    "gemini": lambda raw: ("pageToken", raw.nextPageToken),
    "cohere": lambda raw: ("page_token", raw.next_page_token),
}


def read_page(dialect: str, body: bytes) -> Page:
    """The models of one answer. Raises BadList; an entry that is not understood is left out."""
    try:
        raw = _Raw(data=_LIST.decode(body)) if body.lstrip()[:1] == b"[" else _OBJECT.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadList("the answer is no list of models") from None
    entries = raw.data if raw.data is not None else raw.models
    if entries is None:
        raise BadList("the answer has no list of models")
    return Page(dict(_offers(entries)), _following(dialect, raw))


def _following(dialect: str, raw: _Raw) -> str:
    ask = _NEXT.get(dialect)
    name, mark = ask(raw) if ask else ("", None)
    if not mark or len(mark) > LONGEST_TOKEN:
        return ""
    return f"{FIRST_QUERY[dialect]}&{name}={quote(mark.encode('utf-8', 'replace'), safe='')}"


def _offers(entries: Iterable[msgspec.Raw]) -> Iterable[tuple[str, Offer]]:
    count = 0
    for raw in entries:
        entry = _entry(raw)
        name = _name(entry)
        if not name or not _is_offered(entry):
            continue
        yield name, offer(entry)
        count += 1
        if count == MOST_MODELS:
            return


def _entry(raw: msgspec.Raw) -> dict[str, Any]:
    if len(memoryview(raw)) > LONGEST_ENTRY:
        return {}
    try:
        entry = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _name(entry: dict[str, Any]) -> str:
    """What callers call the model by: `id`, or a name without its collection (`models/gemini-2.5-pro`)."""
    name = entry.get("id") or entry.get("name")
    if not isinstance(name, str):
        return ""
    name = name.removeprefix("models/")
    return name if 0 < len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip() else ""


def _is_offered(entry: dict[str, Any]) -> bool:
    """Anthropic keeps retired models in its list, as a record."""
    return entry.get("lifecycle") != "retired"


def offer(entry: dict[str, Any]) -> Offer:
    """What an entry of any vendor says of a model."""
    context = _first_count(entry, _CONTEXT)
    output = _first_count(entry, _OUTPUT)
    if context is not None and output is not None and output >= context:
        output = (
            None  # some repeat the window there: nobody can be asked for that many tokens beside a prompt
        )
    return Offer(context, output, _count(entry.get("created")) or 0, _abilities(entry))


_CONTEXT = (
    ("context_window",),
    ("context_length",),
    ("max_context_length",),
    ("max_model_len",),
    ("max_input_tokens",),
    ("inputTokenLimit",),
    ("top_provider", "context_length"),
    ("meta", "n_ctx"),
    ("meta", "n_ctx_train"),
)
_OUTPUT = (
    ("max_completion_tokens",),
    ("max_output_tokens",),
    ("max_tokens",),
    ("outputTokenLimit",),
    ("top_provider", "max_completion_tokens"),
)
_FLAGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "vision": (
        ("capabilities", "vision"),
        ("capabilities", "image_input", "supported"),
        ("supports_image_input",),
        ("supports_image_in",),
        ("supports_vision",),
    ),
    "audio": (("capabilities", "audio"),),
    "pdf": (("capabilities", "pdf_input", "supported"),),
    "tools": (("capabilities", "function_calling"), ("supports_tools",), ("supports_function_calling",)),
    "json_schema": (("capabilities", "structured_outputs", "supported"), ("supports_structured_output",)),
    "reasoning": (
        ("capabilities", "reasoning"),
        ("capabilities", "thinking", "supported"),
        ("supports_reasoning",),
        ("thinking",),
    ),
}
"""Where vendors say yes or no."""

_LISTS: dict[str, tuple[tuple[tuple[str, ...], frozenset[str]], ...]] = {
    "vision": (
        (("architecture", "input_modalities"), frozenset({"image"})),
        (("input_modalities",), frozenset({"image"})),
    ),
    "audio": (
        (("architecture", "input_modalities"), frozenset({"audio"})),
        (("input_modalities",), frozenset({"audio"})),
    ),
    "pdf": (
        (("architecture", "input_modalities"), frozenset({"file"})),
        (("input_modalities",), frozenset({"file", "pdf"})),
    ),
    "tools": ((("supported_parameters",), frozenset({"tools"})),),
    "json_schema": ((("supported_parameters",), frozenset({"structured_outputs"})),),
    "reasoning": ((("supported_parameters",), frozenset({"reasoning", "include_reasoning"})),),
}
"""Where vendors list all that there is, so that what is missing is a no."""

_MENTIONS: dict[str, frozenset[str]] = {
    "vision": frozenset({"vision"}),
    "tools": frozenset({"tools", "tool-use"}),
    "json_schema": frozenset({"json_schema", "structured-outputs"}),
    "reasoning": frozenset({"reasoning"}),
}
"""What `features` and `tags` mention is a yes, and what they do not is unknown."""


def _abilities(entry: dict[str, Any]) -> Abilities:
    found = {name: known for name in _FLAGS if (known := _ability(entry, name)) is not None}
    return Abilities(**found) if found else UNKNOWN


def _ability(entry: dict[str, Any], name: str) -> bool | None:
    for path in _FLAGS[name]:
        value = _at(entry, path)
        if isinstance(value, bool):
            return value
    for path, words in _LISTS[name]:
        value = _at(entry, path)
        if isinstance(value, list) and value:
            return any(word in words for word in value if isinstance(word, str))
    mentioned = [_at(entry, ("features",)), _at(entry, ("tags",))]
    words = _MENTIONS.get(name, frozenset())
    said = any(
        word in words
        for value in mentioned
        if isinstance(value, list)
        for word in value
        if isinstance(word, str)
    )
    return True if said else None


def _first_count(entry: dict[str, Any], paths: tuple[tuple[str, ...], ...]) -> int | None:
    return next((found for path in paths if (found := _count(_at(entry, path)))), None)


def _at(entry: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = entry
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _count(value: object) -> int | None:
    """A number that can be one of tokens; Cohere's is a float."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < MOST_TOKENS else None
