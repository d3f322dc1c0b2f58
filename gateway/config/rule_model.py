"""Rules as data: what each one's requests are, and what becomes of them."""

import msgspec


class Split(msgspec.Struct, frozen=True):
    """Shares of requests: `upto` are growing bounds from 0 to 1, each with its name. `by` is user, key, session or
    header:NAME: who is the same in it goes the same way."""

    by: str
    upto: tuple[tuple[float, str], ...]


class Refusal(msgspec.Struct, frozen=True):
    """The words and the status with which a rule refuses."""

    message: str
    status: int = 403


class RuleConfig(msgspec.Struct, frozen=True):
    """One rule. `when` is a CEL expression, empty for every request; `to` a declared name or provider/model, or empty.

    `settings` are fields of the body with their JSON; an empty one takes the field out.
    """

    name: str
    when: str = ""
    to: str = ""
    settings: tuple[tuple[str, bytes], ...] = ()
    refuse: Refusal | None = None
    split: Split | None = None
