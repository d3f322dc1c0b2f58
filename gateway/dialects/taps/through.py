"""What is known of a stream, told by what stands between its reader and whoever asks."""

from typing import Generic, Protocol, TypeVar

from gateway.schemas.usage import Usage


class Learned(Protocol):
    """What a reader knows."""

    @property
    def committed(self) -> bool: ...
    @property
    def terminated(self) -> bool: ...
    @property
    def complete(self) -> bool: ...
    @property
    def usage(self) -> Usage | None: ...
    @property
    def model(self) -> str: ...
    @property
    def finish(self) -> str: ...
    @property
    def skipped(self) -> int: ...


Reader = TypeVar("Reader", bound=Learned)


class Through(Generic[Reader]):
    """Says what `_reader` says."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def committed(self) -> bool:
        """Content has come."""
        return self._reader.committed

    @property
    def terminated(self) -> bool:
        """The dialect's own last event has come."""
        return self._reader.terminated

    @property
    def complete(self) -> bool:
        """The model said that it is done."""
        return self._reader.complete

    @property
    def usage(self) -> Usage | None:
        """The last word on tokens."""
        return self._reader.usage

    @property
    def model(self) -> str:
        """The model that answers."""
        return self._reader.model

    @property
    def finish(self) -> str:
        """The provider's word for why it stopped."""
        return self._reader.finish

    @property
    def skipped(self) -> int:
        """Events that could not be read and were left out."""
        return self._reader.skipped
