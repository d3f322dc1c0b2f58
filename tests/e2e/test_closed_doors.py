"""Who gets in where keys are only in the store: nobody after the end of the last one."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from fault_server import Answer, FaultServer, Seen
from gateway_process import OPENAI_KEY, Gateway
from jwt.algorithms import ECAlgorithm
from openai_wire import echo
from test_admin_process import Admin
from test_stored_routes import all_answer, ask
from wire import as_json

MODEL = "openai/gpt-4o-mini"


def started(upstream: FaultServer, folder: Path, **server: Any) -> Gateway:
    providers = {
        "openai": {"base_url": f"{upstream.url}/v1", "keys": [OPENAI_KEY], "models": ["gpt-4o-mini", "o3"]}
    }
    return Gateway({"providers": providers, "server": server, "admin": {"enabled": True}}, folder)


def test_the_end_of_the_last_key_lets_nobody_in_and_others_need_one(
    openai_upstream: FaultServer, tmp_path: Path
) -> None:
    gateway = started(openai_upstream, tmp_path)
    try:
        assert gateway.post("/v1/chat/completions", {"model": MODEL, "messages": []}).status == 200
        admin = Admin(gateway)
        made = admin.post("/api/keys", {"name": "one", "models": ["openai/gpt-4o*"]})
        all_answer(gateway, 200, MODEL, made["key"])
        answer = gateway.get("/v1/models", {"authorization": f"Bearer {made['key']}"})
        assert answer.status == 200, gateway.log()
        assert [one["id"] for one in json.loads(answer.body)["data"]] == [MODEL]
        assert gateway.get("/v1/models/openai%2Fo3", {"authorization": f"Bearer {made['key']}"}).status == 404
        assert admin.delete(f"/api/keys/{made['id']}").status_code == 204
        all_answer(gateway, 401, MODEL, "")
        bare = {"model": MODEL, "messages": []}
        assert {gateway.post("/v1/chat/completions", bare, key="").status for _ in range(6)} == {401}
    finally:
        gateway.kill()
    again = started(openai_upstream, tmp_path, host="0.0.0.0")
    try:
        assert {again.post("/v1/chat/completions", bare, key="").status for _ in range(6)} == {401}
        text = again.log()
        assert OPENAI_KEY not in text
    finally:
        again.kill()


def test_a_token_of_the_issuer_opens_the_door(openai_upstream: FaultServer, tmp_path: Path) -> None:
    signer = ec.generate_private_key(ec.SECP256R1())
    published = {"keys": [json.loads(ECAlgorithm.to_jwk(signer.public_key())) | {"kid": "k", "alg": "ES256"}]}
    claims = {
        "iss": "https://issuer",
        "aud": "gateway",
        "sub": "ann",
        "exp": int(time.time()) + 600,
        "m": [MODEL],
    }
    token = jwt.encode(claims, signer, "ES256", {"kid": "k"})

    def handler(seen: Seen) -> Answer:
        return as_json(published) if seen.path == "/keys" else echo(seen)

    openai_upstream.handle(handler)
    issuer = {"issuer": "https://issuer", "audience": "gateway", "jwks_url": f"{openai_upstream.url}/keys"}
    providers = {"openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]}}
    config = {
        "providers": providers,
        "auth": {"jwt": {**issuer, "claims": {"models": "m"}}},
    }
    gateway = Gateway(config, tmp_path)
    try:
        all_answer(gateway, 200, MODEL, token)  # each worker gets the issuer's keys for itself
        assert ask(gateway, "openai/o3", token).status == 403
        assert ask(gateway, MODEL, f"{token[:-8]}AAAAAAAA").status == 401
        assert ask(gateway, MODEL, "").status == 401
        assert token not in gateway.log()
    finally:
        gateway.stop()
