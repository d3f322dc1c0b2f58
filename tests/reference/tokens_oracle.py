"""tiktoken itself, its own patterns and engine, over the ranks that a package carries: nothing is downloaded."""

from functools import cache
from unittest.mock import patch

import tiktoken
from tiktoken_ext import openai_public

from gateway.tokens._build_ranks import published


@cache
def oracle(name: str) -> tiktoken.Encoding:
    """tiktoken's encoding of our name."""

    def carried(address: str, expected_hash: str | None = None) -> dict[bytes, int]:
        return {token: rank for rank, token in enumerate(published(name)) if token}

    with patch.object(openai_public, "load_tiktoken_bpe", carried):
        constructor = {"cl100k": openai_public.cl100k_base, "o200k": openai_public.o200k_base}[name]
        return tiktoken.Encoding(**constructor())


def expected(name: str, text: str) -> list[int]:
    return oracle(name).encode_ordinary(text)
