"""Pictures that a model of another dialect made, as Bedrock's callers get them."""

from typing import Any

import msgspec

from gateway.dialects.bedrock.formats import IMAGE_FORMATS
from gateway.schemas.chat import Image


class _Blob(msgspec.Struct, rename="camel"):
    mime_type: str = ""
    data: str = ""


class _Part(msgspec.Struct, rename="camel"):
    inline_data: _Blob | None = None


_decode = msgspec.json.Decoder(_Part).decode


def picture(dialect: str, kind: str, raw: bytes) -> dict[str, Any] | None:
    """The members of an image block for a part that only `dialect` knows; None when that is no picture of a format
    that Bedrock has a word for."""
    if dialect != "gemini" or kind != "inlineData":
        return None
    try:
        blob = _decode(raw).inline_data
    except msgspec.ValidationError:
        return None
    form = None if blob is None else IMAGE_FORMATS.get(blob.mime_type)
    return None if blob is None or form is None else {"format": form, "source": {"bytes": blob.data}}


def image_out(part: Image) -> dict[str, Any] | None:
    """The members of an image block of an answer; None for what is no image of Bedrock's."""
    form, source = IMAGE_FORMATS.get(part.source.media_type), part.source
    if form is None or not (source.data or source.file_id):
        return None
    place = {"bytes": source.data} if source.data else {"s3Location": {"uri": source.file_id}}
    return {"format": form, "source": place}
