"""How long questions about usage take over many records: by the records alone, and by the sums of their hours.
`python -m bench.usage [--records N] [--days D] [--keys K] [--postgres]`"""

import argparse
import sys
import tempfile
import time
from functools import partial

from sqlalchemy import Connection, Engine, func, select

from bench.ingestion import CATALOG, made
from bench.postgres import MISSING, House, programs
from gateway.control.recording import costs_by_kind
from gateway.store.engine import open_engine, upgrade, writing
from gateway.store.hours import add_up, make_day
from gateway.store.levels import hours
from gateway.store.measures import DAY, HOUR
from gateway.store.records import Batch, keep
from gateway.store.rows import add
from gateway.store.usage import Question, ask, ask_records
from gateway.telemetry.metrics import cost_is_unknown

AT_ONCE = 2000


def filled(engine: Engine, number: int, keys: int, every_ns: int) -> int:
    """Stores so many records, each so long after the one before; when the first one was, Unix ns."""
    upgrade(engine)
    batch, known, first = Batch(), set[int](), 0
    for record in made(number, keys, every_ns):
        first = first or record.wall_ns
        add(batch, record, partial(costs_by_kind, CATALOG), cost_is_unknown)
        if len(batch.records) >= AT_ONCE:
            known |= stored(engine, batch)
            batch = Batch(known)
    stored(engine, batch)
    return first


def stored(engine: Engine, batch: Batch) -> set[int]:
    """Stores a batch; its callers."""
    with writing(engine) as connection:
        keep(connection, batch, 1)
    return set(batch.callers)


def added_up(engine: Engine) -> tuple[float, float]:
    """CPU µs for each record, and the longest piece in seconds."""
    began, records, longest = time.process_time(), 0, 0.0
    while True:
        at = time.perf_counter()
        found = add_up(engine)
        if not found:
            while make_day(engine, time.time_ns() + 365 * DAY):
                pass
            return (time.process_time() - began) / records * 1e6, longest
        records += found
        longest = max(longest, time.perf_counter() - at)


def compared(connection: Connection, said: str, question: Question) -> bool:
    """Tells both times; whether both ways told the same."""
    at = time.perf_counter()
    by_hours = ask(connection, question)
    between = time.perf_counter()
    by_records = ask_records(connection, question)
    after = time.perf_counter()
    same = by_hours == by_records
    share = (after - between) / (between - at)
    print(
        f"{said:<34} {len(by_hours):>6} groups  records {after - between:7.3f} s  hours {between - at:7.3f} s"
        f"  {share:6.1f} ×{'' if same else '  NOT THE SAME'}"
    )
    return same


def main() -> int:
    """0 when all answers are the same."""
    parser = argparse.ArgumentParser(prog="python -m bench.usage", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--days", type=float, default=2.0, help="over so many days")
    parser.add_argument("--keys", type=int, default=1000, help="of so many keys, all as busy as each other")
    parser.add_argument("--postgres", action="store_true", help="a PostgreSQL server of its own")
    arguments = parser.parse_args()
    folder = programs() if arguments.postgres else None
    if arguments.postgres and folder is None:
        print(f"bench.usage: {MISSING}", file=sys.stderr)
        return 1
    house = None if folder is None else House(folder)
    with tempfile.TemporaryDirectory() as place:
        url = f"sqlite:///{place}/store.db"
        if house is not None:
            house.start()
            url = house.url
        engine = open_engine(url, bulk=True)
        try:
            return asked(engine, arguments.records, arguments.keys, int(arguments.days * DAY))
        finally:
            engine.dispose()
            if house is not None:
                house.close()


def asked(engine: Engine, records: int, keys: int, span: int) -> int:
    """Fills a store and asks it."""
    first = filled(engine, records, keys, span // records)
    each, longest = added_up(engine)
    begin, end = first + span // 10, first + span - span // 10
    with engine.connect() as connection:
        sums = connection.execute(select(func.count()).select_from(hours)).scalar_one()
        print(f"{records:,} records of {keys:,} keys are {sums:,} sums of {span / HOUR:.0f} hours")
        print(f"added up for {each:.1f} µs CPU each in this process, {longest:.2f} s the longest piece")
        found = [
            compared(connection, said, question)
            for said, question in (
                ("by team", Question(by=("team",), latency=False)),
                ("by team, with percentiles", Question(by=("team",))),
                ("by model and day", Question(by=("model", "day"), latency=False)),
                ("by provider, odd moments", Question(begin, end, ("provider",), latency=False)),
                ("by key, the dearest 100", Question(by=("key",), order="nano_usd", most=100, latency=False)),
                ("of one team, by model", Question(by=("model",), where=(("team", ("team-7",)),))),
                ("of one key", Question(where=(("key", ("key-7",)),))),
            )
        ]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
