"""A body of Gemini's that names its model once more than the path does: the caller's name for it is replaced."""

import msgspec
from msgspec import Raw

from gateway.dialects.leaves import UNREADABLE

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_LIST = msgspec.json.Decoder(list[dict[str, Raw]])
_encode = msgspec.json.Encoder().encode


def gemini_model(body: bytes, model: str) -> bytes:
    """`body` with `model` wherever a model is named: at the top, in each of `requests`, in `generateContentRequest`.
    What cannot be read so is left to the provider's judgement."""
    if b'"model"' not in body and b"\\u" not in body:
        return body
    name = Raw(_encode(f"models/{model}"))
    try:
        members = _MEMBERS.decode(body)
        _name(members, name)
        if "requests" in members:
            requests = _LIST.decode(members["requests"])
            for each in requests:
                _name(each, name)
            members["requests"] = Raw(_encode(requests))
        if "generateContentRequest" in members:
            wrapped = _MEMBERS.decode(members["generateContentRequest"])
            _name(wrapped, name)
            members["generateContentRequest"] = Raw(_encode(wrapped))
    except UNREADABLE:
        return body
    return _encode(members)


def _name(members: dict[str, Raw], name: Raw) -> None:
    if "model" in members:
        members["model"] = name
