"""Thought signatures on their way through other dialects and back.

Google signs thoughts, texts and calls, and wants each signature back where it was. A caller of another dialect may
send it back without saying whose it is (Anthropic's blocks name no maker), so it travels with a mark before it. A
call's signature travels twice: on the call (`ToolCall.signature`), for dialects that have a place there, and as sealed
reasoning before it, for those that have none.

The other way, Google's clients send a thought's signature back untouched: thought that another provider signed or
sealed travels there in the gateway's envelope (`gateway.dialects.sealing`), as base64 because it has to be bytes.
"""

import binascii
from base64 import b64decode, b64encode
from typing import Literal

import msgspec

from gateway.dialects import sealing
from gateway.schemas.chat import Part, Reasoning, SealedReasoning

Turn = tuple[Literal["user", "assistant"], list[Part]]

FORMAT = "gemini"
MARK = "gemini:"

SKIP = "skip_thought_signature_validator"
"""What Google's guide on thought signatures says to send for a call that another model made."""

_CARRIED = b64encode(sealing.PREFIX.encode()).decode()
_MAKERS = ("gemini", "google")


def seal(signature: str) -> str:
    """The signature with its maker's mark; nothing stays nothing."""
    return MARK + signature if signature else ""


def unseal(data: str, form: str) -> str | None:
    """The signature as Google made it; None when another maker did. `form` is the neutral form's `format`."""
    if data.startswith(MARK):
        return data[len(MARK) :]
    return data if form.startswith(_MAKERS) else None


def carry(thought: Reasoning | SealedReasoning) -> str:
    """The signature of a thought for a caller of Gemini's: Google's own, or another maker's in its envelope."""
    proof = thought.data if isinstance(thought, SealedReasoning) else thought.signature
    if not proof:
        envelope = sealing.named(thought) if isinstance(thought, Reasoning) else ""
        return b64encode(envelope.encode()).decode()
    own = unseal(proof, thought.format)
    return b64encode(sealing.seal(thought).encode()).decode() if own is None else own


def carried(signature: str, text: str) -> Reasoning | SealedReasoning | None:
    """Another maker's thought with the `text` that was shown; None for a signature of Google's."""
    if not is_carried(signature):
        return None
    try:
        return sealing.unseal(b64decode(signature).decode(), text)
    except (binascii.Error, ValueError):
        return None


def is_carried(signature: str) -> bool:
    """Whether it is the envelope of another maker's thought, and so nothing that Google could check."""
    return signature.startswith(_CARRIED)


def joined_thoughts(turns: list[Turn]) -> list[Turn]:
    """Another maker's thoughts, streamed to a caller of Gemini's, put together again.

    Of their pieces the last is signed, or carries the thought's name; Google's SDKs keep every piece as a content of
    its own.
    """
    joined: list[Turn] = []
    homes: list[list[Part]] = []
    pieces: list[str] = []
    for role, parts in turns:
        kept: list[Part] = []
        joined.append((role, kept))
        for part in parts:
            unsigned = isinstance(part, Reasoning) and not part.signature and part.format == FORMAT
            if isinstance(part, Reasoning) and part.format != FORMAT:
                for home in reversed(homes):
                    home.pop()
                part = msgspec.structs.replace(part, text="".join(pieces) + part.text)
            if not unsigned or role == "user":
                homes, pieces = [], []
            (_home_of(part, joined) or kept).append(part)
            if unsigned and isinstance(part, Reasoning):
                homes.append(kept)
                pieces.append(part.text)
    return [turn for turn in joined if turn[1]]


def _home_of(part: Part, turns: list[Turn]) -> list[Part] | None:
    """The content that ends in a piece of the same thought, by its maker's name for it."""
    if not isinstance(part, Reasoning | SealedReasoning) or not part.id or part.format == FORMAT:
        return None
    role, parts = next((turn for turn in reversed(turns) if turn[1]), turns[-1])
    last = parts[-1] if parts else None
    same = isinstance(last, Reasoning | SealedReasoning) and (last.id, last.format) == (part.id, part.format)
    return parts if same and role == "assistant" else None
