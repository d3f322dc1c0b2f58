"""Parts that only one dialect knows, between the pieces of a stream and the whole.

Blocks of Anthropic's (server tools, MCP) begin as a whole block whose `input` follows in pieces of JSON text. Blocks of
Bedrock's begin as a union that lacks what follows. Audio and log probabilities are OpenAI's.
"""

from base64 import b64decode, b64encode
from typing import Any

import msgspec
from msgspec import Raw

from gateway.dialects.anthropic.messages_in import NAME as ANTHROPIC
from gateway.dialects.bedrock.blocks_in import NAME as BEDROCK
from gateway.dialects.bedrock.formats import IMAGES
from gateway.dialects.bedrock.pictures import image_out
from gateway.dialects.openai_chat.messages_out import NAME as OPENAI
from gateway.schemas.chat import Audio, Image, Opaque, Source
from gateway.schemas.events import Event, Fragment, Opened

_MEMBERS = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Unjoinable(Exception):
    """A stream that nobody here can make a whole answer of."""


# --- log probabilities and audio ---


class _Logprobs(msgspec.Struct):
    content: list[Raw] | None = None
    refusal: list[Raw] | None = None


_logprobs = msgspec.json.Decoder(_Logprobs).decode


def logprobs(pieces: list[bytes]) -> bytes:
    """OpenAI's object about all tokens; b"" for no piece."""
    if len(pieces) < 2:
        return pieces[0] if pieces else b""
    read = [_logprobs(piece) for piece in pieces]
    refused = [each for one in read for each in one.refusal or ()]
    content = [each for one in read for each in one.content or ()]
    return _encode(_Logprobs(content, refused or None))


class _Audio(msgspec.Struct, omit_defaults=True):
    id: str = ""
    data: str = ""
    expires_at: int | None = None
    transcript: str = ""


_audio = msgspec.json.Decoder(_Audio).decode


def audio(pieces: list[bytes]) -> Audio:
    """OpenAI's audio: its data comes in pieces that are base64 each for itself, its transcript in words."""
    whole = _Audio()
    data: list[bytes] = []
    for piece in [_audio(raw) for raw in pieces]:
        whole.id = whole.id or piece.id
        whole.expires_at = piece.expires_at or whole.expires_at
        whole.transcript += piece.transcript
        data.append(b64decode(piece.data))
    whole.data = b64encode(b"".join(data)).decode()
    return Audio(Source(file_id=whole.id, dialect=OPENAI), raw=_encode(whole))


def audio_events(part: Audio, place: int, choice: int) -> list[Event]:
    """The audio of a whole answer, as one piece of a stream."""
    return [Fragment(place, OPENAI, "audio", part.raw, choice)] if part.raw else []


# --- opened parts ---


class _Delta(msgspec.Struct):
    type: str = ""
    partial_json: str | None = None


_delta = msgspec.json.Decoder(_Delta).decode


def block(opened: Opened, fragments: list[bytes]) -> Opaque | Image:
    """The whole part. Raises Unjoinable for pieces that nobody here knows how to put together."""
    if opened.dialect == BEDROCK:
        return _bedrock_block(opened, fragments)
    if not fragments:
        return Opaque(opened.dialect, opened.kind, opened.raw)
    if opened.dialect != ANTHROPIC:
        raise Unjoinable(f"pieces of {opened.dialect}'s {opened.kind}")
    deltas = [_delta(raw) for raw in fragments]
    if any(delta.partial_json is None for delta in deltas):
        raise Unjoinable(f"pieces of a {opened.kind}")
    text = "".join([delta.partial_json or "" for delta in deltas])
    if not text:
        return Opaque(opened.dialect, opened.kind, opened.raw)
    _decode(text)
    members = _MEMBERS(opened.raw)
    members["input"] = Raw(text.encode())
    return Opaque(opened.dialect, opened.kind, _encode(members))


def block_events(part: Opaque, place: int, choice: int) -> list[Event]:
    """A whole part as it begins and goes on in a stream."""
    if part.dialect == BEDROCK:
        return _bedrock_events(part, place, choice)
    return [Opened(place, part.dialect, part.kind, part.raw, choice)]


# --- Bedrock's ---


class _Image(msgspec.Struct):
    format: str = ""
    source: dict[str, Any] = {}


class _Block(msgspec.Struct, omit_defaults=True):
    image: _Image | None = None
    toolUse: dict[str, Any] | None = None
    toolResult: dict[str, Any] | None = None


_block = msgspec.json.Decoder(_Block).decode


class _Pieces(msgspec.Struct):
    image: _Image | None = None
    toolUse: dict[str, str] | None = None
    toolResult: list[Any] | None = None


_pieces = msgspec.json.Decoder(_Pieces).decode


def _bedrock_block(opened: Opened, fragments: list[bytes]) -> Opaque | Image:
    begun, pieces = _block(opened.raw), [_pieces(raw) for raw in fragments]
    if begun.image is not None:
        source = {name: each for piece in pieces if piece.image for name, each in piece.image.source.items()}
        return _picture(begun.image.format, source)
    if begun.toolUse is not None:
        text = "".join([(piece.toolUse or {}).get("input", "") for piece in pieces])
        return _of_bedrock("toolUse", {**begun.toolUse, "input": _decode(text) if text else {}})
    if begun.toolResult is not None:
        content = [each for piece in pieces for each in piece.toolResult or ()]
        return _of_bedrock("toolResult", {**begun.toolResult, "content": content})
    raise Unjoinable(f"a {opened.kind} of Bedrock's")


def _picture(form: str, source: dict[str, Any]) -> Image:
    data, place = source.get("bytes"), source.get("s3Location")
    if form not in IMAGES or not isinstance(data, str):
        raise Unjoinable(
            "an image of Bedrock's without its bytes" if place is None else "an image in a store"
        )
    return Image(Source(IMAGES[form], data))


def _of_bedrock(kind: str, members: dict[str, Any]) -> Opaque:
    return Opaque(BEDROCK, kind, _encode({kind: members}))


def image_events(part: Image, place: int, choice: int) -> list[Event]:
    """An image, which only Bedrock's answers have as one."""
    image = image_out(part)
    if image is None:
        return []
    begun, rest = {"image": {"format": image["format"]}}, {"image": {"source": image["source"]}}
    return _begun(part=place, kind="image", start=begun, deltas=[rest], choice=choice)


def _begun(*, part: int, kind: str, start: Any, deltas: list[Any], choice: int) -> list[Event]:
    pieces = [Fragment(part, BEDROCK, kind, _encode(delta), choice) for delta in deltas]
    return [Opened(part, BEDROCK, kind, _encode(start), choice), *pieces]


def _bedrock_events(part: Opaque, place: int, choice: int) -> list[Event]:
    whole = _block(part.raw)
    if whole.toolUse is not None and "input" in whole.toolUse:
        given = _encode(whole.toolUse.pop("input")).decode()
        start, deltas = {"toolUse": whole.toolUse}, [{"toolUse": {"input": given}}]
        return _begun(part=place, kind="toolUse", start=start, deltas=deltas, choice=choice)
    if whole.toolResult is not None:
        content = whole.toolResult.pop("content", [])
        begun = {"toolResult": whole.toolResult}
        return _begun(
            part=place, kind="toolResult", start=begun, deltas=[{"toolResult": content}], choice=choice
        )
    return [Opened(place, BEDROCK, part.kind, part.raw, choice)]
