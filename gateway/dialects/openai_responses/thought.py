"""Reasoning items: what they mean in the neutral form, and how they are written.

OpenAI's own items have an id, summaries, perhaps raw text, and `encrypted_content`. Another provider's thought is
written as an item of the same shape: its text as a summary, its signature or sealed form in `encrypted_content` (see
`gateway.dialects.sealing`), under an id that begins with `MADE_UP`. So a client that sends its history back, as this
API's clients do, brings the thought back to whoever made it, over any number of turns.
"""

from collections.abc import Sequence

import msgspec

from gateway.dialects.sealing import seal, unseal
from gateway.schemas.chat import Reasoning, SealedReasoning

FORMAT = "openai-responses-v1"
"""Marks thought that OpenAI's Responses API made; OpenRouter's name for it."""

MADE_UP = "rs_gateway_"

Thought = Reasoning | SealedReasoning


class ThoughtEntry(msgspec.Struct, frozen=True, gc=False):
    type: str
    text: str


class ThoughtItem(msgspec.Struct, gc=False, omit_defaults=True):
    """A reasoning item as it is written."""

    type: str
    id: str
    summary: list[ThoughtEntry]
    content: list[ThoughtEntry] | None = None
    encrypted_content: str | None = None


def read_thought(
    identity: str, summaries: list[str], texts: list[str], sealed: str, *, keep: bool = False
) -> list[Thought]:
    """The parts of one item. `keep`: an item that shows nothing is a part too, since OpenAI may remember it."""
    if identity.startswith(MADE_UP) or sealed.startswith("gateway."):
        shown = "".join(summaries + texts)
        thought = unseal(sealed, shown) if sealed else Reasoning(shown)
        return [] if thought is None else [thought]
    parts: list[Thought] = [Reasoning(text, "", identity, FORMAT, True) for text in summaries if text]
    parts += [Reasoning(text, "", identity, FORMAT) for text in texts if text]
    if sealed:
        parts.append(SealedReasoning(sealed, identity, FORMAT))
    if not parts and keep:
        parts.append(Reasoning("", "", identity, FORMAT, True))
    return parts


def native(thought: Thought) -> bool:
    """Whether OpenAI's Responses API made it."""
    return thought.format == FORMAT


def continues(last: Thought, thought: Thought) -> bool:
    """Whether two neighbours are of one item."""
    return bool(thought.id) and thought.id == last.id and native(last) and native(thought)


def write_thought(thoughts: Sequence[Thought], made_up: str) -> ThoughtItem:
    """One item; several parts are of one native item. `made_up` ends the id of an item that had none."""
    first = thoughts[0]
    if native(first) and first.id:
        return _native_item(thoughts, first.id)
    shown = first.text if isinstance(first, Reasoning) else ""
    summary = [ThoughtEntry("summary_text", shown)] if shown else []
    return ThoughtItem("reasoning", MADE_UP + made_up, summary, encrypted_content=seal(first) or None)


def _native_item(thoughts: Sequence[Thought], identity: str) -> ThoughtItem:
    summary: list[ThoughtEntry] = []
    content: list[ThoughtEntry] = []
    sealed = None
    for thought in thoughts:
        if isinstance(thought, SealedReasoning):
            sealed = thought.data
        elif thought.text:
            kind = "summary_text" if thought.summary else "reasoning_text"
            (summary if thought.summary else content).append(ThoughtEntry(kind, thought.text))
    return ThoughtItem("reasoning", identity, summary, content or None, sealed)
