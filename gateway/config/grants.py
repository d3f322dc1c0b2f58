"""The settings that only some vendors have: where they are, and what stands in for a key."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from gateway.config.model import KnownProvider, ProviderConfig, Setting, way_of
from gateway.config.reading import Section, secret, text
from gateway.config.secret import Secret
from gateway.config.values import base_url, existing_file

NONE = Secret("")

_PLACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


class Own(msgspec.Struct, frozen=True):
    """A vendor's own settings as they were given, what nobody may read apart from the rest."""

    settings: dict[str, str]
    secrets: dict[str, Secret]

    @property
    def names(self) -> set[str]:
        """All that are given."""
        return {*self.settings, *self.secrets}


def own_settings(given: Section, rules: KnownProvider, base: Path) -> Own:
    """Reads the vendor's own settings; a needed one that is missing is reported."""
    settings = {name: given.get(name, text, "") for name in rules.settings}
    secrets: dict[str, Secret] = {}
    for one in rules.own:
        if one.secret:
            secrets[one.name] = given.get(one.name, secret, NONE)
        else:
            settings[one.name] = _read(given, one, base)
        if one.needed and not given.has(one.name):
            given.fail(one.name, f"{one.name} is missing", _exports(one))
    return Own(
        {name: value for name, value in settings.items() if value},
        {name: value for name, value in secrets.items() if value.reveal()},
    )


def _read(given: Section, one: Setting, base: Path) -> str:
    if one.file:
        return given.get(one.name, existing_file(base), "")
    return given.get(one.name, base_url if one.url else text, "")


def _exports(one: Setting) -> str:
    return f"write {one.name}" + (f", or export {one.env[0]}=…" if one.env else "")


def address(given: Section, rules: KnownProvider, settings: Mapping[str, str]) -> str | None:
    """The base URL that the vendor has at this place; None where it has none, or the place is not given."""
    place = settings.get(rules.place, "") if rules.place else ""
    if not place:
        return None
    if not _PLACE.fullmatch(place):
        given.fail(rules.place, f"is no usable {rules.place}", "small letters, digits and dashes")
        return None
    return next((url.replace("{}", place) for glob, url in rules.addresses if fnmatchcase(place, glob)), None)


def missing_place(given: Section, rules: KnownProvider) -> None:
    """Reports that nothing tells where the vendor is to be found."""
    one = next((one for one in rules.own if one.name == rules.place), Setting(rules.place))
    if not one.needed and not given.has(one.name) and not given.has("base_url"):
        given.fail(one.name, f"{one.name} is missing", _exports(one))


def check_way(given: Section, found: ProviderConfig, rules: KnownProvider) -> bool:
    """Whether the vendor can be called without a key by what is given. Reports a credential that is only half there."""
    if found.keys:
        return True
    names = {*found.settings, *found.secrets}
    if found.base_url is None:
        names.add(rules.place)  # its absence is a mistake of its own
    way = way_of(rules.ways, names)
    if way is not None and not way.ambient:
        return True
    for other in rules.ways:
        missing = [name for name in other.settings if name not in names]
        begun = [
            one.name
            for one in rules.own
            if one.credential and one.name in names and one.name in other.settings
        ]
        if missing and begun:
            given.fail(missing[0], f"{missing[0]} is missing", f"it goes with {' and '.join(begun)}")
            return True
    return way is not None


def credential_words(found: ProviderConfig, rules: KnownProvider) -> str:
    """What a provider without keys is called with; empty when it is nothing."""
    way = way_of(rules.ways, {*found.settings, *found.secrets})
    return "" if way is None else way.words.format_map(found.settings)


def ways_hint(rules: KnownProvider) -> str:
    """What may be given instead of a key."""
    return "".join(f"; or give {', '.join(way.settings)}" for way in rules.ways if way.settings)
