"""From a configuration to an open store: migrated, with its master key at hand, and the root key shown once."""

import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from sqlalchemy import Engine

from gateway.config import Config
from gateway.control.admin.access import first_key
from gateway.control.admin.checks import Store
from gateway.control.recording import store_url
from gateway.store import things
from gateway.store.engine import open_engine, upgrade, writing
from gateway.store.sealing import VARIABLE, Sealer, sealer
from gateway.telemetry.logs import log

_BANNER = """
  The gateway made a new store. This is its root key for the admin API on port {port};
  it is shown this once, and nobody can find it out later:

      {key}

"""


def open_store(
    config: Config, shown_on: TextIO = sys.stdout, current: Callable[[], Config] | None = None
) -> tuple[Engine, Store]:
    """The store as this version needs it; `current` is as in Store, None for a configuration that stays. Raises
    sqlalchemy's errors, OSError, and sealing.Unusable."""
    engine = open_engine(store_url(config))
    try:
        upgrade(engine)
        sealing = sealer_of(engine, Path(config.data))
        with writing(engine) as connection:
            root = first_key(connection)
            if root is not None:  # shown before it is kept: a key that nobody saw would lock everybody out
                shown_on.write(_BANNER.format(port=config.server.admin_port, key=root.text))
                shown_on.flush()
    except BaseException:
        engine.dispose()
        raise
    return engine, Store(current or (lambda: config), sealing)


def sealer_of(engine: Engine, folder: Path) -> Sealer:
    """The sealer; warns where it is another than the one that the store was begun with."""
    with writing(engine) as connection:

        def salt() -> bytes:
            known = things.fact(connection, "master_salt")
            if not known:
                known = b64encode(os.urandom(16)).decode()
                things.learn(connection, "master_salt", known)
            return b64decode(known)

        made = sealer(os.environ.get(VARIABLE, ""), folder, salt)
        known = things.fact(connection, "master_key_id")
        if not known:
            things.learn(connection, "master_key_id", made.id)
        elif known != made.id:
            hint = f"secrets sealed before cannot be opened: give {VARIABLE} or the file the old key again"
            log.error("master_key_changed", key=made.id, known=known, hint=hint)
    return made
