"""The audit log: appended to in the transaction of the change itself, and never changed; the database sees to that."""

import time

from sqlalchemy import Connection, insert

from gateway.store.governance import audit
from gateway.store.things import Row, new_id


def append(connection: Connection, who: Row, what: Row, before: Row | None, after: Row | None) -> None:
    """One entry. `before` and `after` are what anybody may read: no secret, no digest."""
    entry = {"id": new_id("audit"), "at": int(time.time()), "before": before, "after": after}
    connection.execute(insert(audit), [{**entry, **who, **what}])
