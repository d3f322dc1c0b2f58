"""Writes docs/providers.md from the vendors' own data: run this file after a vendor has changed."""

from importlib import import_module
from pathlib import Path

from gateway.providers import vendors
from gateway.providers.provider import Provider
from gateway.providers.registry import PROVIDERS

PAGE = Path(__file__).parents[3] / "docs" / "providers.md"
HEAD = """\
# Providers

Every provider that is known by name, {count} of them, as the files in `gateway/providers/vendors/` declare them. A
provider is used when one of its key variables is set (a local server: its base URL variable), or when the configuration
lists it; [configuration.md](configuration.md) says how. A server of your own under any name takes one of these as its
`type`.

Chats go to the endpoint of the caller's own dialect where the provider has one, so that the bytes pass; otherwise they
are translated. This page is made by `tests/unit/providers/providers_page.py`.

| provider | key | base URL | dialects and endpoints |
| --- | --- | --- | --- |
"""
QUIRKS = """
## What is special

*Refused* fields are taken out of a request and named in `x-gateway-dropped`. *Renamed* ones keep their value. *Also
taken* are fields beyond OpenAI's, which a translation into that dialect therefore keeps. Prices are known for the
providers that say so; others cost what you write under `prices`.
"""


def page() -> str:
    """The whole page."""
    known = [PROVIDERS[name] for name in sorted(PROVIDERS)]
    rows = "\n".join(map(_row, known))
    return HEAD.format(count=len(known)) + rows + "\n" + QUIRKS + "".join(map(_section, known))


def _row(provider: Provider) -> str:
    cells = (
        f"[`{provider.name}`](#{provider.name})",
        " ".join(f"`{name}`" for name in (*provider.env, *_lent(provider)))
        + (" (optional)" if provider.keyless else ""),
        _address(provider),
        "; ".join(_endpoints(provider, dialect) for dialect in _dialects(provider)),
    )
    return "| " + " | ".join(cells) + " |"


def _lent(provider: Provider) -> list[str]:
    """The variables of what stands in for a key."""
    return [variable for one in provider.own if one.credential for variable in one.env]


def _address(provider: Provider) -> str:
    placed = provider.addresses[-1][1].replace("{}", provider.place.upper()) if provider.addresses else ""
    usual = f"`{provider.base_url or placed}`" if provider.base_url or placed else "yours"
    return f"{usual} `{provider.base_url_env}`" if provider.base_url_env else usual


def _dialects(provider: Provider) -> list[str]:
    return list(dict.fromkeys(serving.dialect for serving in provider.serves))


def _endpoints(provider: Provider, dialect: str) -> str:
    found = [serving.endpoint.replace("_", " ") for serving in provider.serves if serving.dialect == dialect]
    return f"{dialect}: {', '.join(found)}"


def _section(provider: Provider) -> str:
    module = import_module(f"{vendors.__name__}.{provider.name}")
    quirks = "".join(f"- {line}\n" for line in _quirks(provider))
    return f"\n### {provider.name}\n\n{(module.__doc__ or '').strip()}\n\n{quirks}"


def _quirks(provider: Provider) -> list[str]:
    lines = [f"Documented at <{provider.docs}>."]
    if provider.drops:
        lines.append(f"Refused: {_names(provider.drops)}.")
    if provider.renames:
        lines.append("Renamed: " + ", ".join(f"`{ours}` to `{its}`" for ours, its in provider.renames) + ".")
    if provider.accepts:
        lines.append(f"Also taken: {_names(provider.accepts)}.")
    own = (*provider.settings, *(one.name for one in provider.own))
    if own:
        lines.append(f"Its own settings: {_names(own)}.")
    for way in provider.ways:
        with_them = f" with {_names(way.settings)}" if way.settings else ""
        lines.append(f"Without a key{with_them}: {way.words.replace('{', '`').replace('}', '`')}.")
    for globs in dict.fromkeys(serving.models for serving in provider.serves if serving.models):
        served = [one.endpoint.replace("_", " ") for one in provider.serves if one.models == globs]
        lines.append(f"Models like {_names(globs)}: {', '.join(served)}.")
    if not provider.stream_usage:
        lines.append("A stream's usage is not asked for.")
    if provider.price_id:
        lines.append("Prices are known.")
    return lines


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
