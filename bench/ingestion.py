"""What it costs to bring the journal into the store, and to add it up: CPU µs a record, in a process of its own.
`python -m bench.ingestion [--records N] [--url URL]`"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gateway.api.ids import RequestIds
from gateway.control.ingestion import Ingestion
from gateway.control.recording import costs_by_kind
from gateway.providers.catalog import Catalog, Configured
from gateway.providers.prices import cost_nano_usd
from gateway.providers.registry import PROVIDERS
from gateway.schemas.record import Attempt, Record
from gateway.schemas.usage import Usage
from gateway.store.engine import open_engine
from gateway.store.hours import add_up
from gateway.telemetry.journal import Journal
from gateway.telemetry.metrics import cost_is_unknown

CATALOG = Catalog({"openai": Configured(PROVIDERS["openai"])})
MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-4.1")


def made(number: int, keys: int, every_ns: int = 70_000) -> Iterator[Record]:
    """Plain requests of so many keys in 200 teams, now and then with a failed try or tags."""
    draw, began, ids = random.Random(3), time.time_ns(), RequestIds()
    for n in range(number):
        key, model = draw.randrange(keys), draw.choice(MODELS)
        usage = Usage(draw.randrange(10, 4000), draw.randrange(1, 800), cached=draw.choice((0, 0, 8)))
        facts = CATALOG.facts("openai", model)
        cost = cost_nano_usd(facts, usage, began // 10**9) if facts else None
        attempts = [Attempt("openai", model, status=200, duration_ns=draw.randrange(10**6, 10**9))]
        if n % 50 == 0:
            attempts.insert(0, Attempt("openai", model, "upstream_error", 500, 10**6, "server_error"))
        yield Record(
            ids.next(),
            endpoint="chat_completions",
            dialect="openai",
            wall_ns=began + n * every_ns,
            key=f"key-{key}",
            user=f"user-{key % 5000}",
            team=f"team-{key % 200}",
            org=f"org-{key % 10}",
            requested_model=f"openai/{model}",
            provider="openai",
            model=model,
            answered_model=f"{model}-2024-07-18",
            stream=n % 2 == 0,
            status=200,
            attempts=attempts,
            waited_ns=draw.randrange(10**6, 10**9),
            first_token_ns=draw.randrange(10**6, 10**9),
            total_ns=10**9 + draw.randrange(10**6),
            usage=usage,
            cost_nano_usd=cost,
            finish="stop",
            client="127.0.0.1",
            tags=("batch", "night") if n % 20 == 0 else (),
        )


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--keys", type=int, default=10_000, help="by so many keys' callers")
    parser.add_argument("--url", default="", help="a store to fill; a SQLite file of its own without it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "journal"
        journal = Journal(folder, 0, print)
        for record in made(args.records, args.keys):
            journal.write(record)
        journal.close()
        engine = open_engine(args.url or f"sqlite:///{place}/store.db", bulk=True)
        kinds = partial(costs_by_kind, CATALOG)
        job = Ingestion(folder, engine, kinds, cost_is_unknown, lambda *_: None)
        steps: list[tuple[int, float]] = []
        began = time.perf_counter()
        while True:
            at = time.process_time()
            found = job.step()
            if not found:
                break
            steps.append((found, time.process_time() - at))
        wall = (time.perf_counter() - began) / args.records
        tenth = len(steps) // 10 or 1
        print(f"{args.records:,} records: {each(steps):.1f} µs CPU each, {wall * 1e6:.1f} µs in all")
        print(f"the first tenth {each(steps[:tenth]):.1f} µs, the last {each(steps[-tenth:]):.1f} µs")
        print(f"the longest step {max(cpu for _, cpu in steps) * 1e3:.1f} ms CPU")
        at = time.process_time()
        while add_up(engine):
            pass
        print(f"added up by the hour: {(time.process_time() - at) / args.records * 1e6:.1f} µs CPU each")


def each(steps: list[tuple[int, float]]) -> float:
    """CPU µs a record."""
    return sum(cpu for _, cpu in steps) / sum(found for found, _ in steps) * 1e6


if __name__ == "__main__":
    main()
