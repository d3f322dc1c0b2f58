"""A kept answer in the words in which it was told: all but its id and its usage, whatever the texts in it look like."""

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway._speedups.verbatim import around_id

sys.path.append(str(Path(__file__).parents[2] / "reference"))

from verbatim_oracle import document, lines_of_data, told, without_marks

OLD = "BxYz-01"
NEW = "cache-0a1b-7"
TOKENS = 4321
NASTY = (
    f'{{"id":"{OLD}"}}',
    f'","id":"{OLD}","x":"',
    f'data: {{"id":"{OLD}"}}\n\ndata: [DONE]\n\n',
    '"usage":{"prompt_tokens":1}',
    '\\"usage\\":{"input_tokens":1}',
    '"content"',
    "\\",
    '\\\\"',
    "\u2028\x85\r\n\t\x7f",
    "grüße 🙂 \0",
    "x" * 3000,
    "{" * 600,
)
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=30))
WORDS = TEXTS.filter(bool)
COUNTS = st.integers(0, 10**6)
NAMES = st.sampled_from(["id", "content", "text", "x", "message", 'a"b', "größe", "\\"])


def _within(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(values, max_size=3), st.dictionaries(NAMES, values, max_size=3))


LEAVES = st.one_of(st.none(), st.booleans(), COUNTS, st.floats(-1e9, 1e9), TEXTS, st.just(OLD))
ANYTHING = st.recursive(LEAVES, _within, max_leaves=6)
MORE = st.dictionaries(st.sampled_from(["system_fingerprint", "x_own", "größe", "i"]), ANYTHING, max_size=3)
EXTRAS = st.sampled_from([st.just({}), MORE])
"""Most streams have the same members in all events."""
NESTED_USAGE = st.dictionaries(
    st.just("x_groq"), st.fixed_dictionaries({"id": st.just(OLD), "usage": MORE | COUNTS}), max_size=1
)


class Answer(msgspec.Struct):
    """What a provider said, and how it is asked for."""

    body: bytes
    claude: bool
    stream: bool
    counted: bool

    def told(self) -> bytes | None:
        pieces = around_id(self.body, TOKENS, self.claude, self.stream, self.counted)
        return None if pieces is None else NEW.encode().join(pieces)

    def expected(self, body: bytes | None = None) -> list[dict[str, Any]]:
        name = ("msg_" if self.claude else "chatcmpl-") + NEW
        return told(self.body if body is None else body, TOKENS, self.claude, self.stream, name)


class Pen:
    """Writes JSON in one of the many ways."""

    def __init__(self, seed: int, first: str, spaces: str) -> None:
        self._random = Random(seed)
        self._spaces = spaces
        self._ascii = self._random.random() < 0.5
        self._first = first

    def write(self, value: Any, at_top: bool = True) -> str:
        if isinstance(value, dict):
            names = list(value)
            if self._first != "as it is":
                self._random.shuffle(names)
            if at_top and self._first in ("first", "last"):
                names.sort(key="id".__eq__, reverse=self._first == "first")
            members = [
                f"{json.dumps(name, ensure_ascii=False)}{self._space()}:{self.within(value[name])}"
                for name in names
            ]
            return (
                "{" + self._space() + f"{self._space()},{self._space()}".join(members) + self._space() + "}"
            )
        if isinstance(value, list):
            return "[" + ",".join([self.within(item) for item in value]) + "]"
        return self._leaf(value)

    def within(self, value: Any) -> str:
        return self._space() + self.write(value, at_top=False) + self._space()

    def _leaf(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=self._ascii)

    def _space(self) -> str:
        return (
            "".join(self._random.choices(self._spaces, k=self._random.randrange(3))) if self._spaces else ""
        )


SEEDS, ORDERS = st.integers(0, 10**9), st.sampled_from(["first", "last", "mixed"])
USUAL_PENS = st.builds(Pen, SEEDS, st.just("as it is"), st.just(""))
PENS = USUAL_PENS | st.builds(Pen, SEEDS, ORDERS, st.sampled_from(["", " ", " \t"]))
LOOSE_PENS = st.builds(Pen, SEEDS, st.just("mixed"), st.sampled_from(["", " ", " \t\n\r"]))


