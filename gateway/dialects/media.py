"""Media in messages: data URLs, file types, and which of them a dialect takes."""

import binascii
from base64 import b64decode, b64encode
from urllib.parse import unquote_to_bytes

from gateway.schemas.chat import Source

_ALIASES = {"image/jpg": "image/jpeg"}

_ENDINGS = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/plain",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}


def read_url(url: str) -> Source:
    """A data URL as its data, any other URL as itself."""
    if url[:5].lower() != "data:":
        return Source(url=url)
    comma = url.find(",", 5)
    head, data = (url[5:comma], url[comma + 1 :]) if comma >= 0 else (url[5:], "")
    media_type, _, options = head.partition(";")
    media_type = media_type.strip().lower()
    media_type = _ALIASES.get(media_type, media_type)
    if comma < 0:
        return Source(media_type=media_type)
    if options.rpartition(";")[2].strip().lower() != "base64":
        data = b64encode(unquote_to_bytes(data)).decode()
    return Source(media_type=media_type, data=data)


def data_url(source: Source) -> str:
    """The inverse of `read_url`."""
    if source.data:
        return f"data:{source.media_type};base64,{source.data}"
    return source.url


def type_of(name: str) -> str:
    """The media type that a file name suggests; "" when it does not."""
    return _ENDINGS.get(name.rpartition(".")[2].lower(), "")


def plain_text(data: str) -> str | None:
    """The text in base64 data; None when it is not UTF-8 text."""
    try:
        return b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def base64_text(text: str) -> str:
    """Plain text as base64."""
    return b64encode(text.encode()).decode()
