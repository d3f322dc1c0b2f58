"""Tokens of an issuer: whose they are, which are none, and what an outage of the issuer changes."""

import json
import threading
import time
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from gateway.access.tokens import TokenCallers
from gateway.config.model import Jwt
from gateway.errors import Unauthorized, Unavailable

SETTINGS = Jwt("https://issuer", "gateway", "https://issuer/keys", {"team": "grp", "models": "scope"})
SIGNER = rsa.generate_private_key(65537, 2048)
OTHER = ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """What is published; `fails` while it cannot be reached."""

    def __init__(self) -> None:
        self.fails = False
        self.keys = [json.loads(RSAAlgorithm.to_jwk(SIGNER.public_key())) | {"kid": "one", "alg": "RS256"}]
        self.now = 0.0
        self.asked = 0

    def fetch(self, _: str) -> bytes:
        self.asked += 1
        if self.fails:
            raise OSError("away")
        return json.dumps({"keys": self.keys}).encode()

    def clock(self) -> float:
        return self.now


def settled() -> None:
    for one in threading.enumerate():
        if one.name == "token-keys":
            one.join(5)


def callers(issuer: Issuer) -> TokenCallers:
    found = TokenCallers(SETTINGS, issuer.fetch, issuer.clock)
    settled()
    return found


def token(key: Any = SIGNER, algorithm: str = "RS256", kid: str = "one", **changes: Any) -> bytes:
    claims = {
        "iss": "https://issuer",
        "aud": "gateway",
        "sub": "ann",
        "exp": time.time() + 600,
        "grp": "blue",
    }
    claims = {**claims, "scope": "fast openai/*", **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm, {"kid": kid}).encode()


def test_a_token_says_who_calls_and_what_for() -> None:
    found = callers(Issuer()).caller(token())
    assert found is not None
    assert (found.id, found.user, found.team, found.models) == (
        "jwt:ann",
        "ann",
        "blue",
        ("fast", "openai/*"),
    )


def test_a_name_may_have_a_plus() -> None:
    found = callers(Issuer()).caller(token(sub="ann+news@example.com"))
    assert found is not None
    assert found.user == "ann+news@example.com"


def test_a_token_without_the_claim_for_models_may_use_none() -> None:
    found = callers(Issuer()).caller(token(scope=None))
    assert found is not None
    assert found.models == ("",)


@pytest.mark.parametrize(
    "changes",
    [
        {"key": rsa.generate_private_key(65537, 2048)},
        {"key": "a secret of sufficient length for HS256", "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
        {"sub": "a" * 257},
        {"grp": "a" * 257},
        {"sub": ""},
        {"sub": 5},
        {"sub": "ann+model:fast"},  # what ann asks of a model has an account of this name
        {"grp": "red+provider:openai"},
        {"grp": "red\n"},
        {"grp": "\0"},
        {"grp": "\ud800"},
        {"exp": float("inf")},
    ],
)
def test_other_tokens_are_none(changes: dict[str, Any]) -> None:
    assert callers(Issuer()).caller(token(**changes)) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": 1_000_000_000}, "has expired"),  # long ago
        ({"nbf": 4_000_000_000}, "not valid yet"),  # far from now, however late this comes to its turn
        ({"aud": "another"}, "another audience"),
        ({"iss": "https://another"}, "another issuer"),
        ({"exp": None}, "no claim 'exp'"),
        ({"aud": None}, "no claim 'aud'"),
        ({"sub": None}, "no claim 'sub'"),
    ],
)
def test_a_token_of_the_issuers_is_told_why_it_does_not_count(changes: dict[str, Any], why: str) -> None:
    found = callers(Issuer())
    with pytest.raises(Unauthorized, match=why):
        found.caller(token(**changes))
    forged = token(rsa.generate_private_key(65537, 2048), **changes)
    assert found.caller(forged) is None


def test_a_known_token_is_told_that_it_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    found, given = callers(Issuer()), token()
    assert found.caller(given) is not None
    monkeypatch.setattr("gateway.access.tokens.time", later)
    with pytest.raises(Unauthorized, match="has expired"):
        found.caller(given)


def later() -> float:
    return time.time() + 3600


def test_the_log_names_the_claim_now_and_then_and_never_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr("gateway.access.tokens.log.info", partial(_note, lines))
    issuer = Issuer()
    found = callers(issuer)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            found.caller(token(aud="another"))
    issuer.now = 60.0
    with pytest.raises(Unauthorized):
        found.caller(token(iss="https://another"))
    assert lines == [("token_refused", {"claim": "aud"}), ("token_refused", {"claim": "iss"})]


def _note(lines: list[tuple[str, dict[str, object]]], event: str, **fields: object) -> None:
    lines.append((event, fields))


def test_what_is_no_token_is_nobodys() -> None:
    found = callers(Issuer())
    assert found.caller(b"a.b.c") is None
    assert found.caller(b"x" * 20_000) is None


def test_a_new_key_of_the_issuer_is_fetched_and_an_old_one_goes() -> None:
    issuer = Issuer()
    found = callers(issuer)
    old = token()
    assert found.caller(old) is not None
    issuer.keys = [json.loads(ECAlgorithm.to_jwk(OTHER.public_key())) | {"kid": "two", "alg": "ES256"}]
    new = token(OTHER, "ES256", "two")
    assert found.caller(new) is None  # asked only a moment ago
    issuer.now = 60.0
    with pytest.raises(Unavailable):
        found.caller(new)
    settled()
    assert found.caller(new) is not None
    assert found.caller(old) is None


def test_another_key_under_the_same_id_vouches_for_nobody_before() -> None:
    issuer = Issuer()
    found = callers(issuer)
    stolen, fresh = token(), rsa.generate_private_key(65537, 2048)
    assert found.caller(stolen) is not None
    issuer.keys = [json.loads(RSAAlgorithm.to_jwk(fresh.public_key())) | {"kid": "one", "alg": "RS256"}]
    issuer.now = 4000.0
    found.caller(stolen)
    settled()
    assert found.caller(stolen) is None
    assert found.caller(token(fresh)) is not None


def test_while_the_issuer_is_away_known_keys_go_on_and_unknown_ones_are_nobodys_fault() -> None:
    issuer = Issuer()
    found = callers(issuer)
    issuer.fails = True
    issuer.now = 10_000.0
    assert found.caller(token()) is not None
    settled()
    assert found.caller(token(sub="bob")) is not None
    assert issuer.asked == 2

    with pytest.raises(Unavailable):
        callers(issuer).caller(token())
