"""Lists of models: asked of the providers in the background, kept on disk, and resolving bare names in every worker."""

import json
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anthropic
import cohere
import openai
import psutil
import pytest
from fault_server import CLOSE, HANG, Answer, FaultServer, Seen
from gateway_process import CALLER_KEY, OPENAI_KEY, Gateway, until
from google import genai
from raw_client import request

KEY: dict[str, str | bytes] = {"authorization": f"Bearer {CALLER_KEY}"}


def body(status: str, content: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


def said(what: Any) -> Answer:
    return [body("200 OK", json.dumps(what).encode())]


class Lists:
    """A provider whose lists of models, by path without query, a test may change."""

    def __init__(self) -> None:
        self.by_path: dict[str, Callable[[Seen], Answer]] = {}
        self.server = FaultServer(self._answer).start()

    def _answer(self, seen: Seen) -> Answer:
        path = seen.path.partition("?")[0]
        if seen.request_line.startswith(b"POST"):
            reply = {
                "id": "c", "object": "chat.completion", "created": 1, "model": json.loads(seen.body)["model"],
                "choices": [{"index": 0, "message": {"role": "assistant", "content": path}, "finish_reason": "stop"}],
            }  # fmt: skip
            return said(reply)
        return self.by_path.get(path, lambda _: [body("404 Not Found", b"{}")])(seen)

    def serve(self, path: str, *names: str, **fields: Any) -> None:
        self.by_path[path] = lambda _: said({"data": [{"id": name, **fields} for name in names]})

    def asked(self, path: str) -> list[Seen]:
        return [seen for seen in self.server.seen if seen.path.partition("?")[0] == path]


@pytest.fixture
def lists() -> Iterator[Lists]:
    found = Lists()
    yield found
    found.server.stop()


Start = Callable[..., Gateway]


@pytest.fixture
def start(lists: Lists, tmp_path: Path) -> Iterator[Start]:
    running: list[Gateway] = []

    def begin(*names: str, folder: str = "one", port: int | None = None, **more: Any) -> Gateway:
        providers = {
            name: {"type": "openai", "base_url": f"{lists.server.url}/{name}", "keys": [OPENAI_KEY]}
            for name in names
        }
        config = {
            "auth": {"keys": [CALLER_KEY]},
            "discovery": {"every": "1s"},
            "providers": {**providers, **more.pop("providers", {})},
            "server": {"port": port} if port else {},
            **more,
        }
        running.append(Gateway(config, tmp_path / folder))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.kill()


def names(gateway: Gateway) -> list[str]:
    """The models that are listed, where the workers agree; each takes up by itself what was discovered."""
    asked = request("GET", "/v1/models", None, KEY)
    lists = [[model["id"] for model in one.json()["data"]] for one in gateway.from_each(asked, "GET")]
    return lists[0] if all(one == lists[0] for one in lists) else ["the workers disagree"]


def asking(model: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "a"}]}


def chat(gateway: Gateway, model: str) -> tuple[int, Any]:
    reply = gateway.post("/v1/chat/completions", asking(model))
    return reply.status, json.loads(reply.body)


def statuses(gateway: Gateway, model: str) -> set[int]:
    """What all workers answer."""
    return gateway.statuses("/v1/chat/completions", asking(model))


def control(gateway: Gateway) -> list[psutil.Process]:
    """The supervisor's children that do not listen: all in the background."""
    workers = {worker.pid for worker in gateway.workers()}
    return [child for child in psutil.Process(gateway.process.pid).children() if child.pid not in workers]


def test_what_a_provider_lists_is_listed_and_resolves_by_its_bare_name(lists: Lists, start: Start) -> None:
    lists.serve("/mine/models", "zeta-1", context_length=9000, supported_parameters=["tools"])
    gateway = start("mine")
    until(lambda: "mine/zeta-1" in names(gateway))
    assert statuses(gateway, "zeta-1") == {200}
    status, reply = chat(gateway, "zeta-1")
    assert (status, reply["model"]) == (200, "zeta-1")
    one = json.loads(gateway.get("/v1/models/mine/zeta-1", KEY).body)
    assert (one["context_window"], one["capabilities"]) == (9000, ["tools"])
    assert lists.asked("/mine/models")[0].header("authorization") == f"Bearer {OPENAI_KEY}"
    assert gateway.metric("gateway_requests_total", model="zeta-1") > 0

    lists.serve("/mine/models", "eta-2")  # without a restart
    until(lambda: names(gateway) == ["mine/eta-2"])
    assert statuses(gateway, "eta-2") == {200}
    assert statuses(gateway, "zeta-1") == {404}
    gateway.stop()


