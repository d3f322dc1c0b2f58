"""The goldens' answers, kept and told again: 36 pairs, plain and streamed, as the official SDKs take them."""

import json
from typing import Any

import msgspec
import pytest
from bedrock_journeys import binary, framed
from caller_answers import CALLERS
from msgspec.structs import replace
from speakers import SPEAKERS
from test_pair_goldens import CASES, PROOFS, SAID, read, request_of, said, written
from told_answers import (
    CREATED,
    ID,
    MODEL,
    heard,
    kept,
    record,
    stream,
    translated_stream,
    translated_whole,
    whole,
)

from gateway.cache.canonical import is_servable, open_entry
from gateway.cache.entries import pack
from gateway.cache.hearing import Keeper
from gateway.cache.replay import plain, streamed
from gateway.cache.telling import events_of
from gateway.dialects import openai_responses
from gateway.dialects.endpoints import ARRAYS, ENDPOINTS
from gateway.schemas.chat import Citation, Reply, Text
from gateway.schemas.usage import Usage

_ITS_OWN = ("id", "responseId", "model", "usage", "usageMetadata")


def whole_body(dialect: str, case: str) -> bytes:
    return json.dumps(json.loads(said(dialect, case, "reply.json"))).encode()


def stream_body(dialect: str, case: str) -> bytes:
    if dialect == "bedrock":
        return binary(framed(said(dialect, case, "stream.txt").decode()))
    return said(dialect, case, "stream.sse")


def cases(pattern: str) -> Any:
    found = [
        (name, case) for name in SPEAKERS for case in CASES[:-1] if list((SAID / name / case).glob(pattern))
    ]
    return pytest.mark.parametrize(("teller", "case"), found)


@cases("reply.json")
def test_a_whole_answer_is_told_again_as_its_translation(teller: str, case: str) -> None:
    endpoint, body = SPEAKERS[teller].endpoint, whole_body(teller, case)
    if not is_servable(endpoint.codec.read_reply(body, MODEL)):
        entry = heard(endpoint.name, body, stream=False)
        assert entry is not None
        assert open_entry(pack(entry)) is None
        return
    found = kept(endpoint.name, body, stream=False)
    for speaker in SPEAKERS.values():
        caller = CALLERS[speaker.endpoint.name]
        plainly, at_once = whole(found, caller), stream(found, caller)
        speaker.reply(plainly)
        assert plainly == translated_whole(endpoint.name, body, caller)
        assert caller.join(at_once) == caller.whole(plainly)
        if speaker.name != "gemini" or b'"STOP"' in at_once:
            speaker.stream(at_once)


@cases("stream.*")
def test_a_stream_is_told_again_as_its_translation(teller: str, case: str) -> None:
    endpoint, body = SPEAKERS[teller].endpoint, stream_body(teller, case)
    found = kept(endpoint.name, body, stream=True)
    for speaker in SPEAKERS.values():
        caller = CALLERS[speaker.endpoint.name]
        plainly, at_once = whole(found, caller), stream(found, caller)
        speaker.reply(plainly)
        speaker.stream(at_once)
        assert caller.join(at_once) == caller.whole(plainly)
        first = caller.join(translated_stream(endpoint.name, body, caller))
        assert without_marks(caller.join(at_once)) == without_marks(first)


def without_marks(answer: dict[str, Any]) -> str:
    """The answer without its id, those that are made of it, and what is marked as cached."""
    left = {name: value for name, value in answer.items() if name not in _ITS_OWN}
    for item in left.get("output", ()):
        if item.get("id", "").startswith(("msg_", "fc_", "rs_gateway")):
            del item["id"]
    return json.dumps(left, sort_keys=True, default=repr)


# --- whose a proof is ---


@pytest.mark.parametrize("form", ["whole", "stream"])
@pytest.mark.parametrize("teller", SPEAKERS)
@pytest.mark.parametrize("provider", PROOFS)
def test_a_proof_comes_back_to_its_maker_whoever_was_told_it(provider: str, teller: str, form: str) -> None:
    """A provider's thought is told to one caller, kept, told again to another, and sent back by that one."""
    reply = SPEAKERS[provider].endpoint.codec.read_reply(said(provider, "reasoning", "reply.json"), "claude")
    endpoint = SPEAKERS[teller].endpoint
    request = CALLERS[endpoint.name].request
    if form == "whole":
        told = endpoint.codec.write_reply(reply, reply_id="x", created=CREATED, request=request)
    else:
        writer = endpoint.codec.writer(request, reply_id="x", created=CREATED)
        told = b"".join([writer.write(event) for event in events_of(reply)])
    found = kept(endpoint.name, told, form == "stream")
    for name, speaker in SPEAKERS.items():
        again = plain(found, speaker.endpoint, request_of(name, "reasoning"), ID)
        assert again is not None
        asked = json.loads(said(name, "reasoning", "request.json"))
        after = read(name, speaker.go_on(asked, json.loads(again.body)), "reasoning")
        sent = written(name, provider, after).decode()
        for proof in PROOFS[provider]:
            assert proof in sent, name


