"""The file of ranks: what an encoding's tokens are, laid out so that every worker reads it in place."""

import mmap
import sys
from pathlib import Path

import msgspec

FORMAT = 1
PATH = Path(__file__).with_name("_ranks.msgpack")


class Ranks(msgspec.Struct, frozen=True, array_like=True):
    """One encoding. `tokens` are all tokens' bytes in order of rank, `starts` where each begins (u32, one more than
    there are tokens), `slots` a hash table of ranks (u32, open addressing, a power of two; see `_build_ranks`)."""

    pattern: str
    tokens: memoryview
    starts: memoryview
    slots: memoryview


class RankFile(msgspec.Struct, frozen=True, array_like=True):
    """`classes` is the class of every code point, in two steps: 8,704 u16 numbers of blocks, then blocks of 128."""

    format: int
    source: str
    classes: memoryview
    encodings: dict[str, Ranks]


def read_ranks(path: Path = PATH) -> RankFile | None:
    """The file, mapped; None where the gateway was built without ranks, or for another kind of machine."""
    if sys.byteorder != "little":
        return None
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        found = msgspec.msgpack.decode(mapped, type=RankFile)
    except (OSError, ValueError):  # msgspec's errors are ValueErrors, and so is the mapping of an empty file
        return None
    return found if found.format == FORMAT else None
