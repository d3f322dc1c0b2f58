"""What providers list, kept on disk: one file, replaced as a whole, that workers read at start and when it changes.

The file is a sealed one of msgpack.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from gateway.providers import sealed
from gateway.providers.offers import Offer
from gateway.providers.sealed import DamagedFile

MAGIC = b"GWMODEL\x01"
LARGEST = 64 << 20
_OFFER = msgspec.msgpack.Decoder(Offer)


class Listing(msgspec.Struct, frozen=True, array_like=True):
    """One provider's models; each stays encoded until it is asked for. `source` is the address that was asked: models
    of another are not believed to be here."""

    source: str
    models: dict[str, msgspec.Raw]

    def find(self, model: str) -> Offer | None:
        """What the provider says of `model`; None when it does not list it."""
        raw = self.models.get(model)
        if raw is None:
            return None
        try:
            return _OFFER.decode(raw)
        except msgspec.DecodeError:  # its name stands all the same
            return Offer()


Discovered = Mapping[str, Listing]
"""By the provider's configured name."""

_FILE = msgspec.msgpack.Decoder(dict[str, Listing])


def listing(source: str, offers: Mapping[str, Offer]) -> Listing:
    """Models as they are kept."""
    return Listing(source, {name: msgspec.Raw(msgspec.msgpack.encode(one)) for name, one in offers.items()})


def write(path: Path, discovered: Discovered) -> None:
    """Replaces the file at once, readable by its owner alone; makes its directory. Raises OSError."""
    sealed.write(path, MAGIC, msgspec.msgpack.encode(dict(discovered)))


def read(path: Path) -> Discovered:
    """What the file holds; nothing when there is none. Raises OSError and DamagedFile."""
    content = sealed.read(path, MAGIC, LARGEST)
    if content is None:
        return {}
    try:
        return _FILE.decode(content)
    except msgspec.DecodeError as error:
        raise DamagedFile(f"it is of another form: {error}") from None
