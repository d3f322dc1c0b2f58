"""What each Claude model lets a request say: they differ, and refuse with 400 what they do not know.

Source: Anthropic's guides on thinking, effort and migration between models. A Claude newer than this file is treated
like the newest in it; a model that is no Claude (compatible servers) like the first that could think.
"""

import re
from functools import lru_cache

import msgspec


class Traits(msgspec.Struct, frozen=True, gc=False):
    """`budget`: takes thinking with a budget of tokens. `adaptive`: takes adaptive thinking.

    `off`: its word for no thinking, "" when it always or never thinks. `efforts`: the levels it knows. `sampling`:
    takes temperature, top_p and top_k; `both`: temperature and top_p at once. `forced`: can be made to call a tool.
    `system_turns`: takes system messages between the others.
    """

    budget: bool = True
    adaptive: bool = False
    off: str = "disabled"
    efforts: tuple[str, ...] = ()
    sampling: bool = True
    both: bool = True
    forced: bool = True
    system_turns: bool = False
    prefill: bool = True


_THREE = ("low", "medium", "high")
_FOUR = (*_THREE, "max")
_FIVE = (*_THREE, "xhigh", "max")

_OTHER = Traits()

_NEW_NAME = re.compile(r"claude-(opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?:-(\d{1,2}))?(?!\d)")
_OLD_NAME = re.compile(r"claude-(?:v?([123])(?:-([157]))?(?!\d)|instant)")


@lru_cache(maxsize=1024)
def traits_of(model: str) -> Traits:
    """By the model's name, with whatever a cloud puts around it (`us.anthropic.claude-…-v1:0`, `claude-opus-4@…`)."""
    name = model.lower().replace(".", "-")
    found = _NEW_NAME.search(name)
    if found is not None:
        return _by_version(found[1], (int(found[2]), int(found[3] or 0)))
    old = _OLD_NAME.search(name)
    if old is not None:
        thinks = (old[1], old[2]) == ("3", "7")
        return Traits(budget=thinks, off="disabled" if thinks else "")
    return _OTHER


def _by_version(family: str, version: tuple[int, int]) -> Traits:
    """Prefilling is refused since 4.6."""
    if family in ("fable", "mythos"):
        return Traits(False, True, "", _FIVE, False, False, version < (5, 1), True, False)
    if version >= (5, 5):
        off = {"opus": "", "sonnet": "between_tools"}.get(family, "disabled")
        return Traits(False, True, off, _FIVE, False, False, family != "opus", True, False)
    if version >= (4, 7):
        return Traits(False, True, "disabled", _FIVE, False, False, True, version >= (4, 8), False)
    if version >= (4, 6):
        return Traits(True, True, "disabled", _FOUR, True, False, prefill=False)
    efforts = _THREE if (family, version) == ("opus", (4, 5)) else ()
    return Traits(True, False, "disabled", efforts, True, both=version < (4, 1))
