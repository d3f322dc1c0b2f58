"""What is kept of an answer, and what is made of it when it is read back whole, cut, damaged or forged."""

import json
from typing import Any

import msgspec
import pytest
from caller_answers import CALLERS
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sample_streams import ERRORS, KEEP_ALIVES, STREAMS
from told_answers import CREATED, ID, MODEL, heard, kept, record, stream, whole

from gateway.cache.canonical import open_entry
from gateway.cache.entries import VERSION, pack, unpack
from gateway.cache.fragments import Unjoinable
from gateway.cache.hearing import Keeper
from gateway.cache.joining import Joiner
from gateway.cache.replay import plain, streamed
from gateway.schemas.caching import Entry
from gateway.schemas.chat import Choice, Image, Opaque, Reply, Source, Text
from gateway.schemas.events import Ended, Event, Finished, Fragment, Started, TextDelta, ToolDelta
from gateway.schemas.usage import Usage

BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": "gpt",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "It is “wet” in Zürich."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 50, "completion_tokens": 9, "total_tokens": 59},
    }
).encode()


def finished(endpoint: str, size: int = 3) -> list[bytes]:
    """A stream's events, for which `stop` and the like stand though it has calls: that is for others to judge."""
    return STREAMS[endpoint](size, False)


# --- hearing ---


def test_the_entry_says_what_the_record_says() -> None:
    keeper = Keeper("chat_completions", False, 1 << 20)
    keeper.hear(BODY)
    told = record(usage=Usage(50, 9), cost_nano_usd=12)
    assert keeper.entry(told) == Entry(
        "whole",
        "chat_completions",
        BODY,
        "someone",
        MODEL,
        MODEL,
        Usage(50, 9),
        12,
        "stop",
        float(CREATED),
    )


def test_of_what_is_too_much_nothing_is_kept() -> None:
    events = finished("chat_completions")
    size = sum(map(len, events))
    for most in (size - 1, size):
        keeper = Keeper("chat_completions", True, most)
        for event in events:
            keeper.hear(event)
        assert (keeper.entry(record()) is None) == (most < size)
        assert bool(keeper._pieces) == (most >= size)


@pytest.mark.parametrize(
    "changed", [{"error": "upstream_closed"}, {"status": 502}, {"resumed": 1}, {"skipped": 1}]
)
def test_what_failed_or_broke_off_is_not_kept(changed: dict[str, Any]) -> None:
    keeper = Keeper("chat_completions", False, 1 << 20)
    keeper.hear(BODY)
    told = record()
    for name, value in changed.items():
        setattr(told, name, value)
    assert keeper.entry(told) is None


def test_nothing_heard_is_nothing_kept() -> None:
    assert Keeper("chat_completions", True, 9).entry(record()) is None


# --- streams that are cut, or failed ---


@pytest.mark.parametrize("endpoint", STREAMS)
def test_a_stream_that_was_cut_between_its_events_is_never_told_again(endpoint: str) -> None:
    events = finished(endpoint)
    whole_one = kept(endpoint, b"".join(events), stream=True)
    # Of Bedrock's two last events the second only counts tokens; OpenAI's last but one says them, and [DONE] follows.
    needed = len(events) - (1 if endpoint == "converse" else 0)
    for count in range(needed):
        entry = heard(endpoint, b"".join(events[:count]), stream=True)
        assert entry is None or open_entry(pack(entry)) is None
    last = kept(endpoint, b"".join(events[:needed]), stream=True)
    assert last.reply.choices == whole_one.reply.choices


@pytest.mark.parametrize("endpoint", STREAMS)
def test_a_stream_that_was_cut_anywhere_is_told_whole_or_not_at_all(endpoint: str) -> None:
    told = b"".join(finished(endpoint, 0))
    choices = kept(endpoint, told, stream=True).reply.choices
    for end in range(len(told)):
        entry = heard(endpoint, told[:end], stream=True)
        found = None if entry is None else open_entry(pack(entry))
        assert found is None or found.reply.choices == choices


