"""What the cache is told and what it keeps: the operator's settings, a caller's wishes, and an entry.

Durations are in seconds, sizes in bytes, times in Unix seconds.
"""

from typing import Literal

import msgspec

from gateway.schemas.usage import Usage

Mode = Literal["off", "asked", "exact", "semantic"]
"""`asked`: only what callers ask for by a header. A key or route that is `off` cannot be turned on by a caller."""

Scope = Literal["key", "user", "team", "org", "all"]
"""Who shares answers with whom, from narrow to wide. `key` shares with nobody."""

SCOPES: tuple[Scope, ...] = ("key", "user", "team", "org", "all")

LOWEST_THRESHOLD = 0.90
"""Below this likeness, half of the questions that look alike mean something else."""

LOWEST_SAME_WORDS = 0.5

SEMANTIC_ANYWAY = ("tools", "images", "code")
"""What `Semantic.allow` may name: requests that are else answered exactly or not at all."""


class Verifier(msgspec.Struct, frozen=True):
    """A model of the operator's, in the directory `path`, that reads two questions together. What is not the same to it
    with `score` (0 to 1) is refused. With `reworded` it also decides about questions in other words."""

    path: str
    score: float = 0.9
    reworded: bool = False


class Semantic(msgspec.Struct, frozen=True):
    """How questions that are worded differently find each other's answers.

    `threshold` is a cosine, and so is `same_words`: how alike those must be that come down to the same words, where
    nobody asks for more than the threshold; usually the threshold holds for them too. `embedder` is static, onnx (the
    model's directory is `path`), or provider/model. Questions of more than `max_tokens` and requests above
    `max_temperature` are not looked for; `allow` names what else may be. A share `verify` of the hits is asked upstream
    too and compared; where the share of wrong ones passes `error_bound`, the threshold rises.
    """

    threshold: float = 0.93
    embedder: str = "static"
    path: str = ""
    max_tokens: int = 256
    max_temperature: float = 1.0
    allow: tuple[str, ...] = ()
    verify: float = 0.0
    error_bound: float = 0.02
    same_words: float = 1.0
    verifier: Verifier | None = None


class Settings(msgspec.Struct, frozen=True):
    """What holds for a request: the operator's section, with the changes of its route and its key.

    An answer is served for `ttl`. All entries together take about `max_size`, one at most `max_entry`. `replay` says
    how fast a stream is told again. With `coalesce`, equal requests that are under way at once share one answer.
    Without `semantic` nothing is looked for by its meaning.
    """

    mode: Mode = "exact"
    ttl: float = 3600.0
    scope: Scope = "key"
    max_size: int = 1 << 30
    max_entry: int = 1 << 20
    replay: Literal["at_once", "paced"] = "at_once"
    coalesce: bool = True
    semantic: Semantic | None = None


class Changes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a route, a team or a key has otherwise; None stays as it was."""

    mode: Mode | None = None
    ttl: float | None = None
    scope: Scope | None = None
    threshold: float | None = None

    def over(self, base: Settings) -> Settings:
        """`base` with these changes."""
        semantic = base.semantic
        if semantic is not None and self.threshold is not None:
            semantic = msgspec.structs.replace(semantic, threshold=self.threshold)
        return msgspec.structs.replace(
            base,
            mode=self.mode or base.mode,
            ttl=base.ttl if self.ttl is None else self.ttl,
            scope=self.scope or base.scope,
            semantic=semantic,
        )


class Wishes(msgspec.Struct, frozen=True):
    """What one caller asks of the cache, cut to the settings already.

    `mode` is what is done: off, exact or semantic. `read`: an entry may answer; `write`: the answer may be kept;
    `only`: nobody else may answer. A kept answer lives for `ttl`, one of more than `max_age` answers nobody here; None
    is any age. `scope` never is wider than the settings'; `namespace` divides it further. `paced` says how a stream is
    told again.
    """

    mode: Literal["off", "exact", "semantic"]
    ttl: float
    scope: Scope
    threshold: float = 0.93
    read: bool = True
    write: bool = True
    only: bool = False
    max_age: float | None = None
    namespace: str = ""
    paced: bool = False


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, array_like=True):
    """An answer as it was told to a caller of `endpoint`. `form` says what `body` is: a whole answer, a stream's bytes,
    or the log that both become once they were needed. `lost` names what the model said and that dialect has no place
    for."""

    form: Literal["whole", "stream", "log"]
    endpoint: str
    body: bytes
    provider: str = ""
    model: str = ""
    answered_model: str = ""
    usage: Usage | None = None
    cost_nano_usd: int | None = None
    finish: str = ""
    created: float = 0.0
    lost: tuple[str, ...] = ()
