"""What a model of the Responses API showed of its thought goes through a caller of any dialect and back to it."""

import json

import pytest
from caller_answers import CALLERS
from cohere_sdk import join_cohere
from journeys import CREATED, GOLDEN, events_of
from speakers import SPEAKERS

from gateway.upstream.sources import Translated

SAID = GOLDEN / "said" / "openai_responses" / "reasoning"


@pytest.mark.parametrize(
    ("dialect", "called"),
    [("anthropic", "messages"), ("gemini", "generate_content"), ("cohere", "cohere_chat")],
)
def test_a_streamed_summary_comes_back_with_its_item(dialect: str, called: str) -> None:
    caller, speaker, provider = CALLERS[called], SPEAKERS[dialect], SPEAKERS["openai_responses"]
    source = Translated(provider.endpoint, caller.endpoint, caller.request, "r", CREATED)
    out = source.feed((SAID / "stream.sse").read_bytes()) + source.end()
    reply = join_cohere(out) if dialect == "cohere" else caller.join(out)
    asked = json.loads((GOLDEN / "said" / dialect / "text" / "request.json").read_bytes())
    following = speaker.go_on(asked, reply)
    if dialect == "gemini":  # Google's clients keep every event's parts as a content of its own
        results = following["contents"].pop()
        events = [json.loads(data) for _, data in events_of(out.replace(b"\r\n", b"\n"))]
        pieces = [each["content"]["parts"] for event in events for each in event["candidates"]]
        following["contents"][-1:] = [{"role": "model", "parts": parts} for parts in pieces]
        following["contents"].append(results)
    written = provider.endpoint.codec.write_request(
        speaker.endpoint.codec.read_request(json.dumps(following).encode()), provider.facts
    )
    sent = json.loads(written.body)["input"]
    said = json.loads((SAID / "reply.json").read_bytes())["output"]
    [item] = [each for each in said if each["type"] == "reasoning"]
    [thought] = [each for each in sent if each["type"] == "reasoning"]
    assert thought["id"] == item["id"]
    assert thought["summary"] == item["summary"]
    assert thought["encrypted_content"] == item["encrypted_content"]
