"""Signatures are those that AWS's own signer makes, and keys are found where AWS's tools find them."""

from datetime import UTC, datetime
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.auth import BadSecret
from gateway.providers.sigv4 import (
    AwsKeys,
    NoCredentials,
    Signer,
    bearer_headers,
    chain_keys,
    environment_keys,
    static_keys,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HOST = "bedrock-runtime.eu-west-1.amazonaws.com"
PATHS = st.sampled_from(
    [
        "/model/us.anthropic.claude-sonnet-4-6-v1%3A0/converse",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/converse-stream",
        "/model/%E2%9C%93~a.b_c/converse",
        "/",
    ]
)
QUERIES = st.sampled_from(["", "?b=2&a=1", "?a=%20&A=", "?x"])
TEXT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
IDS = st.from_regex(r"\A[A-Z0-9]{4,20}\Z")


class _Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return NOW

    @classmethod
    def utcnow(cls) -> Any:
        return NOW.replace(tzinfo=None)


def botocores(keys: AwsKeys, region: str, target: str, body: bytes) -> dict[bytes, bytes]:
    """The headers that botocore's signer adds."""
    request = botocore.awsrequest.AWSRequest(
        "POST", f"https://{HOST}{target}", {"content-type": "application/json"}, body
    )
    credentials = botocore.credentials.Credentials(keys.access_key, keys.secret_key, keys.token or None)
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(botocore.auth, "get_current_datetime"):
            patch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: _Clock.utcnow())
        else:
            patch.setattr(botocore.auth.datetime, "datetime", _Clock)
        botocore.auth.SigV4Auth(credentials, "bedrock", region).add_auth(request)
    return {
        name.lower().encode(): value.encode()
        for name, value in request.headers.items()
        if name.lower() != "content-type"
    }


@given(
    IDS, TEXT, TEXT | st.just(""), st.sampled_from(["us-east-1", "eu-west-1"]), PATHS, QUERIES, st.binary()
)
def test_property_a_signature_is_botocores(
    access: str, secret: str, token: str, region: str, path: str, query: str, body: bytes
) -> None:
    keys = AwsKeys(access, secret, token)
    headers = dict(Signer(lambda: keys, region).headers(HOST, path + query, body, NOW))
    assert headers == botocores(keys, region, path + query, body)


def test_the_body_the_host_and_the_time_are_signed() -> None:
    signer = Signer(static_keys("AKID", "secret"), "us-east-1")

    def proof(host: str = HOST, body: bytes = b"{}", now: datetime = NOW) -> bytes:
        return dict(signer.headers(host, "/model/m/converse", body, now))[b"authorization"]

    others = {proof(host="example.com"), proof(body=b"{ }"), proof(now=NOW.replace(second=8))}
    assert len(others | {proof()}) == 4
    assert proof() == proof()


def test_keys_are_asked_for_each_request() -> None:
    rotating = iter([AwsKeys("OLD", "s"), AwsKeys("NEW", "s", "token")])
    signer = Signer(lambda: next(rotating), "us-east-1")
    first, second = [dict(signer.headers(HOST, "/", b"", NOW)) for _ in range(2)]
    assert b"Credential=OLD/" in first[b"authorization"]
    assert b"x-amz-security-token" not in first
    assert second[b"x-amz-security-token"] == b"token"
    assert b"x-amz-security-token" in second[b"authorization"]


def test_no_repr_shows_a_key() -> None:
    assert "SECRET" not in repr(AwsKeys("SECRET-a", "SECRET-b", "SECRET-c"))


@pytest.mark.parametrize("bad", [("", "s"), ("a", ""), ("a\r\nx: y", "s"), ("a/b", "s"), ("a", "s", "t\n")])
def test_keys_that_cannot_be_sent_are_refused(bad: tuple[str, ...]) -> None:
    with pytest.raises(BadSecret):
        static_keys(*bad)


def test_the_usual_variables_are_read() -> None:
    env = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    found = environment_keys(env)
    assert found is not None
    keys = found()
    assert (keys.access_key, keys.secret_key, keys.token) == ("AKID", "s", "t")
    assert environment_keys({"AWS_ACCESS_KEY_ID": "AKID"}) is None


def test_a_bearer_key_is_sent_as_it_is() -> None:
    assert bearer_headers({"AWS_BEARER_TOKEN_BEDROCK": "abc"}) == ((b"authorization", b"Bearer abc"),)
    assert bearer_headers({}) is None


def test_the_chain_reads_profiles(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials"
    file.write_text("[work]\naws_access_key_id = FROMFILE\naws_secret_access_key = s\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert chain_keys("work")().access_key == "FROMFILE"
    with pytest.raises(NoCredentials, match="failed: ProfileNotFound"):
        chain_keys("elsewhere")
    with pytest.raises(NoCredentials, match="no credentials"):
        chain_keys()
