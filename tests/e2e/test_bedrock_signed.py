"""Bedrock without an API key: every request is signed, with keys that are written down or that AWS's chain renews."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import openai
import pytest
import wire
from fault_server import Answer, FaultServer, Seen
from gateway_process import CALLER_KEY, Gateway
from samples import HELLO

REGION = "eu-west-1"
KEYS = {"access_key": "AKIDWRITTEN", "secret_key": "secret/of+the=file", "session_token": "session-canary=="}
SECRETS = {"AKIDWRITTEN": KEYS["secret_key"], "AKIDCHAIN1": "first", "AKIDCHAIN2": "second"}
MODEL = "bedrock/eu.amazon.nova-lite-v1:0"
REPLY = {
    "output": {"message": {"role": "assistant", "content": [{"text": "signed"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    "metrics": {"latencyMs": 1},
}


def signature_of(seen: Seen) -> str:
    """The signature that botocore's own signer gives this request."""
    method, target, _ = seen.request_line.decode().split(" ")
    proof = seen.header("authorization") or ""
    access = proof.partition("Credential=")[2].partition("/")[0]
    signed = proof.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: value for name, value in seen.headers if name in signed}
    request = botocore.awsrequest.AWSRequest(
        method, f"http://{seen.header('host')}{target}", headers, seen.body
    )
    request.context["timestamp"] = seen.header("x-amz-date")
    keys = botocore.credentials.Credentials(access, SECRETS[access])
    signer = botocore.auth.SigV4Auth(keys, "bedrock", REGION)
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def answer(seen: Seen) -> Answer:
    proof = seen.header("authorization") or ""
    if proof.partition("Signature=")[2] != signature_of(seen):
        return wire.as_json({"message": "the signature does not match"}, 403, x_amzn_errortype="AccessDenied")
    return wire.as_json(REPLY)


@pytest.fixture(scope="module")
def bedrock() -> Iterator[FaultServer]:
    server = FaultServer(answer).start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_ambient_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, bedrock: FaultServer) -> None:
    bedrock.reset()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


def start(start_gateway: Any, bedrock: FaultServer, openai_upstream: FaultServer, **own: Any) -> Gateway:
    providers = {
        "bedrock": {"base_url": bedrock.url, "region": REGION, **own},
        "my-vllm": {"type": "vllm", "base_url": f"{openai_upstream.url}/v1"},
    }
    models = {"either": {"targets": [MODEL], "fallbacks": ["my-vllm/llama"]}}
    gateway: Gateway = start_gateway(providers=providers, models=models, server={"workers": 1})
    return gateway


def ask(gateway: Gateway, model: str = MODEL) -> Any:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=CALLER_KEY, max_retries=0) as sdk:
        return sdk.chat.completions.create(model=model, messages=HELLO)


def test_each_request_is_signed(
    start_gateway: Any, bedrock: FaultServer, openai_upstream: FaultServer
) -> None:
    gateway = start(start_gateway, bedrock, openai_upstream, **KEYS)
    for number in range(3):
        assert ask(gateway).choices[0].message.content == "signed", number
    names = [seen.header("x-amz-security-token") for seen in bedrock.seen]
    assert names == [KEYS["session_token"]] * 3
    gateway.stop()


def test_what_passes_through_is_signed_too(
    start_gateway: Any, bedrock: FaultServer, openai_upstream: FaultServer
) -> None:
    gateway = start(start_gateway, bedrock, openai_upstream, **KEYS)
    reply = gateway.post("/passthrough/bedrock/model/a.b%3A0/invoke?x=1&a=%20", {"prompt": "é"})
    assert reply.status == 200, reply.body
    assert gateway.get("/passthrough/bedrock/a", {"authorization": f"Bearer {CALLER_KEY}"}).status == 200
    gateway.stop()


def test_an_echoed_session_token_stays_secret(
    start_gateway: Any, bedrock: FaultServer, openai_upstream: FaultServer
) -> None:
    gateway = start(start_gateway, bedrock, openai_upstream, **KEYS)
    bedrock.script(wire.as_json({"message": f"bad token {KEYS['session_token']}"}, 400))
    with pytest.raises(openai.BadRequestError) as refused:
        ask(gateway)
    assert "canary" not in str(refused.value)
    assert "bad token ***" in str(refused.value)
    gateway.stop()


class Container:
    """What lends keys to a task (ECS, EKS): each time others."""

    def __init__(self) -> None:
        self.given = 0
        self.broken = False
        self.server = FaultServer(self.answer).start()

    def answer(self, seen: Seen) -> Answer:
        if self.broken:
            return wire.as_json({"message": "no secret-canary for you"}, 500)
        self.given += 1
        end = datetime.now(UTC) + timedelta(hours=1)
        keys = {"AccessKeyId": f"AKIDCHAIN{self.given}", "SecretAccessKey": SECRETS[f"AKIDCHAIN{self.given}"]}
        return wire.as_json(
            {**keys, "Token": f"token{self.given}", "Expiration": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
        )


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    lender = Container()
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{lender.server.url}/keys")
    yield lender
    lender.server.stop()


def test_the_chains_keys_are_got_once_and_again_when_aws_refuses_them(
    start_gateway: Any, bedrock: FaultServer, openai_upstream: FaultServer, container: Container
) -> None:
    gateway = start(start_gateway, bedrock, openai_upstream)
    assert ask(gateway).choices[0].message.content == "signed"
    ask(gateway)
    assert container.given == 1
    bedrock.script(wire.as_json({"message": "expired"}, 403, x_amzn_errortype="ExpiredTokenException"))
    with pytest.raises(openai.PermissionDeniedError):
        ask(gateway)
    container.server.wait(lambda: container.given == 2)
    container.server.wait(lambda: container.server.busy == 0)
    bedrock.handle(answer)
    while bedrock.seen[-1].header("x-amz-security-token") != "token2":
        assert ask(gateway).choices[0].message.content == "signed"
    gateway.stop()


def test_without_keys_the_next_target_has_its_turn(
    start_gateway: Any, bedrock: FaultServer, openai_upstream: FaultServer, container: Container
) -> None:
    container.broken = True
    gateway = start(start_gateway, bedrock, openai_upstream)
    assert "echo" in ask(gateway, "either").choices[0].message.content
    with pytest.raises(openai.InternalServerError) as failed:
        ask(gateway)
    assert failed.value.status_code == 503
    assert "no usable credential" in str(failed.value)
    assert bedrock.seen == []
    assert "secret-canary" not in gateway.log()
    assert json.loads(next(line for line in gateway.log().splitlines() if "credential_not_renewed" in line))
    gateway.stop()
