"""What goes into an embedding, for providers that take texts or images alone."""

from gateway.dialects.dropped import Dropped
from gateway.errors import BadRequest, UnservedEndpoint
from gateway.schemas.embedding import EmbedRequest, Item, Picture, Tokens, Words

MOST = 100_000
"""Inputs of one request; what a provider takes at once is far less."""


def texts_of(request: EmbedRequest) -> list[str]:
    """The items as texts. Raises UnservedEndpoint for token numbers and for images."""
    return [text_of(item) for item in request.items]


def text_of(item: Item) -> str:
    """The text of one item. Raises UnservedEndpoint."""
    texts = []
    for part in item:
        if isinstance(part, Tokens):
            raise UnservedEndpoint("the provider takes text, not the numbers of tokens", param="input")
        if isinstance(part, Picture):
            raise UnservedEndpoint("the provider takes text, not images", param="input")
        texts.append(part.text)
    return "\n".join(texts)


def words(texts: list[str]) -> tuple[Item, ...]:
    """Texts as items."""
    return tuple([(Words(text),) for text in texts])


def some(items: tuple[Item, ...], param: str) -> tuple[Item, ...]:
    """`items`, unless there are none or far too many. Raises BadRequest."""
    if not items:
        raise BadRequest(f"`{param}` is empty: there is nothing to embed", param=param)
    if len(items) > MOST:
        raise BadRequest(f"`{param}` has more than {MOST} entries", param=param)
    return items


def only_floats(request: EmbedRequest, dropped: Dropped) -> None:
    """Names the formats that cannot be had where there are only floats. Raises UnservedEndpoint when none is left."""
    others = [name for name in request.formats if name not in ("float", "base64")]
    if len(others) == len(request.formats):
        raise UnservedEndpoint("the provider gives vectors as floats only", param="embedding_types")
    for name in others:
        dropped.add(f"embedding_types.{name}")
