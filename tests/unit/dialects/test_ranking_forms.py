"""Rankings in three shapes: what crosses, and what a hostile provider cannot do."""

import json
from typing import Any

import cohere.v2
import pytest

from gateway.dialects.codec import TargetFacts
from gateway.dialects.ranking import shapes
from gateway.errors import BadRequest, UpstreamProtocolError
from gateway.schemas.usage import Usage

FORMS: dict[str, Any] = {"cohere": shapes.cohere, "common": shapes.common, "voyage": shapes.voyage}
DOCUMENTS = ["sea", "sand", "sun"]
RESULTS = [{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.25}]
ANSWERS: dict[str, dict[str, Any]] = {
    "cohere": {"id": "r1", "results": RESULTS, "meta": {"billed_units": {"search_units": 1.0}}},
    "common": {"model": "rr", "results": RESULTS[::-1], "usage": {"total_tokens": 7}},
    "voyage": {"object": "list", "data": RESULTS, "model": "rr", "usage": {"total_tokens": 7}},
}


def asked(caller: str = "common", **changes: Any) -> Any:
    best = "top_k" if caller == "voyage" else "top_n"
    given = {"model": "m", "query": "q", "documents": DOCUMENTS, best: 2, **changes}
    return FORMS[caller].read_request(json.dumps(given).encode(), "m")


@pytest.mark.parametrize("target", FORMS)
@pytest.mark.parametrize("caller", FORMS)
def test_scores_cross_every_pair(caller: str, target: str) -> None:
    request = asked(caller, return_documents=True)
    reply = FORMS[target].read_reply(json.dumps(ANSWERS[target]).encode(), request)
    assert reply.usage == (Usage(searches=1) if target == "cohere" else Usage(input=7))
    body = json.loads(FORMS[caller].write_reply(reply, request, "m", "id-1"))
    rows = body["data" if caller == "voyage" else "results"]
    assert [(row["index"], row["relevance_score"]) for row in rows] == [(2, 0.9), (0, 0.25)]
    assert [row["document"] for row in rows] == (
        ["sun", "sea"] if caller == "voyage" else [{"text": "sun"}, {"text": "sea"}]
    )
    if caller == "cohere":
        read = cohere.v2.V2RerankResponse.model_validate(body)
        assert read.results[0].relevance_score == 0.9
        assert read.meta is not None
        assert read.meta.billed_units is not None
        assert read.meta.billed_units.search_units == (1 if target == "cohere" else None)


def test_requests_say_the_same_in_each_shape() -> None:
    request = asked(
        documents=[{"text": "sea"}, "sand", "sun"], return_documents=True, max_tokens_per_doc=9, vendor=1
    )
    written = shapes.voyage.write_request(request, TargetFacts("rerank-2.5"))
    assert json.loads(written.body) == {
        "model": "rerank-2.5",
        "query": "q",
        "documents": DOCUMENTS,
        "top_k": 2,
        "return_documents": False,
    }
    assert written.dropped == ("vendor", "max_tokens_per_doc")
    body = json.loads(shapes.cohere.write_request(request, TargetFacts("rerank-v3.5")).body)
    assert body == {
        "model": "rerank-v3.5",
        "query": "q",
        "documents": DOCUMENTS,
        "top_n": 2,
        "max_tokens_per_doc": 9,
    }


HOSTILE: list[Any] = [
    {"results": []},
    {"results": None},
    {"results": [{"index": 3, "relevance_score": 1}, {"index": 0, "relevance_score": 1}]},
    {"results": [{"index": -1, "relevance_score": 1}, {"index": 0, "relevance_score": 1}]},
    {"results": [{"index": 0, "relevance_score": 1}] * 2},
    {"results": [{"index": 0, "relevance_score": "high"}, {"index": 1, "relevance_score": 1}]},
    {"results": [{"index": 0}, {"index": 1, "relevance_score": 1}]},
    [],
]


@pytest.mark.parametrize("answer", HOSTILE)
def test_a_provider_that_ranks_nonsense_is_told(answer: Any) -> None:
    with pytest.raises(UpstreamProtocolError):
        shapes.common.read_reply(json.dumps(answer).encode(), asked())


@pytest.mark.parametrize(
    "changes", [{"documents": []}, {"documents": [{"title": "x"}]}, {"top_n": 0}, {"query": 3}]
)
def test_what_cannot_be_ranked_is_the_callers_mistake(changes: Any) -> None:
    with pytest.raises(BadRequest):
        asked(**changes)


def test_more_than_was_asked_for_is_cut() -> None:
    answer = {"results": [{"index": at, "relevance_score": at / 4} for at in range(3)]}
    reply = shapes.common.read_reply(json.dumps(answer).encode(), asked())
    assert [one.index for one in reply.results] == [2, 1]
