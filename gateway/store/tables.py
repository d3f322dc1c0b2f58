"""Every table of the store, registered: what migrations and tests compare with."""

from gateway.store import governance, levels, records
from gateway.store.metadata import metadata

__all__ = ["governance", "levels", "metadata", "records"]
