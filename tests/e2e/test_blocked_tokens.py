"""Who is blocked is refused with a token as with a key, by every worker, until nobody blocks them any more."""

import json
import time
from functools import partial
from pathlib import Path

import httpx
import jwt
import openai_wire
import pytest
import wire
from cryptography.hazmat.primitives.asymmetric import ec
from fault_server import Answer, FaultServer, Seen
from gateway_process import OPENAI_KEY, Gateway, until
from jwt.algorithms import ECAlgorithm
from test_admin_process import Admin

CHAT = "/v1/chat/completions"
BODY = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "x"}]}
SIGNER = ec.generate_private_key(ec.SECP256R1())


def token(**claims: str) -> str:
    said = {"iss": "i", "aud": "a", "sub": "s", "exp": int(time.time()) + 1000, **claims}
    return jwt.encode(said, SIGNER, "ES256", {"kid": "k"})


def published() -> dict[str, object]:
    public = json.loads(ECAlgorithm.to_jwk(SIGNER.public_key()))
    return {"keys": [{**public, "kid": "k", "use": "sig", "alg": "ES256"}]}


def answered(seen: Seen) -> Answer:
    return wire.as_json(published()) if "jwks" in seen.path else openai_wire.echo(seen)


def answers(gateway: Gateway, theirs: str, status: int) -> bool:
    """Whether every worker answers so."""
    return gateway.statuses(CHAT, BODY, theirs) == {status}


@pytest.mark.parametrize(("kind", "claim"), [("teams", "grp"), ("users", "email"), ("orgs", "org")])
def test_a_token_of_somebody_blocked_is_refused(
    openai_upstream: FaultServer, tmp_path: Path, kind: str, claim: str
) -> None:
    openai_upstream.handle(answered)
    claims = {"team": "grp", "user": "email", "org": "org"}
    issuer = {"issuer": "i", "audience": "a", "jwks_url": f"{openai_upstream.url}/jwks", "claims": claims}
    config = {
        "admin": {"enabled": True},
        "auth": {"jwt": issuer},
        "providers": {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}},
    }
    gateway = Gateway(config, tmp_path)
    admin = Admin(gateway)
    theirs, others = token(**{claim: "red"}), token(**{claim: "blue"})
    admin.post(f"/api/{kind}", {"id": "red", "name": "Red"})
    until(partial(answers, gateway, theirs, 200))  # the issuer's key takes a moment
    for blocked, status in ((True, 403), (False, 200)):
        headers = {"authorization": f"Bearer {admin.key}"}
        body = {"blocked": blocked}
        changed = httpx.patch(f"{admin.url}/api/{kind}/red", json=body, headers=headers, timeout=40)
        assert changed.status_code == 200, changed.text
        until(partial(answers, gateway, theirs, status))
        assert gateway.statuses(CHAT, BODY, others) == {200}
    gateway.signal(15)
    assert gateway.wait() == 0, gateway.log()
