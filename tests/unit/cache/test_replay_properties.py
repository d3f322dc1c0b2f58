"""Every pair of dialects: what was told, whole or streamed, is told again, whole or streamed, as the same answer."""

from typing import Any

import pytest
from caller_answers import CALLERS
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from provider_answers import ANSWERS
from told_answers import heard, passed, stream, translated_whole, whole

from gateway.cache.canonical import Kept, open_entry
from gateway.cache.entries import pack
from gateway.cache.joining import Joiner
from gateway.cache.telling import events_of


def opened(endpoint: str, told: bytes, streamed: bool, size: int) -> Kept | None:
    entry = heard(endpoint, passed(endpoint, told) if streamed else told, streamed, size)
    return None if entry is None else open_entry(pack(entry))


@pytest.mark.parametrize("teller", ANSWERS)
def test_an_answer_is_told_again_to_any_caller_as_its_translation(teller: str) -> None:
    @settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(ANSWERS[teller](), st.integers(1, 3000))
    def check(answer: tuple[bytes, bytes], size: int) -> None:
        body, events = answer
        # Arguments that are no object are told apart only when they are whole: too late where a stream was told.
        assume(b"{broken" not in body)
        found, again = opened(teller, body, False, size), opened(teller, events, True, size)
        assert (found is None) == (again is None)
        if found is None or again is None:
            return
        for name, caller in CALLERS.items():
            said = caller.whole(whole(found, caller))
            assert said == caller.whole(translated_whole(teller, body, caller)), name
            assert said == caller.join(stream(found, caller)), name
            assert caller.whole(whole(again, caller)) == caller.join(stream(again, caller)), name
            assert dated(said) == dated(caller.join(stream(again, caller))), name

    check()


def dated(said: dict[str, Any]) -> dict[str, Any]:
    """What is said but for the date and the tokens, of which a stream need not tell as a whole answer does."""
    return {
        name: said[name] for name in said if name not in ("created", "created_at", "usage", "serviceTier")
    }


@pytest.mark.parametrize("teller", ANSWERS)
def test_what_a_log_holds_survives_being_streamed(teller: str) -> None:
    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(ANSWERS[teller]())
    def check(answer: tuple[bytes, bytes]) -> None:
        found = opened(teller, answer[1], True, 500)
        if found is None:
            return
        joiner = Joiner(found.reply.dialect)
        joiner.add(events_of(found.reply))
        assert joiner.reply() == found.reply
        assert found.again is not None
        log = open_entry(found.again)
        assert log is not None
        assert (log.reply, log.entry.form, log.again) == (found.reply, "log", None)

    check()
