"""What the documents show is true: samples of configuration can be served, command lines are understood, links lead
somewhere."""

import ast
import gc
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
import told_metrics
import trustme
import yaml

from gateway.cli import main
from gateway.commands.parsers import flags_of, parsers
from gateway.commands.settings import FLAGS, known_providers
from gateway.config import ConfigError, load
from gateway.control.admin.actions import ACTIONS
from gateway.providers.registry import PROVIDERS
from gateway.store.engine import open_engine, upgrade

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
VARIABLE = re.compile(r"\$\{(\w+)\}")
MENTIONED = re.compile(r"\bgateway_[a-z_]+[a-z]")
ROUTE_OF_API = re.compile(r"(?<![\w.-])/api/[a-z-]+|(?<=:8081)/api/[a-z-]+")
CALL = re.compile(r"(?:^|\()gateway [a-z]")
HOSTED = {"azure", "azure-eu", "azure-us", "databricks"}
"""Providers whose address nobody knows but their customers."""
PLACES = re.compile(r"\b([a-z][a-z0-9-]*)/[a-z]")


class Sample(NamedTuple):
    """A block of a document, and the line that it begins on."""

    document: Path
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.document.name}:{self.line}"


def _samples() -> Iterator[Sample]:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for found in BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 2
            yield Sample(document, line, found["language"], found["text"])


