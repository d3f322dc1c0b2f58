"""`gateway budgets`: what each budget allows in its running period, and what the stored requests of it cost."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from gateway.commands.reading import Trouble, reading, tell
from gateway.commands.screens import dollars, moment, shown, table, width
from gateway.commands.settings import read_beside
from gateway.commands.usage import lines_of_json
from gateway.config import Config
from gateway.config.units import seconds_text
from gateway.schemas.governance import Budget
from gateway.store import governance, things
from gateway.store.export import as_csv
from gateway.store.records import WHO, asked_by, of_model, records

_r = records.c
SLOTS = 60
"""Steps in which a sliding period moves on."""
_LONGEST = 10**9


class Spent(msgspec.Struct, frozen=True):
    """A budget and what its running period cost: `nano_usd` of known costs, `unpriced` requests of unknown cost."""

    budget: Budget
    origin: str
    since: int
    nano_usd: int
    unpriced: int

    @property
    def percent(self) -> int:
        """How much of it is used, rounded down."""
        return 100 * self.nano_usd // self.budget.nano_usd if self.budget.nano_usd else 100


def budgets_command(args: argparse.Namespace) -> int:
    config = read_beside(args)
    if config is None:
        return 1
    try:
        with reading(config) as connection:
            found = [one for one in spent(connection, config, time()) if one.percent >= (args.over or 0)]
    except Trouble as trouble:
        return tell(trouble)
    if args.csv or args.json:
        form: Callable[[Iterable[Mapping[str, Any]]], Iterator[bytes]] = as_csv if args.csv else lines_of_json
        sys.stdout.writelines(line.decode().replace("\r\n", "\n") for line in form(map(_flat, found)))
    elif found:
        print("\n".join(_screen(found, width())))
    else:
        print("No budget is used that far." if args.over else "There is no budget.")
    return 0


def spent(connection: Connection, config: Config, now: float) -> Iterator[Spent]:
    """The budgets of the file, then those of the store."""
    for origin, one in _all(connection, config):
        since = begin(one.period, now)
        wanted = and_(_r.time_ns >= since * 1_000_000_000, _r.shadow.is_(False), _of(one.account))
        query = select(
            func.coalesce(func.sum(_r.cost_nano_usd), 0),
            func.coalesce(func.sum(case((_r.cost_unknown, 1), else_=0)), 0),
        ).where(wanted)
        nano_usd, unpriced = connection.execute(query).one()
        yield Spent(one, origin, since, int(nano_usd), int(unpriced))


def _all(connection: Connection, config: Config) -> Iterator[tuple[str, Budget]]:
    yield from (("file", one) for one in config.governance.budgets)
    for row in things.everything(connection, governance.budgets):
        yield "api", Budget(row["id"], row["account"], row["nano_usd"], row["period"], row["soft"])


def begin(period: str, now: float) -> int:
    """The Unix second, UTC, at which the running period began; weeks begin on Mondays."""
    kind, _, length = period.partition(":")
    if kind == "rolling" and length.isdigit() and 0 < int(length) <= _LONGEST:
        slot = max(int(length) // SLOTS, 1)
        return max(0, int(now) // slot * slot - int(length))
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match kind:
        case "day":
            return int(today.timestamp())
        case "week":
            return int((today - timedelta(days=today.weekday())).timestamp())
        case "month":
            return int(today.replace(day=1).timestamp())
        case _:
            return 0


def _of(account: str) -> ColumnElement[bool]:
    """The requests of an account: `team:T`, or two of them joined, `team:T+model:NAME`. Names may hold a `+`."""
    first, _, rest = account.partition("+")
    known = (*WHO, "provider", "model")
    if rest.partition(":")[0] in known and not first.startswith("model:"):
        return and_(_one(first), _one(rest))
    return _one(account)


def _one(account: str) -> ColumnElement[bool]:
    kind, _, name = account.partition(":")
    if kind in WHO:
        return asked_by(kind, (name,))
    if kind != "model":
        return _r.provider == name if kind == "provider" else _r.id < 0
    return of_model(name)


def _flat(one: Spent) -> dict[str, Any]:
    budget = one.budget
    return {
        "id": budget.id,
        "account": budget.account,
        "period": budget.period,
        "since": moment(one.since, "%Y-%m-%dT%H:%M:%SZ"),
        "soft": budget.soft,
        "origin": one.origin,
        "budget_nano_usd": budget.nano_usd,
        "spent_nano_usd": one.nano_usd,
        "unpriced": one.unpriced,
    }


def _screen(found: list[Spent], room: int) -> Iterator[str]:
    unpriced = any(one.unpriced for one in found)
    names = ("BUDGET", "ACCOUNT", "PERIOD", "SINCE", "USED", "SPENT USD", "OF USD", "LEFT USD")
    costs = [
        dollars([one.nano_usd for one in found]),
        dollars([one.budget.nano_usd for one in found]),
        dollars([one.budget.nano_usd - one.nano_usd for one in found]),
    ]
    rows = [
        (
            shown(one.budget.id),
            shown(one.budget.account),
            _period(one.budget),
            moment(one.since, "%Y-%m-%d %H:%M") if one.since else "",
            f"{one.percent} %",
            *(cost[at] for cost in costs),
            *((f"{one.unpriced:,}",) if unpriced else ()),
        )
        for at, one in enumerate(found)
    ]
    heads = (*names, "UNPRICED") if unpriced else names
    yield from table(heads, rows, range(4, len(heads)), (1,), room, spare=(3, 0))


def _period(budget: Budget) -> str:
    kind, _, length = budget.period.partition(":")
    said = f"rolling {seconds_text(float(length))}" if kind == "rolling" and length.isdigit() else shown(kind)
    return f"{said}, soft" if budget.soft else said
