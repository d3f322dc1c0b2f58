"""What is kept of a stream in case its provider tells no usage: little, and nothing where its size is enough."""

from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.call import Call
from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.upstream.hearing import KEPT, Ear, Rates, ear, note, tells

CHAT = ENDPOINTS["chat_completions"]
CALL = Call("chat_completions", "openai", b"{}", None, "m")


def heard(rates: Rates, size: int) -> Ear:
    found = ear(rates, CALL, CHAT, "m")
    assert found is not None
    for _ in range(size // 100):
        found.hear(b"x" * 100)
    return found


def test_who_reports_once_is_billed_by_size_from_then_on() -> None:
    rates: Rates = {}
    assert heard(rates, 10_000).end(Usage(5, 50), whole=True) is None
    unsaid = heard(rates, 4_000).end(None, whole=False)
    assert unsaid is not None
    assert (unsaid.body, unsaid.size, unsaid.rate) == (None, 4_000, 0.005)


def test_the_beginning_of_a_silent_stream_is_kept_and_no_more() -> None:
    unsaid = heard({}, 3 * KEPT).end(None, whole=True)
    assert unsaid is not None
    assert unsaid.body is not None
    assert KEPT <= len(unsaid.body) < KEPT + 100
    assert unsaid.size > 2.9 * KEPT


def test_what_was_reported_before_a_cut_goes_along() -> None:
    attempt = Attempt("p", "m")
    unsaid = heard({}, 100).end(Usage(7, 1), whole=False, attempt=attempt)
    assert unsaid is not None
    assert (unsaid.reported, unsaid.attempt) == (Usage(7, 1), attempt)


def test_a_stream_without_a_byte_owes_nothing() -> None:
    assert heard({}, 0).end(None, whole=False) is None


def test_short_answers_and_cut_ones_teach_nothing() -> None:
    rates: Rates = {}
    heard(rates, 1_000).end(Usage(5, 2), whole=True)
    heard(rates, 1_000).end(Usage(5, 50), whole=False)
    assert rates == {}


def test_what_is_no_conversation_is_not_heard() -> None:
    assert ear({}, CALL, ENDPOINTS["embeddings"], "m") is None


def test_zeros_say_nothing() -> None:
    record = Record("r", usage=Usage())
    assert not tells(record.usage)
    note(record, CALL, CHAT, "m", b"{}")
    assert len(record.unsaid) == 1
    told = Record("r", usage=Usage(1, 0))
    note(told, CALL, CHAT, "m", b"{}")
    assert told.unsaid == []
