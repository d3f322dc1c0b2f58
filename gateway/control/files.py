"""Where the providers' lists of models are kept, and reading them without ever failing."""

import errno
import os
import tempfile
from pathlib import Path

from gateway.config import Config
from gateway.providers.discovered import Discovered, read
from gateway.providers.sealed import DamagedFile
from gateway.telemetry.logs import log


def runtime_folder() -> Path:
    """Where files are that end with the gateway."""
    shared = Path("/dev/shm")  # noqa: S108 - files there are created with O_EXCL, or checked
    return shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())


def models_path(config: Config) -> Path:
    """The file of lists: in `data`, made where lists are wanted by now, or else, until the gateway ends, in memory."""
    folder, wanted = Path(config.data), config.discovery.enabled
    try:
        if wanted:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "it cannot be written to")
    except OSError as error:
        if wanted:
            hint = "the providers' lists of models will not survive a restart"
            log.warning("data_unusable", directory=config.data, error=error.strerror, hint=hint)
        return runtime_folder() / f"gateway-{os.getuid()}-{config.server.port}.models"
    return folder / f"models-{config.server.port}.msgpack"


def journal_folder(config: Config) -> Path:
    """Where the workers' journals are."""
    return Path(config.data) / "journal"


def is_lasting(path: Path) -> bool:
    """Whether the file is to be there at the next start."""
    return path.parent != runtime_folder()


def discovered(path: Path) -> Discovered | None:
    """What the providers listed when they were last asked; None, with a warning, where that cannot be read."""
    try:
        return read(path)
    except (OSError, DamagedFile) as error:
        log.warning("models_unreadable", file=str(path), error=str(error), hint="they are listed anew")
        return None


def last_listed(config: Config, path: Path | None) -> Discovered:
    """What the file of lists says; nothing where lists are not wanted."""
    return discovered(path) or {} if path is not None and config.discovery.enabled else {}
