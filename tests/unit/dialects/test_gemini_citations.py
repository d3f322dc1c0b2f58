"""Google's sources are citations for callers of other dialects, and other providers' are `groundingMetadata` for
Google's."""

import json
from typing import Any

import pytest
from caller_answers import CALLERS
from gemini_journeys import answer, check_reply, join_gemini
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from sample_streams import sse
from test_stream_properties import source_for

from gateway.dialects import anthropic, gemini
from gateway.dialects.endpoints import ENDPOINTS
from gateway.dialects.gemini.citations import Spot, read_citations
from gateway.schemas.chat import Citation, Text
from gateway.schemas.events import Cited

SAID = "Zürich: 3 °C. Rain."
START, END = len("Zürich: ".encode()), len("Zürich: 3 °C.".encode())
GROUNDED = {
    "groundingChunks": [
        {"web": {"uri": "https://e.org", "title": "E"}},
        {"retrievedContext": {"title": "T", "text": "Q"}},
    ],
    "groundingSupports": [
        {"segment": {"startIndex": START, "endIndex": END}, "groundingChunkIndices": [0, 1, 7, "x"]}
    ],
}
CITATIONS = (
    Citation("https://e.org", "E", "", 8, 13, "gemini"),
    Citation("", "T", "Q", 8, 13, "gemini"),
)


def test_supports_are_citations_counted_in_characters() -> None:
    body = answer({"text": SAID}, finish="STOP")
    body["candidates"][0]["groundingMetadata"] = GROUNDED
    read = gemini.read_reply(json.dumps(body).encode())
    assert read.choices[0].parts[0] == Text(SAID, citations=CITATIONS)
    again = json.loads(gemini.write_reply(read))
    assert again["candidates"][0]["groundingMetadata"] == GROUNDED


def test_a_part_is_counted_for_itself() -> None:
    body = answer({"text": "Ä. "}, {"functionCall": {"name": "f"}}, {"text": "Über"}, finish="STOP")
    segment = {"partIndex": 2, "endIndex": 2}
    support = {"segment": segment, "groundingChunkIndices": [0]}
    body["candidates"][0]["groundingMetadata"] = {**GROUNDED, "groundingSupports": [support]}
    parts = gemini.read_reply(json.dumps(body).encode()).choices[0].parts
    assert [part.citations for part in parts if isinstance(part, Text)] == [
        (),
        (Citation("https://e.org", "E", "", 3, 4, "gemini"),),
    ]


THOUGHT, FIRST, CALL = {"text": "Hm.", "thought": True}, {"text": "Ä. "}, {"functionCall": {"name": "f"}}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("segment", "place"),
    [
        ({"partIndex": 3, "endIndex": 5}, (3, 7)),
        ({"partIndex": 3, "endIndex": 5, "text": "Über"}, (3, 7)),
        ({"endIndex": 5, "text": "Über"}, (3, 7)),  # a server that does not name the part
        ({"partIndex": 1, "endIndex": 3, "text": "Ä."}, (0, 2)),
        ({"startIndex": 4, "endIndex": 9, "text": "Über"}, (3, 7)),  # and one that counts all the text
        ({"partIndex": 1, "endIndex": 3, "text": "Else"}, (0, 2)),
    ],
)
def test_whole_or_streamed_a_segment_is_found(
    segment: dict[str, Any], place: tuple[int, int], *, streamed: bool
) -> None:
    support = {"segment": segment, "groundingChunkIndices": [0]}
    parts: list[dict[str, Any]] = [THOUGHT, FIRST, CALL, {"text": "Über"}]
    grounding = {**GROUNDED, "groundingSupports": [support]}
    whole = answer(*parts, finish="STOP")
    whole["candidates"][0]["groundingMetadata"] = grounding
    if not streamed:
        read = gemini.read_reply(json.dumps(whole).encode()).choices[0].parts
        found = [each for part in read if isinstance(part, Text) for each in part.citations]
    else:
        pieces = [THOUGHT, THOUGHT, {"text": "Ä"}, {"text": ". "}, CALL, {"text": "Üb"}, {"text": "er"}]
        reader = gemini.reader("g")
        last = answer(finish="STOP")
        last["candidates"][0]["groundingMetadata"] = grounding
        events = [*[answer(piece) for piece in pieces], last]
        told = [one for event in events for one in reader.read("", json.dumps(event).encode())]
        found = [one.citation for one in told if isinstance(one, Cited)]
    assert [(each.start, each.end) for each in found] == [place]