SAMPLES = list(_samples())
CONFIGURATIONS = [one for one in SAMPLES if one.language == "yaml"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that samples name, and nothing of this machine's own settings."""
    for name in ("GATEWAY_CONFIG", "GATEWAY_MASTER_KEY", "GATEWAY_KEY", "GATEWAY_KEYS", "GATEWAY_DATA"):
        monkeypatch.delenv(name, raising=False)
    trustme.CA().cert_pem.write_to_path(tmp_path / "my-ca.pem")
    (tmp_path / "litellm_prices.json").write_text("{}")
    (tmp_path / "service-account.json").write_text('{"type": "service_account"}')
    return tmp_path


def _whole(text: str) -> str:
    """A sample as a file: a lone route under `models`, and with the providers that it speaks of."""
    if text.startswith("  "):
        text = f"models:\n{text}"
    given = yaml.safe_load(VARIABLE.sub("some-value", text))
    if "providers" in given:
        return text
    ours = {"my-vllm", "big", "small", *re.findall(r"vllm-[a-z0-9-]+", text)}
    known = {"openai", "anthropic", "gemini", "groq", "deepinfra", "together", *HOSTED}
    named = {one for one in PLACES.findall(text) if one in ours | known} | {"openai"}
    lines = [f"  {one}: {_provider(one, one in ours)}" for one in sorted(named)]
    return "\n".join(["providers:", *lines, text])


def _provider(name: str, ours: bool) -> str:
    if ours:
        return '{type: vllm, base_url: "http://127.0.0.1:8000/v1"}'
    kind = name.partition("-")[0]
    address = f', type: {kind}, base_url: "https://{name}.example.com"' if name in HOSTED else ""
    return f"{{keys: [k-{name}]{address}}}"


@pytest.mark.parametrize("sample", CONFIGURATIONS, ids=[one.name for one in CONFIGURATIONS])
def test_samples_of_configuration_can_be_served(
    sample: Sample, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in VARIABLE.findall(sample.text):
        monkeypatch.setenv(name, f"value-of-{name.lower()}")
    text = _whole(sample.text).replace("/etc/ssl/my-ca.pem", str(folder / "my-ca.pem"))
    path = folder / "gateway.yaml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr("gateway.wiring.models.wrong_models", _no_model_is_wrong)
    code = main(["check", "--config", str(path)])
    told = capsys.readouterr()
    assert (code, told.err) == (0, "")


REQUIRED = "providers: {openai: {keys: [k]}}\n"
SECTIONS = {
    "": "?",
    **{
        name: f"{name}: {{?}}"
        for name in ("server", "auth", "admin", "timeouts", "retries", "breaker", "limits")
    },
    **{
        name: f"{name}: {{?}}"
        for name in ("per_request", "discovery", "journal", "store", "records", "log", "cache")
    },
    "auth.jwt": "auth: {jwt: {?}}",
    "cache.semantic": "cache: {semantic: {?}}",
    "a provider": "providers: {openai: {keys: [k], ?}}",
    "its key": "providers: {openai: {keys: [{value: k, ?}]}}",
    "its concurrency": "providers: {openai: {keys: [k], concurrency: {max: 1, ?}}}",
    "a model": f"{REQUIRED}models: {{x: {{targets: [openai/y], ?}}}}",
    "its target": f"{REQUIRED}models: {{x: {{targets: [{{model: openai/y, ?}}]}}}}",
    "its hedge": f"{REQUIRED}models: {{x: {{targets: [openai/y], hedge: {{?}}}}}}",
    "its stickiness": f"{REQUIRED}models: {{x: {{targets: [openai/y], strategy: sticky, sticky: {{?}}}}}}",
    "its shadow": f"{REQUIRED}models: {{x: {{targets: [openai/y], shadow: [{{model: openai/y, ?}}]}}}}",
    "a rule": "rules: [{name: x, ?}]",
    "a key": "keys: {x: {value: k, ?}}",
    "a team": "teams: {x: {?}}",
    "a quota": 'quotas: {"team:x": {?}}',
    "a limit": "teams: {x: {limits: [{requests: 1, ?}]}}",
    "a budget": "teams: {x: {budgets: [{usd: 1, ?}]}}",
    "a price": f"{REQUIRED}prices: {{openai/x: {{?}}}}",
}
UNKNOWN = "zzzzzzzz"


@pytest.mark.parametrize("section", SECTIONS)
def test_the_sample_has_every_setting(section: str, tmp_path: Path) -> None:
    """What the configuration names as known, where it meets what it does not know, stands in the large sample."""
    path = tmp_path / "gateway.yaml"
    path.write_text(SECTIONS[section].replace("?", f"{UNKNOWN}: 1"))
    with pytest.raises(ConfigError) as caught:
        load(path, {}, known=known_providers())
    [hint] = [problem.hint for problem in caught.value.problems if UNKNOWN in problem.path]
    names = hint.removeprefix("known here: ").split(", ")
    sample = max((one.text for one in CONFIGURATIONS if one.document.name == "configuration.md"), key=len)
    assert [name for name in names if not re.search(rf"(?<![\w.-]){name}:", sample)] == []


def _no_model_is_wrong(_: object) -> tuple[()]:
    """Models that a sample names are not on this machine."""
    return ()


def test_there_are_samples() -> None:
    assert len(CONFIGURATIONS) > 20


# --- command lines ------------------------------------------------------------------------------------------


def _calls() -> Iterator[tuple[str, str]]:
    """Where and what: every `gateway …` of shell blocks, and those in the text that are whole calls."""
    for one in SAMPLES:
        if one.language in ("sh", ""):
            for number, line in enumerate(one.text.splitlines()):
                if one.language == "sh" and CALL.search(line):
                    yield f"{one.document.name}:{one.line + number}", line
    for document in DOCUMENTS:
        text = BLOCK.sub("", document.read_text(encoding="utf-8"))
        for call in INLINE.findall(text):
            if re.match(r"gateway [a-z]", call):
                yield document.name, call


def _words(line: str) -> list[str]:
    """What stands behind `gateway`, as a shell would give it on."""
    line = line[line.index("gateway ") :]
    words = shlex.split(line, comments=True)[1:]
    ends = [at for at, word in enumerate(words) if word in (">", "|", "&&") or word.endswith(")")]
    if not ends:
        return words
    last = words[ends[0]]
    return [*words[: ends[0]], *([last.removesuffix(")")] if last.endswith(")") else [])]


CALLS = sorted(set(_calls()))


@pytest.mark.parametrize(("place", "call"), CALLS, ids=[f"{place} {call[:40]}" for place, call in CALLS])
def test_command_lines_are_understood(place: str, call: str) -> None:
    parser, commands = parsers()
    words = _words(call)
    if words[0] in commands and len(words) == 1:
        return  # the command as such
    _, rest = parser.parse_known_args([*words])
    assert rest == []


READING = [
    words for _, call in CALLS if (words := _words(call))[0] in ("usage", "logs", "budgets") and words[1:]
]


@pytest.mark.parametrize("words", READING, ids=[" ".join(words) for words in READING])
def test_questions_to_the_store_are_answered(
    words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_engine(f"sqlite:///{folder}/gateway.db")
    upgrade(engine)
    engine.dispose()
    asked = [word for word in words if word not in ("--follow", "-f")]
    gc.collect()  # what other tests left behind is not told in the middle of this one
    capsys.readouterr()
    assert main([*asked, "--data", str(folder)]) == 0
    assert capsys.readouterr().err == ""


def test_flags_are_those_of_a_command() -> None:
    known = {flag for parser in parsers()[1].values() for flag in flags_of(parser)} | set(FLAGS)
    known |= {"--help", "--version"}
    for document in DOCUMENTS:
        if document.name in ("performance.md", "semantic-quality.md"):
            continue  # flags of the bench
        text = BLOCK.sub("", document.read_text(encoding="utf-8"))
        said = {call for call in INLINE.findall(text) if re.fullmatch(r"--[a-z-]+", call)}
        assert said <= known, document.name


def test_variables_are_told() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "gateway").rglob("*.py"))
    read = set(re.findall(r"\bGATEWAY_[A-Z]+(?:_[A-Z]+)*", source))
    read |= {vendor.env[0] for vendor in PROVIDERS.values() if vendor.env and not vendor.keyless}
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert [name for name in sorted(read) if f"`{name}`" not in text] == []


def test_programs_that_are_named_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert [
            name for name in re.findall(r"python -m (bench\.[a-z_]+)", text) if find_spec(name) is None
        ] == []
        assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets, document


# --- links and names ----------------------------------------------------------------------------------------


def _anchor(heading: str) -> str:
    plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return plain.strip().replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=[one.name for one in DOCUMENTS])
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(BLOCK.sub("", document.read_text(encoding="utf-8"))):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = document.parent / path if path else document
        assert there.exists(), target
        if anchor:
            headings = HEADING.findall(BLOCK.sub("", there.read_text(encoding="utf-8")))
            assert anchor in map(_anchor, headings), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=[one.name for one in DOCUMENTS])
