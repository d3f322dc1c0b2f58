"""The neutral form of an embedding: what is to become vectors, and the vectors."""

from typing import Literal

import msgspec

from gateway.schemas.usage import Usage


class Words(msgspec.Struct, frozen=True, gc=False, tag=True):
    text: str


class Tokens(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Text as the numbers of its tokens, which only the model's own tokenizer can read."""

    ids: tuple[int, ...]


class Picture(msgspec.Struct, frozen=True, gc=False, tag=True):
    """An image: a data URL or the address of one."""

    url: str


Item = tuple[Words | Tokens | Picture, ...]
"""What becomes one vector."""

Purpose = Literal[
    "", "query", "document", "similarity", "classification", "clustering", "question", "fact", "code", "image"
]
"""What a vector is for. `query` and `document` are the two sides of a search, `question`, `fact` and `code` are queries
that search for an answer, for proof or for code."""

Format = Literal["float", "base64", "int8", "uint8", "binary", "ubinary"]
"""`base64` is that of little-endian 32-bit floats; the last four are what a provider makes of its floats."""


class EmbedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`formats` are never empty. `truncate` says which end of a text that is too long is cut off, or that none is.

    `shape` is the spelling of the request's dialect where it has several. `extras` are the names of fields that only
    the request's own dialect knows.
    """

    dialect: str
    model: str
    items: tuple[Item, ...]
    formats: tuple[Format, ...] = ("float",)
    dimensions: int | None = None
    purpose: Purpose = ""
    truncate: Literal["", "none", "start", "end"] = ""
    user: str = ""
    shape: str = ""
    extras: tuple[str, ...] = ()


Vector = list[float] | list[int]


class EmbedReply(msgspec.Struct, frozen=True, kw_only=True):
    """One vector an item and format, in the order of the items. `base64` is never among the formats."""

    vectors: dict[str, list[Vector]]
    id: str = ""
    model: str = ""
    usage: Usage | None = None
    finish: str = ""
