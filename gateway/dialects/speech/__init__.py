"""Vendors of speech whose way is not OpenAI's: OpenAI's requests written for them, and back.

Speech comes back as audio, which passes as it is; a transcript is read, and written in the form that was asked for.
"""

from gateway.dialects.speech import deepgram, elevenlabs
from gateway.dialects.speech.foreign import Foreign

FOREIGN: dict[str, tuple[Foreign, ...]] = {
    "audio_speech": (elevenlabs.SPEAK, deepgram.SPEAK),
    "audio_transcriptions": (elevenlabs.LISTEN, deepgram.LISTEN),
}
"""Endpoint to the vendors' endpoints that can stand in for it."""

ENDPOINTS = frozenset(foreign.endpoint for ways in FOREIGN.values() for foreign in ways)
"""The names of the vendors' own endpoints."""

__all__ = ["ENDPOINTS", "FOREIGN", "Foreign"]
