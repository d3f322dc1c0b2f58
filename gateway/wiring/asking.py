"""Asking a provider's embedding model for the cache: a request of the gateway's own, recorded as any other is."""

from collections.abc import Sequence
from time import perf_counter_ns

import msgspec

from gateway._speedups.jsonscan import request_facts
from gateway.api.ids import RequestIds
from gateway.caching.rooms import Dispatch
from gateway.dialects.endpoints import ENDPOINTS
from gateway.errors import GatewayError, UpstreamError
from gateway.schemas.call import Call
from gateway.schemas.embedding import EmbedReply, EmbedRequest
from gateway.schemas.plan import Plan, Target, Timeouts
from gateway.schemas.record import Record
from gateway.telemetry.settle import Telemetry
from gateway.upstream.replies import Whole

TAG = "cache-embedder"
"""By which such requests are found among the records. They are nobody's: one serves several callers."""

TIMEOUTS = Timeouts(connect=2.0, first_byte=5.0, first_token=5.0, idle=5.0, total=5.0)
"""No caller waits for as long: what comes late is remembered for the next one who asks."""


class Asking:
    """Embeds texts with a provider's model, by the dispatcher of the moment: never through the cache, once."""

    def __init__(self, name: str, telemetry: Telemetry) -> None:
        provider, _, model = name.partition("/")
        self._target = Target(provider, model)
        self._plan = Plan((self._target,), retries=0, timeouts={provider: TIMEOUTS})
        self._telemetry = telemetry
        self._ids = RequestIds()
        self.dispatcher: Dispatch | None = None

    async def __call__(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """One vector for each text. Raises GatewayError."""
        record = self._record()
        self._telemetry.begun()
        try:
            return await self._asked(texts, record)
        except GatewayError as error:
            record.status, record.error = error.http_status, error.code
            raise
        except BaseException:
            record.status, record.error = 499, "cancelled"
            raise
        finally:
            record.total_ns = perf_counter_ns() - record.started_ns
            self._telemetry.settle(record)

    async def _asked(self, texts: list[str], record: Record) -> Sequence[Sequence[float]]:
        endpoint = ENDPOINTS["embeddings"]
        body = msgspec.json.encode({"model": self._target.model, "input": texts, "encoding_format": "float"})
        call = Call(endpoint.name, endpoint.dialect, body, request_facts(body), self._target.model)
        request = endpoint.read(call)
        if self.dispatcher is None or endpoint.form is None or not isinstance(request, EmbedRequest):
            return ()
        reply = await self.dispatcher.send(self._plan, call, record)
        if not isinstance(reply, Whole):
            raise UpstreamError("the provider streams what is no stream")
        record.status = 200
        told: EmbedReply = endpoint.form.read_reply(reply.body, request)
        return told.vectors["float"]

    def _record(self) -> Record:
        name = f"{self._target.provider}/{self._target.model}"
        return Record(
            self._ids.next(),
            endpoint="embeddings",
            dialect="openai",
            requested_model=name,
            tags=(TAG,),
        )
