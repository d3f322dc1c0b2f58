"""Another provider's thought inside a field that a dialect has for its own sealed thought.

Clients of OpenAI's Responses API send `encrypted_content` back untouched, and so it can carry what proves a thought to
whoever made it: Anthropic's signature, or thought that only its provider can read. The envelope is the prefix below
and the base64url of a JSON object: `format` names whose it is (as `Reasoning.format` does), `signature` or `data` is
the proof, `id` the thought's own name. Nothing in it is secret or trusted: the provider that made it checks it.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from gateway.schemas.chat import Reasoning, SealedReasoning
from gateway.schemas.events import ReasoningDelta

PREFIX = "gateway.reasoning.v1."

_encode = msgspec.json.Encoder().encode


class Envelope(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What is kept of a thought beside its text. `data` is given for sealed thought alone."""

    format: str = ""
    signature: str = ""
    data: str | None = None
    id: str = ""
    summary: bool = False


_decode = msgspec.json.Decoder(Envelope).decode


def seal(thought: Reasoning | SealedReasoning) -> str:
    """The envelope of a thought, without the text that it shows; "" where there is nothing to keep."""
    if isinstance(thought, SealedReasoning):
        envelope = Envelope(thought.format, data=thought.data, id=thought.id)
    elif thought.signature or thought.format or thought.id or thought.summary:
        envelope = Envelope(thought.format, thought.signature, id=thought.id, summary=thought.summary)
    else:
        return ""
    return PREFIX + urlsafe_b64encode(_encode(envelope)).decode()


def named(thought: Reasoning | ReasoningDelta) -> str:
    """The envelope of a thought that its provider knows by an id and did not sign, to stand where its signature would;
    "" for any other."""
    if thought.signature or not (thought.id and thought.format):
        return ""
    return seal(Reasoning("", "", thought.id, thought.format, thought.summary))


def unseal(sealed: str, text: str) -> Reasoning | SealedReasoning | None:
    """The thought that was sealed, with the `text` that was shown; None for what is no envelope of the gateway's."""
    if not sealed.startswith(PREFIX):
        return None
    try:
        envelope = _decode(urlsafe_b64decode(sealed[len(PREFIX) :]))
    except (binascii.Error, ValueError):  # msgspec's errors are ValueErrors
        return None
    if envelope.data is not None:
        return SealedReasoning(envelope.data, envelope.id, envelope.format)
    return Reasoning(text, envelope.signature, envelope.id, envelope.format, envelope.summary)
