"""Callers who bring their own provider keys: their requests at that provider go with these, on its connections."""

from collections.abc import Callable, Mapping

from gateway.schemas.record import Record
from gateway.upstream.connection import Connection

Lent = Callable[[Connection, str, str], Connection | None]
"""The connection with the own key of a caller (by the id of the key that it calls with) at a provider; None where the
caller has none there."""

_MEMO = 1024
"""Callers' connections that are kept; each is a few header lines, not a socket."""


class OwnKeys:
    """Which connection a request takes. Those with a caller's key are made when they are first needed."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent
        self._made: dict[tuple[str, str], Connection] = {}

    def of(self, connection: Connection, record: Record) -> Connection:
        """The provider's connection, with the caller's own key if it has one. A shadow goes with the gateway's."""
        if not record.key or record.shadow:
            return connection
        place = (record.key, connection.name)
        found = self._made.get(place)
        if found is None:
            if len(self._made) >= _MEMO:
                self._made.clear()
            found = self._made[place] = self._lent(connection, *place) or connection
        return found


def connection_for(
    connections: Mapping[str, Connection], own: OwnKeys | None, provider: str, record: Record
) -> Connection:
    """The connection of a request at a provider."""
    found = connections[provider]
    return found if own is None else own.of(found, record)
