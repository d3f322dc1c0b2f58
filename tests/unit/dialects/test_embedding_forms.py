"""Embeddings in every dialect: what crosses, what is named, and what a hostile provider cannot do."""

import json
import struct
from base64 import b64encode
from typing import Any

import cohere.types
import pytest
from google.genai import types as genai_types
from openai.types import CreateEmbeddingResponse

from gateway.dialects.codec import TargetFacts
from gateway.dialects.embedding import bedrock, gemini, openai
from gateway.dialects.embedding import cohere as of_cohere
from gateway.dialects.embedding.vectors import packed, unpacked
from gateway.errors import BadRequest, UnservedEndpoint, UpstreamProtocolError

FORMS: dict[str, Any] = {
    "openai": openai,
    "gemini": gemini.batch,
    "cohere": of_cohere,
    "titan": bedrock,
    "bedrock-cohere": bedrock,
}
MODELS = {"titan": "amazon.titan-embed-text-v2:0", "bedrock-cohere": "cohere.embed-english-v3"}
VECTORS = [[0.5, -0.25], [1.0, 2.0]]
ASKED: dict[str, Any] = {
    "openai": {"model": "m", "input": ["a", "b"], "dimensions": 256},
    "gemini": {
        "requests": [
            {
                "model": "models/m",
                "content": {"parts": [{"text": text}]},
                "taskType": "RETRIEVAL_DOCUMENT",
                "outputDimensionality": 256,
            }
            for text in ("a", "b")
        ]
    },
    "cohere": {
        "model": "m",
        "texts": ["a", "b"],
        "input_type": "search_document",
        "output_dimension": 256,
        "embedding_types": ["float"],
    },
}


def asked(caller: str, **changes: Any) -> Any:
    return FORMS[caller].read_request(json.dumps({**ASKED[caller], **changes}).encode(), "m")


def bodies(target: str, request: Any, **facts: Any) -> tuple[list[Any], tuple[str, ...]]:
    form, model = FORMS[target], MODELS.get(target, "their-model")
    written = [form.write_request(one, TargetFacts(model, **facts)) for one in form.split(request, model)]
    return [json.loads(one.body) for one in written], written[0].dropped


def answers(target: str) -> list[dict[str, Any]]:
    match target:
        case "openai":
            rows = [{"object": "embedding", "index": at, "embedding": VECTORS[at]} for at in (1, 0)]
            usage = {"prompt_tokens": 7, "total_tokens": 7}
            return [{"object": "list", "data": rows, "model": "m-1", "usage": usage}]
        case "gemini":
            values = [{"values": vector} for vector in VECTORS]
            return [{"embeddings": values, "usageMetadata": {"promptTokenCount": 7}}]
        case "cohere":
            meta = {"billed_units": {"input_tokens": 7.0}}
            return [{"id": "e1", "embeddings": {"float": VECTORS}, "texts": ["a", "b"], "meta": meta}]
        case "titan":
            return [{"embedding": vector, "inputTextTokenCount": 3 + at} for at, vector in enumerate(VECTORS)]
        case _:
            return [{"id": "e1", "embeddings": VECTORS, "response_type": "embeddings_floats"}]


def reply_of(target: str, request: Any) -> Any:
    form, model = FORMS[target], MODELS.get(target, "m")
    parts = form.split(request, model)
    given = answers(target)
    return form.join(
        [form.read_reply(json.dumps(body).encode(), part) for body, part in zip(given, parts, strict=True)]
    )


@pytest.mark.parametrize("target", FORMS)
@pytest.mark.parametrize("caller", ASKED)
def test_vectors_and_tokens_cross_every_pair(caller: str, target: str) -> None:
    request = asked(caller)
    body = json.loads(FORMS[caller].write_reply(reply_of(target, request), request, "m", "id-1"))
    match caller:
        case "openai":
            read = CreateEmbeddingResponse.model_validate(body)
            assert [row.embedding for row in sorted(read.data, key=lambda row: row.index)] == VECTORS
            assert read.usage.prompt_tokens == (0 if target == "bedrock-cohere" else 7)
        case "gemini":
            assert [one["values"] for one in body["embeddings"]] == VECTORS
            genai_types.EmbedContentResponse.model_validate({"embeddings": body["embeddings"]})
            assert body.get("usageMetadata") == (
                None if target == "bedrock-cohere" else {"promptTokenCount": 7}
            )
        case _:
            shown = cohere.types.EmbedByTypeResponse.model_validate(body)
            assert shown.embeddings.float_ == VECTORS
            assert shown.texts == ["a", "b"]


