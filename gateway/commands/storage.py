"""The doctor's look at what is kept: the directory for data, the master key, the store and the journal."""

import os
import stat
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

from alembic.config import Config as Migrations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, select

from gateway.commands.findings import Finding, fail, ok, warn
from gateway.commands.ports import is_free
from gateway.commands.reading import NoDriver, Trouble, reading
from gateway.config import Config
from gateway.config.model import ProviderConfig
from gateway.control.files import journal_folder
from gateway.control.recording import store_url
from gateway.control.segments import segments
from gateway.control.sharing import HINT, holders, is_held
from gateway.store import governance, things
from gateway.store.records import journal_offsets
from gateway.store.sealing import FILE, VARIABLE, Unusable, sealer

OTHERS = stat.S_IRWXG | stat.S_IRWXO
BACKLOG = 16 << 20
"""Bytes of the journal that wait without anything being wrong: control stores them within a second."""


def storage(config: Config) -> Iterator[Finding]:
    data = Path(config.data)
    yield from _folder(data)
    yield from _company(config)
    if not (config.admin.enabled or config.journal.enabled):
        yield ok("store", "nothing needs one: neither the admin API nor the journal is on")
        return
    if _is_new(config):
        yield ok("store", f"{data / 'gateway.db'} is made at the first start")
        return
    try:
        with reading(config) as connection:
            finding, ready = _revision(connection)
            yield finding
            if ready:
                yield _master_key(connection, data)
                yield _journal(connection, config)
    except Trouble as trouble:
        todo = "does the database run, and is store.url right? Requests are served all the same, records wait"
        yield fail("store", trouble.said, trouble.todo if isinstance(trouble, NoDriver) else todo)


def stored_providers(config: Config) -> list[ProviderConfig]:
    """Those of the admin API, as far as an address has need of it; none where the store cannot be read, which `storage`
    tells."""
    if not config.admin.enabled or _is_new(config):
        return []
    try:
        with reading(config) as connection:
            rows = things.everything(connection, governance.providers)
    except Trouble:
        return []
    return [ProviderConfig(row["id"], row["type"], base_url=row["base_url"] or None) for row in rows]


def _company(config: Config) -> Iterator[Finding]:
    """Whether another gateway uses the same directory; nothing where none does."""
    about, data = "other gateways", Path(config.data)
    if not is_held(data):
        return
    known = holders(data)
    if len(known) > 1 or is_free(config.server.host, config.server.port):
        by = f" (process {', '.join(map(str, known))})" if known else ""
        yield warn(about, f"{data} is used by another gateway{by}", f"{HINT} (--data)")
    else:
        yield ok(about, f"no other uses {data}")


def _is_new(config: Config) -> bool:
    url = make_url(store_url(config))
    return url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()


def _folder(data: Path) -> Iterator[Finding]:
    about = "data"
    if not data.exists():
        parent = next(path for path in data.absolute().parents if path.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            yield ok(about, f"{data} is made at the first start")
        else:
            yield fail(about, f"{data} cannot be made in {parent}", "give another directory: --data, or data")
        return
    if not data.is_dir() or not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        todo = (
            f"chown it to the user that runs the gateway (here: uid {os.getuid()}), or give another: --data"
        )
        yield fail(about, f"{data} is no directory that can be written to", todo)
        return
    wide = [path for path in (data, *sorted(data.iterdir())) if _open_to_others(path)]
    if not wide:
        yield ok(about, f"{data} and what is in it are for this user alone")
    elif wide == [data]:
        yield warn(about, f"others may look into {data}, though not into its files", f"chmod 700 {data}")
    else:
        names = " ".join(str(path) for path in wide[:5])
        yield warn(about, f"others may read or list {names}", f"chmod 700 {data}; chmod 600 {data}/*.*")


def _open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & OTHERS)
    except OSError:  # it went since it was listed
        return False


def _revision(connection: Connection) -> tuple[Finding, bool]:
    """Whose version the store is of, and whether it is this one's."""
    settings = Migrations()
    settings.set_main_option("script_location", "gateway.store:migrations")
    scripts = ScriptDirectory.from_config(settings)
    has, wants = MigrationContext.configure(connection).get_current_revision(), scripts.get_current_head()
    about, name = "store", connection.engine.url.get_backend_name()
    if has == wants:
        return ok(about, f"{name}, as this version needs it (revision {has})"), True
    if has is None:
        return ok(about, f"{name}, empty: its tables are made at the first start"), False
    if has in {one.revision for one in scripts.walk_revisions()}:
        todo = "it is changed when the gateway starts; keep a copy before"
        return warn(about, f"{name}, of an earlier version (revision {has})", todo), False
    said = f"{name}, of a later version (revision {has}; this one knows {wants})"
    return fail(about, said, "install that version of the gateway again"), False


def _master_key(connection: Connection, data: Path) -> Finding:
    """Whether it opens what was sealed."""
    about, path, given = "master key", data / FILE, os.environ.get(VARIABLE, "")
    known = things.fact(connection, "master_key_id")
    if not known:
        return ok(about, f"it is made at the next start, in {path}, unless {VARIABLE} gives one")
    if not given and not path.exists():
        todo = f"give it back in {VARIABLE} or in that file: secrets in the store cannot be opened without it"
        return fail(about, f"neither {VARIABLE} nor {path} holds it", todo)
    try:
        found = sealer(given, data, lambda: b64decode(things.fact(connection, "master_salt")))
    except (OSError, Unusable, ValueError) as error:
        return fail(about, str(error), f"only the user that runs the gateway may read it: chmod 600 {path}")
    source = VARIABLE if given else str(path)
    if found.id != known:
        return fail(
            about,
            f"{source} holds another one than the store was begun with",
            f"give the old one back ({known})",
        )
    return ok(about, f"{source} holds that of the store")


def _journal(connection: Connection, config: Config) -> Finding:
    about, folder = "journal", journal_folder(config)
    if not config.journal.enabled:
        return ok(about, "it is off: requests are not recorded")
    stored = {row.file: row.offset for row in connection.execute(select(journal_offsets))}
    try:
        waiting = sum(max(0, path.stat().st_size - stored.get(path.name, 0)) for path in segments(folder))
    except OSError as error:
        return fail(
            about, f"{folder} cannot be read: {error.strerror}", f"is it this user's (uid {os.getuid()})?"
        )
    if waiting <= BACKLOG:
        return ok(about, "everything is stored" if not waiting else f"{waiting:,} bytes wait to be stored")
    said = f"{waiting / (1 << 20):,.0f} MiB wait to be stored"
    return warn(about, said, "does the gateway run? Its log tells of the store (store_away)")