def test_pages_that_are_spoken_of_are_there(document: Path) -> None:
    for name in re.findall(r"\bdocs/[a-z-]+\.md", document.read_text(encoding="utf-8")):
        assert (ROOT / name).is_file(), name


def test_every_page_can_be_found_from_the_readme() -> None:
    found, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        found.add(page)
        text = page.read_text(encoding="utf-8")
        links = [(page.parent / one.partition("#")[0]).resolve() for one in LINK.findall(text)]
        links += [ROOT / name for name in re.findall(r"\bdocs/[a-z-]+\.md", text)]
        ahead += [one for one in links if one.suffix == ".md" and one.is_file() and one not in found]
    assert set(DOCUMENTS) <= found


def test_metrics_that_are_spoken_of_are_told(tmp_path: Path) -> None:
    told = set(told_metrics.families(tmp_path))
    for document in DOCUMENTS:
        said = set(MENTIONED.findall(document.read_text(encoding="utf-8")))
        assert {one for one in said if re.sub(r"_(bucket|sum|count)$", "", one) not in told} == set(), (
            document
        )


def test_routes_of_the_admin_api_are_there() -> None:
    roots = {match[0] for action in ACTIONS if (match := ROUTE_OF_API.match(action.path))}
    for document in DOCUMENTS:
        said = set(ROUTE_OF_API.findall(document.read_text(encoding="utf-8")))
        assert said <= roots | {"/api/openapi", "/api/health"}, document


def _events() -> Iterator[tuple[str, str]]:
    """Every event that is logged as a warning or an error, and its level."""
    levels = {"warning": "warning", "error": "error", "say": "warning", "_wait": "warning"}
    for path in (ROOT / "gateway").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr=way), args=[ast.Constant(value=str(event)), *_]):
                    if way in levels and re.fullmatch(r"[a-z]+(_[a-z]+)+", event):
                        yield event, levels[way]


def test_warnings_and_errors_of_the_log_are_told() -> None:
    text = (ROOT / "docs" / "log.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?`) \| (warning|error|warning, error) \|", text, re.MULTILINE)
    said = {name: levels.split(", ") for names, levels in rows for name in re.findall(r"`(\w+)`", names)}
    logged = set(_events())
    assert {event for event, _ in logged} - said.keys() == set()
    # Of processes that die the event is made of their names.
    assert said.keys() - {event for event, _ in logged} <= {"control_died", "recorder_died"}
    assert [event for event, level in logged if level not in said[event]] == []
