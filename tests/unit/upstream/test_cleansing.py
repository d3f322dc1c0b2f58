"""A provider's key is found in whatever spelling a provider's JSON or addresses have for it, and nothing else is."""

import json
from urllib.parse import quote

import pytest
from dispatching import lane

from gateway._speedups.http1 import Origin
from gateway.errors import UpstreamClosed, UpstreamError, UpstreamProtocolError, UpstreamStatus
from gateway.schemas.plan import Timeouts
from gateway.upstream.cleansing import masked
from gateway.upstream.connection import Connection, Credential, Quirks

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


LEAK = f"no such key: {KEY.decode()}"


def connection() -> Connection:
    return Connection(
        *("p", None, Origin("127.0.0.1", 1), "x"),
        lanes=(lane(1),),
        credentials=(Credential(0, 1, ("*",)),),
        timeouts=Timeouts(),
        retries=0,
        quirks=Quirks(),
        secrets=(KEY,),
    )


@pytest.mark.parametrize(
    "error",
    [
        UpstreamStatus(
            *(401, LEAK),
            upstream_code=LEAK,
            upstream_type=LEAK,
            param=LEAK,
            body=LEAK.encode(),
            headers=[(b"x-request-id", LEAK.encode()), (b"retry-after", b"3")],
        ),
        UpstreamProtocolError(f"the provider answered a stream request with 'text/plain': {LEAK}"),
        UpstreamClosed(LEAK),
    ],
)
def test_no_part_of_an_error_has_a_key(error: UpstreamError) -> None:
    connection().cleanse(error)
    said = repr((vars(error), error.args, str(error)))
    assert KEY.decode() not in said
    assert "no such key: ***" in error.message
    if isinstance(error, UpstreamStatus):
        assert error.headers == [(b"x-request-id", b"no such key: ***"), (b"retry-after", b"3")]


def test_an_error_without_a_key_stays_as_it_is() -> None:
    error = UpstreamStatus(429, "slow down \ud800", upstream_code=None, upstream_type="", body=b"{}")
    connection().cleanse(error)
    assert (error.message, error.upstream_code, error.upstream_type) == ("slow down \ud800", None, "")
