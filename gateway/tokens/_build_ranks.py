"""Makes the file of ranks from the packages that carry them; run by setup.py, never at run time.

`bpe-openai` (MIT) holds the published ranks of cl100k and o200k as files; their digests are checked. What a letter, a
mark, a number or a space is, is asked of the regular expressions of `tiktoken` (MIT), whose edition of Unicode decides
the pieces; nothing is downloaded.
"""

import gzip
import os
from array import array
from base64 import b64decode
from collections.abc import Iterator
from hashlib import blake2s, sha256
from importlib.metadata import PackageNotFoundError, distribution, version
from itertools import accumulate
from pathlib import Path

import msgspec

from gateway.tokens.ranks import FORMAT, PATH, RankFile, Ranks, read_ranks

ENCODINGS = {
    "cl100k": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
"""SHA-256 of the rank files, as `tiktoken` states them (its `openai_public.py`)."""

CLASSES = (
    (r"\s", 1),
    (r"\p{N}", 2),
    (r"[\p{Lu}\p{Lt}]", 3),
    (r"\p{Ll}", 4),
    (r"[\p{Lm}\p{Lo}]", 5),
    (r"\p{M}", 6),
)
"""The numbers that `_speedups/tokens.pyx` knows; 0 is everything else, 7 a carriage return or a line feed."""
LINE_END = 7

BLOCK = 128
SURROGATES = range(0xD800, 0xE000)
CODE_POINTS = 0x110000

MULTIPLIER = 0x9E3779B97F4A7C15
RANK_BITS = 18
"""A slot is a rank plus one, and above it the hash's top 14 bits."""
_MASK = (1 << 64) - 1


def ensure_ranks(path: Path = PATH) -> bool:
    """Write the file unless this code made it from the installed packages. False: a package is missing, and the
    gateway estimates."""
    try:
        source = f"bpe-openai {version('bpe-openai')}, tiktoken {version('tiktoken')}, code {_code()}"
    except PackageNotFoundError:
        return path.exists()
    made = read_ranks(path)
    if made is not None and made.source == source:
        return True
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(build(source))
    unfinished.replace(path)  # at once: another build or a running gateway may be reading
    return True


def build(source: str) -> bytes:
    """The encoded file. Raises ValueError when a package's ranks are not the published ones."""
    encodings = {name: _laid_out(name, published(name)) for name in ENCODINGS}
    return msgspec.msgpack.encode(RankFile(FORMAT, source, memoryview(_classes()), encodings))


def published(name: str) -> list[bytes]:
    """The tokens of an encoding in order of rank. Raises ValueError when they are not the published ones."""
    file = distribution("bpe-openai").locate_file(f"bpe_openai/data/{name}_base.tiktoken.gz")
    text = gzip.decompress(Path(str(file)).read_bytes())
    if sha256(text).hexdigest() != ENCODINGS[name]:
        raise ValueError(f"bpe-openai: the ranks of {name} are not the published ones")
    pairs = (line.split() for line in text.splitlines() if line)
    ranked = {int(rank): b64decode(token) for token, rank in pairs}
    return [ranked.get(rank, b"") for rank in range(max(ranked) + 1)]


def hashed(token: bytes) -> int:
    """The hash of a token's bytes, by words of eight; `_speedups/tokens_table.pxi` has the same."""
    value = len(token) * MULTIPLIER & _MASK
    for at in range(0, len(token), 8):
        word = int.from_bytes(token[at : at + 8], "little")
        value = (value ^ word) * MULTIPLIER & _MASK
        value ^= value >> 32
    return value


def _code() -> str:
    """A digest of what decides the file's content beside the packages."""
    folder = Path(__file__).parent
    sources = [(folder / name).read_bytes() for name in ("_build_ranks.py", "ranks.py")]
    return blake2s(b"".join(sources), digest_size=8).hexdigest()


def _laid_out(name: str, tokens: list[bytes]) -> Ranks:
    return Ranks(
        pattern=name,
        tokens=memoryview(b"".join(tokens)),
        starts=memoryview(_words(accumulate(map(len, tokens), initial=0))),
        slots=memoryview(_words(_slots(tokens))),
    )


def _slots(tokens: list[bytes]) -> list[int]:
    size = 1 << (2 * len(tokens) - 1).bit_length()
    slots = [0] * size
    for rank, token in enumerate(tokens):
        if not token:
            continue
        value = hashed(token)
        at = value & (size - 1)
        while slots[at]:
            at = (at + 1) & (size - 1)
        slots[at] = (value >> (32 + RANK_BITS)) << RANK_BITS | rank + 1
    return slots


def _words(values: Iterator[int] | list[int]) -> bytes:
    words = array("I", values)
    assert words.itemsize == 4
    return words.tobytes()


def _classes() -> bytes:
    table = bytearray(CODE_POINTS)
    for pattern, number in CLASSES:
        for character in _matching(pattern):
            table[ord(character)] = number
    table[0x0A] = table[0x0D] = LINE_END
    blocks: dict[bytes, int] = {}
    index = array("H")
    for start in range(0, CODE_POINTS, BLOCK):
        index.append(blocks.setdefault(bytes(table[start : start + BLOCK]), len(blocks)))
    return index.tobytes() + b"".join(blocks)


def _matching(pattern: str) -> str:
    """Every character that tiktoken's engine finds by `pattern`."""
    from tiktoken import Encoding

    single = {bytes([value]): value for value in range(256)}
    encoding = Encoding("classes", pat_str=pattern, mergeable_ranks=single, special_tokens={})
    every = "".join(chr(point) for point in range(CODE_POINTS) if point not in SURROGATES)
    return bytes(encoding.encode_ordinary(every)).decode()
