"""Naive readings of what `gateway._speedups.verbatim` does, to compare it with: through Python's own JSON."""

import json
from typing import Any

NUMBER = (int, float)
Spans = dict[str, tuple[int, int]]


class Odd(Exception):
    """An answer that is not written as most are."""


def document(text: bytes) -> dict[str, Any]:
    """Raises Odd for what is no object."""
    try:
        found = json.loads(text.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Odd from error
    if not isinstance(found, dict):
        raise Odd
    return found


def _refuse(word: str) -> None:
    raise ValueError(word)


def lines_of_data(body: bytes) -> list[bytes]:
    """The objects of a stream's events, each in its one line of data."""
    if body.startswith(b"\xef\xbb\xbf") or b"\r" in body.replace(b"\r\n", b""):
        raise Odd
    found = []
    for event in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
        if len(data) > 1:
            raise Odd
        found += [line for line in data if line and not line.startswith(b"[DONE]")]
    return found


def told(body: bytes, tokens: int, claude: bool, stream: bool, name: str) -> list[dict[str, Any]]:
    """The documents of the answer as a hit tells them, under this id. Raises Odd where the words cannot be kept."""
    documents = [document(data) for data in (lines_of_data(body) if stream else [body])]
    if not claude:
        return [_chat(each, tokens, name) for each in documents]
    if not stream:
        return [_message(documents[0], tokens, name)]
    start = documents[0]
    rest = [
        {**each, "usage": claude_usage(each["usage"], tokens)}
        if isinstance(each.get("usage"), dict)
        else each
        for each in documents[1:]
    ]
    return [{**start, "message": _message(start["message"], tokens, name)}, *rest]


def _chat(answer: dict[str, Any], tokens: int, name: str) -> dict[str, Any]:
    usage = answer.get("usage")
    said = {"usage": chat_usage(usage, tokens)} if isinstance(usage, dict) else {}
    return {**answer, **said, "id": name}


def _message(answer: dict[str, Any], tokens: int, name: str) -> dict[str, Any]:
    return {**answer, "usage": claude_usage(answer["usage"], tokens), "id": name}


def chat_usage(usage: dict[str, Any], tokens: int) -> dict[str, Any]:
    """All of the prompt was read from a cache."""
    details = usage.get("prompt_tokens_details") or {}
    details = {**details, "cached_tokens": tokens}
    if _counts(details.get("cache_write_tokens")):
        details["cache_write_tokens"] = 0
    return {**usage, "prompt_tokens_details": details}


def claude_usage(usage: dict[str, Any], tokens: int) -> dict[str, Any]:
    """The same; what does not say the prompt's tokens stays as it is."""
    if not _counts(usage.get("input_tokens")):
        return usage
    made = {**usage, "input_tokens": 0, "cache_read_input_tokens": tokens}
    if _counts(usage.get("cache_creation_input_tokens")):
        made["cache_creation_input_tokens"] = 0
    if isinstance(usage.get("cache_creation"), dict):
        made["cache_creation"] = {
            part: 0 if _counts(count) else count for part, count in usage["cache_creation"].items()
        }
    return made


def _counts(value: Any) -> bool:
    return isinstance(value, NUMBER) and not isinstance(value, bool) and value >= 0


# --- bytes ---


def spans(text: str) -> Spans:
    """Where the values of an object's members stand; of several of one name, the last."""
    read = json.JSONDecoder().raw_decode
    found: Spans = {}
    at = _behind(text, 0, "{")
    while text[at] != "}":
        name, at = read(text, at)
        start = _behind(text, at, ":")
        _, at = read(text, start)
        found[name] = start, at
        at = _behind(text, at, "," if text[_behind(text, at, "")] == "," else "")
    return found


def _behind(text: str, at: int, sign: str) -> int:
    """Behind the sign and the space around it."""
    while text[at] in " \t\r\n":
        at += 1
    assert text[at : at + len(sign)] == sign
    at += len(sign)
    while text[at] in " \t\r\n":
        at += 1
    return at


def without_marks(body: bytes, claude: bool, stream: bool) -> list[str]:
    """The bytes that no hit changes, as text: the answer without its ids and its usage."""
    if not stream:
        return [_bare(body.decode(), ("id", "usage"))]
    lines = body.decode().split("\n")
    begun = False
    for place, line in enumerate(lines):
        at = line.find("{")
        if not line.startswith("data:") or at < 0:
            continue
        head, data = line[:at], line[at:].rstrip("\r")
        if claude and not begun:
            start, end = spans(data)["message"]
            data = data[:start] + _bare(data[start:end], ("id", "usage")) + data[end:]
        else:
            data = _bare(data, ("usage",) if claude else ("id", "usage"))
        begun = True
        lines[place] = head + data + line[len(line.rstrip("\r")) :]
    return lines


def _bare(text: str, names: tuple[str, ...]) -> str:
    places = spans(text)
    cut = sorted((places[name] for name in names if name in places), reverse=True)
    for start, end in cut:
        if text[start] in '"{':
            text = text[:start] + "..." + text[end:]
    return text
