"""What a virtual key may do, what it holds, and that each request gives back what it did not use."""

from collections.abc import Iterator
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from time import time
from typing import Any

import pytest

from gateway._speedups import limits
from gateway._speedups.ledger import Ledger
from gateway._speedups.limits import Accounts
from gateway.access.callers import Callers
from gateway.access.holds import Told, Wanted
from gateway.access.keys import StaticKeys
from gateway.access.rights import House
from gateway.access.snapshot import Layers, Snapshot, encoded
from gateway.errors import BudgetExceeded, Forbidden, LimitExceeded, Unauthorized
from gateway.schemas.call import Call
from gateway.schemas.governance import Budget, Governance, Limit, VirtualKey
from gateway.schemas.plan import Plan, Target
from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage

PLAN = Plan((Target("openai", "gpt"), Target("other", "gpt")))
DIRECT = Plan((Target("openai", "gpt"),))


class Asked:
    def __init__(self, secret: str, client: str = "127.0.0.1") -> None:
        self.headers = {b"authorization": b"Bearer " + secret.encode()}
        self.client = (client, 1)


class Guessed:
    """Every request is guessed to take the same."""

    def __init__(self, tokens: int, nano: int) -> None:
        self._guess = Told(tokens, nano)

    def of(self, call: Call, plan: Plan, key: str) -> Told:
        return self._guess

    def learn(self, record: Record, wanted: Wanted) -> None:
        pass


class Heard:
    def __init__(self) -> None:
        self.warned: list[str] = []
        self.refused: list[str] = []

    def budget_warning(self, budget: str, key: str) -> None:
        self.warned.append(budget)

    def limit_refused(self, limit: str, kind: str) -> None:
        self.refused.append(kind)


def no_edit(call: Call, defaults: Any, forced: Any) -> None:
    pass


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    sections = limits.sections(limits=64, budgets=64, rolling=4, workers=2)
    found = Accounts(Ledger.create(tmp_path / "ledger", sections), 0)
    yield found
    found.leave()


def key(secret: str = "s", **fields: Any) -> VirtualKey:
    return VirtualKey("k", sha256(secret.encode()).hexdigest(), **fields)


def callers(
    accounts: Accounts, governance: Governance, guess: tuple[int, int] = (10, 100), heard: Heard | None = None
) -> Callers:
    layers = Layers(Snapshot(encoded(governance)))
    return Callers(House(layers, accounts, Guessed(*guess), heard or Heard(), no_edit), None)


def call(model: str = "openai/gpt") -> Call:
    return Call("chat_completions", "openai", b"{}", None, model)


def begin(who: Callers, record: Record, plan: Plan = DIRECT, model: str = "openai/gpt") -> Any:
    visit = who.admit(Asked("s"), record)
    visit.plan(call(model), plan, record)
    return visit


def used(**fields: Any) -> Record:
    return Record("r", endpoint="chat_completions", attempts=[Attempt("openai", "gpt")], **fields)


