"""Every pair of dialects: a provider's stream that misbehaves ends whole, or with an error, and never looks whole when
it was cut."""

from collections.abc import Callable

import pytest
from bedrock_journeys import parse_stream
from botocore.eventstream import EventStreamError
from caller_answers import CALLERS, Caller
from journeys import events_of
from sample_streams import ERRORS, KEEP_ALIVES, NOVELTIES, STREAMS
from test_stream_properties import source_for

from gateway.dialects.endpoints import ENDPOINTS
from gateway.errors import GatewayError, UpstreamStatus
from gateway.upstream.sources import Passed

PAIRS = [(provider, called) for provider in STREAMS for called in CALLERS]
ENDS = {
    "chat_completions": b"data: [DONE]",
    "responses": b"event: response.completed",
    "messages": b"event: message_stop",
    "generate_content": b'"finishReason"',
    "converse": b"messageStop",
    "cohere_chat": b"event: message-end",
}
"""What tells a caller that an answer is complete."""


def translated(provider: str, caller: Caller, stream: bytes) -> tuple[bytes, GatewayError | None]:
    source = source_for(caller, ENDPOINTS[provider])
    out = source.feed(stream)
    if source.failure is None:
        out += source.end()
    return out, source.failure


def sound(provider: str, called: str, events: list[bytes]) -> dict[str, object]:
    """What the caller learns from a stream that has to end well."""
    caller = CALLERS[called]
    out, failure = translated(provider, caller, b"".join(events))
    assert failure is None
    assert ENDS[called] in out
    return caller.join(out)


def failed_well(called: str, out: bytes, failure: GatewayError) -> None:
    """The caller has whole events, then the error, and nothing that looks like an end."""
    assert ENDS[called] not in out
    whole = out + CALLERS[called].endpoint.codec.error_event(failure)
    if called == "converse":
        with pytest.raises(EventStreamError):
            parse_stream(whole)
        return
    assert whole.endswith((b"\n\n", b"\r\n\r\n"))
    assert b"error" in events_of(whole.replace(b"\r\n", b"\n"))[-1][1]


def said(answer: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in answer.items() if name not in ("usage", "usageMetadata")}


@pytest.mark.parametrize("provider", STREAMS)
def test_a_stream_cut_at_any_byte_is_whole_or_an_error(provider: str) -> None:
    events = STREAMS[provider](4, False)
    stream = b"".join(events)
    boundaries = {len(b"".join(events[:count])) for count in range(len(events) + 1)}
    near = {boundary + step for boundary in boundaries for step in (-2, -1, 0, 1)}
    wholes = {called: sound(provider, called, events) for called in CALLERS}
    outcomes = set()
    for at in range(len(stream) + 1):
        callers = list(CALLERS) if at in near else [list(CALLERS)[at % len(CALLERS)]]
        for called in callers:
            out, failure = translated(provider, CALLERS[called], stream[:at])
            outcomes.add(failure is None)
            if failure is None:
                assert said(CALLERS[called].join(out)) == said(wholes[called])
            else:
                failed_well(called, out, failure)
    assert outcomes == {True, False}


@pytest.mark.parametrize(("provider", "called"), PAIRS)
def test_an_event_that_nobody_knows_and_a_sign_of_life_change_nothing(provider: str, called: str) -> None:
    events = STREAMS[provider](4, False)
    whole = sound(provider, called, events)
    for place in range(1, len(events)):
        odd = [NOVELTIES[provider], KEEP_ALIVES[provider], NOVELTIES[provider]]
        assert sound(provider, called, [*events[:place], *odd, *events[place:]]) == whole


@pytest.mark.parametrize(("provider", "called"), PAIRS)
def test_an_error_within_the_stream_is_the_callers_error(provider: str, called: str) -> None:
    events = STREAMS[provider](4, False)
    finish = next(place for place, event in enumerate(events) if finishes(event))
    for place in range(finish + 1):
        out, failure = translated(provider, CALLERS[called], b"".join([*events[:place], ERRORS[provider]]))
        assert isinstance(failure, UpstreamStatus)
        assert failure.message == "overloaded"
        assert failure.http_status >= 500
        failed_well(called, out, failure)


def finishes(event: bytes) -> bool:
    marks = (b'"tool_calls"}', b'"tool_use", "stop_s', b"response.completed", b"finishReason", b"messageStop")
    return any(mark in event for mark in marks) or b"message-end" in event


@pytest.mark.parametrize(("provider", "called"), PAIRS)
@pytest.mark.parametrize("spoil", ["bytes", "one piece", "early usage"])
def test_pieces_of_any_size_and_usage_at_any_place_say_the_same(
    provider: str, called: str, spoil: str
) -> None:
    make: Callable[[int, bool], list[bytes]] = STREAMS[provider]
    whole = sound(provider, called, make(4, False))
    size = {"bytes": 1, "one piece": 0}.get(spoil, 4)
    assert sound(provider, called, make(size, spoil == "early usage")) == whole


@pytest.mark.parametrize(("provider", "called"), PAIRS)
def test_what_comes_after_the_end_is_not_read(provider: str, called: str) -> None:
    events = STREAMS[provider](4, False)
    whole = sound(provider, called, events)
    if provider not in ("chat_completions", "generate_content"):  # their last event does not say that it is
        assert sound(provider, called, [*events, ERRORS[provider], *events]) == whole


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_passes_is_whole_or_an_error_wherever_it_is_cut(name: str) -> None:
    events, tap = STREAMS[name](4, False), ENDPOINTS[name].tap
    assert tap is not None
    stream = b"".join(events)
    finish = next(place for place, event in enumerate(events) if finishes(event))
    told = len(b"".join(events[: finish + 1])) - len(b"\n\n")
    for at in range(len(stream) + 1):
        source = Passed(tap(False, 1))
        out = source.feed(stream[:at])
        if source.failure is None:
            out += source.end()
        sent = out.removesuffix(source._reader.LAST) if source._reader.LAST and not source.terminated else out
        assert stream.startswith((sent, sent.rstrip(b"\n")))
        if source.failure is None:
            assert at >= told
            assert events[finish] in out
        else:
            assert at < told + 2
            assert events[finish] not in out
            failed_well(name, out, source.failure)
