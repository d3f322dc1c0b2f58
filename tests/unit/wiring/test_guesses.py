"""What requests are expected to take: guessed cheaply while there is room, counted where the guess would decide."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway._speedups import limits
from gateway._speedups.guesses import FILE, Asked
from gateway._speedups.jsonscan import request_facts
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts
from gateway.access.callers import Callers
from gateway.access.rights import House
from gateway.access.snapshot import Layers, Snapshot, encoded
from gateway.errors import BudgetExceeded, LimitExceeded
from gateway.providers.catalog import Catalog
from gateway.schemas.call import Call
from gateway.schemas.governance import Budget, Governance, Limit, VirtualKey
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.tokens.ratios import Counter, Ratios
from gateway.wiring.governing import edit
from gateway.wiring.guessing import Guesses, Lessons

WORDS = "The quick brown fox jumps over the lazy dog. " * 40
KNOWN, FOREIGN = Target("openai", "gpt-4o"), Target("other", "strange-1")


def call(text: str = WORDS, endpoint: str = "chat_completions", **more: Any) -> Call:
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": text}], **more})
    return Call(endpoint, "openai", body, request_facts(body), "m")


def lessons() -> Lessons:
    return Lessons(Counter(Ratios()))


def guesses(reserve: str = "asked", learnt: Lessons | None = None) -> Guesses:
    return Guesses(Catalog({}), learnt or lessons(), reserve)


def asked(made: Guesses, target: Target = KNOWN, text: str = WORDS, **more: Any) -> Asked:
    return made.of(call(text, **more), Plan((target,)), "k")


def answered(made: Guesses, target: Target, *, input: int, output: int, **more: Any) -> None:
    record = Record("r", key="k", provider=target.provider, model=target.model, usage=Usage(input, output))
    made.learn(record, asked(made, target, **more))


def test_a_prompt_is_guessed_by_what_its_model_reports_of_others() -> None:
    made = guesses()
    size = len(call(max_tokens=1).body)
    for _ in range(400):
        answered(made, FOREIGN, input=size, output=5, max_tokens=1)
    assert size * 0.9 < asked(made, FOREIGN, max_tokens=1).amount[0] < size * 1.1
    assert asked(made, KNOWN, max_tokens=1).amount[0] < size * 0.3  # of another model nothing was told


def test_a_count_takes_the_place_of_the_guess_once() -> None:
    found = asked(guesses(), max_tokens=10)
    assert found.counted == 0
    exact = found.exactly()
    assert exact is not None
    assert exact[0] - 10 == found.counted
    assert 400 < found.counted < 420  # ten tokens a sentence, and what surrounds them
    assert found.exactly() is None


def test_nothing_that_is_no_conversation_or_too_large_is_counted() -> None:
    assert asked(guesses(), text="a b " * 20_000).exactly() is None
    body = b'{"model":"m","input":"words"}'
    one = Call("embeddings", "openai", body, request_facts(body), "m")
    assert guesses().of(one, Plan((KNOWN,)), "k").exactly() is None


def test_a_form_and_a_file_count_as_files() -> None:
    form = Call("transcriptions", "openai", b"\x00\x01 binary" * 100_000, None, "m")
    assert guesses().of(form, Plan((KNOWN,)), "k").amount[0] == FILE
    image = asked(guesses(), text="A" * 400_000, max_tokens=1)
    assert FILE < image.amount[0] < FILE + 100


def test_a_foreign_models_ratio_is_learnt_from_its_reports() -> None:
    learnt = lessons()
    made = guesses(learnt=learnt)
    for _ in range(20):
        one = asked(made, FOREIGN, max_tokens=1)
        report = Usage(2 * one.counted or 1, 1)
        made.learn(Record("r", provider=FOREIGN.provider, model=FOREIGN.model, usage=report), one)
    assert learnt.counter.ratios.ratio(FOREIGN.model) == pytest.approx(2.0)
    exact = asked(made, FOREIGN, max_tokens=0)
    assert exact.counted or exact.exactly()


def test_what_the_gateway_counted_itself_teaches_nothing() -> None:
    learnt = lessons()
    made = guesses(learnt=learnt)
    one = asked(made, FOREIGN, max_tokens=1)
    own = Record("r", provider=FOREIGN.provider, model=FOREIGN.model, usage=Usage(9_999, 1), estimated=True)
    made.learn(own, one)
    assert learnt.sizes.of(FOREIGN).reports == 0


@pytest.mark.parametrize(
    ("reserve", "fields", "least", "most"),
    [
        ("asked", {"max_tokens": 4000}, 4000, 4000),
        ("learned", {"max_tokens": 4000}, 90, 140),
        ("learned", {"max_tokens": 20}, 20, 20),
        ("learned", {"max_tokens": 4000, "n": 3}, 270, 420),
        ("most", {"max_tokens": 50}, 50, 50),
        ("most", {}, 4096, 1 << 20),
    ],
)
def test_an_answer_takes_what_the_configuration_says(
    reserve: str, fields: dict[str, Any], least: int, most: int
) -> None:
    learnt = lessons()
    made = guesses("learned", learnt)
    for _ in range(500):
        answered(made, KNOWN, input=400, output=100, max_tokens=4000)
    found = asked(guesses(reserve, learnt), **fields)
    assert least <= found.output <= most


@pytest.mark.parametrize(
    ("endpoint", "body", "output"),
    [
        ("completions", {"prompt": "x", "max_tokens": 1000}, 1000),
        ("completions", {"prompt": "x", "max_tokens": 1000, "n": 2}, 2000),
        ("completions", {"prompt": "x", "max_tokens": 1000, "n": 2, "best_of": 4}, 4000),
        ("completions", {"prompt": ["x", "y", "z"], "max_tokens": 1000}, 3000),
        ("completions", {"prompt": ["x", "y"], "max_tokens": 1000, "best_of": 3}, 6000),
        ("completions", {"prompt": [1, 2, 3], "max_tokens": 1000}, 1000),
        ("completions", {"prompt": [[1, 2], [3]], "max_tokens": 1000}, 2000),
        ("completions", {"prompt": {"no": "prompt"}, "max_tokens": 1000, "best_of": "many"}, 1000),
        ("generate_content", {"generationConfig": {"maxOutputTokens": 1000, "candidateCount": 4}}, 4000),
        ("generate_content", {"generation_config": {"max_output_tokens": 9, "candidate_count": 4}}, 36),
        ("generate_content", {"generationConfig": {"maxOutputTokens": 1000}}, 1000),
        ("chat_completions", {"max_tokens": 1000, "n": 4}, 4000),
    ],
)
def test_every_answer_that_a_request_asks_for_is_reserved(
    endpoint: str, body: dict[str, Any], output: int
) -> None:
    raw = msgspec.json.encode({"model": "m", **body})
    found = guesses().of(Call(endpoint, "openai", raw, request_facts(raw), "m"), Plan((KNOWN,)), "k")
    assert found.output == output


def test_few_answers_are_no_measure_for_those_to_come() -> None:
    made = guesses("learned")
    answered(made, KNOWN, input=400, output=3, max_tokens=4000)
    assert asked(made, max_tokens=4000).output == 4000


def test_what_was_learnt_outlives_a_new_configuration() -> None:
    learnt = lessons()
    made = guesses(learnt=learnt)
    for _ in range(100):
        answered(made, KNOWN, input=10, output=5)
    before, after = asked(made), asked(guesses(learnt=learnt))
    assert before.amount == after.amount
    assert after.amount[0] < asked(guesses()).amount[0]


class Silent:
    def budget_warning(self, budget: str, key: str) -> None:
        pass

    def limit_refused(self, limit: str, kind: str) -> None:
        self.refused = limit


class Head:
    headers = {b"authorization": b"Bearer s"}  # noqa: RUF012
    client = ("127.0.0.1", 1)


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    sections = limits.sections(limits=64, budgets=64, rolling=4, workers=2)
    found = Accounts(Ledger.create(tmp_path / "ledger", sections), 0)
    yield found
    found.leave()


def governed(accounts: Accounts, made: Guesses, *bounds: Limit, budgets: tuple[Budget, ...] = ()) -> Callers:
    governance = Governance(0, (VirtualKey("k", sha256(b"s").hexdigest()),), bounds, budgets)
    return Callers(House(Layers(Snapshot(encoded(governance))), accounts, made, Silent(), edit), None)


def visit(who: Callers, one: Call) -> tuple[Any, Record]:
    record = Record("r", endpoint="chat_completions")
    found = who.admit(Head(), record)
    found.plan(one, Plan((KNOWN,)), record)
    return found, record


def test_a_request_that_fits_by_count_is_not_refused_by_guess(accounts: Accounts) -> None:
    made = guesses()
    size = len(call().body)
    for _ in range(400):  # prompts of a language that takes many tokens
        answered(made, KNOWN, input=size, output=1, max_tokens=1)
    who = governed(accounts, made, Limit("l", "key:k", 3600, tokens=1000))
    visits = [visit(who, call(max_tokens=1))[0] for _ in range(2)]  # 411 each, and 1,900 by guess
    with pytest.raises(LimitExceeded):
        visit(who, call(max_tokens=1))
    for one in visits:
        one.settle(Record("r"))


def test_the_last_of_a_limit_is_not_given_away_by_guess(accounts: Accounts) -> None:
    """What is short by its bytes and long by its tokens may not pass a limit that has no room for it."""
    digits = "7 3 9 " * 300  # a token for each two bytes
    who = governed(accounts, guesses(), Limit("l", "key:k", 3600, tokens=600))
    with pytest.raises(LimitExceeded):
        visit(who, call(digits, max_tokens=1))


def test_far_from_any_limit_nothing_is_counted(accounts: Accounts) -> None:
    who = governed(
        accounts,
        guesses(),
        Limit("l", "key:k", 3600, tokens=10_000_000),
        budgets=(Budget("b", "key:k", 10**15),),
    )
    one = call(max_tokens=5)
    visit(who, one)[0].settle(Record("r"))
    assert one.request is None


def test_where_only_requests_are_limited_nothing_is_guessed(accounts: Accounts) -> None:
    class Never(Guesses):
        def of(self, call: Call, plan: Plan, key: str) -> Asked:
            raise AssertionError

    who = governed(accounts, Never(Catalog({}), lessons()), Limit("l", "key:k", 3600, requests=1))
    found, record = visit(who, call())
    record.attempts = [Attempt("openai", "gpt-4o")]
    found.settle(record)
    with pytest.raises(LimitExceeded):
        visit(who, call())


class Priced(Guesses):
    """A nano-dollar for each token of a prompt, two for one of an answer."""

    def _rates(self, targets: tuple[Target, ...], prompt: int) -> tuple[float, float, float]:
        return 1.0, 2.0, 0.0


def test_a_budget_is_not_passed_by_more_than_what_is_in_flight(accounts: Accounts) -> None:
    who = governed(accounts, Priced(Catalog({}), lessons()), budgets=(Budget("b", "key:k", 10_000, "never"),))
    digits = call("7 3 9 " * 300, max_tokens=50)
    price = 908 + 100
    spent = admitted = 0
    while True:
        try:
            found, record = visit(who, digits)
        except BudgetExceeded:
            break
        admitted += 1
        record.provider, record.model = KNOWN.provider, KNOWN.model
        record.attempts = [Attempt(KNOWN.provider, KNOWN.model)]
        record.usage, record.cost_nano_usd = Usage(908, 50), price
        found.settle(record)
        spent += price
    assert admitted >= 9
    assert spent <= 10_000


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": "4000", "n": "8"},
        {"max_tokens": 4e3, "n": 8.0},
        {"max_tokens": " 4000.0 ", "n": "08"},
        {"max_completion_tokens": "4_000", "n": 8},
    ],
)
def test_a_number_is_read_as_lenient_providers_read_it(fields: dict[str, Any]) -> None:
    found = asked(guesses(), **fields)
    assert (found.allowed, found.choices) == (4000, 8)


@pytest.mark.parametrize(
    "said", ["", "many", "-4000", "nan", "inf", "9" * 9000, True, None, [4000], {"a": 1}]
)
def test_what_no_provider_reads_as_a_number_is_none(said: Any) -> None:
    found = asked(guesses(), max_tokens=said, n=said)
    assert (found.allowed, found.choices) == (0, 1)


@pytest.mark.parametrize("said", ["4000", 4000.0, 4000])
def test_a_bound_of_another_endpoint_is_read_so_too(said: Any) -> None:
    assert asked(guesses(), endpoint="responses", max_output_tokens=said).allowed == 4000
    assert (
        asked(guesses(), endpoint="generate_content", generationConfig={"maxOutputTokens": said}).allowed
        == 4000
    )
    legacy = asked(guesses(), endpoint="completions", prompt="a", max_tokens=said, best_of="3")
    assert (legacy.allowed, legacy.choices) == (4000, 3)


def test_a_stream_waits_for_as_many_answers_as_were_plainly_asked_for() -> None:
    assert request_facts(b'{"n": "8"}').choices == 1
    assert request_facts(b'{"n": 8}').choices == 8
