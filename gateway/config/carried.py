"""A Config on its way to another process of the gateway: the only form of it that holds credentials in the clear.

It goes through files that their owner alone can read, in memory where the system offers that.
"""

from typing import Any

import msgspec

from gateway.config.model import Config
from gateway.config.secret import Secret
from gateway.schemas.governance import Governance


def encoded(config: Config) -> bytes:
    """The configuration without what it says of callers, which travels apart."""
    return _ENCODER.encode(msgspec.structs.replace(config, governance=Governance()))


def decoded(content: bytes | memoryview) -> Config:
    """What `encoded` made. Raises msgspec.DecodeError."""
    return _DECODER.decode(content)


def _reveal(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"a {type(value).__name__} is no part of a configuration")


def _conceal(kind: type, value: Any) -> Any:
    if kind is Secret:
        return Secret(value)
    raise NotImplementedError(f"a {kind.__name__} is no part of a configuration")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_reveal)
_DECODER = msgspec.msgpack.Decoder(Config, dec_hook=_conceal)
