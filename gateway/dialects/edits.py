"""Edits to a request that otherwise passes by bytes: what a provider refuses, or calls by another name."""

import msgspec

from gateway._speedups.jsonscan import Facts, request_facts, set_key, splice, top_level

Renames = tuple[tuple[str, str], ...]


def adapted(
    facts: Facts,
    model: str | None,
    *,
    ask_usage: bool = False,
    drops: tuple[str, ...] = (),
    renames: Renames = (),
) -> tuple[bytes, tuple[str, ...]]:
    """The body for `model` (None: it names none), and the names of the fields that were taken out of it.

    `ask_usage` asks for a stream's usage. Fields in `renames` keep their value under the new name, unless the caller
    uses that name too.
    """
    if not drops and not renames:
        return facts.rewrite(model, ask_usage), ()
    found = facts.spans
    dropped = tuple([name for name in drops if name in found])
    renamed = [(old, new) for old, new in renames if old in found]
    if not dropped and not renamed:
        return facts.rewrite(model, ask_usage), ()
    body = facts.rewrite(model, ask_usage, (*dropped, *[old for old, _ in renamed]))
    for old, new in renamed:
        spans = top_level(body)
        if new not in spans:
            start, end = found[old]
            body = splice(body, set_key(body, spans, new, facts.body[start:end]))
    return body, dropped


def wrapped(
    body: bytes, adds: tuple[tuple[str, str | tuple[str, ...]], ...], omits: tuple[str, ...]
) -> bytes:
    """The body as a vendor wants it that wraps another's dialect: without what it has elsewhere, with the text or list
    under each name in `adds` where the caller wrote none. An empty one is not added."""
    body = request_facts(body).rewrite(None, False, omits)
    for name, value in adds:
        spans = top_level(body)
        if name not in spans and value:
            body = splice(body, set_key(body, spans, name, msgspec.json.encode(value)))
    return body


def marked(body: bytes, way: str) -> bytes:
    """A chat completion's request whose last message is the answer's beginning, said as the provider wants it."""
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    if way == "continue":
        fields |= {
            "add_generation_prompt": msgspec.Raw(b"false"),
            "continue_final_message": msgspec.Raw(b"true"),
        }
    elif way in ("prefix", "thoughtless"):
        messages = msgspec.json.decode(fields["messages"], type=list[dict[str, msgspec.Raw]])
        messages[-1]["prefix"] = msgspec.Raw(b"true")
        fields["messages"] = msgspec.Raw(msgspec.json.encode(messages))
    if way == "thoughtless":
        fields["thinking"] = msgspec.Raw(b'{"type":"disabled"}')
    return msgspec.json.encode(fields)
