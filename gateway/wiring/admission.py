"""The gates that the configuration bounds: one for a provider, one for each of its models that has a bound."""

from gateway._speedups.health import Board
from gateway.config import Config
from gateway.schemas.plan import Concurrency
from gateway.upstream.admission import Admission, Gate, Watcher


def admissions(config: Config, board: Board, watcher: Watcher) -> dict[str, Admission]:
    """By provider; what has no bound is not in it."""
    models = bounded_models(config)
    found = {}
    for name, one in config.providers.items():
        gates = {
            model: gate(board, f"{provider}/{model}", f"{provider}\0\0{model}", bound)
            for (provider, model), bound in models.items()
            if provider == name
        }
        whole = None if one.concurrency is None else gate(board, name, f"{name}\0\0", one.concurrency)
        if whole is not None or gates:
            found[name] = Admission(name, whole, gates, watcher)
    return found


def bounded_models(config: Config) -> dict[tuple[str, str], Concurrency]:
    """(provider, model) to its bound, wherever a route gives it one."""
    found = {}
    for route in config.models.values():
        for one in (*route.targets, *route.fallbacks):
            if one.concurrency is not None:
                provider, _, model = one.model.partition("/")
                found[provider, model] = one.concurrency
    return found


def gate(board: Board, name: str, key: str, bound: Concurrency) -> Gate:
    """A gate whose counts stand in the ledger, beside the healths of the targets."""
    taken, waiting = (board.target((mark + key).encode()[:240], failures=0) for mark in ("\0t", "\0w"))
    return Gate(name, bound, taken, waiting)
