"""What a request is charged to, as its record carries it through the journal."""

import msgspec


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`nano_usd` on each of the budgets; a budget is its period, a space and its id. Who writes a record may put them
    there as they will stand in it (`msgspec.Raw`)."""

    nano_usd: int
    budgets: tuple[str, ...]


class Charge(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`ledger` is when the ledger was born in which it is settled. `sequence` is the first part's number in the
    worker's row there; each further part has the next one."""

    ledger: int
    sequence: int
    parts: tuple[Part, ...]
