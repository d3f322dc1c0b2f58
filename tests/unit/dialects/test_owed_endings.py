"""What a provider owed its callers: the last marker of a whole stream, the status of an error, an event's end."""

import pytest

from gateway._speedups.sse import Splitter
from gateway.dialects.openai_chat.answers import read_reply
from gateway.dialects.taps import AnthropicTap, OpenAIChatTap
from gateway.errors import UpstreamProtocolError, UpstreamStatus
from gateway.upstream.sources import Passed

TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
CHANGE = b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'


@pytest.mark.parametrize(
    ("tap", "sent", "last"),
    [
        (OpenAIChatTap(), TEXT + STOP, DONE),
        (OpenAIChatTap(), TEXT + STOP + DONE, b""),
        (OpenAIChatTap(), TEXT, b""),
        (AnthropicTap(), CHANGE, AnthropicTap.LAST),
    ],
    ids=["openai owes", "openai said it", "openai was cut", "anthropic owes"],
)
def test_a_whole_stream_gets_the_marker_that_its_provider_left_out(
    tap: OpenAIChatTap | AnthropicTap, sent: bytes, last: bytes
) -> None:
    source = Passed(tap)
    assert source.feed(sent) == sent
    assert source.end() == last


def test_an_event_that_does_not_end_as_an_object_is_read() -> None:
    splitter = Splitter((b"usage",))
    cut = b'data: {"choices":[{"delta":{"content"\n\n'
    splitter.feed(TEXT + cut + TEXT)
    assert splitter.flagged == [(len(TEXT), len(TEXT) + len(cut))]


def test_an_error_with_status_200_is_the_error_that_it_says() -> None:
    with pytest.raises(UpstreamStatus) as raised:
        read_reply(b'{"error":{"message":"no capacity","type":"server_error","code":null}}')
    assert (raised.value.http_status, raised.value.message) == (500, "no capacity")
    with pytest.raises(UpstreamProtocolError):
        read_reply(b'{"error":null}')
