"""The requests that the document shows for the admin API are answered as it says."""

import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from admin_house import House

DOCUMENT = Path(__file__).parents[3] / "docs" / "governance.md"
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _requests() -> list[tuple[str, str]]:
    """Path and body of every `curl`, in their order; no body is a question."""
    found = []
    for block in SHELL.findall(DOCUMENT.read_text(encoding="utf-8")):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["curl"]:
                body = words[words.index("-d") + 1] if "-d" in words else ""
                found.append((urlsplit(words[-1]).path, body))
    return found


async def test_every_request_is_answered(house: House) -> None:
    asked = _requests()
    assert len(asked) >= 7
    for path, body in asked:
        method, given = ("POST", json.loads(body)) if body else ("GET", None)
        answer = await house.ask(method, path, given)
        assert answer.status_code == (201 if body else 200), answer.text
    key = (await house.ask("GET", "/api/keys")).json()["data"][0]
    assert (key["team"], key["org"]) == ("search", "acme")


async def test_settings_of_a_key_are_those_of_the_file(house: House) -> None:
    """But for those that the document names."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("\n### Keys\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    said = {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {"value"}
    made = await house.make("keys", name="any")
    assert said <= set(made)
