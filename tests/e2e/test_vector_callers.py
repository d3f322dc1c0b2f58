"""Embeddings, rankings and counts by the official SDKs, at providers of other dialects than theirs."""

import json
import struct
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import anthropic
import cohere
import openai
import pytest
import wire
from fault_server import Answer, FaultServer, Seen
from gateway_process import CALLER_KEY, Gateway
from google import genai
from sdk_calls import opened

TEXTS = ["sea", "sand", "sun"]
KEY = "canary-provider-key"
RESULTS = [{"index": 2, "relevance_score": 0.875}, {"index": 0, "relevance_score": 0.25}]


def vector(text: str) -> list[float]:
    return [len(text) / 4, -1.5]


def texts_in(body: Any) -> list[str]:
    if "requests" in body:
        return [one["content"]["parts"][0]["text"] for one in body["requests"]]
    if "inputText" in body:
        return [body["inputText"]]
    given = body.get("texts") or body.get("input") or []
    return [given] if isinstance(given, str) else given


def answer(seen: Seen) -> Answer:
    """What each provider says; the path tells which is meant."""
    body, path = seen.json(), seen.path
    vectors = [vector(text) for text in texts_in(body)]
    if path.endswith(":batchEmbedContents"):
        counted = {"promptTokenCount": 7}
        return wire.as_json({"embeddings": [{"values": one} for one in vectors], "usageMetadata": counted})
    if path.endswith("/v2/embed"):
        meta = {"billed_units": {"input_tokens": 7}}
        return wire.as_json({"id": "e", "embeddings": {"float": vectors}, "texts": [], "meta": meta})
    if "titan" in path and path.endswith("/invoke"):
        return wire.as_json({"embedding": vectors[0], "inputTextTokenCount": 3})
    if path.endswith("/invoke"):
        head = {"X-Amzn-Bedrock-Input-Token-Count": "5"}
        return wire.as_json({"id": "e", "embeddings": {"float": vectors}}, **head)
    if path.endswith("/embeddings"):
        rows: list[dict[str, Any]] = [
            {"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(vectors)
        ]
        if body.get("encoding_format") == "base64":
            for row in rows:
                row["embedding"] = b64encode(struct.pack("<2f", *row["embedding"])).decode()
        usage = {"prompt_tokens": 7, "total_tokens": 7}
        return wire.as_json({"object": "list", "data": rows, "model": "m-1", "usage": usage})
    if path.startswith("/voyage") and path.endswith("/rerank"):
        return wire.as_json({"object": "list", "data": RESULTS, "usage": {"total_tokens": 9}})
    if path.endswith("/v2/rerank"):
        return wire.as_json({"id": "r", "results": RESULTS, "meta": {"billed_units": {"search_units": 1}}})
    if path.endswith("/rerank"):
        return wire.as_json({"model": "jina", "results": RESULTS, "usage": {"total_tokens": 9}})
    if path.endswith(":countTokens"):
        return wire.as_json({"totalTokens": 11})
    if path.endswith("/input_tokens"):
        return wire.as_json({"object": "response.input_tokens", "input_tokens": 12})
    if path.endswith("/count-tokens"):
        return wire.as_json({"inputTokens": 13})
    if path.endswith("/count_tokens"):
        return wire.as_json({"input_tokens": 14})
    return wire.as_json({"error": {"message": f"unknown path {path}"}}, 404)


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    running = FaultServer(answer).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def vector_gateway(server: FaultServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    plain = {"keys": [KEY], "base_url": server.url}
    providers = {
        "openai": {**plain, "base_url": f"{server.url}/v1"},
        "anthropic": plain,
        "gemini": plain,
        "cohere": plain,
        "bedrock": plain,
        "jina": {**plain, "base_url": f"{server.url}/jina/v1"},
        "voyage": {**plain, "base_url": f"{server.url}/voyage/v1"},
        "groq": {**plain, "base_url": f"{server.url}/groq/openai/v1"},
    }
    auth = {"keys": [CALLER_KEY]}
    config = {"auth": auth, "retries": {"max": 0}, "providers": providers}
    gateway = Gateway(config, tmp_path_factory.mktemp("vectors"))
    yield gateway
    gateway.stop()


@pytest.fixture
def gate(vector_gateway: Gateway, server: FaultServer) -> Gateway:
    server.reset()
    return vector_gateway


def of_openai(gate: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gate.url}/v1", api_key=CALLER_KEY, max_retries=0)


def of_cohere(gate: Gateway) -> cohere.ClientV2:
    return opened(cohere.ClientV2(api_key=CALLER_KEY, base_url=f"{gate.url}/cohere"))


def of_google(gate: Gateway) -> genai.Client:
    options = genai.types.HttpOptions(base_url=f"{gate.url}/genai")
    return opened(genai.Client(api_key=CALLER_KEY, http_options=options))


EMBEDDERS = [
    "openai/text-embedding-3-small",
    "gemini/gemini-embedding-001",
    "cohere/embed-v4.0",
    "bedrock/amazon.titan-embed-text-v2:0",
    "bedrock/cohere.embed-v4:0",
    "voyage/voyage-3.5",
    "jina/jina-embeddings-v3",
]


@pytest.mark.parametrize("model", EMBEDDERS)
def test_openais_sdk_embeds_anywhere(gate: Gateway, model: str) -> None:
    with of_openai(gate) as sdk:
        floats = sdk.embeddings.create(model=model, input=TEXTS, encoding_format="float")
        packed = sdk.embeddings.create(model=model, input=TEXTS)  # the SDK asks for base64
        single = sdk.embeddings.create(model=model, input=TEXTS[0])
    assert [row.embedding for row in floats.data] == [vector(text) for text in TEXTS]
    assert [row.embedding for row in packed.data] == [vector(text) for text in TEXTS]
    assert [row.embedding for row in single.data] == [vector(TEXTS[0])]
    titan, counted = "titan" in model, 5 if "cohere.embed" in model else 7
    assert floats.usage.prompt_tokens == (9 if titan else counted)


@pytest.mark.parametrize("model", EMBEDDERS)
def test_googles_sdk_embeds_anywhere(gate: Gateway, server: FaultServer, model: str) -> None:
    config = genai.types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=2)
    reply = of_google(gate).models.embed_content(model=model, contents=list(TEXTS), config=config)
    assert reply.embeddings is not None
    assert [one.values for one in reply.embeddings] == [vector(text) for text in TEXTS]
    if model.startswith("gemini/"):
        asked = server.only.json()["requests"]
        assert {one["model"] for one in asked} == {"models/gemini-embedding-001"}
        assert server.only.header("x-goog-api-key") == KEY
    if model.startswith("voyage/"):
        asked = server.only.json()
        assert (asked["input_type"], asked["output_dimension"]) == ("query", 2)
    if model.startswith("jina/"):
        assert server.only.json()["task"] == "retrieval.query"


@pytest.mark.parametrize("model", EMBEDDERS)
def test_coheres_sdk_embeds_anywhere(gate: Gateway, model: str) -> None:
    reply = of_cohere(gate).embed(
        model=model, texts=TEXTS, input_type="search_document", embedding_types=["float"]
    )
    assert reply.embeddings.float_ == [vector(text) for text in TEXTS]


def test_titans_callers_reach_others(gate: Gateway, server: FaultServer) -> None:
    headers = {"authorization": f"Bearer {CALLER_KEY}"}
    for model in ("openai/text-embedding-3-small", "bedrock/amazon.titan-embed-text-v2:0"):
        path = f"/bedrock/model/{model.replace('/', '%2F')}/invoke"
        reply = gate.post(path, {"inputText": "sea"}, headers).json()
        assert reply["embedding"] == vector("sea")
    assert server.seen[0].json() == {"model": "text-embedding-3-small", "input": ["sea"]}
    assert server.seen[1].json() == {"inputText": "sea"}


def test_titan_is_asked_once_a_text_and_fails_once(gate: Gateway, server: FaultServer) -> None:
    with of_openai(gate) as sdk:
        many = [f"text {n}" for n in range(40)]
        reply = sdk.embeddings.create(model=EMBEDDERS[3], input=many, encoding_format="float")
        assert [row.embedding for row in reply.data] == [vector(text) for text in many]
        assert reply.usage.prompt_tokens == 40 * 3
        assert len(server.seen) == 40

        def refuse(seen: Seen) -> Answer:
            if seen.json()["inputText"] == "text 7":
                return wire.as_json({"message": "too many"}, 429)
            return answer(seen)

        server.handle(refuse)
        with pytest.raises(openai.RateLimitError, match="too many"):
            sdk.embeddings.create(model=EMBEDDERS[3], input=many)


def test_what_cannot_cross_is_named(gate: Gateway) -> None:
    body = {"model": EMBEDDERS[3], "texts": ["a"], "input_type": "search_query", "truncate": "END"}
    reply = gate.post("/cohere/v2/embed", body)
    assert reply.headers.get("x-gateway-dropped") == "input_type, truncate"
    refused = gate.post("/v1/embeddings", {"model": EMBEDDERS[3], "input": [[1, 2]]})
    assert (refused.status, refused.json()["error"]["param"]) == (400, "input")


def test_a_provider_that_loses_a_vector_is_an_upstream_error(gate: Gateway, server: FaultServer) -> None:
    server.script(wire.as_json({"embeddings": [{"values": [1.0]}]}))
    body = {"model": "gemini/gemini-embedding-001", "texts": TEXTS, "input_type": "classification"}
    reply = gate.post("/v2/embed", body)
    assert (reply.status, "1 vectors for 3 inputs" in reply.json()["message"]) == (502, True)


RANKERS = ["cohere/rerank-v3.5", "jina/jina-reranker-v2", "voyage/rerank-2.5"]


@pytest.mark.parametrize("model", RANKERS)
def test_coheres_sdk_ranks_anywhere(gate: Gateway, server: FaultServer, model: str) -> None:
    reply = of_cohere(gate).rerank(model=model, query="q", documents=TEXTS, top_n=2)
    assert [(one.index, one.relevance_score) for one in reply.results] == [(2, 0.875), (0, 0.25)]
    best = "top_k" if model.startswith("voyage") else "top_n"
    assert server.only.json()[best] == 2
    common = gate.post("/v1/rerank", {"model": model, "query": "q", "documents": TEXTS, "top_n": 2}).json()
    assert common["results"] == RESULTS


COUNTERS = {
    "gemini/gemini-2.5-flash": 11,
    "openai/gpt-5-mini": 12,
    "bedrock/us.anthropic.claude-sonnet-4-5-v1:0": 13,
    "anthropic/claude-sonnet-4-5": 14,
    "groq/llama-3.3-70b": None,
}
HELLO: Any = [{"role": "user", "content": "Hello there"}]


@pytest.mark.parametrize(("model", "tokens"), COUNTERS.items())
def test_every_sdk_counts_anywhere(gate: Gateway, model: str, tokens: int | None) -> None:
    with anthropic.Anthropic(base_url=gate.url, api_key=CALLER_KEY, max_retries=0) as sdk:
        raw = sdk.messages.with_raw_response.count_tokens(model=model, messages=HELLO, system="Be brief.")
    found = [raw.parse().input_tokens]
    found.append(of_google(gate).models.count_tokens(model=model, contents="Hello there").total_tokens or 0)
    with of_openai(gate) as client:
        found.append(client.responses.input_tokens.count(model=model, input="Hello there").input_tokens)
    converse = {"messages": [{"role": "user", "content": [{"text": "Hello there"}]}]}
    path = f"/bedrock/model/{model.replace('/', '%2F')}/count-tokens"
    found.append(gate.post(path, {"input": {"converse": converse}}).json()["inputTokens"])
    if tokens is None:
        assert raw.headers["x-gateway-estimated"] == "true"
        assert all(3 < each < 30 for each in found)
    else:
        assert found == [tokens] * 4
        assert "x-gateway-estimated" not in raw.headers


def test_an_estimate_asks_nobody(gate: Gateway, server: FaultServer) -> None:
    reply = gate.post("/v1/messages/count_tokens", {"model": "groq/x", "messages": HELLO})
    assert reply.headers.get("x-gateway-estimated") == "true"
    assert json.loads(reply.body)["input_tokens"] > 3
    assert server.seen == []
    bad = gate.post("/v1/messages/count_tokens", {"model": "groq/x", "messages": 3})
    assert (bad.status, bad.json()["type"]) == (400, "error")