@pytest.mark.parametrize("endpoint", STREAMS)
def test_a_stream_with_an_error_in_it_is_never_told_again(endpoint: str) -> None:
    events = finished(endpoint)
    for place in (1, len(events) // 2):
        entry = heard(endpoint, b"".join([*events[:place], ERRORS[endpoint], *events[place:]]), stream=True)
        assert entry is None or open_entry(pack(entry)) is None


@pytest.mark.parametrize("endpoint", STREAMS)
def test_signs_of_life_are_no_part_of_the_answer(endpoint: str) -> None:
    events = finished(endpoint)
    alive = [piece for event in events for piece in (KEEP_ALIVES[endpoint], event)]
    assert (
        kept(endpoint, b"".join(alive), stream=True).reply
        == kept(endpoint, b"".join(events), stream=True).reply
    )


@pytest.mark.parametrize(
    "events",
    [
        [Started(), TextDelta(0, "hi"), Finished("stop")],
        [Started(), TextDelta(0, "hi"), Ended()],
        [Started(), TextDelta(0, "hi"), TextDelta(0, "ho", 1), Finished("stop"), Ended()],
        [Started(), ToolDelta(0, "{}"), Finished("stop"), Ended()],
        [Started(), Fragment(0, "anthropic", "novelty", b"{}"), Finished("stop"), Ended()],
        [Started(), Ended()],
    ],
)
def test_events_that_make_no_whole_are_not_joined(events: list[Event]) -> None:
    with pytest.raises(Unjoinable):
        joined(events)


def joined(events: list[Event]) -> Reply:
    joiner = Joiner("anthropic")
    joiner.add(events)
    return joiner.reply()


# --- what is not to be told again ---


def answered(**message: Any) -> Entry:
    body = json.loads(BODY)
    body["choices"][0].update(message)
    entry = heard("chat_completions", json.dumps(body).encode(), stream=False)
    assert entry is not None
    return entry


@pytest.mark.parametrize(
    "changed",
    [
        {"finish_reason": "length"},
        {"finish_reason": "content_filter"},
        {"finish_reason": "a_new_word"},
        {"message": {"role": "assistant", "content": None, "refusal": "I cannot."}},
        {"message": {"role": "assistant", "content": None}},
        {"message": {"role": "assistant", "content": [{"type": "text", "text": ""}]}},
    ],
)
def test_an_answer_that_is_none_is_found_out(changed: dict[str, Any]) -> None:
    assert open_entry(pack(answered())) is not None
    assert open_entry(pack(answered(**changed))) is None


def test_one_choice_that_was_cut_spoils_the_others() -> None:
    body = json.loads(BODY)
    body["choices"].append({**body["choices"][0], "index": 1, "finish_reason": "length"})
    entry = heard("chat_completions", json.dumps(body).encode(), stream=False)
    assert entry is not None
    assert open_entry(pack(entry)) is None


# --- damage ---


@pytest.mark.parametrize("form", ["whole", "stream", "log"])
def test_a_payload_that_was_cut_is_no_entry(form: str) -> None:
    payload = payload_of(form)
    assert open_entry(payload) is not None
    assert all(open_entry(payload[:end]) is None for end in range(len(payload)))
    assert open_entry(payload + b"\x00") is None


def payload_of(form: str) -> bytes:
    caller = CALLERS["chat_completions"]
    entry = heard("chat_completions", BODY, stream=False)
    if form != "whole":
        assert entry is not None
        found = open_entry(pack(entry))
        assert found is not None
        entry = heard("chat_completions", stream(found, caller), stream=True)
    assert entry is not None
    if form != "log":
        return pack(entry)
    found = open_entry(pack(entry))
    assert found is not None
    assert found.again is not None
    return found.again


@pytest.mark.parametrize("form", ["whole", "stream", "log"])
def test_no_damaged_byte_raises(form: str) -> None:
    """What still reads as an entry may say something else: that the bytes are those that were written, the store's own
    check tells."""
    payload = payload_of(form)
    for place in range(len(payload)):
        for value in (0, 0x7F, 0xFF, payload[place] ^ 1):
            told_or_not(payload[:place] + bytes((value,)) + payload[place + 1 :])


def told_or_not(payload: bytes) -> None:
    found = open_entry(payload)
    if found is None:
        return
    caller = CALLERS["chat_completions"]
    plain(found, caller.endpoint, caller.request, ID)


@settings(max_examples=200)
@given(st.binary(max_size=80))
def test_no_bytes_raise(payload: bytes) -> None:
    assert unpack(payload) is None or payload[0] == VERSION
    told_or_not(payload)
    told_or_not(bytes((VERSION,)) + payload)


def test_another_version_is_no_entry() -> None:
    payload = payload_of("whole")
    assert open_entry(bytes((VERSION + 1,)) + payload[1:]) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"endpoint": "nowhere"},
        {"endpoint": "embeddings"},
        {"endpoint": "messages"},
        {"form": "log"},
        {"form": "stream"},
        {"form": "novelty"},
        {"body": b""},
    ],
)
def test_an_entry_that_does_not_fit_its_body_is_no_entry(changed: dict[str, Any]) -> None:
    entry = unpack(payload_of("whole"))
    assert entry is not None
    assert open_entry(pack(replace(entry, **changed))) is None


