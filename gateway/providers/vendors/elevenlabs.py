"""ElevenLabs: speech and transcripts, asked for as OpenAI's and translated.

A voice is its id at ElevenLabs. Speech comes as mp3, opus or pcm. `voice_settings`, `language_code`, `seed` and the
like pass beside the fields of OpenAI.
"""

from gateway.providers.auth import HeaderKey
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="elevenlabs",
    base_url="https://api.elevenlabs.io",
    auth=HeaderKey(("ELEVENLABS_API_KEY",), header="xi-api-key"),
    serves=(
        Serving("elevenlabs_speak", "elevenlabs", "/v1/text-to-speech"),
        Serving("elevenlabs_listen", "elevenlabs", "/v1/speech-to-text"),
    ),
    docs="https://elevenlabs.io/docs/api-reference/text-to-speech/stream",
)
