"""`gateway keys`: the keys of callers, through the admin API of the running gateway."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from gateway.commands.reading import Trouble, WrongCall, date, duration, tell
from gateway.commands.screens import moment, shown, table, width
from gateway.commands.settings import read_beside
from gateway.config.secret import Secret

VARIABLE = "GATEWAY_ADMIN_KEY"
PATIENCE = 15.0
"""Seconds that the admin API may take for an answer."""
_LOST = (
    "the root key was shown once, when the store was made; any key of POST /api/admin-keys will do.\n"
    f"    {VARIABLE} or --admin-key-file must hold the whole of it: gwa-…"
)
PAGE = "500"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""What is connected to where the admin API listens on every address."""


def keys_command(args: argparse.Namespace) -> int:
    try:
        key = _admin_key(args.admin_key_file)
        url = _address(args.url) if args.url else _configured_url(args)
        if url is None:
            return 1
        with Admin(url, key) as admin:
            _ACTIONS[args.action](admin, args)
    except Trouble as trouble:
        return tell(trouble)
    return 0


class Admin:
    """The admin API of one gateway. Raises Trouble with what to do about it."""

    def __init__(self, url: str, key: Secret) -> None:
        self._url = url.rstrip("/").removesuffix("/api")
        headers = {"authorization": f"Bearer {key.reveal()}"}
        self._client = httpx.Client(headers=headers, timeout=PATIENCE, trust_env=False)

    def __enter__(self) -> "Admin":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The answer's JSON."""
        content = None if body is None else msgspec.json.encode(body)
        try:
            answer = self._client.request(method, f"{self._url}/api/{path}", content=content, params=query)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._away(error) from None
        if answer.is_success:
            return self._decoded(answer)
        raise self._refusal(answer)

    def _decoded(self, answer: httpx.Response) -> Any:
        try:
            return msgspec.json.decode(answer.content) if answer.content else None
        except msgspec.DecodeError:
            raise self._stranger() from None

    def _away(self, error: Exception) -> Trouble:
        todo = (
            "is the gateway running, with the admin API on (admin: on)? "
            "Give --config or --admin-port as `gateway serve` gets it, or --url"
        )
        return Trouble(f"no admin API answers at {shown(self._url)} ({type(error).__name__})", todo)

    def _stranger(self) -> Trouble:
        return Trouble(
            f"{shown(self._url)} is no admin API",
            "give the address of server.admin_port, not that of the API",
        )

    def _refusal(self, answer: httpx.Response) -> Trouble:
        try:
            fault = msgspec.json.decode(answer.content)["error"]
            said, path = shown(str(fault["message"])), shown(str(fault["path"]))
        except (msgspec.DecodeError, KeyError, TypeError):
            return self._stranger()
        if answer.status_code == 401:
            return Trouble("the admin key is not valid", _LOST)
        if answer.status_code == 404:
            todo = "`gateway keys list` shows those that there are"
            return Trouble("there is no such key, or it is not yours to see", todo)
        hints = {
            403: "use an admin key with that role; one that is for a team makes keys with --team alone",
            503: "`gateway doctor` tells more of the store",
        }
        return Trouble(f"{path}: {said}" if path else said, hints.get(answer.status_code, ""))


def _admin_key(file: str | None) -> Secret:
    """Raises Trouble."""
    text = os.environ.get(VARIABLE, "")
    if file:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is no text"
            raise Trouble(f"{shown(file)} cannot be read: {said}") from None
    text = text.strip()
    if not text:
        raise Trouble("no admin key is given", f"export {VARIABLE}=gwa-…, or pass --admin-key-file FILE")
    if not text.isascii() or not text.isprintable():
        raise Trouble("the admin key holds letters that no key has", "it looks like gwa-…, on one line")
    return Secret(text)


def _address(url: str) -> str:
    """Raises WrongCall."""
    if not url.startswith(("http://", "https://")):
        raise WrongCall(f"{shown(url)} is no address of the admin API", "such as http://127.0.0.1:8081")
    return url


def _configured_url(args: argparse.Namespace) -> str | None:
    """Where the admin API listens; None when the configuration has mistakes, which are then on standard error."""
    config = read_beside(args)
    if config is None:
        return None
    if not config.admin.enabled:
        raise Trouble("the admin API is off in this configuration", "admin: on")
    host = EVERYWHERE.get(config.admin.host, config.admin.host)
    return (
        f"http://[{host}]:{config.server.admin_port}"
        if ":" in host
        else f"http://{host}:{config.server.admin_port}"
    )


