"""Recording: one finished request, or one event on its way, into the ledger's cells.

Labels are looked up in a dict of this process; only labels seen for the first time take the slow way, which
cleans them and finds their block. When the ledger's table is full the model becomes `other`, and at last
every label does: nothing is lost and nothing grows.
"""

from gateway._speedups.ledger import Ledger, RequestCells, Table, Worker
from gateway.schemas.record import SERVED, Record
from gateway.telemetry import cells
from gateway.telemetry.labels import (
    NAME_LIMIT,
    OTHER,
    SEPARATOR,
    WORD_LIMIT,
    Known,
    clean,
    clean_model,
    clean_status,
)

Labels = tuple[str, str, str, int, bool]
"""endpoint, provider, model, status, stream"""

_PRICED = frozenset(
    {
        "chat_completions",
        "completions",
        "embeddings",
        "messages",
        "images_generations",
        "rerank",
        "cohere_rerank",
        "cohere_embed",
        "embed_content",
        "batch_embed_contents",
        "invoke",
        "audio_speech",
        "audio_transcriptions",
        "audio_translations",
        "images_edits",
        "images_variations",
        "passthrough",
        "shadow",
    }
)


_NO_MODELS = frozenset(
    {"upstream_errors", "hedges", "keys_benched", "rules", "shadows", "queued", "queued_ns", "queue_refused"}
)
"""Events whose second label is no model."""


def _key(labels: Labels) -> bytes:
    endpoint, provider, model, status, stream = labels
    return SEPARATOR.join((endpoint, provider, model, str(status), "true" if stream else "false")).encode()


def cost_is_unknown(record: Record) -> bool:
    """Something was bought and nobody knows for how much. Free endpoints and plain failures are not that."""
    if record.cost_nano_usd is not None:
        return False
    if record.usage is not None:
        return True
    answered = 200 <= record.status < 400 or record.first_token_ns > 0
    return answered and record.provider != "" and record.endpoint in _PRICED


class Metrics:
    """Writes one process's metrics: `worker` is its line in the ledger, `known` says what models are labels."""

    def __init__(self, ledger: Ledger, worker: Worker, known: Known) -> None:
        self._worker = worker
        self._known = known
        self._requests = Table(ledger, "requests")
        self._events = Table(ledger, "events")
        bounds = [cells.nanoseconds(histogram.bounds) for histogram in cells.HISTOGRAMS]
        self._add = RequestCells(self._requests, bounds).add
        self._blocks: dict[Labels, int] = {}
        self._event_blocks: dict[tuple[str, str, str], int] = {}
        # Made first, so that they are there when the table is full.
        self._overflow = self._requests.locate(_key((OTHER, OTHER, OTHER, 0, False)))
        self._event_overflow = {
            event: self._events.locate(SEPARATOR.join((event, OTHER, OTHER)).encode())
            for event in (
                *("retries", "fallbacks", "upstream_errors", "breaker_opened", "breaker_closed"),
                *("hedges", "keys_benched", "rules", "shadows"),
                *("queued", "queued_ns", "queue_refused"),
            )
        }

    def record(self, record: Record) -> None:
        """Count a finished request. Under a microsecond once its labels are known here; it never raises."""
        labels = (record.endpoint, record.provider, record.model, record.status, record.stream)
        block = self._blocks.get(labels)
        if block is None:
            block = self._find(labels)
        usage, cost = record.usage, record.cost_nano_usd
        total, waited, first = record.total_ns, record.waited_ns, record.first_token_ns
        queued = record.queued_ns
        if usage is None or (record.cache and record.cache in SERVED):
            unknown = cost is None and cost_is_unknown(record)
            self._add(block, total, waited, first, 0, 0, 0, 0, cost, unknown, queued)
            return
        tokens_in, tokens_out, cached, reasoning = usage.input, usage.output, usage.cached, usage.reasoning
        self._add(
            block, total, waited, first, tokens_in, tokens_out, cached, reasoning, cost, cost is None, queued
        )

    def request_started(self) -> None:
        """One more request in flight in this process."""
        self._worker.started()

    def request_finished(self) -> None:
        """One less; exactly once for each `request_started`."""
        self._worker.finished()

    def retry(self, provider: str, model: str) -> None:
        """The same target is tried again."""
        self._count("retries", provider, model)

    def fallback(self, provider: str, model: str) -> None:
        """This target was given up for the plan's next one."""
        self._count("fallbacks", provider, model)

    def upstream_error(self, provider: str, kind: str) -> None:
        """A try failed; `kind` is the error's code."""
        self._count("upstream_errors", provider, kind)

    def breaker(self, provider: str, model: str, state: str) -> None:
        """A target's breaker opened or closed."""
        self._count("breaker_opened" if state == "open" else "breaker_closed", provider, model)

    def hedge(self, outcome: str) -> None:
        """A second try was made beside a slow one."""
        self._count("hedges", "", outcome)

    def key_benched(self, provider: str, index: int) -> None:
        """A key was taken out of its pool; by its place, never by itself."""
        self._count("keys_benched", provider, str(index))

    def rule(self, name: str, outcome: str) -> None:
        """One of the operator's rules matched, or failed."""
        self._count("rules", name, outcome)

    def shadow(self, provider: str, outcome: str) -> None:
        """A copy of a request is over, or was dropped."""
        self._count("shadows", provider, outcome)

    def queued(self, provider: str, ns: int) -> None:
        """A request waited so long for a place."""
        self._count("queued", provider, "")
        self._count("queued_ns", provider, "", ns)

    def queue_refused(self, provider: str, why: str) -> None:
        """A request got no place."""
        self._count("queue_refused", provider, why)

    # --- labels seen for the first time ---------------------------------------------------------------------

    def _find(self, labels: Labels) -> int:
        endpoint, provider, model, status, stream = labels
        provider = clean(provider, NAME_LIMIT)
        tidy = (
            clean(endpoint, WORD_LIMIT),
            provider,
            clean_model(provider, model, self._known),
            clean_status(status),
            bool(stream),
        )
        block = self._blocks.get(tidy)
        if block is not None:
            return block
        block = self._place(tidy)
        # Only tidy labels are remembered: what a caller makes up must not fill this dict either.
        if len(self._blocks) < 2 * self._requests.capacity:
            self._blocks[tidy] = block
        return block

    def _place(self, labels: Labels) -> int:
        """The last eighth of the table is kept for series with the model left out."""
        block = self._requests.locate(_key(labels), self._requests.capacity // 8)
        if block >= 0:
            return block
        endpoint, provider, _, status, stream = labels
        block = self._requests.locate(_key((endpoint, provider, OTHER, status, stream)))
        return block if block >= 0 else self._overflow

    def _count(self, event: str, provider: str, detail: str, amount: int = 1) -> None:
        labels = (event, provider, detail)
        block = self._event_blocks.get(labels)
        if block is None:
            block = self._find_event(labels)
        self._events.add(block, 0, amount)

    def _find_event(self, labels: tuple[str, str, str]) -> int:
        event, provider, detail = labels
        provider = clean(provider, NAME_LIMIT)
        named = event not in _NO_MODELS
        detail = clean_model(provider, detail, self._known) if named else clean(detail, NAME_LIMIT)
        tidy = (event, provider, detail)
        block = self._event_blocks.get(tidy)
        if block is not None:
            return block
        block = self._events.locate(SEPARATOR.join(tidy).encode())
        if block < 0:
            block = self._event_overflow[event]
        if len(self._event_blocks) < 2 * self._events.capacity:
            self._event_blocks[tidy] = block
        return block
