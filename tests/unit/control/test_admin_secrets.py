"""Secrets given to the admin API come back from nowhere: no answer, no audit entry, no table, no log."""

import os
from pathlib import Path

import pytest
from admin_house import House

from gateway.store import things
from gateway.store.governance import credentials
from gateway.store.sealing import FILE, SealBroken, Sealer, Unusable, sealer

CANARIES = ("sk-canary-credential-1", "sk-canary-credential-2", "sk-canary-own-key-3", "sk-canary-own-key-4")
LISTS = ("providers", "credentials", "keys", "admin-keys", "audit")


def _everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_canaries_are_found_nowhere(
    house: House, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    await house.make("providers", id="openai")
    await house.make("credentials", id="c", provider="openai", value=CANARIES[0])
    key = await house.make("keys", id="k", credentials={"openai": CANARIES[2]})
    admin = await house.make("admin-keys", name="x", role="viewer")
    answers = [
        await house.ask("PATCH", "/api/credentials/c", {"value": CANARIES[1], "weight": 3}),
        await house.ask("PATCH", "/api/keys/k", {"credentials": {"openai": CANARIES[3]}}),
        await house.ask("POST", "/api/credentials", {"provider": "openai", "value": [CANARIES[0]]}),
        await house.ask("POST", "/api/credentials", {"provider": "nobody", "value": CANARIES[0]}),
        await house.ask("POST", "/api/credentials", {"provider": "openai", "value": CANARIES[0] + "\n"}),
        *[await house.ask("GET", f"/api/{path}") for path in LISTS],
    ]
    assert answers[0].json()["hint"] == "…al-2"
    assert answers[1].json()["credentials"] == {"openai": "…ey-4"}
    said = "".join(one.text for one in answers) + "".join(capfd.readouterr())
    house.close()
    kept = _everything_in(tmp_path)
    for secret in (*CANARIES, key["key"], admin["key"], house.root):
        assert secret not in said
        assert secret.encode() not in kept


async def test_sealed_secret_opens_for_its_owner_alone(house: House) -> None:
    await house.make("providers", id="openai")
    await house.make("credentials", id="c", provider="openai", value=CANARIES[0])
    with house.engine.connect() as connection:
        row = things.find(connection, credentials, "c")
    assert row is not None
    assert house.store.sealer.open(row["sealed"], "credential:c").reveal() == CANARIES[0]
    with pytest.raises(SealBroken):
        house.store.sealer.open(row["sealed"], "credential:d")
    with pytest.raises(SealBroken):
        Sealer(os.urandom(32)).open(row["sealed"], "credential:c")


def _salt() -> bytes:
    return b"0" * 16


def test_key_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    first = sealer("", tmp_path, _salt)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert sealer("", tmp_path, _salt).id == first.id
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(Unusable):
        sealer("", tmp_path, _salt)


@pytest.mark.parametrize("given", ["ab" * 32, "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="])
def test_key_is_taken_in_hex_or_base64(tmp_path: Path, given: str) -> None:
    assert sealer(given, tmp_path, _salt).id == Sealer(b"\xab" * 32).id
    assert not (tmp_path / FILE).exists()


def test_passphrase_is_stretched_with_the_salt(tmp_path: Path) -> None:
    ids = {
        sealer("correct horse", tmp_path, _salt).id,
        sealer("correct horse", tmp_path, os.urandom(16).hex().encode).id,
    }
    assert len(ids) == 2
    assert sealer("correct horse", tmp_path, _salt).id in ids
