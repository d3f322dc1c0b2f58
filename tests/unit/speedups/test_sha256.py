"""Digests by the processor's own instructions are the library's."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._speedups.plain_keys import digest_of


@pytest.mark.parametrize("size", [*range(200), 511, 512, 513, 4096, 65_537])
def test_texts_of_every_length_have_their_digest(size: int) -> None:
    text = bytes(number * 7 % 251 for number in range(size))
    assert digest_of(text) == sha256(text).digest() == digest_of(text, instructions=False)


@given(st.binary(max_size=300))
def test_any_text_has_its_digest(text: bytes) -> None:
    assert digest_of(text) == sha256(text).digest()