def test_pages_are_followed_to_their_end(lists: Lists, start: Start) -> None:
    def page(seen: Seen) -> Answer:
        assert seen.header("x-api-key") == OPENAI_KEY
        if "after_id=claude-a" in seen.path:
            return said(
                {"data": [{"id": "claude-b", "max_input_tokens": 7, "max_tokens": 5}], "has_more": False}
            )
        return said({"data": [{"id": "claude-a"}], "has_more": True, "last_id": "claude-a"})

    def turn(seen: Seen) -> Answer:
        token = "again" if "pageToken=again" in seen.path else ""
        entry = {"name": f"models/gem-{token or 'first'}", "inputTokenLimit": 100, "thinking": True}
        return said({"models": [entry], "nextPageToken": "again"})  # it turns in a circle

    lists.by_path |= {"/v1/models": page, "/v1beta/models": turn}
    url = lists.server.url
    more = {
        "anthropic": {"base_url": url, "keys": [OPENAI_KEY]},
        "gemini": {"base_url": url, "keys": [OPENAI_KEY]},
    }
    gateway = start(providers=more)
    expected = {"anthropic/claude-a", "anthropic/claude-b", "gemini/gem-first", "gemini/gem-again"}
    until(lambda: set(names(gateway)) == expected)

    listed = json.loads(gateway.get("/v1beta/models", KEY).body)["models"]
    assert {"name": "models/gemini/gem-first", "inputTokenLimit": 100}.items() <= listed[-1].items()