# --- marks ---


def answer(**fields: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 50, "completion_tokens": 9, "total_tokens": 59}
    message = {"role": "assistant", "content": "Hello, world."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    about = {"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "gpt"}
    return {**about, "choices": [choice], "usage": usage, **fields}


def kept_answer(**fields: Any) -> Any:
    return kept("chat_completions", json.dumps(answer(**fields)).encode(), stream=False)


def test_the_id_is_marked_in_every_dialects_shape() -> None:
    found = kept_answer()
    ids = {
        name: json.loads(whole(found, caller)).get("id" if name != "generate_content" else "responseId")
        for name, caller in CALLERS.items()
    }
    assert ids == {
        "chat_completions": f"chatcmpl-{ID}",
        "responses": f"resp_{ID}",
        "messages": f"msg_{ID}",
        "generate_content": ID,
        "converse": None,
        "cohere_chat": ID,
    }


def test_the_prompt_counts_as_read_from_a_cache() -> None:
    found = kept_answer()
    said_of = {name: json.loads(whole(found, caller)) for name, caller in CALLERS.items()}
    chat = said_of["chat_completions"]["usage"]
    assert (chat["prompt_tokens"], chat["completion_tokens"], chat["total_tokens"]) == (50, 9, 59)
    assert chat["prompt_tokens_details"]["cached_tokens"] == 50
    assert said_of["responses"]["usage"]["input_tokens_details"]["cached_tokens"] == 50
    messages = said_of["messages"]["usage"]
    assert (messages["input_tokens"], messages["cache_read_input_tokens"]) == (0, 50)
    assert messages["output_tokens"] == 9
    assert said_of["generate_content"]["usageMetadata"]["cachedContentTokenCount"] == 50
    assert said_of["converse"]["usage"]["cacheReadInputTokens"] == 50
    assert said_of["cohere_chat"]["usage"]["cached_tokens"] == 50


def test_the_kept_entry_still_says_what_was_counted() -> None:
    found = kept_answer()
    assert found.reply.usage == Usage(50, 9)
    assert found.reply.id == "chatcmpl-1"


def test_a_stream_tells_its_usage_only_where_it_was_asked_for() -> None:
    caller = CALLERS["chat_completions"]
    told = streamed(kept_answer(), caller.endpoint, replace(caller.request, stream_usage=False), ID)
    assert told is not None
    assert b"usage" not in told.body
    assert b'"cached_tokens":50' in stream(kept_answer(), caller)


def test_usage_that_the_first_caller_did_not_ask_for_is_told_to_the_next() -> None:
    caller = CALLERS["chat_completions"]
    told = streamed(kept_answer(), caller.endpoint, replace(caller.request, stream_usage=False), ID)
    assert told is not None
    entry = heard("chat_completions", told.body, stream=True)
    assert entry is not None
    found = open_entry(pack(replace(entry, usage=Usage(50, 9))))
    assert found is not None
    assert json.loads(whole(found, caller))["usage"]["total_tokens"] == 59


def test_an_answer_that_says_no_date_gets_the_one_of_its_telling() -> None:
    body = whole_body("anthropic", "text")
    assert (
        json.loads(whole(kept("messages", body, stream=False), CALLERS["chat_completions"]))["created"]
        == CREATED
    )


@pytest.mark.parametrize("called", CALLERS)
def test_nothing_of_the_first_callers_settings_is_told_to_the_next(called: str) -> None:
    """The Responses API repeats what was asked: `metadata`, `user` and the like are no part of a key."""
    mine = openai_responses.read_request(
        b'{"model":"m","input":"hi","metadata":{"who":"alice"},"user":"alice","instructions":"alice says"}'
    )
    told = plain(kept_answer(), ENDPOINTS["responses"], mine, ID)
    assert told is not None
    assert told.body.count(b"alice") == 3
    found = kept("responses", told.body, stream=False)
    caller = CALLERS[called]
    assert b"alice" not in whole(found, caller)
    assert b"alice" not in stream(found, caller)


# --- shapes ---


def test_several_choices_are_told_where_a_dialect_has_them() -> None:
    second = {"index": 1, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
    found = kept_answer(choices=[answer()["choices"][0], second])
    chat = json.loads(whole(found, CALLERS["chat_completions"]))
    assert [each["message"]["content"] for each in chat["choices"]] == ["Hello, world.", "Hi."]
    google = json.loads(whole(found, CALLERS["generate_content"]))
    assert [each["content"]["parts"][0]["text"] for each in google["candidates"]] == ["Hello, world.", "Hi."]
    streams = stream(found, CALLERS["chat_completions"])
    assert (
        json.loads(whole(kept("chat_completions", streams, stream=True), CALLERS["chat_completions"])) == chat
    )


def test_interleaved_choices_of_a_stream_are_put_apart() -> None:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "gpt"}
    deltas = [(0, "Hel"), (1, "H"), (0, "lo"), (1, "i")]
    chunks = [[{"index": index, "delta": {"content": text}}] for index, text in deltas]
    chunks += [[{"index": index, "delta": {}, "finish_reason": "stop"}] for index in (1, 0)]
    events = [f"data: {json.dumps({**head, 'choices': choices})}\n\n" for choices in chunks]
    found = kept("chat_completions", "".join([*events, "data: [DONE]\n\n"]).encode(), stream=True)
    assert [choice.parts for choice in found.reply.choices] == [(Text("Hello"),), (Text("Hi"),)]


def test_a_stream_as_an_array_is_kept_and_told() -> None:
    endpoint, caller = ARRAYS["generate_content"], CALLERS["generate_content"]
    told = streamed(kept_answer(), endpoint, caller.request, ID)
    assert told is not None
    assert told.content_type == b"application/json"
    assert len(json.loads(told.body)) > 1
    again = kept("generate_content", told.body, stream=True)
    assert again.reply.choices[0].parts[0] == Text("Hello, world.")
    assert whole(again, caller) == whole(kept_answer(), caller)


def test_an_array_that_was_cut_is_no_answer() -> None:
    told = streamed(kept_answer(), ARRAYS["generate_content"], CALLERS["generate_content"].request, ID)
    assert told is not None
    entry = heard("generate_content", told.body[:-1], stream=True)
    assert entry is not None
    assert open_entry(pack(entry)) is None


def test_citations_of_a_stream_are_told_in_their_places() -> None:
    citations = (
        Citation("https://a.example", "A", "", 0, 5, "openai_chat"),
        Citation("https://b.example", "B", "", 7, 12, "openai_chat"),
    )
    reply = Reply(dialect="openai_chat", id="1", model="m", choices=kept_answer().reply.choices)
    cited = replace(reply.choices[0], parts=(Text("Hello, world.", citations=citations),))
    writer = ENDPOINTS["chat_completions"].codec.writer(CALLERS["chat_completions"].request)
    told = b"".join([writer.write(event) for event in events_of(replace(reply, choices=(cited,)))])
    found = kept("chat_completions", told, stream=True)
    assert found.reply.choices[0].parts == cited.parts
    cohere = json.loads(whole(found, CALLERS["cohere_chat"]))
    assert [each["text"] for each in cohere["message"]["citations"]] == ["Hello", "world"]


def test_what_a_dialect_has_no_place_for_is_named() -> None:
    audio = {"id": "a", "data": "AAAA", "expires_at": 5, "transcript": "Hello."}
    message = {"role": "assistant", "content": None, "audio": audio}
    found = kept_answer(choices=[{"index": 0, "message": message, "finish_reason": "stop"}])
    for tell in (plain, streamed):
        own, other = CALLERS["chat_completions"], CALLERS["messages"]
        told = tell(found, own.endpoint, own.request, ID)
        assert told is not None
        assert told.dropped == ()
        assert b"AAAA" in told.body
        foreign = tell(found, other.endpoint, other.request, ID)
        assert foreign is not None
        assert foreign.dropped == ("reply.audio",)
        assert b"Hello." in foreign.body


def test_what_the_first_caller_could_not_be_told_is_not_kept_from_another() -> None:
    """An answer that lost something on its way answers only callers of the same dialect, who lose the same."""
    keeper = Keeper("chat_completions", False, 1 << 20)
    keeper.hear(json.dumps(answer()).encode())
    entry = keeper.entry(record(dropped=("top_k", "reply.inlineData")))
    assert entry is not None
    assert entry.lost == ("reply.inlineData",)
    first = open_entry(pack(entry))
    assert first is not None
    log = msgspec.structs.replace(entry, form="log", body=msgspec.msgpack.encode(first.reply))
    for found in (first, open_entry(pack(log))):
        assert found is not None
        for name, caller in CALLERS.items():
            for tell in (plain, streamed):
                told = tell(found, caller.endpoint, caller.request, ID)
                assert (told is None) == (name != "chat_completions")
                assert told is None or told.dropped == ("reply.inlineData",)
