"""`gateway admin`: what is done at the store itself: a new root key for the admin API, where the old one is lost."""

import argparse
import sys

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway.commands.reading import Trouble, read_only, tell, trouble_of
from gateway.commands.settings import read_beside
from gateway.config import Config
from gateway.control.admin.access import ADMIN_PREFIX, ROOT, NewKey, new_key
from gateway.control.admin.kinds import ADMIN_KEY
from gateway.control.admin.resources import shown
from gateway.control.recording import store_url
from gateway.store import audit, governance, things
from gateway.store.engine import open_engine, writing

WHO = {"actor": "command", "actor_name": "gateway admin reset-root", "role": "owner", "ip": ""}


def admin_command(args: argparse.Namespace) -> int:
    config = read_beside(args)
    if config is None:
        return 1
    try:
        key = _reset(config)
    except Trouble as trouble:
        return tell(trouble)
    print(
        "The root key of the admin API is another one from now on; this one is shown once:", file=sys.stderr
    )
    print(key.text)
    return 0


def _reset(config: Config) -> NewKey:
    """Raises Trouble."""
    read_only(config).dispose()  # none is made here
    engine = open_engine(store_url(config))
    try:
        with writing(engine) as connection:
            return reset_root(connection)
    except DBAPIError as error:
        raise trouble_of(error) from None
    finally:
        engine.dispose()


def reset_root(connection: Connection) -> NewKey:
    """Another key for `root`, who is owner of everything again, and made where it was deleted. It stands in the audit
    log."""
    key = new_key(ADMIN_PREFIX)
    table = governance.admin_keys
    owner = {"name": ROOT, "role": "owner", "team": None, "expires": 0, "blocked": False}
    values = {**owner, "digest": key.digest, "prefix": key.shown}
    old = things.find(connection, table, ROOT)
    if old is None:
        new = things.add(connection, table, {"id": ROOT, **values})
    else:
        changed = things.change(connection, table, old, values)
        assert changed is not None  # nobody else writes meanwhile
        new = changed
    what = {"request_id": "", "action": "reset", "kind": ADMIN_KEY.name, "subject": ROOT}
    audit.append(
        connection, WHO, what, *(None if one is None else shown(ADMIN_KEY, one) for one in (old, new))
    )
    return key
