"""The endpoints whose bodies are not JSON both ways: speech, transcripts, edited images.

A request names its model in JSON or in a form; the rest of its bytes passes. An answer is audio, text, JSON or events.
"""

from typing import Any, Protocol

import msgspec

from gateway._speedups.jsonscan import request_facts
from gateway.dialects import openai_chat
from gateway.dialects.endpoints import Asked, Endpoint
from gateway.dialects.forms import Form, read_form
from gateway.dialects.taps.media import MediaTap, media_reply_facts
from gateway.errors import BadRequest
from gateway.schemas.call import Call
from gateway.schemas.record import Record


class Facts(Protocol):
    """A body whose model can be replaced in place."""

    def rewrite(self, model: str) -> bytes: ...


class FormFacts(msgspec.Struct, frozen=True):
    """A form, as the caller's Content-Type frames it."""

    form: Form
    content_type: bytes
    wishes: bool = False

    def rewrite(self, model: str) -> bytes:
        """The form that asks for `model`."""
        return self.form.with_text("model", model)


def _endpoint(name: str, family: str = "") -> Endpoint:
    return Endpoint(
        name,
        "openai",
        openai_chat,
        media_reply_facts,
        MediaTap,
        family=family,
        forwards=frozenset({b"openai-beta"}),
    )


SPEECH = "speech"
TRANSCRIPTION = "transcription"

PARCELS: dict[str, Endpoint] = {
    endpoint.name: endpoint
    for endpoint in (
        _endpoint("audio_speech", SPEECH),
        _endpoint("audio_transcriptions", TRANSCRIPTION),
        _endpoint("audio_translations"),
        _endpoint("images_edits"),
        _endpoint("images_variations"),
    )
}


def parcel_call(endpoint: Endpoint, body: bytes, asked: Asked, record: Record) -> Call:
    """Reads what the gateway must know of the caller's bytes. Raises BadRequest."""
    content_type = next((value for name, value in asked.raw_headers if name == b"content-type"), b"")
    facts: Any
    if content_type.lower().lstrip().startswith(b"multipart/"):
        form = read_form(body, content_type)
        facts, model = FormFacts(form, content_type), form.text("model")
        stream = (form.text("stream") or "").lower() == "true"
    else:
        facts = request_facts(body)
        model, stream = facts.model, facts.stream
    if not model:
        raise BadRequest("the request has no `model`", param="model")
    record.requested_model, record.stream = model, stream
    kept = tuple(header for header in asked.raw_headers if header[0] in endpoint.forwards)
    return Call(endpoint.name, endpoint.dialect, body, facts, model, stream, kept)
