"""Questions of the same words find each other's answers, below the threshold too; whoever asks for more gets it."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import openai_wire
import pytest
from fault_server import FaultServer
from gateway_process import Gateway
from raw_client import Reply

StartGateway = Callable[..., Gateway]
CHAT = "/v1/chat/completions"
MODEL = "openai/gpt-4o-mini"
ASKED, REWORDED = (
    "What is the capital of Portugal?",
    "Hi! Could you please tell me Portugal's capital? Thanks!",
)
OTHERS = ("What was the capital of Portugal?", "What is the capital of Spain?", "Portugal is what capital?")
ONLY: dict[str, str | bytes] = {"x-gateway-cache": "only"}
ALIKE = {"mode": "semantic", "semantic": {"same_words": 0.75}}
CAREFUL: dict[str, str | bytes] = {**ONLY, "x-gateway-cache-threshold": "0.95"}

pytestmark = pytest.mark.skipif(find_spec("wordllama") is None, reason="the extra `cache` is not installed")


def ask(gateway: Gateway, text: str, headers: Any = None, *, before: str = "", model: str = MODEL) -> Reply:
    messages = [{"role": "system", "content": before}] if before else []
    messages.append({"role": "user", "content": text})
    return gateway.post(CHAT, {"model": model, "messages": messages}, headers)


def looked(reply: Reply) -> str:
    return reply.headers.get("x-gateway-cache", "")


def test_a_question_below_the_threshold_is_found_unless_more_is_asked_for(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.handle(openai_wire.echo)
    models = {"strict": {"targets": [MODEL], "cache": {"threshold": 0.95}}, "usual": {"targets": [MODEL]}}
    gateway = start_gateway(cache=ALIKE, models=models, server={"workers": 2})
    for model in ("usual", "strict"):
        assert looked(ask(gateway, ASKED, model=model)) == "miss"

    def known(text: str, model: str) -> bool:
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        return {looked(one) for one in gateway.from_each(gateway.encode(CHAT, body, ONLY))} == {"semantic"}

    openai_upstream.wait(lambda: known(REWORDED, "usual") and known(ASKED + " ", "strict"))
    found = ask(gateway, REWORDED, ONLY, model="usual")
    assert 0.75 <= float(found.headers["x-gateway-cache-similarity"]) < 0.93
    assert ask(gateway, REWORDED, CAREFUL, model="usual").status == 504
    assert ask(gateway, REWORDED, ONLY, model="strict").status == 504
    assert looked(ask(gateway, ASKED + " ", ONLY, model="strict")) == "semantic", (
        "but for its spacing the same"
    )
    for other in OTHERS:
        assert ask(gateway, other, ONLY, model="usual").status == 504
    assert len(openai_upstream.seen) == 2
    gateway.stop()


def test_a_conversation_is_told_nothing_of_another(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.handle(openai_wire.echo)
    gateway = start_gateway(cache=ALIKE, server={"workers": 1})
    for number in range(20):
        assert looked(ask(gateway, ASKED, before=f"You are number {number}.")) == "miss"
    openai_upstream.wait(
        lambda: looked(ask(gateway, REWORDED, ONLY, before="You are number 19.")) == "semantic"
    )
    for number in range(20):
        assert looked(ask(gateway, REWORDED, ONLY, before=f"You are number {number}.")) == "semantic"
        assert ask(gateway, REWORDED, ONLY, before=f"You are number {number + 20}.").status == 504
    assert ask(gateway, REWORDED, ONLY).status == 504
    gateway.stop()


def test_what_was_learned_survives_a_restart(
    start_gateway: StartGateway, openai_upstream: FaultServer
) -> None:
    openai_upstream.handle(openai_wire.echo)
    gateway = start_gateway(cache=ALIKE, server={"workers": 2})
    assert looked(ask(gateway, ASKED)) == "miss"
    openai_upstream.wait(lambda: looked(ask(gateway, REWORDED, ONLY)) == "semantic")
    gateway.stop()
    gateway._start(gateway.log_path.parent)
    gateway._wait_ready()
    openai_upstream.wait(lambda: looked(ask(gateway, REWORDED, ONLY)) == "semantic")
    assert len(openai_upstream.seen) == 1
    gateway.stop()
