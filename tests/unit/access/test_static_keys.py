"""Callers are known by any of the four headers that SDKs use, and by nothing else."""

import pytest

from gateway.access.keys import Keyless, StaticKeys, credential
from gateway.errors import Forbidden, Unauthorized

KEYS = StaticKeys(["alpha-secret", "beta-secret"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"authorization", b"Bearer alpha-secret"),
        (b"authorization", b"bearer  alpha-secret "),
        (b"x-api-key", b"alpha-secret"),
        (b"api-key", b"alpha-secret"),
        (b"x-goog-api-key", b"alpha-secret"),
        (
            b"authorization",
            b"AWS4-HMAC-SHA256 Credential=alpha-secret/20260304/eu-west-1/bedrock/aws4_request, "
            b"SignedHeaders=host;x-amz-date, Signature=00ff",
        ),
        (b"authorization", b"AWS4-HMAC-SHA256 SignedHeaders=host,Credential=alpha-secret/d/r/s/aws4_request"),
    ],
)
def test_every_sdk_header_carries_the_key(name: bytes, value: bytes) -> None:
    assert KEYS.authenticate({name: value}).startswith("key-")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"authorization": b"Bearer wrong"},
        {b"authorization": b"Bearer"},
        {b"authorization": b"Basic alpha-secret"},
        {b"authorization": b"AWS4-HMAC-SHA256"},
        {b"authorization": b"AWS4-HMAC-SHA256 alpha-secret"},
        {b"authorization": b"AWS4-HMAC-SHA256 Credential=alpha-secret"},
        {b"authorization": b"AWS4-HMAC-SHA256 Credential=/d/r/s/aws4_request, Signature=alpha-secret"},
        {
            b"authorization": b"AWS4-HMAC-SHA256 Credential=wrong/d/r/s/aws4_request,Credential=alpha-secret/d/r/s/t"
        },
        {b"authorization": b"AWS4-HMAC-SHA256 Credential=x/alpha-secret/d/r/s/aws4_request"},
        {b"authorization": b"AWS4-HMAC-SHA256 " + b"," * 10_000 + b"/" * 10_000 + b"=\xff\x00"},
        {
            b"authorization": b"AWS4-HMAC-SHA256 Credential=wrong/d/r/s/aws4_request",
            b"x-api-key": b"alpha-secret",
        },
        {b"x-api-key": b"alpha-secret "},
        {b"x-api-key": b"\xff\xfe"},
    ],
)
def test_anything_else_is_refused(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Unauthorized):
        KEYS.authenticate(headers)


def test_the_public_id_tells_keys_apart_and_shows_none() -> None:
    one, two = (
        KEYS.authenticate({b"x-api-key": b"alpha-secret"}),
        KEYS.authenticate({b"api-key": b"beta-secret"}),
    )
    assert one != two
    assert "secret" not in one + two


def test_an_authorization_header_goes_before_the_others() -> None:
    assert credential({b"authorization": b"Bearer a", b"x-api-key": b"b"}) == b"a"


@pytest.mark.parametrize(
    "headers",
    [
        {b"host": b"evil.example"},
        {b"host": b"127.0.0.1:8080", b"origin": b"https://evil.example"},
        {b"host": b"127.0.0.1:8080", b"origin": b"null"},
    ],
)
def test_without_keys_a_web_page_is_refused(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Forbidden):
        Keyless(local_only=True).authenticate(headers)


@pytest.mark.parametrize("host", [b"127.0.0.1:8080", b"localhost", b"[::1]:8080", b"LOCALHOST:1"])
def test_without_keys_this_machine_is_served(host: bytes) -> None:
    assert Keyless(local_only=True).authenticate({b"host": host, b"origin": b"http://localhost:3000"}) == ""


def test_an_operator_may_open_a_keyless_gateway() -> None:
    assert Keyless(local_only=False).authenticate({b"host": b"gateway.internal"}) == ""