def test_what_cannot_be_written_is_a_miss() -> None:
    forged = Reply(
        dialect="anthropic",
        id="1",
        model="m",
        choices=(Choice((Text("hi"), Opaque("gemini", "candidate", b"no json")), details=b"\xff"),),
    )
    entry = replace(answered(), form="log", body=msgspec.msgpack.encode(forged))
    found = open_entry(pack(entry))
    assert found is not None
    for caller in CALLERS.values():
        for tell in (plain, streamed):
            told = tell(found, caller.endpoint, caller.request, ID)
            assert told is None or told.body


def test_half_a_surrogate_pair_is_told_and_not_put_again() -> None:
    body = BODY.replace(b"It is", b"\\ud83d is")
    entry = heard("chat_completions", body, stream=False)
    assert entry is not None
    found = open_entry(pack(entry))
    if found is not None:
        assert found.again is None


# --- parts that only one dialect knows ---


def test_a_servers_own_call_is_put_together_and_taken_apart() -> None:
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 3}},
        },
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        },
        *[
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": piece},
            }
            for piece in ('{"query":', '"rain"}')
        ],
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "text_delta", "text": "Wet."},
        },
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    ]
    told = "".join([f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]).encode()
    caller = CALLERS["messages"]
    found = kept("messages", told, stream=True)
    call = json.loads(whole(found, caller))["content"][0]
    assert call == {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "rain"}}
    assert caller.join(stream(found, caller))["content"][0] == call


def test_pieces_that_nobody_can_put_together_are_a_miss() -> None:
    block = {"type": "novelty", "id": "n"}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "claude"}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "novelty_delta", "novelty": 1}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ]
    told = "".join([f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]).encode()
    entry = heard("messages", told, stream=True)
    assert entry is not None
    assert open_entry(pack(entry)) is None


def test_a_picture_of_bedrocks_is_taken_apart_and_put_together() -> None:
    image = {"image": {"format": "png", "source": {"bytes": "aGk="}}}
    message = {"role": "assistant", "content": [{"text": "Here."}, image]}
    body = {
        "output": {"message": message},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
        "metrics": {"latencyMs": 7},
    }
    caller = CALLERS["converse"]
    found = kept("converse", json.dumps(body).encode(), stream=False)
    again = kept("converse", stream(found, caller), stream=True)
    assert again.reply.choices[0].parts == (Text("Here."), Image(Source("image/png", "aGk=")))
    told = json.loads(whole(again, caller))
    assert told["output"]["message"]["content"][1] == image
    assert told["metrics"] == {"latencyMs": 7}
