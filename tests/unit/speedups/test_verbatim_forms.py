"""Which answers are told in the words in which they were told, and which are left to the neutral form."""

import json
from typing import Any

import pytest

from gateway._speedups.verbatim import around_id

OLD = "BxYz-01"
TOKENS = 4321
CHUNK = {"id": OLD, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
USED = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
BEGUN = {"type": "message_start", "message": {"id": OLD, "content": [], "usage": {"input_tokens": 5}}}
SAID = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}}


def chat(**members: Any) -> bytes:
    choice = {"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}
    return json.dumps({"id": OLD, "choices": [choice], "usage": USED, **members}).encode()


def events(*data: Any) -> bytes:
    return b"".join(
        [
            b"data: " + (each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n\n"
            for each in data
        ]
    )


def is_told(body: bytes, *, claude: bool = False, stream: bool = False, counted: bool = False) -> bool:
    return around_id(body, TOKENS, claude, stream, counted) is not None


def test_what_most_providers_write_is_told() -> None:
    assert is_told(chat())
    assert is_told(events(CHUNK, CHUNK, b"[DONE]"), stream=True)
    assert is_told(events(CHUNK, {**CHUNK, "usage": USED}, b"[DONE]"), stream=True, counted=True)
    assert is_told(events(BEGUN, SAID), claude=True, stream=True)


@pytest.mark.parametrize(
    "body",
    [
        chat(id=""),
        chat(id=None),
        chat(id='a"b'),
        chat(usage=None),
        chat(usage={"prompt_tokens": "5"}),
        chat(usage={**USED, "cached_tokens": 3}),
        chat(usage={**USED, "prompt_cache_hit_tokens": 3}),
        chat(usage={**USED, "prompt_tokens_details": [1]}),
        chat(usage={**USED, "cost": 0.01}),
        chat(user="ann"),
        chat(safety_identifier="ann"),
        chat(metadata={"user": "ann"}),
        chat(choices=[]),
        chat(choices=[{"index": 0, "message": {"content": "", "tool_calls": []}}]),
        chat(choices=[{"index": 0, "message": {"content": "", "text": "Hi"}}]),
        chat() + b"{}",
        b'{"id":"other",' + chat()[1:],
        b"\xef\xbb\xbf" + chat(),
        chat().replace(b'"choices"', b'"i\\u0064": "other", "choices"'),
        b"",
    ],
)
def test_whole_answers_that_are_written_in_other_ways_are_not(body: bytes) -> None:
    assert not is_told(body)


OTHER = {**CHUNK, "id": "another"}
FIRST_OF_AZURE = {"choices": [], "id": "", "model": "", "prompt_filter_results": []}


@pytest.mark.parametrize(
    "body",
    [
        events({**FIRST_OF_AZURE, "usage": None}, CHUNK),
        events(CHUNK, OTHER),
        events(CHUNK, {**CHUNK, "id": ""}),
        events(CHUNK, {"choices": CHUNK["choices"]}),
        events(CHUNK, {"x": {"id": OLD}, "choices": CHUNK["choices"], "id": "another"}),
        events(CHUNK, {**CHUNK, "usage": USED}),
        events(CHUNK, {**CHUNK, "x_groq": {"usage": USED}}),
        events(CHUNK, {"error": {"message": "no"}}),
        events(CHUNK, b'{"id": "%s", "choices": [}' % OLD.encode()),
        events(CHUNK, b'{"id": "%s"}, {}' % OLD.encode()),
        events(CHUNK, b"null"),
        events(CHUNK).replace(b"\n\n", b"\r\r") + events(CHUNK),
        events(CHUNK)[:-1] + events(CHUNK),
        b"\xef\xbb\xbf" + events(CHUNK, CHUNK),
        events({**CHUNK, "choices": [{"index": 0, "delta": {"content": ""}}]}),
        b"data: [DONE]\n\n",
        b": nothing\n\n",
    ],
)
def test_streams_that_are_written_in_other_ways_are_not(body: bytes) -> None:
    assert not is_told(body, stream=True)


NESTED = {**CHUNK, "choices": [{"index": 0, "delta": {}, "usage": USED}]}


@pytest.mark.parametrize(
    "body",
    [
        events(CHUNK),
        events({**CHUNK, "usage": USED}, {**CHUNK, "usage": USED}),
        events({**CHUNK, "usage": USED}, {**CHUNK, "x_groq": {"usage": USED}}),
        events(NESTED),
        events({**CHUNK, "usage": {}}),
    ],
)
def test_streams_that_count_otherwise_are_not(body: bytes) -> None:
    assert not is_told(body, stream=True, counted=True)


@pytest.mark.parametrize(
    "body",
    [
        events({"type": "ping"}, BEGUN, SAID),
        events(SAID),
        events(BEGUN),
        events({"type": "message_start", "message": {"id": OLD, "usage": {"output_tokens": 1}}}, SAID),
        events(BEGUN, SAID, {"type": "message_delta", "usage": {"cache_read_input_tokens": 3}}),
        events(BEGUN, SAID, {"type": "message_delta", "usage": {"cache_creation_input_tokens": 3}}),
        events(
            BEGUN,
            SAID,
            {"type": "message_delta", "usage": {"cache_creation": {"ephemeral_5m_input_tokens": 3}}},
        ),
        events(BEGUN, SAID, {"type": "message_delta", "delta": {"usage": {"input_tokens": 3}}}),
        events(BEGUN, SAID, b'{"type": "message_stop"'),
    ],
)
def test_streams_of_messages_that_are_written_in_other_ways_are_not(body: bytes) -> None:
    assert not is_told(body, claude=True, stream=True)


def test_a_message_of_nothing_is_not() -> None:
    message = {"id": OLD, "content": [], "stop_reason": "tool_use", "usage": {"input_tokens": 5}}
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    assert not is_told(json.dumps(message).encode(), claude=True)
    assert not is_told(
        json.dumps({**message, "content": [{"type": "text", "text": ""}]}).encode(), claude=True
    )
    assert is_told(json.dumps({**message, "content": [call]}).encode(), claude=True)


def test_a_tools_input_stays_as_it_was_said() -> None:
    said = {"type": "tool_use", "id": "t", "name": "f", "input": {"usage": "how", "input_tokens": 3}}
    body = events(BEGUN, {"type": "content_block_start", "index": 0, "content_block": said})
    pieces = around_id(body, TOKENS, True, True, False)
    assert pieces is not None
    assert json.dumps(said).encode() in pieces[1]


def test_azures_first_event_stays_as_it_is() -> None:
    pieces = around_id(events(FIRST_OF_AZURE, CHUNK), TOKENS, False, True, False)
    assert pieces is not None
    told = [json.loads(line[6:]) for line in b"N".join(pieces).split(b"\n\n")[:-1]]
    assert told == [FIRST_OF_AZURE, {**CHUNK, "id": "chatcmpl-N"}]


def test_azures_events_may_have_their_ids_at_other_places() -> None:
    texts = ["Hi", "there, ", "you"]
    later = [{"choices": [{"delta": {"content": text}}], "created": 1, "id": OLD} for text in texts]
    pieces = around_id(events(*later), TOKENS, False, True, False)
    assert pieces is not None
    assert [json.loads(line[6:])["id"] for line in b"N".join(pieces).split(b"\n\n")[:-1]] == [
        "chatcmpl-N"
    ] * 3


@pytest.mark.parametrize("tokens", [-1, 2**53 + 1, 2**63, 2**64])
def test_what_is_no_count_is_not_written(tokens: int) -> None:
    assert around_id(chat(), tokens, False, False, False) is None
    assert around_id(chat(), 2**53, False, False, False) is not None


LIKE = b'data: {"i":"x","choices":[{"delta":{"content":"%s"}}],"id":"BxYz-01"}\n\n'
LIKE_BLOCK = b'data: {"i":0,"delta":{"text":"%s","type":"text_delta"}}\n\n'


@pytest.mark.parametrize(
    "texts", [[b"Hi"], [b"", b"Hi"], [b"Hi", b"\\n\\u00e9"], [b"Hi", b"\xc3\xa9", b"", b'\\"']]
)
def test_events_that_are_alike_are_told(texts: list[bytes]) -> None:
    pieces = around_id(b"".join([LIKE % text for text in texts]), TOKENS, False, True, False)
    assert pieces is not None
    assert b"N".join(pieces) == b"".join([LIKE % text for text in texts]).replace(b"BxYz-01", b"chatcmpl-N")
    blocks = events(BEGUN) + b"".join([LIKE_BLOCK % text for text in texts])
    again = around_id(blocks, TOKENS, True, True, False)
    assert again is not None
    assert again[1].endswith(b"".join([LIKE_BLOCK % text for text in texts]))


@pytest.mark.parametrize(
    "text", [b"\t", b"\\", b"\\x", b"\\u12", b"\xff", b"\xc3", b"\0", b'"', b'","', b'"}]},"', b"\n\n"]
)
def test_a_broken_event_among_such_is_not(text: bytes) -> None:
    for after in (b"", LIKE % b"Hi"):
        assert not is_told(LIKE % b"Hi" * 2 + LIKE % text + after, stream=True)
        assert not is_told(LIKE % b"Hi" + (LIKE % b"").replace(b'"}}]', b'"}}') + after, stream=True)
        assert not is_told(
            LIKE % b"Hi" + (LIKE % b"").replace(b'"choices":[', b'"choices":') + after, stream=True
        )
    assert not is_told(events(BEGUN) + LIKE_BLOCK % b"Hi" + LIKE_BLOCK % text, claude=True, stream=True)


def test_members_that_a_text_seems_to_be_are_read() -> None:
    more = LIKE % b'"},"i":{"x":"'
    pieces = around_id(LIKE % b"Hi" + more, TOKENS, False, True, False)
    assert pieces is not None
    assert b"N".join(pieces).endswith(more[6:].replace(b"BxYz-01", b"chatcmpl-N"))
    assert not is_told(LIKE % b"Hi" + LIKE % b'"}}],"id":"other","x":[{"y":{"z":"', stream=True)


def test_thousands_of_events_have_the_new_id() -> None:
    pieces = around_id(events(*[CHUNK] * 5000), TOKENS, False, True, False)
    assert pieces is not None
    assert len(pieces) == 5001
    assert OLD.encode() not in b"".join(pieces)
