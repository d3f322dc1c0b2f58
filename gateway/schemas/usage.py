"""What a call consumed, in tokens, in one spelling for all dialects."""

import msgspec


class Usage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Token counts of one answer.

    `input` counts every prompt token, cached ones included; `cached` (read from the provider's cache) and
    `cache_write` (written to it) are parts of `input`. `output` counts every generated token; `reasoning` is a part of
    it. The `audio` counts are parts of `input` and `output`. `cache_write_1h` is the part of `cache_write` that
    is kept for an hour, which Anthropic prices apart. `audio_ms` are milliseconds of audio,
    where a provider counts those instead of tokens. `searches` are the units of rankings.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    input_audio: int = 0
    output_audio: int = 0
    cache_write_1h: int = 0
    audio_ms: int = 0
    searches: int = 0
