"""Writes media of Gemini's requests: data inline, everything else by a URI."""

import msgspec
from msgspec import Raw

from gateway.dialects.dropped import CITE, FILE_NAME, Dropped
from gateway.dialects.gemini.errors import NAME
from gateway.dialects.media import base64_text, type_of
from gateway.schemas.chat import Audio, File, Image, Source
from gateway.schemas.wire import gemini as wire
from gateway.schemas.wire.common import ABSENT


class _Options(msgspec.Struct, rename="camel"):
    media_resolution: Raw = ABSENT


class MediaWriter:
    """Writes the media of one request, and names what it could not."""

    def __init__(self, native: bool, dropped: Dropped) -> None:
        self._native = native
        self._dropped = dropped

    def write(self, part: Image | Audio | File) -> wire.Part | None:
        if part.cache is not None:
            self._dropped.add("messages.content.cache_control")
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, Audio):
            return self._placed(
                part.source, part.source.media_type or f"audio/{part.format or 'wav'}", "audio"
            )
        return self._file(part)

    def _image(self, part: Image) -> wire.Part | None:
        if part.detail not in ("", "auto"):
            self._dropped.add("messages.content.image_url.detail")
        placed = self._placed(part.source, part.source.media_type, "image")
        if placed is not None and part.options:
            placed.media_resolution = self._resolution(part.options)
        return placed

    def _resolution(self, options: bytes) -> Raw:
        """How finely to look, if the options are Google's."""
        try:
            found = msgspec.json.decode(options, type=_Options).media_resolution
        except msgspec.ValidationError:
            found = ABSENT
        if found is ABSENT:
            self._dropped.add("messages.content.image.options")
        return found

    def _file(self, part: File) -> wire.Part | None:
        """Google's files have no title or context: of a text these become its first lines."""
        if part.cite:
            self._dropped.add(CITE)
        source = part.source
        if source.text:
            title = [line for line in (part.name, part.context) if line]
            if title:
                return wire.Part(text="\n".join(title) + "\n\n" + source.text)
            return wire.Part(inline_data=wire.Blob(mime_type="text/plain", data=base64_text(source.text)))
        if part.context:
            self._dropped.add("messages.content.context")
        media_type = source.media_type or type_of(part.name) or ("application/pdf" if source.data else "")
        placed = self._placed(source, media_type, "document")
        named = None if placed is None else placed.file_data or placed.inline_data
        if named is not None and self._native:
            named.display_name = part.name or None  # Vertex knows it, the Gemini API refuses it
        elif named is not None and part.name:
            self._dropped.add(FILE_NAME)
        return placed

    def _placed(self, source: Source, media_type: str, kind: str) -> wire.Part | None:
        if source.file_id and source.dialect != NAME:
            self._dropped.add(f"messages.content.{kind}.file_id")
            return None
        if source.file_id or source.url:
            uri = source.file_id or source.url
            chosen = media_type or type_of(uri.partition("?")[0]) or None
            return wire.Part(file_data=wire.FileData(file_uri=uri, mime_type=chosen))
        return wire.Part(inline_data=wire.Blob(mime_type=media_type or "image/jpeg", data=source.data))
