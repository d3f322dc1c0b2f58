"""Whose a thought's proof is, in an answer that is read as it was told to a caller.

A dialect that names no maker carries another maker's proof under a mark or in an envelope (`dialects.sealing`,
`dialects.gemini.signatures`). Its reader of answers knows nothing of them, since no provider sends one: here they are
opened, so that a caller of any other dialect is told whose they are, and brings them back to whoever made them.
"""

from msgspec.structs import replace

from gateway.dialects.gemini.errors import NAME as GEMINI
from gateway.dialects.gemini.signatures import FORMAT, MARK, carried, is_carried
from gateway.dialects.media import plain_text
from gateway.dialects.openai_responses.thought import FORMAT as RESPONSES
from gateway.dialects.openai_responses.thought import MADE_UP
from gateway.dialects.sealing import PREFIX, unseal
from gateway.schemas.chat import Part, Reasoning, SealedReasoning, ToolCall

Thought = Reasoning | SealedReasoning


def owned(parts: tuple[Part, ...], dialect: str) -> tuple[Part, ...]:
    """The parts, each thought in its maker's name; the same parts where nothing was thought."""
    if not any(isinstance(part, Thought) for part in parts):
        return parts
    named = [_owned(part) if isinstance(part, Thought) else part for part in parts]
    return tuple(named if dialect == GEMINI else _reunited(named))


def _owned(thought: Thought) -> Thought:
    text = thought.text if isinstance(thought, Reasoning) else ""
    proof = thought.signature if isinstance(thought, Reasoning) else thought.data
    if proof.startswith(MARK):
        own = proof[len(MARK) :]
        if is_carried(own):
            return carried(own, text) or Reasoning(text)
        return thought if thought.format.startswith(FORMAT) else replace(thought, format=FORMAT)
    if proof.startswith(PREFIX):
        return unseal(proof, text) or thought
    if isinstance(thought, SealedReasoning):
        return unseal(plain_text(proof) or "", "") or thought
    if thought.format == RESPONSES and thought.id.startswith(MADE_UP):
        return Reasoning(text, proof)
    return thought


def _reunited(parts: list[Part]) -> list[Part]:
    """A call's signature of Google's, told before it where the dialect has no place on a call, on the call again."""
    for place in range(len(parts) - 1):
        sealed, call = parts[place], parts[place + 1]
        if not isinstance(sealed, SealedReasoning) or not isinstance(call, ToolCall):
            continue
        if sealed.data.startswith(MARK) and sealed.id in ("", call.id):
            parts[place] = replace(sealed, id=call.id)
            parts[place + 1] = replace(call, signature=call.signature or sealed.data[len(MARK) :])
    return parts
