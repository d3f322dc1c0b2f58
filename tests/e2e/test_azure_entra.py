"""Azure OpenAI without a key: a token of Entra ID, got with the client's secret."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import openai
import openai_wire
import pytest
import wire
from fault_server import Answer, FaultServer, Seen
from gateway_process import CALLER_KEY, Gateway
from samples import HELLO

from gateway.providers.auth import BadSecret, NoCredentials
from gateway.providers.entra import EntraGrant

OWN = {"tenant_id": "my-tenant", "client_id": "my-client", "client_secret": "entra-canary"}
FORM = {
    "grant_type": ["client_credentials"],
    "client_id": ["my-client"],
    "client_secret": ["entra-canary"],
    "scope": ["https://cognitiveservices.azure.com/.default"],
}


class Azure:
    """The authority and the resource at one address."""

    def __init__(self) -> None:
        self.lent: Answer = wire.as_json(
            {"token_type": "Bearer", "expires_in": 3599, "access_token": "ey.token"}
        )
        self.server = FaultServer(self.answer).start()

    def answer(self, seen: Seen) -> Answer:
        if seen.path == "/my-tenant/oauth2/v2.0/token":
            assert parse_qs(seen.body.decode()) == FORM
            return self.lent
        return openai_wire.echo(seen)


@pytest.fixture
def azure() -> Iterator[Azure]:
    made = Azure()
    yield made
    made.server.stop()
    assert made.server.failures == []


def start(start_gateway: Any, azure: Azure, **own: Any) -> Gateway:
    entry = {"base_url": azure.server.url, "authority": azure.server.url, **OWN, **own}
    gateway: Gateway = start_gateway(providers={"azure": entry}, models={}, server={"workers": 1})
    return gateway


def ask(gateway: Gateway) -> Any:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=CALLER_KEY, max_retries=0) as sdk:
        return sdk.chat.completions.create(model="azure/my-deployment", messages=HELLO)


@pytest.mark.parametrize(
    ("own", "path"),
    [
        ({}, "/openai/v1/chat/completions"),
        (
            {"api_version": "2024-10-21"},
            "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_a_token_goes_with_each_request(
    start_gateway: Any, azure: Azure, own: dict[str, str], path: str
) -> None:
    gateway = start(start_gateway, azure, **own)
    ask(gateway)
    ask(gateway)
    token, *asked = azure.server.seen
    assert token.path == "/my-tenant/oauth2/v2.0/token"
    assert [seen.path for seen in asked] == [path, path]
    assert {seen.header("authorization") for seen in asked} == {"Bearer ey.token"}
    assert asked[0].header("api-key") is None
    gateway.stop()
    assert "ey.token" not in gateway.log()


def test_a_key_goes_before(start_gateway: Any, azure: Azure) -> None:
    gateway = start(start_gateway, azure, keys=["azure-key"])
    ask(gateway)
    assert azure.server.only.header("api-key") == "azure-key"
    gateway.stop()


def test_a_refusal_is_told_in_the_callers_dialect(start_gateway: Any, azure: Azure) -> None:
    azure.lent = wire.as_json({"error": "invalid_client", "error_description": "entra-canary"}, 401)
    gateway = start(start_gateway, azure)
    with pytest.raises(
        openai.InternalServerError, match=r"no usable credential.*401 \(invalid_client\)"
    ) as failed:
        ask(gateway)
    assert failed.value.status_code == 503
    assert "canary" not in str(failed.value) + gateway.log()
    gateway.stop()


@pytest.mark.parametrize(
    ("lent", "said"),
    [
        (wire.as_json({"error": "bad\nword canary"}, 400), "refused with status 400$"),
        (wire.whole(b"<html>entra-canary", content_type="text/html"), "no access token"),
        (wire.as_json({"access_token": "a"}), "no access token"),
        (wire.as_json({"access_token": "a\r\nb: entra-canary", "expires_in": 99}), "control character"),
        (wire.whole(b" " * 70_000), "too long"),
        (wire.head(302, location="http://canary.example", content_length="0"), "status 302"),
    ],
)
def test_what_is_no_token_is_named_without_showing_it(azure: Azure, lent: Answer, said: str) -> None:
    azure.lent = [lent] if isinstance(lent, bytes) else lent
    scope = FORM["scope"][0]
    fetch = EntraGrant(scope).fetch({**OWN, "authority": azure.server.url})
    with pytest.raises((NoCredentials, BadSecret), match=said) as failed:
        fetch(False)
    assert "canary" not in str(failed.value)


def test_an_authority_that_is_not_there_is_named(azure: Azure) -> None:
    with pytest.raises(NoCredentials, match="cannot be reached: ConnectError"):
        EntraGrant("s").fetch({**OWN, "authority": "http://127.0.0.1:1"})(False)
