"""Whether a request's body is one of the usual kind: texts and settings, of which no reader leaves anything out."""

MOST: int
PLAIN: int
TWO_BOUNDS: int
UNDERSCORE: int

def look_at(body: bytes) -> int:
    """0, or PLAIN, with TWO_BOUNDS where an answer is bounded twice and UNDERSCORE where a key at the top has one.

    A plain body has, below the top, no key twice and none but a few usual ones.
    """

def names_in(body: bytes) -> set[bytes] | None:
    """Every name of a member of any object in a valid document, as it is spelled; None where one has an escape or where
    there are more than MOST of them."""

def refuses(body: bytes) -> bool:
    """Whether some member `refusal` in the documents of an answer, or of the events of one, is a text that says
    something."""
