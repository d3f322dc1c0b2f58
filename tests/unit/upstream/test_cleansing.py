"""A provider's key is found in whatever spelling a provider's JSON or addresses have for it, and nothing else is."""

import json
from urllib.parse import quote

import pytest

from gateway.upstream.cleansing import masked

KEY = b"sk-key+of/some==length"


@pytest.mark.parametrize(
    "spelled",
    [
        KEY.decode(),
        json.dumps(KEY.decode())[1:-1],
        KEY.decode().replace("/", "\\/"),  # as PHP writes JSON
        KEY.decode().replace("+", "\\u002B"),  # as .NET does
        "".join(f"\\u{ord(letter):04x}" for letter in KEY.decode()),
        quote(KEY.decode(), safe=""),
        quote(KEY.decode(), safe="").lower(),
    ],
)
def test_a_key_is_masked_in_every_spelling(spelled: str) -> None:
    said = f'{{"error":{{"message":"no such key: {spelled}."}}}}'.encode()
    assert masked(said, (b"another", KEY)) == b'{"error":{"message":"no such key: ***."}}'


def test_other_words_stay_as_they_are() -> None:
    said = b'{"error":"sk-key+of/some==lengt \\u00e9 100% \\/"}'
    assert masked(said, (KEY,)) is said
    assert masked(said, ()) is said
    assert masked(said, (b"",)) is said