def test_a_streams_segments_name_the_parts_that_clients_join() -> None:
    web = {"type": "web_search_result_location", "cited_text": "W", "url": "https://e.org", "title": "E"}
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    cited = {"type": "text", "text": "B.", "citations": [web]}
    content: list[dict[str, Any]] = [thought, {"type": "text", "text": "Ä."}, call, cited]
    body = {"type": "message", "id": "m", "content": content, "stop_reason": "tool_use"}
    written = gemini.write_reply(anthropic.read_reply(json.dumps(body).encode()))
    source = source_for(CALLERS["generate_content"], ENDPOINTS["messages"])
    source.feed(sse({"type": "message_start", "message": {"id": "m"}}))
    events: list[dict[str, Any]] = []
    for index, block in enumerate(content):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        if "citations" in block:
            delta = {"type": "citations_delta", "citation": web}
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    events += [{"type": "message_delta", "delta": {"stop_reason": "tool_use"}}, {"type": "message_stop"}]
    told = join_gemini(b"".join([source.feed(sse(event)) for event in events]))
    whole = json.loads(written)["candidates"][0]
    assert told["candidates"][0]["content"] == whole["content"]
    assert told["candidates"][0]["groundingMetadata"] == whole["groundingMetadata"]
    [support] = whole["groundingMetadata"]["groundingSupports"]
    assert support["segment"] == {"partIndex": 3, "endIndex": 2, "text": "B."}


@pytest.mark.parametrize("spelling", ["citations", "citationSources"])
def test_what_a_text_repeats_is_cited(spelling: str) -> None:
    rest = json.dumps({"citationMetadata": {spelling: [{"endIndex": 2, "uri": "https://c.org"}]}}).encode()
    cited = Citation("https://c.org", "", "", 0, 2, "gemini")
    assert read_citations(rest, [Spot(4, "Hi you.", 0)]) == [(4, cited)]


def test_a_streams_sources_are_told_at_its_end() -> None:
    source = source_for(CALLERS["chat_completions"], ENDPOINTS["generate_content"])
    last = answer({"text": SAID[9:]}, finish="STOP")
    last["candidates"][0]["groundingMetadata"] = GROUNDED
    out = source.feed(sse(answer({"text": SAID[:9]})) + sse(last)) + source.end()
    told = CALLERS["chat_completions"].join(out)["message"]["annotations"]
    assert [(note["url_citation"]["start_index"], note["url_citation"]["end_index"]) for note in told] == [
        (8, 13)
    ]
    assert source.dropped == ("reply.citations",)  # the document without a URL


def test_other_providers_sources_are_googles() -> None:
    place = {"type": "char_location", "cited_text": "Q", "document_index": 0, "document_title": "T"}
    place |= {"start_char_index": 0, "end_char_index": 1}
    web = {"type": "web_search_result_location", "cited_text": "W", "url": "https://e.org", "title": "E"}
    content = [{"type": "text", "text": "Ä."}, {"type": "text", "text": "B.", "citations": [place, web, web]}]
    body = {"type": "message", "id": "m", "content": content, "stop_reason": "end_turn"}
    written = gemini.write_reply(anthropic.read_reply(json.dumps(body).encode()))
    check_reply(written)
    found: Any = types.GenerateContentResponse.model_validate_json(written).candidates
    grounding = found[0].grounding_metadata
    assert [chunk.web or chunk.retrieved_context for chunk in grounding.grounding_chunks] == [
        types.GroundingChunkRetrievedContext(title="T", text="Q"),
        types.GroundingChunkWeb(uri="https://e.org", title="E"),
    ]
    [support] = grounding.grounding_supports
    assert support.grounding_chunk_indices == [0, 1]
    assert support.segment == types.Segment(part_index=1, end_index=2, text="B.")


NAMES = st.sampled_from(
    [*GROUNDED, "segment", "startIndex", "endIndex", "web", "uri", "groundingChunkIndices"]
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4)


LEAVES = st.none() | st.booleans() | st.integers(-5, 10**12) | st.text(max_size=5)


@given(st.recursive(LEAVES, nested, max_leaves=12), st.text(max_size=8))
def test_nothing_that_a_provider_says_of_its_sources_breaks_an_answer(grounding: Any, text: str) -> None:
    rest = json.dumps({"groundingMetadata": grounding}).encode()
    for part, citation in read_citations(rest, [Spot(0, text, 3)]):
        assert part == 0
        assert citation.start is None or 3 <= citation.start <= (citation.end or 0) <= 3 + len(text)
