"""What an account has spent in a time, by the records: for a ledger that was not there then."""

import json
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, func, not_, select

from gateway.schemas.governance import same_model
from gateway.store.records import WHO, asked_by, of_model, records

_LONGEST = 86_400_000_000_000
"""No request takes longer, in ns: only so much before the time is looked at."""


def spent(connection: Connection, account: str, since_ns: int, until_ns: int) -> int:
    """Nano-dollars of the account's requests that ended in this time. Of a request of several targets, an account of a
    provider pays what that provider's tries cost."""
    ended = records.c.time_ns + records.c.total_ns
    among: list[ColumnElement[bool]] = [
        records.c.time_ns >= since_ns - _LONGEST,
        records.c.time_ns < until_ns,
        ended >= since_ns,
        ended < until_ns,
        not_(records.c.shadow),
    ]
    model = wanted = provider = ""
    for kind, id in _parts(account):
        if kind in WHO:
            among.append(asked_by(kind, (id,)))
        elif kind == "model":
            model, wanted = id, same_model(id)
        else:
            provider = id
    if not (model or provider):
        return _sum(connection, among)
    several = records.c.attempts.contains('"usage"')
    total = _sum(connection, [*among, not_(several), _at(model, provider)])
    columns = (
        records.c[name] for name in ("provider", "model", "requested_model", "cost_nano_usd", "attempts")
    )
    for answer, name, requested, cost, attempts in connection.execute(
        select(*columns).where(*among, several)
    ):
        if model and same_model(requested) == wanted:
            total += cost or 0
            continue
        shares = list(_shares(answer, name, cost or 0, attempts))
        total += sum(
            share
            for at, of, share in shares
            if (model and same_model(f"{at}/{of}") == wanted) or (not model and at == provider)
        )
    return total


def _sum(connection: Connection, among: list[ColumnElement[bool]]) -> int:
    return int(connection.execute(select(func.sum(records.c.cost_nano_usd)).where(*among)).scalar() or 0)


def _at(model: str, provider: str) -> ColumnElement[bool]:
    if not model:
        return records.c.provider == provider
    return of_model(model)


def _parts(account: str) -> Iterator[tuple[str, str]]:
    """(kind, id) of each. Models' names may hold a `+`, and come last."""
    first, plus, rest = account.partition("+")
    kind, _, id = first.partition(":")
    if plus and kind in WHO and rest.partition(":")[0] in ("model", "provider"):
        yield kind, id
        kind, _, id = rest.partition(":")
    else:
        kind, _, id = account.partition(":")
    yield kind, id


def _shares(provider: str, model: str, cost: int, attempts: str) -> Iterator[tuple[str, str, int]]:
    """(provider, model, nano-dollars) of each that cost something."""
    given_up = 0
    for one in json.loads(attempts):
        own = one.get("cost_nano_usd") or 0
        given_up += own
        yield one["provider"], one["model"], own
    yield provider, model, max(0, cost - given_up)