BAD: dict[str, list[Any]] = {
    "broken": [body("200 OK", b"{")],
    "of-another-shape": [body("200 OK", b'{"data": 5}')],
    "deep": [body("200 OK", b"[" * 100_000)],
    "huge": [b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n" + b" " * (5 << 20)],
    "compressed": [body("200 OK", b"\x1f\x8b", "content-encoding: gzip")],
    "cut": [b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", CLOSE],
    "elsewhere": [body("302 Found", b"", "location: http://127.0.0.1:1/")],
    "silent": [b"HTTP/1.1 200 OK\r\n", HANG],
}
"""Lists that are none, by the name of the provider that has them."""


def told(answer: Answer, _: Seen) -> Answer:
    return answer


def test_bad_lists_harm_neither_the_others_nor_requests(lists: Lists, start: Start) -> None:
    for name, answer in BAD.items():
        lists.by_path[f"/{name}/models"] = partial(told, answer)
    lists.serve("/good/models", "good-1")
    gateway = start(*BAD, "good")
    until(lambda: "good/good-1" in names(gateway))
    until(lambda: all(lists.asked(f"/{name}/models") for name in BAD))
    for name in BAD:
        assert chat(gateway, f"{name}/any")[0] == 200
    assert names(gateway) == ["good/good-1"]
    gateway.stop()


def test_hostile_names_are_left_out_and_lists_are_bounded(lists: Lists, start: Start) -> None:
    bad = ["", "x" * 257, "line\nbreak", "\x1b[31mred", None, 7, {"a": 1}, " padded "]
    many = [*bad, *(f"m-{number}" for number in range(2500))]
    lists.by_path["/mine/models"] = lambda _: said({"data": [*({"id": name} for name in many), 5, "text"]})
    gateway = start("mine")
    until(lambda: len(names(gateway)) > 1)
    assert set(names(gateway)) == {f"mine/m-{number}" for number in range(2000)}


def test_a_failure_keeps_the_last_list_and_a_restart_needs_no_network(lists: Lists, start: Start) -> None:
    lists.serve("/mine/models", "kept-1")
    gateway = start("mine")
    until(lambda: names(gateway) == ["mine/kept-1"])
    lists.by_path["/mine/models"] = lambda _: [body("500 Internal Server Error", b"")]
    before = len(lists.asked("/mine/models"))
    until(lambda: len(lists.asked("/mine/models")) >= before + 2)
    assert names(gateway) == ["mine/kept-1"]
    [kept] = (gateway.log_path.parent / "data").glob("models-*")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert OPENAI_KEY.encode() not in kept.read_bytes()
    gateway.stop()

    again = start("mine", port=gateway.port)
    assert names(again) == ["mine/kept-1"]
    assert chat(again, "kept-1")[0] == 200
    again.stop()

    kept.write_bytes(kept.read_bytes()[:-1] + b"\xff")
    damaged = start("mine", port=gateway.port)
    assert names(damaged) == []
    assert "models_unreadable" in damaged.log()
    assert chat(damaged, "mine/kept-1")[0] == 200
    damaged.stop()


def test_a_killed_control_process_is_started_again_and_missed_by_nobody(lists: Lists, start: Start) -> None:
    lists.serve("/mine/models", "one-1")
    gateway = start("mine")
    until(lambda: names(gateway) == ["mine/one-1"])
    first = control(gateway)
    workers = {worker.pid for worker in gateway.workers()}
    for one in first:
        one.send_signal(signal.SIGKILL)
        one.wait(5)
    assert chat(gateway, "one-1")[0] == 200
    lists.serve("/mine/models", "two-2")
    until(lambda: names(gateway) == ["mine/two-2"])
    until(lambda: len(control(gateway)) == len(first))
    second = control(gateway)
    assert not {one.pid for one in first} & {one.pid for one in second}
    assert {worker.pid for worker in gateway.workers()} == workers
    gateway.stop()
    assert not any(one.is_running() for one in second)


def test_a_worker_started_later_knows_what_was_discovered(lists: Lists, start: Start) -> None:
    gateway = start("mine")
    until(lambda: bool(lists.asked("/mine/models")))
    assert names(gateway) == []
    lists.serve("/mine/models", "late-1")
    until(lambda: statuses(gateway, "late-1") == {200})
    gateway.kill_workers()
    assert statuses(gateway, "late-1") == {200}
    assert names(gateway) == ["mine/late-1"]


def test_the_operators_word_goes_before_any_list(lists: Lists, start: Start) -> None:
    lists.serve("/open/models", "gpt-4o", "open-1")
    url = lists.server.url
    more = {
        "named": {"type": "openai", "base_url": f"{url}/named", "models": ["only-this"]},
        "asked-not": {"type": "openai", "base_url": f"{url}/asked-not", "discover": False},
        "openai": {"base_url": f"{url}/openai", "keys": [OPENAI_KEY], "discover": False},
    }
    gateway = start("open", providers=more)
    until(lambda: "open/open-1" in names(gateway))
    assert "named/only-this" in names(gateway)
    assert lists.asked("/named/models") == lists.asked("/asked-not/models") == []
    status, reply = chat(gateway, "gpt-4o")  # a list takes no name away from its maker
    assert (status, reply["choices"][0]["message"]["content"]) == (200, "/openai/chat/completions")


def test_every_sdk_lists_and_finds_models(lists: Lists, start: Start) -> None:
    lists.serve("/mine/models", "zeta-1", context_length=9000, max_completion_tokens=500)
    gateway = start("mine")
    until(lambda: names(gateway) == ["mine/zeta-1"])
    with openai.OpenAI(api_key=CALLER_KEY, base_url=f"{gateway.url}/v1") as client:
        assert [one.id for one in client.models.list()] == ["mine/zeta-1"]
        assert client.models.retrieve("mine/zeta-1").owned_by == "mine"
    with anthropic.Anthropic(api_key=CALLER_KEY, base_url=f"{gateway.url}/anthropic") as client:
        [info] = client.models.list()
        assert (info.id, info.max_input_tokens, info.max_tokens) == ("mine/zeta-1", 9000, 500)
        assert client.models.retrieve("mine/zeta-1").id == "mine/zeta-1"
    with genai.Client(api_key=CALLER_KEY, http_options={"base_url": f"{gateway.url}/genai"}) as google:
        [model] = google.models.list()
        assert (model.name, model.input_token_limit) == ("models/mine/zeta-1", 9000)
        assert google.models.get(model="mine/zeta-1").output_token_limit == 500
    with cohere.ClientV2(api_key=CALLER_KEY, base_url=f"{gateway.url}/cohere") as client:
        assert [one.context_length for one in client.models.list().models] == [9000]
        assert client.models.get("mine/zeta-1").name == "mine/zeta-1"


def test_a_data_directory_that_cannot_be_used_is_warned_about(
    lists: Lists, start: Start, tmp_path: Path
) -> None:
    lists.serve("/mine/models", "one-1")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "data").write_text("a file in its place")
    gateway = start("mine")
    until(lambda: names(gateway) == ["mine/one-1"])
    assert "data_unusable" in gateway.log()
    gateway.stop()
    assert not list(Path("/dev/shm").glob(f"gateway-*-{gateway.port}.*"))
