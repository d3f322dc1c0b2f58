"""Reading the settings of the journal, the store and the records."""

import re
from importlib.util import find_spec
from urllib.parse import urlsplit

from gateway.config.nodes import Node
from gateway.config.reading import (
    Read,
    Section,
    boolean,
    byte_size,
    choice,
    duration,
    integer,
    list_of,
    secret,
    text,
)
from gateway.config.records_model import Journal, Records, Store
from gateway.config.secret import Secret

_CENTURY = 36_525 * 86_400.0
POSTGRES = "postgresql+psycopg"
SCHEMES = ("sqlite", POSTGRES)

_age: Read[float] = duration(60, _CENTURY)


def journal(section: Section) -> Journal:
    usual = Journal()
    return Journal(
        enabled=section.get("enabled", boolean, usual.enabled),
        segment=section.get("segment", byte_size(64 << 10, 1 << 30), usual.segment),
    )


def store(section: Section) -> Store:
    return Store(url=section.get("url", _url, None))


def _url(node: Node) -> Secret:
    value = secret(node)
    scheme = urlsplit(value.reveal()).scheme
    if scheme not in SCHEMES:
        hint = "such as sqlite:////var/lib/gateway/gateway.db or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        raise node.where.error("must be the URL of a SQLite file or of a PostgreSQL database", hint)
    if scheme == POSTGRES and find_spec("psycopg") is None:
        said = "PostgreSQL needs a package that is not installed"
        raise node.where.error(said, "pip install 'ai-gateway[postgres]'")
    return value


def records(section: Section) -> Records:
    usual = Records()
    return Records(
        keep=section.get("keep", _forever_or_age, usual.keep),
        keep_bodies=section.get("keep_bodies", _forever_or_age, usual.keep_bodies),
        keep_sums=section.get("keep_sums", _forever_or_age, usual.keep_sums),
        most=section.get("most", integer(0, 10**12), usual.most),
        client_ip=section.get("client_ip", _or_off("full", "masked"), usual.client_ip),
        bodies=section.get("bodies", _or_off("keys", "all"), usual.bodies),
        body_bytes=section.get("body_bytes", byte_size(1, 256 << 10), usual.body_bytes),
        redact=section.get("redact", list_of(_pattern, example='such as ["[0-9]{16}"]'), usual.redact),
    )


def _or_off(*names: str) -> Read[str]:
    """One of a few words, or off, which YAML takes for a boolean."""
    read = choice("off", *names)
    return lambda node: "off" if node.kind == "boolean" and not boolean(node) else read(node)


def _forever_or_age(node: Node) -> float:
    return 0.0 if node.text == "forever" else _age(node)


def _pattern(node: Node) -> str:
    value = text(node)
    try:
        re.compile(value)
    except re.error as error:
        raise node.where.error(f"is no regular expression: {error}") from None
    return value
