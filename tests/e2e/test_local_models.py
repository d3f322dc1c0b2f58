"""Models of the operator that compare questions: from the configuration to a hit, and what `check` says of bad ones."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai_wire
import pytest
from fault_server import FaultServer
from gateway_process import Gateway
from raw_client import Reply

from tests.unit.cache.onnx_house import embedding_model, folder_with, judging_model

pytest.importorskip("onnxruntime")

StartGateway = Callable[..., Gateway]
CHAT = "/v1/chat/completions"
MODEL = "openai/gpt-4o-mini"
ONLY: dict[str, str | bytes] = {"x-gateway-cache": "only"}
BOTH, TURNED = (
    "What is the difference between cats and dogs?",
    "What is the difference between dogs and cats?",
)
MORE = "Please, what's the difference between cats and dogs?"
OTHER = "What is the contrast between cats and dogs?"


def by(folder: Path, **verifier: Any) -> dict[str, Any]:
    models: dict[str, Any] = {"embedder": "onnx", "path": str(folder_with(folder / "e", embedding_model()))}
    if verifier:
        models["verifier"] = {"path": str(folder_with(folder / "v", judging_model())), **verifier}
    return {"mode": "semantic", "semantic": models}


def ask(gateway: Gateway, text: str, headers: Any = None) -> Reply:
    return gateway.post(CHAT, {"model": MODEL, "messages": [{"role": "user", "content": text}]}, headers)


def looked(reply: Reply) -> str:
    return reply.headers.get("x-gateway-cache", "")


def learned(gateway: Gateway, upstream: FaultServer) -> None:
    upstream.handle(openai_wire.echo)
    assert looked(ask(gateway, BOTH)) == "miss"
    upstream.wait(lambda: looked(ask(gateway, TURNED, ONLY)) == "semantic")


def test_a_sentence_model_tells_how_alike_questions_are(
    start_gateway: StartGateway, openai_upstream: FaultServer, tmp_path: Path
) -> None:
    gateway = start_gateway(cache=by(tmp_path), server={"workers": 1})
    learned(gateway, openai_upstream)
    found = ask(gateway, MORE, ONLY)
    assert looked(found) == "semantic"
    assert 0.75 <= float(found.headers["x-gateway-cache-similarity"]) < 1
    assert ask(gateway, OTHER, ONLY).status == 504
    gateway.stop()


def test_a_verifier_refuses_what_guards_let_pass(
    start_gateway: StartGateway, openai_upstream: FaultServer, tmp_path: Path
) -> None:
    gateway = start_gateway(cache=by(tmp_path, score=0.9), server={"workers": 1})
    learned(gateway, openai_upstream)
    assert ask(gateway, MORE, ONLY).status == 504, "to this verifier more words are another question"
    assert ask(gateway, OTHER, ONLY).status == 504
    gateway.stop()


def test_a_verifier_that_may_decides_about_other_words(
    start_gateway: StartGateway, openai_upstream: FaultServer, tmp_path: Path
) -> None:
    gateway = start_gateway(cache=by(tmp_path, reworded=True), server={"workers": 1})
    learned(gateway, openai_upstream)
    assert looked(ask(gateway, OTHER, ONLY)) == "semantic", "it knows neither of both words"
    assert ask(gateway, "What is the difference between cats and bread?", ONLY).status == 504
    gateway.stop()


def checked(folder: Path, semantic: str) -> subprocess.CompletedProcess[str]:
    path = folder / "gateway.yaml"
    path.write_text(f"providers: {{ollama: }}\ncache: {{mode: semantic, semantic: {semantic}}}\n")
    command = [sys.executable, "-m", "gateway.cli", "check", "--config", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_check_names_models_that_cannot_be_used(tmp_path: Path) -> None:
    good, bad = folder_with(tmp_path / "good", judging_model()), folder_with(tmp_path / "bad", b"no model")
    found = checked(tmp_path, f"{{embedder: onnx, path: {good}, verifier: {bad}}}")
    assert found.returncode == 1
    assert f"cache.semantic.path: {good}/model.onnx is not a model that embeds sentences" in found.stderr
    assert f"cache.semantic.verifier: model.onnx and tokenizer.json in {bad} cannot be read" in found.stderr
    assert "2 problems." in found.stderr
    missing = checked(tmp_path, f"{{verifier: {tmp_path}/nowhere}}")
    assert f"cache.semantic.verifier: there is no model.onnx in {tmp_path}/nowhere" in missing.stderr
    assert checked(tmp_path, f"{{verifier: {good}}}").returncode == 0


def test_a_gateway_with_a_bad_model_answers_exactly(
    start_gateway: StartGateway, openai_upstream: FaultServer, tmp_path: Path
) -> None:
    openai_upstream.handle(openai_wire.echo)
    bad = folder_with(tmp_path / "bad", b"no model")
    cache = {"mode": "semantic", "semantic": {"verifier": {"path": str(bad)}}}
    gateway = start_gateway(cache=cache, server={"workers": 1})
    assert looked(ask(gateway, BOTH)) == "miss"
    assert looked(ask(gateway, BOTH)) == "hit"
    assert looked(ask(gateway, TURNED)) == "miss"
    assert '"cache_without_meaning"' in gateway.log()
    gateway.stop()
