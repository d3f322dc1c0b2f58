"""Vertex AI: tokens got with a service account's file or from the machine, and each model family in its own dialect."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anthropic
import openai
import pytest
import wire
from anthropic_wire import echo as claude
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fault_server import Answer, FaultServer, Seen
from gateway_process import CALLER_KEY, Gateway
from google.auth import jwt
from openai_wire import echo as chat
from samples import HELLO

from gateway.providers.auth import NoCredentials
from gateway.providers.google import GoogleGrant

ROOT = "/v1/projects/my-project/locations/europe-west4"
CLAUDE = "vertex/claude-sonnet-4-5@20250929"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class Google:
    """A token endpoint, a metadata server and Vertex AI at one address. Tokens are numbered."""

    def __init__(self, folder: Path) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = serialization.Encoding.PEM
        private = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self._public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.given = 0
        self.lifetime = 3600
        self.ends: dict[str, float] = {}
        self.forms: list[dict[str, list[str]]] = []
        self.refuses = False
        self.server = FaultServer(self.answer).start()
        self.account = folder / "account.json"
        info = {
            "type": "service_account",
            "project_id": "my-project",
            "private_key_id": "k1",
            "private_key": private,
            "client_email": "gateway@my-project.iam.gserviceaccount.com",
            "token_uri": f"{self.server.url}/token",
        }
        self.account.write_text(json.dumps(info))

    @property
    def asked(self) -> list[Seen]:
        """The requests for models."""
        return [seen for seen in self.server.seen if seen.path.startswith(ROOT)]

    def answer(self, seen: Seen) -> Answer:
        if seen.path == "/token":
            return self.lend(parse_qs(seen.body.decode()))
        if seen.path == "/" or seen.path.startswith("/computeMetadata"):
            return self.metadata(seen)
        if self.ends.get(seen.header("authorization") or "", 0.0) < time.monotonic():
            return wire.as_json(
                {"error": {"code": 401, "message": "bad token", "status": "UNAUTHENTICATED"}}, 401
            )
        if "count-tokens" in seen.path:
            return wire.as_json({"input_tokens": 7})
        if "publishers/google" in seen.path:
            return wire.as_json(GEMINI)
        return claude(with_model(seen)) if "publishers/anthropic" in seen.path else chat(seen)

    def lend(self, form: dict[str, list[str]]) -> Answer:
        if self.refuses:
            return wire.as_json(
                {"error": "invalid_grant", "error_description": "no secret-canary for you"}, 400
            )
        self.forms.append(form)
        if "assertion" not in form:
            return self.token()
        claims = jwt.decode(
            form["assertion"][0], certs=self._public, audience="https://oauth2.googleapis.com/token"
        )
        assert claims["scope"] == SCOPE
        return self.token()

    def token(self) -> Answer:
        self.given += 1
        self.ends[f"Bearer ya29.canary-{self.given}"] = time.monotonic() + self.lifetime
        lent = {"access_token": f"ya29.canary-{self.given}", "expires_in": self.lifetime}
        kind = "urn:ietf:params:oauth:token-type:access_token"
        return wire.as_json({**lent, "token_type": "Bearer", "issued_token_type": kind})

    def metadata(self, seen: Seen) -> Answer:
        flavor = {"metadata_flavor": "Google"}
        if "/token" in seen.path:
            return [part.replace(b"\r\n", b"\r\nmetadata-flavor: Google\r\n", 1) for part in self.token()]
        if "service-accounts" in seen.path:
            return wire.as_json({"email": "machine@my-project", "scopes": [SCOPE], "aliases": []}, **flavor)
        return wire.whole(b"my-project", content_type="text/plain", **flavor)


GEMINI = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "echo: hello"}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
    "modelVersion": "gemini-2.5-flash",
}


def with_model(seen: Seen) -> Seen:
    """As Anthropic's fake server wants it."""
    body = {"model": "claude", **json.loads(seen.body)}
    head = b"POST /v1/messages HTTP/1.1" + seen.head[len(seen.request_line) :]
    return Seen(head, json.dumps(body).encode(), seen.connection, seen.first)


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCE_METADATA_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "none"))
    made = Google(tmp_path)
    yield made
    made.server.stop()
    assert [repr(one) for one in made.server.failures] == []


