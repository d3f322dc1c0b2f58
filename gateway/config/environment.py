"""The environment and the command line as settings: what they say has the same shape as a file."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway.config.model import Known, KnownProvider, way_of
from gateway.config.nodes import Node, Where, merged
from gateway.config.reading import optional_mapping

Place = tuple[str, ...]

VARIABLES: dict[str, Place] = {
    "GATEWAY_HOST": ("server", "host"),
    "GATEWAY_PORT": ("server", "port"),
    "GATEWAY_ADMIN_PORT": ("server", "admin_port"),
    "GATEWAY_WORKERS": ("server", "workers"),
    "GATEWAY_DRAIN": ("server", "drain"),
    "GATEWAY_DATA": ("data",),
    "GATEWAY_LOG_LEVEL": ("log", "level"),
    "GATEWAY_LOG_FORMAT": ("log", "format"),
}
FLAGS: dict[str, Place] = {
    "host": ("server", "host"),
    "port": ("server", "port"),
    "admin_port": ("server", "admin_port"),
    "workers": ("server", "workers"),
    "drain": ("server", "drain"),
    "data": ("data",),
    "log_level": ("log", "level"),
    "log_format": ("log", "format"),
}
KEY_VARIABLES = ("GATEWAY_KEY", "GATEWAY_KEYS")
"""Caller keys; several are separated by commas."""

_TOP = Where("environment", 0, "")


def from_flags(flags: Mapping[str, str | None]) -> Node:
    """The settings given by flags; those that are None were not given."""
    tree = _mapping({})
    for name, value in flags.items():
        if value is not None:
            where = Where("--" + name.replace("_", "-"), 0, "")
            tree = merged(tree, _at(FLAGS[name], Node(where, "text", value, external=True)))
    return tree


def from_environment(env: Mapping[str, str], known: Known, file: Node) -> Node:
    """The settings given by variables, to stand under those of `file`.

    A file that lists providers says which there are; the usual variables then only complete those of a
    vendor's own name.
    """
    tree = _mapping({})
    for variable, place in VARIABLES.items():
        if env.get(variable):
            tree = merged(tree, _at(place, _text(variable, env[variable])))
    keys = [item for variable in KEY_VARIABLES for item in _listed(variable, env.get(variable, ""))]
    if keys:
        tree = merged(tree, _at(("auth", "keys"), Node(keys[0].where, "list", items=tuple(keys))))
    listed = file.fields.get("providers") if file.kind == "mapping" else None
    if listed is None or listed.kind == "null":
        providers = {name: node for name, rules in known.items() if (node := _started(env, rules))}
    else:
        entries = optional_mapping(listed)
        providers = {
            name: _vendor(env, known[name], entry) if _is_own(name, entry) else _places(env, known, entry)
            for name, entry in entries.items()
            if name in known or _kind(entry) in known
        }
    return merged(tree, _at(("providers",), _mapping(providers)))


def _started(env: Mapping[str, str], rules: KnownProvider) -> Node | None:
    """The vendor's entry, when the environment says enough to call it."""
    node = _vendor(env, rules)
    addressed = "base_url" in node.fields or rules.place in node.fields
    enough = addressed if rules.keyless or rules.needs_base_url else True
    if not rules.keyless:
        enough = enough and ("keys" in node.fields or _is_lent(node, rules))
    return node if enough else None


def _is_lent(node: Node, rules: KnownProvider) -> bool:
    """Whether the variables tell of a credential other than a key. One that may be there unasked is not enough."""
    way = way_of(rules.ways, node.fields)
    needed = all(one.name in node.fields for one in rules.own if one.needed)
    return way is not None and not way.ambient and needed


def _vendor(env: Mapping[str, str], rules: KnownProvider, entry: Node | None = None) -> Node:
    """What the usual variables of a vendor say. An `entry` that has a credential of its own gets no other."""
    credentials = {"keys", *(one.name for one in rules.own if one.credential)}
    taken = entry is not None and bool(credentials & optional_mapping(entry).keys())
    fields = _own_settings(env, rules, credentials if taken else set())
    key = next((name for name in rules.key_env if env.get(name) and not taken), None)
    if key is not None:
        node = _text(key, env[key])
        fields["keys"] = Node(node.where, "list", items=(node,))
    address = next((name for name in rules.base_url_env if env.get(name)), None)
    if address is not None:
        fields["base_url"] = _text(address, completed(address, env[address], rules.base_url))
    return _mapping(fields)


def _own_settings(env: Mapping[str, str], rules: KnownProvider, without: set[str]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for one in rules.own:
        variable = next((name for name in one.env if env.get(name) and one.name not in without), None)
        if variable is not None:
            found[one.name] = _text(variable, env[variable])
    return found


def _places(env: Mapping[str, str], known: Known, entry: Node) -> Node:
    """For an entry under a name of the operator's own: what is no credential, such as the region."""
    rules = known.get(_kind(entry), KnownProvider(""))
    return _mapping(_own_settings(env, rules, {one.name for one in rules.own if one.credential}))


def _kind(entry: Node) -> str:
    kind = optional_mapping(entry).get("type")
    return "" if kind is None else kind.text.strip()


def completed(variable: str, value: str, usual: str) -> str:
    """The base URL that a local server's own variable means.

    Variables called *_HOST tell a server where to listen (`0.0.0.0`, `:11434`, `127.0.0.1:11434`): what
    they leave out is the vendor's usual scheme, port and path; every-interface addresses are reached on
    this machine.
    """
    if not variable.endswith("_HOST") or not usual:
        return value
    default = urlsplit(usual)
    scheme, _, rest = value.strip().rpartition("://")
    authority, slash, path = rest.partition("/")
    host, port = _authority(authority)
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}.get(host, host)
    port = port or ("" if scheme else str(default.port or ""))
    where = f"{scheme or default.scheme}://{host}" + (f":{port}" if port else "")
    return where + (slash + path if path.strip("/") else default.path)


def _authority(value: str) -> tuple[str, str]:
    if value.startswith("["):
        host, _, port = value.partition("]")
        return host + "]", port.removeprefix(":")
    if value.count(":") > 1:
        return (value, "") if value == "::" else (f"[{value}]", "")
    host, _, port = value.partition(":")
    return host, port


def _is_own(name: str, entry: Node) -> bool:
    """Whether the entry is of the vendor it is named after: no other may get this vendor's key."""
    kind = optional_mapping(entry).get("type")
    return kind is None or kind.kind == "null" or kind.text.strip() == name


def _listed(variable: str, value: str) -> list[Node]:
    return [_text(variable, part.strip()) for part in value.split(",") if part.strip()]


def _text(variable: str, value: str) -> Node:
    return Node(Where(_TOP.file, 0, variable), "text", value, external=True)


def _mapping(fields: dict[str, Node], where: Where = _TOP) -> Node:
    return Node(where, "mapping", fields=fields)


def _at(place: Place, node: Node) -> Node:
    for name in reversed(place):
        node = _mapping({name: node}, node.where)
    return node