def some(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Each of the members, or not."""
    return st.fixed_dictionaries({}, optional=members)


DETAILS = some(cached_tokens=COUNTS | st.none(), cache_write_tokens=COUNTS | st.none(), audio_tokens=COUNTS)
CHAT_USAGE = st.builds(
    dict,
    some(
        prompt_tokens_details=st.none() | DETAILS,
        completion_tokens_details=ANYTHING,
        price=NAMES,
        x_own=ANYTHING,
    ),
    prompt_tokens=COUNTS,
    completion_tokens=COUNTS,
    total_tokens=COUNTS,
)
CREATION = some(ephemeral_5m_input_tokens=COUNTS | st.none(), ephemeral_1h_input_tokens=COUNTS, other=TEXTS)
PROMPT_COUNTS = some(
    cache_read_input_tokens=COUNTS | st.none(),
    cache_creation_input_tokens=COUNTS | st.none(),
    cache_creation=st.none() | CREATION,
    service_tier=st.just("standard"),
)
CLAUDE_USAGE = st.builds(dict, PROMPT_COUNTS, input_tokens=COUNTS, output_tokens=COUNTS)
OUTPUT_USAGE = st.builds(dict, some(server_tool_use=ANYTHING), output_tokens=COUNTS)
CALLS = st.just(
    [{"id": OLD, "type": "function", "function": {"name": "f", "arguments": '{"usage":{"id":"x"}}'}}]
)
BLOCKS = st.lists(
    st.builds(dict, MORE, type=st.just("text"), text=WORDS)
    | st.builds(dict, type=st.just("tool_use"), id=st.just(OLD), name=st.just("f"), input=MORE),
    min_size=1,
    max_size=3,
)


@st.composite
def whole_chats(draw: st.DrawFn) -> Answer:
    said = draw(st.builds(dict, MORE, content=WORDS) | st.builds(dict, content=st.none(), tool_calls=CALLS))
    answer = {
        "id": OLD,
        "object": "chat.completion",
        **draw(MORE),
        **draw(NESTED_USAGE),
        "choices": [{"index": 0, "message": {"role": "assistant", **said}, "finish_reason": "stop"}],
        "usage": draw(CHAT_USAGE),
    }
    return Answer(draw(LOOSE_PENS).within(answer).encode(), claude=False, stream=False, counted=False)


@st.composite
def whole_messages(draw: st.DrawFn) -> Answer:
    answer = {
        "id": OLD,
        **draw(MORE),
        **draw(NESTED_USAGE),
        "content": draw(BLOCKS),
        "usage": draw(CLAUDE_USAGE),
    }
    return Answer(draw(LOOSE_PENS).within(answer).encode(), claude=True, stream=False, counted=False)


@st.composite
def lines(draw: st.DrawFn, events: list[tuple[str, dict[str, Any]]], pen: Pen) -> bytes:
    """The events as a stream, which may have comments and other fields."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    data = draw(st.sampled_from(["data:", "data: "]))
    more = [
        draw(st.sampled_from(["", "", f": a comment{end}", f"id: 5{end}", f": x{end}{end}"])) for _ in events
    ]
    name = [f"event: {name}{end}" if name else "" for name, _ in events]
    told = "".join(
        [
            f"{more[place]}{name[place]}{data}{pen.write(event)}{end}{end}"
            for place, (_, event) in enumerate(events)
        ]
    )
    done = f"data: [DONE]{end}{end}" if not events[0][0] and draw(st.booleans()) else ""
    return (told + done).encode()


@st.composite
def chat_streams(draw: st.DrawFn) -> Answer:
    counted, said = draw(st.booleans()), draw(st.lists(WORDS, min_size=1, max_size=6))
    nulls = {"usage": None} if draw(st.booleans()) else {}
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        *({"content": text} for text in said),
        {},
    ]
    if draw(st.booleans()):
        deltas.insert(2, {"tool_calls": draw(CALLS)})
    more, others = draw(MORE), draw(EXTRAS)
    events = [
        {"id": OLD, **more, **nulls, "choices": [{"index": 0, "delta": {**delta, **draw(others)}}]}
        for delta in deltas
    ]
    if counted:
        used = {"id": OLD, **more, "choices": [], "usage": draw(CHAT_USAGE)}
        events.insert(len(events) - draw(st.integers(0, 1)), used)
    body = draw(lines([("", event) for event in events], draw(PENS)))
    return Answer(body, claude=False, stream=True, counted=counted)