@pytest.mark.parametrize("size", [1, 54, 55, 56, 63, 64, 65, 119, 120, 300])
def test_who_came_before_is_found_without_being_looked_up(
    accounts: Accounts, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "x" * size
    who = callers(accounts, Governance(0, (key(secret),)))
    first = who.admit(Asked(secret), Record("r"))
    monkeypatch.setattr(who, "_caller", None)
    assert who.admit(Asked(secret), Record("r")).caller is first.caller


def test_the_record_says_who_called(accounts: Accounts) -> None:
    record = Record("r")
    callers(
        accounts, Governance(0, (key(team="t", user="u", org="o", tags=("x",), keeps_bodies=True),))
    ).admit(Asked("s"), record)
    assert (record.key, record.team, record.user, record.org, record.tags) == ("k", "t", "u", "o", ("x",))
    assert record.keeps_bodies


@pytest.mark.parametrize(
    ("fields", "client", "error"),
    [
        ({"blocked": True}, "127.0.0.1", Forbidden),
        ({"expires": int(time()) - 1}, "127.0.0.1", Unauthorized),
        ({"expires": int(time()) + 86_400}, "127.0.0.1", None),
        ({"endpoints": ("embeddings",)}, "127.0.0.1", Forbidden),
        ({"networks": (str(ip_network("10.0.0.0/8")),)}, "11.0.0.1", Forbidden),
        ({"networks": ("10.0.0.0/8",)}, "10.2.3.4", None),
        ({"networks": ("10.0.0.0/8",)}, "::ffff:10.2.3.4", None),
        ({"networks": ("10.0.0.0/8",)}, "no address", Forbidden),
    ],
)
def test_a_key_is_refused_where_it_may_not_be_used(
    accounts: Accounts, fields: dict[str, Any], client: str, error: type[Exception] | None
) -> None:
    who, record = callers(accounts, Governance(0, (key(**fields),))), Record("r", endpoint="chat_completions")
    if error is None:
        who.admit(Asked("s", client), record)
    else:
        with pytest.raises(error):
            who.admit(Asked("s", client), record)


def test_an_old_value_counts_until_its_grace_is_over(accounts: Accounts) -> None:
    old = sha256(b"old").hexdigest()
    alive = callers(accounts, Governance(0, (key(rotated_digest=old, rotated_until=int(time()) + 60),)))
    assert alive.authenticate(Asked("old").headers) == "k"
    over = callers(accounts, Governance(0, (key(rotated_digest=old, rotated_until=int(time()) - 1),)))
    assert over.authenticate(Asked("s").headers) == "k"
    with pytest.raises(Unauthorized):
        over.authenticate(Asked("old").headers)


def test_static_keys_work_beside_and_strangers_do_not(accounts: Accounts) -> None:
    layers = Layers(Snapshot(encoded(Governance(0, (key(),)))))
    house = House(layers, accounts, Guessed(0, 0), Heard(), no_edit)
    who = Callers(house, StaticKeys(["static"]))
    assert who.authenticate(Asked("static").headers).startswith("key-")
    with pytest.raises(Unauthorized):
        who.authenticate(Asked("nobody").headers)
    with pytest.raises(Unauthorized):
        Callers(house, None).authenticate({})


@pytest.mark.parametrize(
    ("globs", "name", "plan", "may"),
    [
        (("openai/*",), "openai/gpt", DIRECT, True),
        (("openai/*",), "gpt", DIRECT, True),
        (("openai/g",), "openai/gpt", DIRECT, False),
        (("openai/*",), "fast", Plan(DIRECT.targets, route="fast"), False),
        (("fast",), "fast", Plan(DIRECT.targets, route="fast"), True),
        (("g*",), "gpt", DIRECT, True),
        (("g*",), "openai/gpt", DIRECT, True),
        (("pt",), "openai/gpt", DIRECT, False),
        (("openai",), "openai/gpt", DIRECT, False),
        (("",), "openai/", DIRECT, False),
    ],
)
def test_models_are_allowed_by_the_name_that_is_asked_for(
    accounts: Accounts, globs: tuple[str, ...], name: str, plan: Plan, may: bool
) -> None:
    visit = callers(accounts, Governance(0, (key(models=globs),))).admit(Asked("s"), Record("r"))
    if may:
        assert visit.plan(call(name), plan, Record("r")) == plan
    else:
        with pytest.raises(Forbidden):
            visit.plan(call(name), plan, Record("r"))


def test_a_list_shows_what_may_be_asked_for(accounts: Accounts) -> None:
    who = callers(accounts, Governance(0, (key(models=("gpt-*", "anthropic/claude-*")),)))
    shown = who.visible(Asked("s").headers)
    assert shown is not None
    listed = ("openai/gpt-4o", "azure/gpt-4o", "openai/o3", "anthropic/claude-x", "other/claude-x", "gpt-5")
    assert list(filter(shown, listed)) == ["openai/gpt-4o", "azure/gpt-4o", "anthropic/claude-x", "gpt-5"]


def test_a_plan_loses_the_providers_that_a_key_may_not_use(accounts: Accounts) -> None:
    visit = callers(accounts, Governance(0, (key(providers=("other",)),))).admit(Asked("s"), Record("r"))
    assert visit.plan(call(), PLAN, Record("r")).targets == PLAN.targets[1:]
    with pytest.raises(Forbidden):
        visit.plan(call(), DIRECT, Record("r"))
    with pytest.raises(Forbidden):
        visit.pass_by("openai", Record("r", endpoint="passthrough"))


def test_a_key_bound_to_models_may_pass_nothing_through_unless_told_so(accounts: Accounts) -> None:
    record = Record("r", endpoint="passthrough")
    bound = callers(accounts, Governance(0, (key(models=("a",)),))).admit(Asked("s"), record)
    with pytest.raises(Forbidden):
        bound.pass_by("openai", record)
    told = Governance(0, (key(models=("a",), endpoints=("passthrough",)),))
    callers(accounts, told).admit(Asked("s"), record).pass_by("openai", record)


@pytest.mark.parametrize("endpoint", ["passthrough", "batches", "realtime"])
def test_what_nobody_reads_is_nothing_for_a_key_with_forced_parameters(
    accounts: Accounts, endpoint: str
) -> None:
    record, plan = Record("r", endpoint=endpoint), Plan((Target("openai", "a"),))
    forced = callers(accounts, Governance(0, (key(forced={"max_tokens": 7}),))).admit(Asked("s"), record)
    with pytest.raises(Forbidden, match="forced"):
        forced.pass_by("openai", record)
    with pytest.raises(Forbidden, match="forced"):
        forced.session("a", plan, record)
    named = Governance(0, (key(forced={"max_tokens": 7}, endpoints=(endpoint,)),))
    callers(accounts, named).admit(Asked("s"), record).pass_by("openai", record)
    callers(accounts, named).admit(Asked("s"), record).session("a", plan, record)


@pytest.mark.parametrize(
    "account",
    [
        "key:k",
        "team:t",
        "model:openai/gpt",
        "provider:openai",
        "team:t+model:openai/gpt",
        "key:k+provider:openai",
    ],
)
def test_a_limit_holds_at_every_level(accounts: Accounts, account: str) -> None:
    who = callers(accounts, Governance(0, (key(team="t"),), (Limit("l", account, 3600, requests=1),)))
    begin(who, used()).settle(used())
    with pytest.raises(LimitExceeded) as refused:
        begin(who, used())
    assert refused.value.retry_after is not None
    assert (b"x-ratelimit-remaining-requests", b"0") in refused.value.headers


def test_a_request_that_never_left_gives_everything_back(accounts: Accounts) -> None:
    who = callers(accounts, Governance(0, (key(),), (Limit("l", "key:k", 3600, requests=1),)))
    for _ in range(3):
        begin(who, Record("r")).settle(Record("r"))


def test_tokens_and_money_settle_for_what_was_used_by_all_tries(accounts: Accounts) -> None:
    governed = Governance(
        0, (key(),), (Limit("l", "key:k", 3600, tokens=1000),), (Budget("b", "key:k", 1000),)
    )
    record = used(usage=Usage(input=5, output=2), cost_nano_usd=70)
    record.attempts = [Attempt("openai", "gpt", "error", usage=Usage(input=3)), Attempt("openai", "gpt")]
    begin(callers(accounts, governed), record).settle(record)
    purse = accounts.budget("b", 1000)
    assert (purse.spent(0), purse.reserved) == (70, 0)
    left = accounts.limit("l", seconds=3600, tokens=1000).tokens_left(int(time() * 1e9))
    assert left is not None
    assert left[1] == 990


def test_a_hard_budget_refuses_and_a_soft_one_warns(accounts: Accounts) -> None:
    heard = Heard()
    hard = callers(accounts, Governance(0, (key(),), (), (Budget("hard", "key:k", 99),)), heard=heard)
    with pytest.raises(BudgetExceeded):
        begin(hard, used())
    soft = callers(
        accounts, Governance(0, (key(),), (), (Budget("soft", "key:k", 99, soft=True),)), heard=heard
    )
    begin(soft, used()).settle(used())
    assert heard.warned == ["soft"]
    assert heard.refused == ["money"]


def test_another_spelling_of_a_model_is_the_same_model_to_its_limits(accounts: Accounts) -> None:
    spellings = ("azure/gpt-4o", "azure/GPT-4o", "azure/Gpt-4O")
    for id, account in (("common", "model:azure/GPT-4O"), ("own", "key:k+model:azure/gpt-4o")):
        who = callers(
            accounts, Governance(keys=(key(),), limits=(Limit(id, account, seconds=3600, requests=2),))
        )
        for name in spellings[:2]:
            plan = Plan((Target("azure", name.partition("/")[2]),))
            begin(who, Record("r"), plan, name).settle(used(usage=Usage(1, 1)))
        refused = Plan((Target("azure", "Gpt-4O"),))
        for name in (spellings[2], "Gpt-4O"):  # in full, and bare
            with pytest.raises(LimitExceeded):
                begin(who, Record("r"), refused, name)


def test_a_model_that_is_asked_for_in_another_spelling_counts_once(accounts: Accounts) -> None:
    limit = Limit("l", "model:azure/gpt-4o", seconds=3600, requests=2)
    who = callers(accounts, Governance(keys=(key(),), limits=(limit,)))
    begin(who, Record("r"), Plan((Target("azure", "gpt-4o"),)), "azure/GPT-4o")
    begin(who, Record("r"), Plan((Target("azure", "gpt-4o"),)), "azure/GPT-4o")
