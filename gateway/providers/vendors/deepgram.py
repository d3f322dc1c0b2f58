"""Deepgram: speech and transcripts, asked for as OpenAI's and translated.

A voice is a model there: ask for `deepgram/aura-2-thalia-en`, or for `deepgram/aura-2` with the voice `thalia`.
"""

from gateway.providers.auth import Token
from gateway.providers.provider import Provider, Serving

PROVIDER = Provider(
    name="deepgram",
    base_url="https://api.deepgram.com",
    auth=Token(("DEEPGRAM_API_KEY",)),
    serves=(
        Serving("deepgram_speak", "deepgram", "/v1/speak"),
        Serving("deepgram_listen", "deepgram", "/v1/listen"),
    ),
    docs="https://developers.deepgram.com/reference/text-to-speech/speak-request",
)