def test_purposes_and_dimensions_cross() -> None:
    to_gemini, dropped = bodies("gemini", asked("cohere", input_type="search_query", truncate="END"))
    assert [one["taskType"] for one in to_gemini[0]["requests"]] == ["RETRIEVAL_QUERY"] * 2
    assert to_gemini[0]["requests"][0]["model"] == "models/their-model"
    assert to_gemini[0]["requests"][0]["outputDimensionality"] == 256
    assert dropped == ()
    to_cohere, _ = bodies("cohere", asked("gemini"))
    assert to_cohere == [{**ASKED["cohere"], "model": "their-model"}]
    voyage, dropped = bodies("openai", asked("cohere"), accepts=("input_type", "truncation"))
    assert (voyage[0]["input_type"], voyage[0]["dimensions"], dropped) == ("document", 256, ())
    jina, _ = bodies("openai", asked("cohere", truncate="NONE"), accepts=("task", "truncate"))
    assert (jina[0]["task"], jina[0]["truncate"]) == ("retrieval.passage", False)
    plain, dropped = bodies("openai", asked("cohere", truncate="START"))
    assert dropped == ("input_type", "truncate")
    assert plain == [{"model": "their-model", "input": ["a", "b"], "dimensions": 256}]


def test_what_only_the_callers_dialect_knows_is_named() -> None:
    _, dropped = bodies("cohere", asked("openai", user="u", vendor_flag=1))
    assert dropped == ("vendor_flag", "user")
    _, dropped = bodies("titan", asked("openai", user="u"))
    assert dropped == ("user",)
    _, dropped = bodies("gemini", asked("cohere", embedding_types=["float", "int8"]))
    assert dropped == ("embedding_types.int8",)


def test_formats_that_nobody_there_has_are_refused() -> None:
    with pytest.raises(UnservedEndpoint):
        bodies("openai", asked("cohere", embedding_types=["int8", "binary"]))


@pytest.mark.parametrize("target", ["gemini", "cohere", "titan", "bedrock-cohere"])
def test_token_numbers_need_their_own_tokenizer(target: str) -> None:
    for given in ([1, 2], [[1, 2], [3]]):
        with pytest.raises(UnservedEndpoint):
            bodies(target, asked("openai", input=given))
    assert bodies("openai", asked("openai", input=[[1, 2], [3]]))[0][0]["input"] == [[1, 2], [3]]


