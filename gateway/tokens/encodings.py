"""The encodings that the gateway has ranks of, each loaded once; where there are none, nothing is counted exactly."""

from functools import cache

from gateway._speedups.tokens import Encoding
from gateway.tokens.ranks import RankFile, read_ranks

CL100K = "cl100k"
O200K = "o200k"


@cache
def encoding(name: str) -> Encoding | None:
    """The encoding; None where the gateway was built without ranks. Raises KeyError for an unknown name."""
    file = _ranks()
    if file is None:
        return None
    ranks = file.encodings[name]
    return Encoding(ranks.pattern, ranks.tokens, ranks.starts, ranks.slots, file.classes)


def available() -> bool:
    """Whether tokens are counted exactly, rather than estimated."""
    return _ranks() is not None


@cache
def _ranks() -> RankFile | None:
    return read_ranks()
