"""Label values that are safe to keep: bounded in number and in length, and free of control characters."""

from collections.abc import Callable, Container

OTHER = "other"
SEPARATOR = "\x1f"  # between the labels of one key; `clean` leaves none inside a label

Known = Callable[[str, str], bool] | Container[str]
"""Which models may be labels: a predicate over (provider, model), or the models themselves."""

# Bytes of UTF-8. The five labels of a request and their separators fit one key of the ledger.
NAME_LIMIT = 64
MODEL_LIMIT = 128
WORD_LIMIT = 24


def clean(text: str, limit: int) -> str:
    """`text` with `_` for whatever does not print, cut to `limit` bytes at a character's edge."""
    if text.isascii() and text.isprintable():
        return text[:limit]
    printable = "".join(letter if letter.isprintable() else "_" for letter in text)
    return printable.encode()[:limit].decode(errors="ignore")


def clean_model(provider: str, model: str, known: Known) -> str:
    """The model's name when it is a known one, else `other`: a caller's invention never becomes a label."""
    if not model or model == OTHER:
        return model
    permitted = known(provider, model) if callable(known) else model in known
    return clean(model, MODEL_LIMIT) if permitted else OTHER


def clean_status(status: int) -> int:
    """0 stands for no status, and for one that HTTP does not have."""
    return status if 100 <= status <= 599 else 0
