"""`auth.jwt`: whose tokens, where the keys are, and which claims say what."""

from pathlib import Path

import pytest

from gateway.config import ConfigError, load
from gateway.config.model import Config, Jwt
from gateway.providers.registry import known

GIVEN = "issuer: https://i, audience: a"


def read(folder: Path, text: str) -> Config:
    file = folder / "gateway.yaml"
    file.write_text(text)
    return load(file, {}, known=known())


def test_tokens_stand_for_keys_on_every_interface(tmp_path: Path) -> None:
    text = f"server: {{host: 0.0.0.0}}\nauth: {{jwt: {{{GIVEN}, jwks_url: 'https://i/keys', claims: {{team: t}}}}}}"
    assert read(tmp_path, text).auth.jwt == Jwt("https://i", "a", "https://i/keys", {"team": "t"})


@pytest.mark.parametrize(
    ("jwt", "place"),
    [
        (f"{{{GIVEN}}}", "auth.jwt"),
        (f"{{{GIVEN}, jwks_url: 'http://i/keys'}}", "auth.jwt.jwks_url"),
        (f"{{{GIVEN}, jwks_url: 'https://i', claims: {{role: r}}}}", "auth.jwt.claims.role"),
    ],
)
def test_what_could_not_be_trusted_is_a_mistake(tmp_path: Path, jwt: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"auth: {{jwt: {jwt}}}")
    assert place in [one.path for one in caught.value.problems]


def test_with_a_store_the_gateway_starts_where_others_reach_it(tmp_path: Path) -> None:
    text = f"server: {{host: 0.0.0.0}}\ndata: {tmp_path}\n"
    with pytest.raises(ConfigError, match="only listens on this machine"):
        read(tmp_path, text)
    (tmp_path / "gateway.db").touch()
    read(tmp_path, text)
    with pytest.raises(ConfigError, match="only listens on this machine"):
        read(tmp_path, f"{text}admin: off\n")
