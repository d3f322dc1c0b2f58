"""Every pair of dialects, for every caller: a stream that is cut and gone on with is one whole answer."""

import json

import pytest
from caller_answers import CALLERS
from sample_streams import ARGUMENTS, STREAMS, TEXT

from gateway.dialects.endpoints import ENDPOINTS
from gateway.errors import Disagreed
from gateway.upstream.stories import Sequel, Successor, Teller

CREATED = 5
NAMES = list(STREAMS)
ONCE = {
    "chat_completions": [b'"role":"assistant"', b'"finish_reason":"tool_calls"', b"data: [DONE]"],
    "responses": [
        b"event: response.created",
        b"event: response.completed",
        b"event: response.content_part.added",
    ],
    "messages": [b"event: message_start", b"event: message_stop", b'{"type":"text","text":""}'],
    "generate_content": [b'"finishReason"'],
    "converse": [b"messageStart", b"messageStop"],
    "cohere_chat": [b"event: message-start", b"event: message-end", b'{"type":"text","text":""}'],
}
"""What a whole answer says once, in each dialect."""


def begun(provider: str, called: str, stream: bytes) -> tuple[Teller, bytes]:
    """A stream of `provider` that ends where it ends, as the caller gets it."""
    caller = CALLERS[called]
    teller = Teller(ENDPOINTS[provider], caller.endpoint, caller.request, "id", CREATED, "m")
    out = teller.feed(stream)
    return teller, out + (b"" if teller.terminated else teller.end())


def gone_on(sequel: Sequel, provider: str, called: str, stream: bytes) -> tuple[Successor, bytes]:
    caller = CALLERS[called]
    source = Successor(ENDPOINTS[provider], sequel, caller.endpoint, caller.request, "m2")
    out = source.feed(stream)
    if source.failure is None and not source.terminated:
        out += source.end()
    return source, out


@pytest.mark.parametrize("called", CALLERS)
@pytest.mark.parametrize("first", NAMES)
def test_wherever_it_is_cut_the_next_one_completes_it(first: str, called: str) -> None:
    events = STREAMS[first](4, False)
    resumed = 0
    for place in range(1, len(events)):
        second = NAMES[(NAMES.index(first) + place) % len(NAMES)]
        teller, before = begun(first, called, b"".join(events[:place]))
        story = teller.story
        if story.tangled:
            break
        if not teller.committed or teller.failure is None:
            continue
        sequel = Sequel(teller, "".join(story.text))
        source, after = gone_on(sequel, second, called, b"".join(STREAMS[second](3, False)))
        assert source.failure is None
        resumed += 1
        out = before + after
        for mark in ONCE[called]:
            assert out.count(mark) == 1, mark
        shown = json.dumps(CALLERS[called].join(out), ensure_ascii=False)
        assert shown.count(TEXT) == 1
        for arguments in ARGUMENTS:
            assert (
                json.dumps(arguments, ensure_ascii=False) in shown
                or json.dumps(json.loads(arguments), ensure_ascii=False) in shown
            )
    assert resumed >= 3


@pytest.mark.parametrize("called", CALLERS)
def test_nothing_is_told_before_there_is_something_new(called: str) -> None:
    events = STREAMS["messages"](4, False)
    text = next(place for place, event in enumerate(events) if b"text_delta" in event)
    teller, _ = begun("messages", called, b"".join(events[: text + 2]))
    source, out = gone_on(Sequel(teller, "It is"), "messages", called, b"".join(events[: text + 1]))
    assert not source.committed
    assert out == b""
    source, out = gone_on(Sequel(teller, "It was"), "messages", called, b"".join(events))
    assert isinstance(source.failure, Disagreed)
    assert out == b""


def test_usage_is_that_of_all_who_told() -> None:
    events = STREAMS["messages"](4, False)
    text = next(place for place, event in enumerate(events) if b"text_delta" in event)
    teller, _ = begun("messages", "messages", b"".join(events[: text + 1]))
    teller.story.leave(teller)
    source, out = gone_on(
        Sequel(teller, "".join(teller.story.text)), "messages", "messages", b"".join(events)
    )
    assert source.failure is None
    assert source.own is not None
    assert source.usage is not None
    assert (source.own.input, source.usage.input) == (9, 18)
    assert b'"input_tokens":18' in out
