"""The section `rules`: an ordered list of conditions, and what becomes of the first one's requests that holds."""

import re
from decimal import Decimal

import msgspec

from gateway.config.allowances import UNTOUCHABLE
from gateway.config.expressions import condition
from gateway.config.nodes import Node
from gateway.config.problems import ConfigError, Problem
from gateway.config.reading import Section, integer, list_of, section, text
from gateway.config.routes import Names, is_direct
from gateway.config.rule_model import Refusal, RuleConfig, Split

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_HEADER = re.compile(r"header:([A-Za-z0-9!#$%&'*+.^_`|~-]{1,128})", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,4})?) ?%", re.ASCII)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
_BY = ("user", "key", "session")


def rules(node: Node, names: Names) -> tuple[RuleConfig, ...]:
    """The rules in their order. Raises ConfigError with every mistake."""
    if node.kind != "list":
        list_of(text, example="such as [{when: 'request.tokens < 500', route: fast}]")(node)
    found: list[RuleConfig] = []
    problems: list[Problem] = []
    for number, item in enumerate(node.items, 1):
        try:
            one = section(_Reader(names, number).rule)(item)
        except ConfigError as error:
            problems += error.problems
            continue
        if any(one.name == other.name for other in found):
            problems.append(item.where.problem(f"a rule named {one.name} stands above", "give each its own"))
        found.append(one)
    if problems:
        raise ConfigError(problems)
    return tuple(found)


class _Reader:
    """Reads one rule; `names` are what it may lead to."""

    def __init__(self, names: Names, number: int) -> None:
        self._names = names
        self._number = number

    def rule(self, given: Section) -> RuleConfig:
        found = RuleConfig(
            name=given.get("name", _rule_name, f"rule-{self._number}"),
            when=given.get("when", condition, ""),
            to=given.get("route", self._name, "") or given.get("model", self._model, ""),
            settings=given.get("set", settings, ()),
            refuse=given.get("refuse", _refusal, None),
            split=given.get("split", self._split, None),
        )
        given.get("model", self._model, "")  # known by its name where `route` is given too
        self._check(given)
        return found

    def _check(self, given: Section) -> None:
        ends = [name for name in ("route", "model", "split", "refuse") if given.has(name)]
        if len(ends) > 1:
            given.fail(ends[1], f"stands beside {ends[0]}", "a rule has one of route, model, split, refuse")
        if given.has("refuse") and given.has("set"):
            given.fail("set", "sets fields of a request that is refused", "take one of them out")
        if not ends and not given.has("set"):
            given.problems.append(
                given.where.problem("does nothing", "give it route, model, split, refuse or set")
            )

    def _name(self, node: Node) -> str:
        return self._names.reference(node).name

    def _model(self, node: Node) -> str:
        name = self._name(node)
        if not is_direct(name, self._names.providers):
            raise node.where.error("is no provider/model", "route takes the names of routes")
        return name

    def _split(self, node: Node) -> Split:
        if node.kind != "mapping":
            raise node.where.error("must be a mapping", "such as {by: user, 10%: canary, 90%: stable}")
        by = node.fields.get("by")
        parts = [self._share(name, item) for name, item in node.fields.items() if name != "by"]
        total = sum((share for share, _ in parts), Decimal())
        if total != 100:
            raise node.where.error(f"has shares of {total} % in all", "they must come to 100 %")
        bounds, upto = Decimal(), []
        for share, name in parts:
            bounds += share
            upto.append((float(bounds / 100), name))
        return Split("key" if by is None else _by(by), tuple(upto))

    def _share(self, name: str, item: Node) -> tuple[Decimal, str]:
        """`10%: canary`, or `canary: 10%`, which can be said of two equal shares."""
        percent = _PERCENT.fullmatch(name)
        if percent is not None:
            return Decimal(percent[1]), self._name(item)
        percent = _PERCENT.fullmatch(item.text.strip())
        if percent is None:
            raise item.where.error("gives no share", "such as 10%: canary or canary: 10%")
        return Decimal(percent[1]), self._name(Node(item.where, "text", name))


def _rule_name(node: Node) -> str:
    name = text(node)
    if not _NAME.fullmatch(name):
        raise node.where.error("is no usable name", "letters, digits, dots, dashes and underscores, up to 64")
    return name


def _by(node: Node) -> str:
    word = text(node)
    if word not in _BY and not _HEADER.fullmatch(word):
        raise node.where.error("must be user, key, session or header:NAME")
    return word.lower()


def _refusal(node: Node) -> Refusal:
    """Words alone, or with a status."""
    if node.kind == "text":
        return Refusal(text(node))
    return section(
        lambda given: Refusal(
            given.need("message", text, "", "what the caller is told"),
            given.get("status", integer(400, 499), Refusal("").status),
        )
    )(node)


def settings(node: Node) -> tuple[tuple[str, bytes], ...]:
    """Fields of a request's body with their JSON; an empty one takes the field out."""
    if node.kind != "mapping" or not node.fields:
        raise node.where.error("must be a mapping of fields", "such as {temperature: 0, max_tokens: 500}")
    found = []
    for name, item in node.fields.items():
        if not _FIELD.fullmatch(name):
            raise item.where.error("is no usable name of a field")
        if name in UNTOUCHABLE:
            raise item.where.error("is not a rule's to set", "route and model say where a request goes")
        found.append((name, b"" if item.kind == "null" else msgspec.json.encode(_plain(item))))
    return tuple(found)


def _plain(node: Node) -> object:
    """A value of the file as JSON has it."""
    if node.kind == "list":
        return [_plain(item) for item in node.items]
    if node.kind == "mapping":
        return {name: _plain(item) for name, item in node.fields.items()}
    if node.kind == "null":
        return None
    if node.kind == "boolean":
        return node.text.lower() in ("true", "yes", "on")
    if node.kind == "number":
        return _number(node)
    return node.text


def _number(node: Node) -> int | float:
    try:
        return int(node.text)
    except ValueError:
        pass
    try:
        value = float(node.text)
    except ValueError:
        value = float("nan")
    if value - value != 0.0:
        raise node.where.error("is no number that JSON can say")
    return value
