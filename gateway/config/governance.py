"""The sections `keys`, `teams` and `quotas`: who may call, how much, and for how much money."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from gateway.config.allowances import wrong_endpoints, wrong_parameters
from gateway.config.caching import changes
from gateway.config.nodes import Node
from gateway.config.problems import ConfigError
from gateway.config.reading import (
    Read,
    Section,
    boolean,
    decimal,
    duration,
    integer,
    list_of,
    named,
    one_of,
    secret,
    section,
    text,
)
from gateway.config.rules import settings
from gateway.config.units import seconds
from gateway.config.values import network
from gateway.schemas.governance import PERIODS, Budget, Governance, Limit, VirtualKey

KINDS = ("key", "user", "team", "org", "model", "provider")
"""What limits and budgets may stand on; the last two also behind one of the others, joined by `+`."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_WORDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_MOST: Read[int] = integer(1, 1_000_000_000_000)
_NANO = 1_000_000_000


class _Found(msgspec.Struct):
    keys: list[VirtualKey] = []
    limits: list[Limit] = []
    budgets: list[Budget] = []


def governance(top: Section) -> Governance:
    """Everything that the file says of callers; what is wrong is reported at its place."""
    found = _Found()
    orgs = top.get("teams", named(lambda name, node: _team(found, name, node)), {})
    top.get("keys", named(lambda name, node: _key(found, orgs, name, node)), {})
    top.get("quotas", named(lambda name, node: _quota(found, name, node)), {})
    return Governance(0, tuple(found.keys), tuple(found.limits), tuple(found.budgets))


def _team(found: _Found, name: str, node: Node) -> str:
    """The organisation of a team."""
    _check_name(name, node)

    def read(given: Section) -> str:
        _bounds(found, f"team:{name}", given)
        given.get("cache", changes, None)  # found by the section `cache`, which it changes
        return given.get("org", _name, "")

    return section(read)(node)


def _quota(found: _Found, account: str, node: Node) -> None:
    parts = account.split("+", 1)
    kinds = [part.partition(":")[0] for part in parts]
    right = all(part.partition(":")[2] for part in parts) and all(kind in KINDS for kind in kinds)
    if (
        not right
        or len(account) > 200
        or (len(kinds) == 2 and (kinds[1] not in KINDS[4:] or kinds[0] == kinds[1]))
    ):
        hint = f"write KIND:NAME with {one_of(KINDS)}, or two, such as team:NAME+model:NAME"
        raise node.where.error("is nothing that a limit can stand on", hint)
    section(lambda given: _bounds(found, account, given))(node)


def _key(found: _Found, orgs: dict[str, str], name: str, node: Node) -> None:
    _check_name(name, node)

    def read(given: Section) -> VirtualKey:
        team = given.get("team", _name, "")
        value = given.need("value", secret, None, 'such as "${ALICE_KEY}"')
        _bounds(found, f"key:{name}", given)
        given.get("cache", changes, None)
        return VirtualKey(
            name,
            "" if value is None else sha256(value.reveal().encode()).hexdigest(),
            name=name,
            org=given.get("org", _name, "") or orgs.get(team, ""),
            team=team,
            user=given.get("user", _name, ""),
            models=given.get("models", list_of(text), ()),
            providers=given.get("providers", list_of(_name), ()),
            endpoints=given.get("endpoints", list_of(_endpoint), ()),
            networks=given.get("networks", list_of(network), ()),
            defaults=given.get("defaults", _parameters, {}),
            forced=given.get("forced", _parameters, {}),
            tags=given.get("tags", list_of(_name), ()),
            metadata=given.get("metadata", named(lambda _, item: text(item)), {}),
            expires=given.get("expires", _moment, 0),
            blocked=given.get("blocked", boolean, False),
            keeps_bodies=given.get("keeps_bodies", boolean, False),
        )

    key = section(read)(node)
    if key.digest and any(key.digest == other.digest for other in found.keys):
        raise node.where.error("has the value of a key above", "give each its own")
    found.keys.append(key)


def _bounds(found: _Found, account: str, given: Section) -> None:
    """`limits` and `budgets` of one account. Their ids say what they are, so that what was used outlives a reload."""
    for limit in given.get("limits", list_of(section(lambda one: _limit(account, one))), ()):
        if any(limit.id == other.id for other in found.limits):
            given.fail("limits", f"{account} has two limits for the same time", "write them as one")
        found.limits.append(limit)
    for budget in given.get("budgets", list_of(section(lambda one: _budget(account, one))), ()):
        if any(budget.id == other.id for other in found.budgets):
            given.fail("budgets", f"{account} has two such budgets for the same period")
        found.budgets.append(budget)


def _limit(account: str, given: Section) -> Limit:
    per = given.get("per", _window, 60)
    limit = Limit(
        f"{account}/{per}s",
        account,
        per,
        given.get("requests", _MOST, 0),
        given.get("tokens", _MOST, 0),
        given.get("parallel", integer(1, 1_000_000), 0),
    )
    if not given.problems and not (limit.requests or limit.tokens or limit.parallel):
        given.problems.append(given.where.problem("limits nothing", "give it requests, tokens or parallel"))
    if limit.parallel and not (limit.requests or limit.tokens):
        return msgspec.structs.replace(limit, id=f"{account}/parallel")
    return limit


def _budget(account: str, given: Section) -> Budget:
    period = given.get("per", _period, "month")
    usd = given.need("usd", decimal, Decimal())
    soft = given.get("soft", boolean, False)
    return Budget(f"{account}/{period}{'/soft' if soft else ''}", account, int(usd * _NANO), period, soft)


def _window(node: Node) -> int:
    """Whole seconds, as a duration or a word."""
    word = node.text.strip()
    return _WORDS[word] if word in _WORDS else max(1, int(duration(1, 31 * 86_400)(node)))


def _period(node: Node) -> str:
    word = text(node)
    if word in PERIODS:
        return word
    start, colon, length = word.partition(":")
    found = seconds(length) if start == "rolling" and colon else None
    if found is None or not 60 <= found <= 366 * 86_400:
        raise node.where.error(f"must be {one_of((*PERIODS, 'rolling:DURATION'))}", "such as rolling:24h")
    return f"rolling:{int(found)}"


def _moment(node: Node) -> int:
    """Unix seconds of a date (its beginning, UTC) or of a time with its zone."""
    try:
        found = datetime.fromisoformat(node.text.strip())
    except ValueError:
        raise node.where.error(
            "must be a date or a time", "such as 2027-01-31 or 2027-01-31T12:00:00Z"
        ) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _parameters(node: Node) -> dict[str, Any]:
    found = {name: msgspec.json.decode(raw) for name, raw in settings(node) if raw}
    problems = [
        node.fields[str(one.at)].where.problem(one.message, one.hint) for one in wrong_parameters(found)
    ]
    if problems:
        raise ConfigError(problems)
    return found


def _endpoint(node: Node) -> str:
    name = text(node)
    for one in wrong_endpoints([name]):
        raise node.where.error(f"{name} {one.message}", one.hint)
    return name


def _name(node: Node) -> str:
    word = text(node)
    _check_name(word, node)
    return word


def _check_name(name: str, node: Node) -> None:
    if not _NAME.fullmatch(name):
        raise node.where.error(
            "is no usable name", "letters, digits, dots, dashes, underscores and @, up to 64"
        )
