"""Reads a question into what an answer depends on: see gateway/cache/guards, which hands in what words mean."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar, final

Gist = TypeVar("Gist")

SHORT: int
"""Characters of a run that is remembered."""
REMEMBERED: int
"""Runs that are remembered at least, once there were so many; twice as many at the most."""
LONGEST: int
"""Characters of a text that is read; a longer one is only itself."""
PARTS: tuple[str, ...]
PLACES: tuple[str, ...]
"""Names of the lists of words."""

class Token(Protocol):
    @property
    def word(self) -> str: ...
    @property
    def kind(self) -> int: ...
    @property
    def proud(self) -> bool: ...
    @property
    def owner(self) -> bool: ...
    @property
    def joined(self) -> bool: ...
    @property
    def low(self) -> bool: ...

@final
class Reader(Generic[Gist]):
    """Reads texts into gists, whose parts `make` is given in their order.

    `straighten` spells signs one way; `cut` has the tokens of a run without spaces (start of a sentence, shouted);
    `quoted` has what stands in quotation marks; `base` is one word for all forms of one (proud); `worded` reads a
    number in words and tells how many it took; `scaled` moves a number's point. `lists` are sets of words under the
    names of PARTS, PLACES, `courtesy` and `ranked`; `tables` are what words of some of them say.
    """

    def __init__(
        self,
        make: Callable[..., Gist],
        *,
        straighten: Callable[[str], str],
        cut: Callable[[str, bool, bool], Iterable[Token]],
        quoted: Callable[[str], tuple[str, ...]],
        base: Callable[[str, bool], str],
        worded: Callable[[list[str]], tuple[str, int]],
        scaled: Callable[[str, int], str],
        lists: Mapping[str, frozenset[str]],
        tables: Mapping[str, Mapping[str, Any]],
    ) -> None: ...
    def read(self, text: str) -> Gist:
        """The gist of any text; never raises, and takes time that grows with the text alone."""
