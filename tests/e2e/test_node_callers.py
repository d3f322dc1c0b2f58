"""Node's `openai` and `@anthropic-ai/sdk`, by base URL alone, reach every provider through the gateway.

One Node process runs all the cases, one after the other; `make test` installs the SDKs where Node is present.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from all_vendors import CACHED, INPUT, MODELS, OUTPUT, WEATHER_CALL, Say, Vendors
from fault_server import CLOSE, HANG

FOLDER = Path(__file__).parent / "node"
SDKS = ("openai", "@anthropic-ai/sdk")
TEXT = "hello wörld 🙂"
PONDERED = "they greet me"
PROVIDERS = list(MODELS)
FINISHES = {"chat": "stop", "responses": "completed", "messages": "end_turn"}
CALLED = {"chat": "tool_calls", "responses": "completed", "messages": "tool_use"}
FORMS = list(FINISHES)

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


class Node:
    """A running Node with the SDKs, which answers a line with a line."""

    def __init__(self, vendors: Vendors) -> None:
        self._vendors = vendors
        self.process = subprocess.Popen(
            ["node", "run.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def answer(self, case: str, provider: str, **more: Any) -> Any:
        """What a case gave: `value`, or `error` with its class."""
        at = {"url": self._vendors.url, "key": self._vendors.key}
        given = {**at, "model": MODELS[provider], "words": TEXT, **more}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"name": case, "arguments": given}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def value(self, case: str, provider: str, **more: Any) -> Any:
        answer = self.answer(case, provider, **more)
        assert "value" in answer, answer
        return answer["value"]


@pytest.fixture(scope="module")
def node(vendors: Vendors) -> Iterator[Node]:
    missing = [name for name in SDKS if not (FOLDER / "node_modules" / name).is_dir()]
    assert not missing, f"{', '.join(missing)}: not installed for the tests; `make node` installs them"
    running = Node(vendors)
    yield running
    running.process.communicate(timeout=10)
    assert running.process.returncode == 0


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("form", FORMS)
def test_text_and_usage_are_the_same_streamed_or_not(
    vendors: Vendors, node: Node, form: str, provider: str
) -> None:
    vendors.say(Say(TEXT))
    cached = 0 if provider == "cohere" else CACHED
    said = {"text": TEXT, "finish": FINISHES[form], "input": INPUT, "output": OUTPUT, "cached": cached}
    for stream in (False, True):
        assert node.value(form, provider, stream=stream) == said
        assert TEXT in json.dumps(vendors.asked[-1], ensure_ascii=False)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("form", FORMS)
def test_a_tool_is_called_and_answered(
    vendors: Vendors, node: Node, form: str, provider: str, stream: bool
) -> None:
    vendors.say(Say("on it", calls=(WEATHER_CALL,)), Say("rain, then"))
    told = node.value(f"{form}Tools", provider, stream=stream, result="rain in Geneva")
    finish = CALLED[form]
    assert told == {"name": "weather", "given": {"city": "Genève"}, "finish": finish, "text": "rain, then"}
    assert "rain in Geneva" in json.dumps(vendors.asked[-1])


THINKERS = [
    ("responses", "responses"),
    ("responses", "anthropic"),
    ("responses", "gemini"),
    ("messages", "anthropic"),
    ("messages", "gemini"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("form", "provider"), THINKERS)
def test_signed_thought_goes_back_to_its_maker(
    vendors: Vendors, node: Node, form: str, provider: str, stream: bool
) -> None:
    vendors.say(Say(TEXT, thought=PONDERED))
    assert node.value(f"{form}Thought", provider, stream=stream) == PONDERED
    sent = vendors.asked[-1]
    if provider == "anthropic":
        thought = sent["messages"][1]["content"][0]
        assert thought == {"type": "thinking", "thinking": PONDERED, "signature": Say.seal}
    else:
        assert Say.seal in json.dumps(sent)


ERRORS = {400: "BadRequestError", 429: "RateLimitError", 500: "InternalServerError"}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("form", FORMS)
def test_an_error_has_its_class(vendors: Vendors, node: Node, form: str, provider: str) -> None:
    for status, kind in ERRORS.items():
        vendors.say(Say("out of luck", status=status))
        for stream in (False, True):
            error = node.answer(form, provider, stream=stream)["error"]
            assert (error["class"], error["status"]) == (kind, status)
            assert "out of luck" in error["message"]
    refused = node.answer(form, provider, key="wrong")["error"]
    assert (refused["class"], refused["status"]) == ("AuthenticationError", 401)
    unknown = node.answer(form, provider, model="nobody/x")["error"]
    assert (unknown["class"], unknown["status"]) == ("NotFoundError", 404)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("form", ["chat", "messages"])
def test_an_abort_ends_the_providers_stream(vendors: Vendors, node: Node, form: str, provider: str) -> None:
    vendors.say(Say("one two three four", breaks=HANG))
    assert node.value(f"{form}Aborted", provider)["aborted"]
    vendors.server.wait(lambda: vendors.server.only.closed_by_peer)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("form", FORMS)
def test_a_cut_stream_is_an_error(vendors: Vendors, node: Node, form: str, provider: str) -> None:
    vendors.say(Say("one two three four", breaks=CLOSE))
    error = node.answer(form, provider, stream=True).get("error")
    assert error
    assert "before its answer was complete" in error["message"]


def test_embeddings(vendors: Vendors, node: Node) -> None:
    vendors.say(Say())
    found = node.value("embeddings", "openai", model="openai/text-embedding-3-small")
    assert found == [[1.0, 2.0], [1.0, 2.0]]