@st.composite
def message_streams(draw: st.DrawFn) -> Answer:
    said, others = draw(st.lists(WORDS, min_size=1, max_size=6)), draw(EXTRAS)
    start = {"id": OLD, **draw(MORE), "content": [], "usage": draw(CLAUDE_USAGE)}
    block: dict[str, Any] = {"type": "text", "text": ""}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "ping"},
        *(
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}, **draw(others)}
            for text in said
        ),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": draw(OUTPUT_USAGE | CLAUDE_USAGE),
        },
        {"type": "message_stop"},
    ]
    body = draw(lines([(event["type"], event) for event in events], draw(PENS)))
    return Answer(body, claude=True, stream=True, counted=draw(st.booleans()))


ANSWERS = st.one_of(whole_chats(), whole_messages(), chat_streams(), message_streams())


@given(ANSWERS)
def test_all_stays_but_the_id_and_the_usage(answer: Answer) -> None:
    again = answer.told()
    assert again is not None
    # No number but those that are to be written has changed its spelling: nothing is read and written anew.
    assert without_marks(again, answer.claude, answer.stream) == without_marks(
        answer.body, answer.claude, answer.stream
    )
    name = ("msg_" if answer.claude else "chatcmpl-") + NEW
    documents = answer.expected()
    assert answer.expected(again) == documents
    assert _read(again, answer.stream) == documents
    assert again.count(name.encode()) == (1 if answer.claude else len(documents))


def _read(body: bytes, stream: bool) -> list[Any]:
    if not stream:
        return [json.loads(body)]
    data = [line[5:] for line in body.split(b"\n") if line.startswith(b"data:")]
    return [json.loads(line) for line in data if b"[DONE]" not in line[:7]]


# --- what is not as it should be ---


@given(ANSWERS, st.integers(0, 10**9), st.integers(1, 4))
def test_damaged_answers_are_told_as_they_are_read_or_not_at_all(
    answer: Answer, seed: int, times: int
) -> None:
    random = Random(seed)
    for _ in range(8):
        body = bytearray(answer.body)
        for _ in range(times):
            _damage(body, random)
        _is_told_right(msgspec.structs.replace(answer, body=bytes(body)))


MARKS = (
    b'"id":"',
    b'"usage":{',
    b"\r",
    b"\n",
    b"\n\n",
    b"data: {",
    b'"',
    b"\\",
    b"{",
    b"}",
    b",",
    b"\0",
    b"\xff",
    b"0",
)


def _damage(body: bytearray, random: Random) -> None:
    at = random.randrange(len(body) + 1)
    match random.randrange(5):
        case 0:
            del body[at : at + random.choice((1, 1, 5, 50))]
        case 1:
            body[at:at] = random.choice(MARKS)
        case 2:
            del body[at:]
        case 3:
            other = random.randrange(len(body) + 1)
            body[at:at] = body[other : other + random.choice((1, 20, 200))]
        case _:
            body[at : at + 1] = bytes([random.randrange(256)])
    if not body:
        body += b" "


def _is_told_right(answer: Answer) -> None:
    again = answer.told()
    if again is not None:
        data = lines_of_data(again) if answer.stream else [again]
        assert [document(each) for each in data] == answer.expected()


@given(st.binary(max_size=200), st.booleans(), st.booleans(), st.booleans())
def test_no_bytes_are_too_odd(body: bytes, claude: bool, stream: bool, counted: bool) -> None:
    assert around_id(body, TOKENS, claude, stream, counted) is None


@settings(max_examples=20)
@given(ANSWERS)
def test_every_cut_of_an_answer(answer: Answer) -> None:
    for end in range(len(answer.body)):
        _is_told_right(msgspec.structs.replace(answer, body=answer.body[:end]))
