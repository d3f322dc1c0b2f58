"""The command `python -m bench.tokens`: what counting costs, beside tiktoken in the same run.

Each number is the least of several repeats; `first` is that of an encoding that remembers no pieces yet.
tiktoken gets the ranks that this build has; nothing is downloaded.
"""

import base64
import random
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.translation_samples import request as sample
from gateway._speedups.tokens import Encoding
from gateway.dialects.endpoints import ENDPOINTS
from gateway.schemas.chat import ChatRequest
from gateway.tokens._build_ranks import ENCODINGS, published
from gateway.tokens.conversations import prompt_tokens
from gateway.tokens.encodings import encoding
from gateway.tokens.ranks import read_ranks

ROOT = Path(__file__).parents[1]
REPEATS = 7
BUSY = 20_000_000
"""Nanoseconds of a repeat, about."""


def texts() -> dict[str, str]:
    """Kinds of text, by name."""
    prose = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    chinese = "在这个例子中,网关先检查请求,再选择目标,最后把答案逐字返回。"
    noise = base64.b64encode(random.Random(1).randbytes(6_000)).decode()
    return {
        "a question": "What's the weather like in San Francisco today?",
        "prose, 0.8 KB": prose[:800],
        "prose, 8 KB": prose[:8_000],
        "Python, 8 KB": Path(__file__).read_text(encoding="utf-8")[:8_000],
        "Chinese, 5 KB": chinese * 60,
        "base64, 8 KB": noise,
        "one letter, 100 KB": "a" * 100_000,
    }


def least(function: Callable[[], object]) -> float:
    """Microseconds of one call, from the fastest of the repeats."""
    before = perf_counter_ns()
    function()
    loops = max(1, BUSY // max(1, perf_counter_ns() - before))
    found = []
    for _ in range(REPEATS):
        before = perf_counter_ns()
        for _ in range(loops):
            function()
        found.append((perf_counter_ns() - before) / loops / 1000)
    return min(found)


def peer(name: str) -> Any:
    """tiktoken's encoding, with its own pattern."""
    public = import_module("tiktoken_ext.openai_public")
    ranks = {token: rank for rank, token in enumerate(published(name)) if token}
    vars(public)["load_tiktoken_bpe"] = lambda *_, **__: ranks
    return import_module("tiktoken").Encoding(**getattr(public, f"{name}_base")())


def first(name: str, text: str) -> float:
    """Microseconds of the first count of an encoding."""
    file = read_ranks()
    assert file is not None  # the encoding was loaded
    ranks, found = file.encodings[name], []
    for _ in range(REPEATS):
        fresh = Encoding(ranks.pattern, ranks.tokens, ranks.starts, ranks.slots, file.classes)
        fresh.count("!")
        before = perf_counter_ns()
        fresh.count(text)
        found.append((perf_counter_ns() - before) / 1000)
    return min(found)


def main() -> int:
    """0, or 1 where this build has no ranks or counts otherwise than tiktoken."""
    console = Console(width=None if sys.stdout.isatty() else 100)
    table = Table(
        "text", "encoding", "tokens", "first µs", "µs", "tiktoken µs", "× faster", title="Counting tokens"
    )
    for name in ENCODINGS:
        ours, theirs = encoding(name), peer(name)
        if ours is None:
            console.print("this build has no ranks: bpe-openai and tiktoken were not there")
            return 1
        for label, text in texts().items():
            tokens = ours.count(text)
            if tokens != len(theirs.encode_ordinary(text)):
                console.print(f"[red]{name} counts {label!r} otherwise than tiktoken[/red]")
                return 1
            own, other = least(partial(ours.count, text)), least(partial(theirs.encode_ordinary, text))
            cold = first(name, text)
            table.add_row(
                *(label, name, str(tokens), f"{cold:.1f}"),
                *(f"{own:.1f}", f"{other:.1f}", f"{other / own:.1f}"),
            )
    console.print(table)
    endpoint = ENDPOINTS["chat_completions"]
    request = endpoint.codec.read_request(sample(endpoint))
    assert isinstance(request, ChatRequest)
    took = least(partial(prompt_tokens, "gpt-4o", request))
    console.print(
        f"a chat of 10 messages with 2 tools: {prompt_tokens('gpt-4o', request)} tokens in {took:.1f} µs"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
