"""The journal of a worker, and what it keeps of bodies, as the configuration says."""

from functools import partial

from gateway._speedups.ledger import Ledger
from gateway.config import Config
from gateway.control.files import journal_folder
from gateway.telemetry.bodies import Bodies
from gateway.telemetry.counters import Counters
from gateway.telemetry.journal import Journal


def journal(config: Config, ledger: Ledger, worker: int) -> Journal | None:
    """None where nothing is written down. Where it cannot be, what is lost is counted and requests are served."""
    if not config.journal.enabled:
        return None
    return Journal(
        journal_folder(config),
        worker,
        partial(Counters(ledger).add, "journal_lost"),
        segment=config.journal.segment,
        client=config.records.client_ip,
    )


def bodies(config: Config) -> Bodies | None:
    """None where no prompts and answers are kept."""
    kept = config.records
    if kept.bodies == "off" or not config.journal.enabled:
        return None
    return Bodies(kept.body_bytes, kept.redact, kept.bodies == "all")
