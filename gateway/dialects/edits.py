"""Edits to a request that otherwise passes by bytes: what a provider refuses, or calls by another name."""

from gateway._speedups.jsonscan import Facts, set_key, splice, top_level

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