def start(start_gateway: Any, google: Google, *, wait_lent: int = 0, **own: Any) -> Gateway:
    vertex = {"base_url": google.server.url, "project": "my-project", "location": "europe-west4", **own}
    gateway: Gateway = start_gateway(providers={"vertex": vertex}, models={}, server={"workers": 1})
    google.server.wait(lambda: google.given >= wait_lent)
    return gateway


def test_each_family_is_asked_in_its_own_dialect(start_gateway: Any, google: Google) -> None:
    gateway = start(start_gateway, google, credentials=str(google.account))
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=CALLER_KEY, max_retries=0) as sdk:
        for model in ("vertex/gemini-2.5-flash", CLAUDE, "vertex/meta/llama-3.3-70b-instruct-maas"):
            reply = sdk.chat.completions.create(model=model, messages=HELLO, max_tokens=50)
            assert "echo: " in (reply.choices[0].message.content or ""), model
    gemini, sonnet, llama = google.asked
    assert gemini.path == f"{ROOT}/publishers/google/models/gemini-2.5-flash:generateContent"
    assert sonnet.path == f"{ROOT}/publishers/anthropic/models/claude-sonnet-4-5%4020250929:rawPredict"
    assert sonnet.json()["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in sonnet.json()
    assert llama.path == f"{ROOT}/endpoints/openapi/chat/completions"
    assert llama.json()["model"] == "meta/llama-3.3-70b-instruct-maas"
    assert google.given == 1
    gateway.stop()
    assert "ya29" not in gateway.log()


def test_anthropics_callers_pass(start_gateway: Any, google: Google) -> None:
    gateway = start(start_gateway, google, credentials=str(google.account))
    body = (
        b'{"model": "%s", "max_tokens":  9, "messages": [{"role": "user", "content": "hi"}]}'
        % CLAUDE.encode()
    )
    reply = gateway.post("/v1/messages", body, {"anthropic-version": "2023-06-01", "anthropic-beta": "b-1"})
    assert reply.status == 200, reply.body
    seen = google.asked[-1]
    assert seen.header("anthropic-version") is None
    assert seen.header("anthropic-beta") == "b-1"
    assert b'"max_tokens":  9, "messages": [{"role": "user", "content": "hi"}]' in seen.body
    sent = {name: value for name, value in json.loads(body).items() if name != "model"}
    assert seen.json() == {**sent, "anthropic_version": "vertex-2023-10-16"}
    with anthropic.Anthropic(base_url=gateway.url, api_key=CALLER_KEY, max_retries=0) as sdk:
        with sdk.messages.stream(model=CLAUDE, max_tokens=9, messages=HELLO) as stream:
            assert "echo: " in "".join(stream.text_stream)
        count = sdk.messages.count_tokens(model=CLAUDE, messages=HELLO)
    assert count.input_tokens == 7
    streamed, counted = google.asked[-2:]
    assert streamed.path.endswith(":streamRawPredict")
    assert streamed.json()["stream"] is True
    assert counted.path == f"{ROOT}/publishers/anthropic/models/count-tokens:rawPredict"
    assert counted.json()["model"] == CLAUDE.removeprefix("vertex/")
    gateway.stop()


def test_a_token_is_renewed_before_it_ends(start_gateway: Any, google: Google) -> None:
    google.lifetime = 2
    gateway = start(start_gateway, google, credentials=str(google.account), wait_lent=2)
    google.lifetime, given = 3600, google.given
    google.server.wait(lambda: google.given > given)
    assert gateway.post("/v1/messages", claude_asked()).status == 200
    gateway.stop()


def test_a_refused_token_is_renewed_early(start_gateway: Any, google: Google) -> None:
    gateway = start(start_gateway, google, credentials=str(google.account), wait_lent=1)
    assert gateway.post("/v1/messages", claude_asked()).status == 200
    google.server.script(wire.as_json({"error": {"message": "revoked ya29.canary-1"}}, 401))
    refused = gateway.post("/v1/messages", claude_asked())
    assert refused.status == 401
    assert b"canary" not in refused.body
    google.server.handle(google.answer)
    google.server.wait(lambda: google.given == 2)
    google.server.wait(lambda: gateway.post("/v1/messages", claude_asked()).status == 200)
    gateway.stop()


def test_a_token_server_that_refuses_is_an_error_in_the_callers_dialect(
    start_gateway: Any, google: Google
) -> None:
    google.refuses = True
    gateway = start(start_gateway, google, credentials=str(google.account))
    with anthropic.Anthropic(base_url=gateway.url, api_key=CALLER_KEY, max_retries=0) as sdk:
        with pytest.raises(anthropic.InternalServerError) as failed:
            sdk.messages.create(model=CLAUDE, max_tokens=9, messages=HELLO)
        assert failed.value.status_code == 503
        assert "no usable credential" in str(failed.value)
        assert "invalid_grant" in str(failed.value)
        assert "secret-canary" not in str(failed.value)
        google.refuses = False
        google.server.wait(lambda: google.given == 1)
        google.server.wait(lambda: gateway.post("/v1/messages", claude_asked()).status == 200)
    assert google.asked
    assert "secret-canary" not in gateway.log()
    gateway.stop()


def test_the_machine_gives_tokens_too(
    start_gateway: Any, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{google.server.port}")
    monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{google.server.port}")
    gateway = start(start_gateway, google)
    assert gateway.post("/v1/messages", claude_asked()).status == 200
    gateway.stop()


def claude_asked() -> dict[str, Any]:
    return {"model": CLAUDE, "max_tokens": 9, "messages": HELLO}


@pytest.mark.parametrize(
    ("info", "grant_type"),
    [
        (
            {
                "type": "authorized_user",
                "client_id": "c",
                "client_secret": "s",
                "refresh_token": "r",
                "token_uri": "{url}/token",
                "quota_project_id": "billed",
            },
            "refresh_token",
        ),
        (
            {
                "type": "external_account",
                "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": "{url}/token",
                "credential_source": {"file": "{folder}/subject"},
            },
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
    ],
    ids=["authorized_user", "external_account"],
)
def test_other_files_are_understood(
    google: Google, tmp_path: Path, info: dict[str, Any], grant_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = "google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT"  # whatever a user's file says
    monkeypatch.setattr(endpoint, f"{google.server.url}/token")
    (tmp_path / "subject").write_text("proof-of-another-cloud")
    written = json.dumps(info).replace("{url}", google.server.url).replace("{folder}", str(tmp_path))
    (tmp_path / "other.json").write_text(written)
    lease = GoogleGrant().fetch({"credentials": str(tmp_path / "other.json")})(False)
    headers = dict(lease.headers)
    assert headers[b"authorization"] == b"Bearer ya29.canary-1"
    assert headers.get(b"x-goog-user-project") == (b"billed" if "quota_project_id" in info else None)
    assert google.forms[-1]["grant_type"] == [grant_type]


OTHER_FILES = [
    b"",
    b"[]",
    b"{}",
    b"\xff",
    b'{"type": "service_account"}',
    b'{"type": 7}',
    b'{"type": "external_account"}',
]


@pytest.mark.parametrize("content", OTHER_FILES)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.json").write_bytes(content)
    with pytest.raises(NoCredentials):
        GoogleGrant().fetch({"credentials": str(tmp_path / "other.json")})(False)