def _create(admin: Admin, args: argparse.Namespace) -> None:
    body: dict[str, Any] = {"name": args.name, "models": args.model, "tags": args.tag}
    body |= {name: getattr(args, name) for name in ("id", "team", "user", "org") if getattr(args, name)}
    if args.expires:
        body["expires"] = _moment(args.expires)
    _show_secret(admin.ask("POST", "keys", body), args)


def _moment(text: str) -> int:
    """The Unix time at which a key expires. Raises WrongCall."""
    when = date(text) if "-" in text else time() + duration(text)
    if when <= time():
        raise WrongCall(f"{shown(text)} is over already", "such as 90d, 12h or a date to come")
    return int(when)


def _rotate(admin: Admin, args: argparse.Namespace) -> None:
    body = {"grace": int(duration(args.grace))}
    _show_secret(admin.ask("POST", f"keys/{quote(args.id, safe='')}/rotate", body), args)


def _show_secret(made: dict[str, Any], args: argparse.Namespace) -> None:
    """The secret alone stands on standard output, the rest on standard error."""
    if args.quiet or args.json:
        print(made["key"] if args.quiet else msgspec.json.encode(made).decode())
        return
    names = [f"{name} {shown(made[name])}" for name in ("name", "team", "user", "org") if made[name]]
    print(f"Key {shown(made['id'])}{''.join(f', {one}' for one in names)}: {_state(made)}.", file=sys.stderr)
    if made["rotated_until"] > time():
        print(f"The old secret is valid until {moment(made['rotated_until'])} UTC.", file=sys.stderr)
    print(
        "This is its secret. It is shown this once; nobody can find it out later:\n",
        file=sys.stderr,
        flush=True,
    )
    print(made["key"], flush=True)


def _revoke(admin: Admin, args: argparse.Namespace) -> None:
    made = admin.ask("POST", f"keys/{quote(args.id, safe='')}/revoke")
    print(f"Key {shown(made['id'])} is revoked: it is refused from now on, and cannot come back.")


def _list(admin: Admin, args: argparse.Namespace) -> None:
    query = {name: getattr(args, name) for name in ("team", "user") if getattr(args, name)}
    found = list(_all(admin, query))
    if args.json:
        sys.stdout.writelines(msgspec.json.encode(one).decode() + "\n" for one in found)
        return
    if not found:
        print(
            "There is no such key. `gateway keys create` makes one."
            if query
            else "There is no key yet. `gateway keys create` makes one."
        )
        return
    rows = [
        (
            *(shown(one[name]) for name in ("id", "name", "team", "user")),
            shown(one["prefix"]) or "from the file",
            shown(" ".join(one["models"])) or "all",
            moment(one["created"], "%Y-%m-%d") if one["created"] else "",
            _state(one),
        )
        for one in found
    ]
    names = ("ID", "NAME", "TEAM", "USER", "SECRET", "MODELS", "CREATED", "STATE")
    kept = [at for at in range(len(names)) if any(row[at] for row in rows)]
    cut = [[row[at] for at in kept] for row in rows]
    heads = [names[at] for at in kept]
    spare = [heads.index(name) for name in ("CREATED", "SECRET") if name in heads]
    print("\n".join(table(heads, cut, whole=(0, len(kept) - 1), room=width(), spare=spare)))


def _all(admin: Admin, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Page by page; the file's first."""
    after: dict[str, str] = {}
    while True:
        page = admin.ask("GET", "keys", None, limit=PAGE, **query, **after)
        yield from page["data"]
        if not page["next"]:
            return
        after = {"after": page["next"]}


def _state(key: dict[str, Any]) -> str:
    if key["revoked"]:
        return f"revoked {moment(key['revoked'], '%Y-%m-%d')}"
    if key["blocked"]:
        return "blocked"
    if not key["expires"]:
        return "valid"
    return f"{'valid until' if key['expires'] > time() else 'expired'} {moment(key['expires'], '%Y-%m-%d')}"


_ACTIONS = {"create": _create, "list": _list, "revoke": _revoke, "rotate": _rotate}
