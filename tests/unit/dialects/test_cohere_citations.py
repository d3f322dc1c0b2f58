"""Citations keep their place between answers of several texts and dialects that count differently."""

import json

from cohere_sdk import check_reply, join_cohere

from gateway.dialects import cohere, openai_chat
from gateway.dialects.codec import TargetFacts
from gateway.schemas.chat import ChatRequest, Choice, Citation, Message, Reasoning, Reply, Text
from gateway.schemas.events import Cited, Ended, Finished, ReasoningDelta, Started, TextDelta

FOUND = Citation("https://e.org", "E", "said there", 9, 14)
PARTS = (Reasoning("Hm."), Text("One of "), Text("a dozen.", citations=(FOUND,)))
EXPECTED = {
    "start": 2,
    "end": 7,
    "text": "dozen",
    "sources": [
        {
            "type": "document",
            "id": "https://e.org",
            "document": {"url": "https://e.org", "title": "E", "snippet": "said there"},
        }
    ],
    "content_index": 2,
    "type": "TEXT_CONTENT",
}
REQUEST = ChatRequest(dialect="gemini", model="m", messages=(Message("assistant", PARTS),))


def cohere_answer(*citations: tuple[int, int, int]) -> bytes:
    """Two texts, cited at (block, start, end)."""
    source = {"type": "document", "id": "d", "document": {"url": "https://e.org"}}
    content = [{"type": "text", "text": "One of "}, {"type": "text", "text": "a dozen."}]
    cited = [
        {"start": start, "end": end, "sources": [source], "content_index": block}
        for block, start, end in citations
    ]
    message = {"role": "assistant", "content": content, "citations": cited}
    return json.dumps({"id": "c", "finish_reason": "COMPLETE", "message": message}).encode()


def test_a_place_in_a_block_becomes_one_in_the_whole_answer() -> None:
    reply = cohere.read_reply(cohere_answer((0, 0, 3), (1, 2, 7)))
    message = json.loads(openai_chat.write_reply(reply))["choices"][0]["message"]
    spans = [note["url_citation"] for note in message["annotations"]]
    words = [message["content"][span["start_index"] : span["end_index"]] for span in spans]
    assert words == ["One", "dozen"]


def test_a_place_in_the_whole_answer_becomes_one_in_a_block() -> None:
    body = cohere.write_reply(Reply(dialect="gemini", id="1", model="", choices=(Choice(PARTS),)))
    check_reply(body)
    assert json.loads(body)["message"]["citations"] == [EXPECTED]


def test_a_streamed_place_in_the_whole_answer_becomes_one_in_a_block() -> None:
    for late in (False, True):
        writer = cohere.writer(REQUEST)
        events = [
            Started("1"),
            ReasoningDelta(0, "Hm."),
            TextDelta(1, "One of "),
            TextDelta(2, "a do"),
            *([] if late else [Cited(2, FOUND)]),
            TextDelta(2, "zen."),
            *([TextDelta(3, "!"), Cited(2, FOUND)] if late else []),
            Finished("stop"),
            Ended(),
        ]
        out = b"".join([writer.write(event) for event in events])
        assert join_cohere(out)["message"]["citations"] == [EXPECTED]


def test_a_cited_answer_in_the_history_is_sent_with_its_place() -> None:
    written = cohere.write_request(REQUEST, TargetFacts("command"))
    message = json.loads(written.body)["messages"][0]
    assert message["citations"] == [EXPECTED]
    assert written.dropped == ()


def test_a_citation_without_a_source_in_words_is_named() -> None:
    bare = Text("Yes.", citations=(Citation(dialect="anthropic", raw=b'{"type":"char_location"}'),))
    request = ChatRequest(dialect="anthropic", model="m", messages=(Message("assistant", (bare,)),))
    written = cohere.write_request(request, TargetFacts("command"))
    assert json.loads(written.body)["messages"] == [{"role": "assistant", "content": "Yes."}]
    assert written.dropped == ("messages.citations",)
