"""Who is blocked is blocked with all that is below, also for callers whom the store knows by names alone."""

from sqlalchemy import Engine, insert

from gateway.store import governance as tables
from gateway.store.compiling import governance_of
from gateway.store.engine import writing

ORGS = [("good", False), ("bad", True)]
TEAMS = [("red", "bad", False), ("blue", "good", True), ("green", "good", False), ("free", None, False)]
USERS = [
    ("ann", "bad", None, False),
    ("bob", "bad", "red", False),
    ("cyd", None, "blue", False),
    ("dan", "good", "green", True),
    ("eve", "good", "green", False),
    ("fay", None, None, False),
]


def test_the_blocked_are_told_with_whom_they_take_along(engine: Engine) -> None:
    common = {"name": "", "metadata": {}, "version": 1, "created": 0, "updated": 0}
    with writing(engine) as connection:
        for id, blocked in ORGS:
            connection.execute(insert(tables.orgs).values(id=id, blocked=blocked, **common))
        for id, org, blocked in TEAMS:
            connection.execute(insert(tables.teams).values(id=id, org=org, blocked=blocked, **common))
        for id, org, team, blocked in USERS:
            row = {"id": id, "org": org, "team": team, "blocked": blocked, "email": ""}
            connection.execute(insert(tables.users).values(**row, **common))
    with engine.connect() as connection:
        found = governance_of(connection)
    teams, users = ["team:blue", "team:red"], ["user:ann", "user:bob", "user:cyd", "user:dan"]
    assert list(found.blocked) == ["org:bad", *teams, *users]