def test_images_reach_those_that_see() -> None:
    image = "data:image/png;base64,aGk="
    given = {"model": "m", "input_type": "image", "images": [image]}
    request = of_cohere.read_request(json.dumps(given).encode(), "m")
    with pytest.raises(UnservedEndpoint):
        bodies("openai", request)
    part = bodies("gemini", request)[0][0]["requests"][0]["content"]["parts"][0]
    assert part == {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    assert bodies("cohere", request)[0][0]["input_type"] == "image"


def test_many_inputs_are_split_as_the_provider_wants() -> None:
    request = asked("openai", input=[str(n) for n in range(250)])
    assert [len(one["texts"]) for one in bodies("cohere", request)[0]] == [96, 96, 58]
    assert [len(one["requests"]) for one in bodies("gemini", request)[0]] == [100, 100, 50]
    assert len(bodies("titan", request)[0]) == 250


def test_base64_says_the_same_as_floats() -> None:
    floats = [0.1, -1e-7, 3.5]
    text = b64encode(struct.pack("<3f", *floats)).decode()
    assert packed(floats) == text
    assert unpacked(text) == list(struct.unpack("<3f", struct.pack("<3f", *floats)))
    request = asked("openai", encoding_format="base64")
    body = json.loads(openai.write_reply(reply_of("titan", request), request, "m", ""))
    assert [unpacked(row["embedding"]) for row in body["data"]] == VECTORS


def test_cohere_formats_of_integers_pass_between_coheres() -> None:
    request = asked("cohere", embedding_types=["int8", "base64"])
    assert bodies("bedrock-cohere", request)[0][0]["embedding_types"] == ["int8", "float"]
    answer = {"id": "x", "embeddings": {"float": VECTORS, "int8": [[1, -2], [3, 4]]}}
    reply = of_cohere.read_reply(json.dumps(answer).encode(), request)
    shown = json.loads(of_cohere.write_reply(reply, request, "m", ""))["embeddings"]
    assert shown["int8"] == [[1, -2], [3, 4]]
    assert [unpacked(one) for one in shown["base64"]] == VECTORS


ROW = {"index": 0, "embedding": [1.0]}
HOSTILE: list[tuple[str, Any]] = [
    ("openai", {"data": []}),
    ("openai", {"data": [ROW, {"index": 2, "embedding": [1.0]}]}),
    ("openai", {"data": [ROW, ROW]}),
    ("openai", {"data": [ROW, {"index": -3, "embedding": [1.0]}]}),
    ("openai", {"data": [ROW, {"index": 1, "embedding": [1.0, 2.0]}]}),
    ("openai", {"data": [ROW, {"index": 1, "embedding": []}]}),
    ("openai", {"data": [ROW, {"index": 1, "embedding": "AAAA"}]}),
    (
        "openai",
        {"data": [ROW, {"index": 1, "embedding": b64encode(struct.pack("<f", float("nan"))).decode()}]},
    ),
    ("openai", {"data": [ROW, {"index": 1, "embedding": ["1"]}]}),
    ("gemini", {"embeddings": [{"values": [1.0]}]}),
    ("gemini", {}),
    ("cohere", {"embeddings": {"int8": [[1], [2]]}}),
    ("cohere", {"embeddings": {"float": [[1.0], [2.0]], "int8": [[1], [300]]}}),
    ("cohere", {"embeddings": {"float": [[1.0]]}}),
    ("cohere", {"embeddings": None}),
    ("bedrock-cohere", {"embeddings": 3}),
]


@pytest.mark.parametrize(("target", "answer"), HOSTILE)
def test_a_provider_that_answers_nonsense_is_told_from_one_that_answers(target: str, answer: Any) -> None:
    with pytest.raises(UpstreamProtocolError):
        FORMS[target].read_reply(json.dumps(answer).encode(), asked("cohere"))


def test_a_number_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(UpstreamProtocolError):
        openai.read_reply(b'{"data":[{"index":0,"embedding":[1e999]}]}', asked("openai", input="a"))
    with pytest.raises(UpstreamProtocolError):
        packed([1e300])


BAD: list[tuple[str, Any]] = [
    ("openai", {"input": []}),
    ("openai", {"input": [1, "a"]}),
    ("openai", {"input": {"text": "a"}}),
    ("openai", {"encoding_format": "int8"}),
    ("gemini", {"requests": []}),
    ("gemini", {"requests": [{"content": {"parts": [{}]}}]}),
    ("cohere", {"texts": []}),
    ("cohere", {"images": ["x"]}),
    ("cohere", {"input_type": "poetry"}),
]


@pytest.mark.parametrize(("caller", "changes"), BAD)
def test_what_cannot_be_understood_is_the_callers_mistake(caller: str, changes: Any) -> None:
    with pytest.raises(BadRequest):
        asked(caller, **changes)


def test_invoke_answers_in_the_shape_of_its_request() -> None:
    titan = bedrock.read_request(b'{"inputText": "a", "normalize": false}', "m")
    reply = openai.read_reply(b'{"data":[{"index":0,"embedding":[1.0]}],"usage":{"total_tokens":3}}', titan)
    body = json.loads(bedrock.write_reply(reply, titan, "m", ""))
    assert body == {"embedding": [1.0], "embeddingsByType": {"float": [1.0]}, "inputTextTokenCount": 3}
    assert bodies("openai", titan)[1] == ("normalize",)
    given = b'{"texts": ["a"], "input_type": "search_query"}'
    body = json.loads(bedrock.write_reply(reply, bedrock.read_request(given, "m"), "m", "id-1"))
    assert (body["embeddings"], body["response_type"]) == ([[1.0]], "embeddings_floats")
    with pytest.raises(BadRequest):
        bedrock.read_request(b'{"prompt": "x"}', "m")
