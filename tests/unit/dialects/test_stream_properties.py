"""Every pair of dialects: a caller who puts a translated stream together has exactly the translated whole answer."""

import pytest
from caller_answers import CALLERS, Caller
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from journeys import CREATED
from provider_answers import ANSWERS, pieces

from gateway.dialects.endpoints import ENDPOINTS, Endpoint
from gateway.upstream.sources import Translated

ID = "req-1"
MODEL = "the-model"


def whole_for(caller: Caller, provider: Endpoint, body: bytes) -> bytes:
    return caller.endpoint.codec.write_reply(
        provider.codec.read_reply(body, MODEL),
        request_model=MODEL,
        reply_id=ID,
        created=CREATED,
        request=caller.request,
    )


def source_for(caller: Caller, provider: Endpoint) -> Translated:
    return Translated(provider, caller.endpoint, caller.request, ID, CREATED, MODEL)


@pytest.mark.parametrize("called", CALLERS)
@pytest.mark.parametrize("provider", ANSWERS)
def test_a_stream_in_any_pieces_is_the_whole_answer(provider: str, called: str) -> None:
    endpoint, caller = ENDPOINTS[provider], CALLERS[called]

    @settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(ANSWERS[provider](), st.lists(st.integers(1, 3000), max_size=12) | st.none())
    def check(answer: tuple[bytes, bytes], places: list[int] | None) -> None:
        body, stream = answer
        # What is no object is told apart only when it is whole: too late where pieces of objects are streamed.
        assume(called not in ("messages", "converse") or b"{broken" not in body)
        source = source_for(caller, endpoint)
        cut = pieces(stream, list(range(len(stream))) if places is None else places)
        out = b"".join([source.feed(piece) for piece in cut]) + source.end()
        assert source.failure is None
        assert source.complete
        assert caller.join(out) == caller.whole(whole_for(caller, endpoint, body))

    check()


@pytest.mark.parametrize("name", ["responses", "messages", "converse", "cohere_chat"])
def test_an_answer_is_written_in_its_own_dialect_as_it_was(name: str) -> None:
    caller = CALLERS[name]

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(ANSWERS[name]())
    def check(answer: tuple[bytes, bytes]) -> None:
        body = answer[0]
        written = caller.whole(caller.endpoint.codec.write_reply(caller.endpoint.codec.read_reply(body)))
        asked = caller.whole(body)
        assert {field: written.get(field) for field in SAID[name]} == {
            field: asked.get(field) for field in SAID[name]
        }

    check()


SAID = {
    "responses": ("id", "created_at", "model", "status", "incomplete_details", "usage"),
    "messages": ("id", "model", "content", "stop_sequence"),
    "converse": ("content", "stopReason", "usage", "additionalModelResponseFields"),
    "cohere_chat": ("id", "message", "logprobs"),
}
"""What an answer says; the ids of a response's items are the gateway's own, and its end is made up without regard to
its calls."""
