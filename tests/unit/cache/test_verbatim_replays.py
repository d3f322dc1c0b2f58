"""An answer that is told again in its own words says the same as its neutral form does."""

import pytest
from caller_answers import CALLERS
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace
from provider_answers import ANSWERS
from speakers import SPEAKERS
from test_pair_goldens import CASES, SAID
from test_replays import stream_body, whole_body
from told_answers import ID, heard, passed, stream, translated_stream, translated_whole, whole

from gateway._speedups.verbatim import around_id
from gateway.cache.canonical import Kept, open_entry
from gateway.cache.entries import pack
from gateway.schemas.chat import Choice, Reply, ToolCall

TOLD_AT = ("chat_completions", "messages")
KINDS = (("whole", "reply.json"), ("stream", "stream.*"))


def told_at(endpoint: str, teller: str, said: bytes, streamed: bool) -> bytes:
    """What a caller of this endpoint was told of it at first."""
    caller = CALLERS[endpoint]
    if not streamed:
        return said if teller == endpoint else translated_whole(teller, said, caller)
    return passed(endpoint, said) if teller == endpoint else translated_stream(teller, said, caller)


def opened(endpoint: str, told: bytes, streamed: bool) -> Kept | None:
    entry = heard(endpoint, told, streamed)
    return None if entry is None else open_entry(pack(entry))


def verbatim(found: Kept, told: bytes, streamed: bool) -> bytes | None:
    """The answer in its own words, asked for as its first caller asked."""
    usage = found.reply.usage
    if usage is None:
        return None
    pieces = around_id(told, usage.input, found.entry.endpoint == "messages", streamed, streamed)
    return None if pieces is None else ID.encode().join(pieces)


def neutral(found: Kept, streamed: bool) -> bytes:
    caller = CALLERS[found.entry.endpoint]
    return stream(found, caller) if streamed else whole(found, caller)


def read(endpoint: str, told: bytes, streamed: bool) -> Reply:
    """What a caller learns. The neutral form mends two things that some servers say of calls, and of which callers
    without a cache are told too: no arguments where it is an empty object, and another end than that of calls."""
    found = opened(endpoint, told, streamed)
    assert found is not None
    return replace(found.reply, choices=tuple(map(_mended, found.reply.choices)))


def _mended(choice: Choice) -> Choice:
    if not any(isinstance(part, ToolCall) for part in choice.parts):
        return choice
    parts = [
        replace(part, arguments=part.arguments or "{}") if isinstance(part, ToolCall) else part
        for part in choice.parts
    ]
    return replace(choice, parts=tuple(parts), finish="tool_calls", native="")


GOLDENS = [
    (kind, name, case)
    for kind, pattern in KINDS
    for name in SPEAKERS
    for case in CASES[:-1]
    if list((SAID / name / case).glob(pattern))
]


@pytest.mark.parametrize("endpoint", TOLD_AT)
@pytest.mark.parametrize(("kind", "name", "case"), GOLDENS)
def test_the_goldens_are_told_in_their_own_words(kind: str, name: str, case: str, endpoint: str) -> None:
    streamed = kind == "stream"
    said = stream_body(name, case) if streamed else whole_body(name, case)
    told = told_at(endpoint, SPEAKERS[name].endpoint.name, said, streamed)
    found = opened(endpoint, told, streamed)
    if found is None:  # it is no answer that is kept
        return
    again = verbatim(found, told, streamed)
    assert again is not None
    assert read(endpoint, again, streamed) == read(endpoint, neutral(found, streamed), streamed)


@pytest.mark.parametrize("endpoint", TOLD_AT)
@pytest.mark.parametrize("teller", ANSWERS)
def test_any_providers_answer_reads_the_same(teller: str, endpoint: str) -> None:
    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(ANSWERS[teller]())
    def check(said: tuple[bytes, bytes]) -> None:
        for streamed in (False, True):
            told = told_at(endpoint, teller, said[streamed], streamed)
            found = opened(endpoint, told, streamed)
            again = None if found is None else verbatim(found, told, streamed)
            if found is not None and again is not None:
                assert read(endpoint, again, streamed) == read(endpoint, neutral(found, streamed), streamed)
                ways.append(streamed)

    ways: list[bool] = []
    check()
    assert set(ways) == {False, True}
