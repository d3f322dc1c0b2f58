"""Requests that ask the same have the same key in whatever words, and no others have."""

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken_requests import BODIES, key_of, request_of

from gateway.cache.keys import LEFT_OUT, READ, SCALARS, exact_key, last_text, namespace_key
from gateway.cache.meanings import meaning
from gateway.dialects.codec import TargetFacts
from gateway.dialects.endpoints import ENDPOINTS
from gateway.errors import BadRequest
from gateway.schemas.chat import ChatRequest, Message, Role, Text

DIALECTS = ("chat_completions", "messages", "responses", "generate_content", "converse", "cohere_chat")

UNSAID = {
    "chat_completions": {"model", "stream_options"},
    "chat_old_fields": {"model"},
    "chat_two_spellings": {"model"},
    "messages": {"model", "metadata"},
    "responses": {"model", "stream_options", "user", "safety_identifier", "metadata"},
    "generate_content": set(),
    "converse": {"requestMetadata"},
    "cohere_chat": {"model"},
}
"""Members that change no answer."""

TALK = ("system", "user", "assistant", "user")

Path = tuple[str | int, ...]


def key(request: ChatRequest, scope: bytes = b"scope", model: str = "m", body: bytes = b"") -> bytes:
    return exact_key(request, scope, model, body=body)


# --- whatever is changed in a body changes the key ---


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def changed(body: dict[str, Any], path: Path, value: Any, how: str) -> dict[str, Any]:
    found = copy.deepcopy(body)
    at: Any = found
    for step in path[:-1]:
        at = at[step]
    if how == "removed":
        del at[path[-1]]
    elif how == "added":
        (at[path[-1]] if path else at)["zzz"] = "new"
    elif how == "put":
        at[path[-1]] = value
    else:
        at[path[-1]] = another(value)
    return found


def another(value: str | int | float) -> str | int | float:
    if isinstance(value, bool):
        return not value
    return value + "x" if isinstance(value, str) else value + 1


@pytest.mark.parametrize("name", list(BODIES))
def test_every_change_of_a_body_is_another_key(name: str) -> None:
    """What the neutral form has no place for included: a provider of the same dialect gets it."""
    body = BODIES[name]
    before = key_of(name, json.dumps(body).encode())
    same = []
    for path, value in places(body):
        ways = ["removed"] if path else []
        ways += ["added"] if isinstance(value, dict) else []
        ways += ["changed"] if isinstance(value, str | int | float) else []
        for how in ways:
            try:
                after = key_of(name, json.dumps(changed(body, path, value, how)).encode())
            except BadRequest:
                continue
            if after == before and (not path or path[0] not in UNSAID[name]):
                same.append((how, path))
    assert same == []


SIMPLE: dict[str, dict[str, Any]] = {
    "chat_completions": {"model": "m", "messages": [{"role": role, "content": "q"} for role in TALK]},
    "messages": {
        "model": "m",
        "max_tokens": 1,
        "system": "s",
        "messages": [{"role": "user", "content": "q"}],
    },
    "responses": {"model": "m", "input": [{"role": role, "content": "q"} for role in TALK]},
    "generate_content": {
        "contents": [{"role": role, "parts": [{"text": "q"}]} for role in ("user", "model")]
    },
    "converse": {"messages": [{"role": role, "content": [{"text": "q"}]} for role in TALK[1:3]]},
    "cohere_chat": {"model": "m", "messages": [{"role": role, "content": "q"} for role in TALK]},
}


@pytest.mark.parametrize("name", list(SIMPLE))
def test_what_stands_in_an_odd_place_is_another_key(name: str) -> None:
    """Everything that the dialect has anywhere, put into every object of a simple conversation."""
    known = {
        step: value for path, value in places(BODIES[name]) for step in path[-1:] if isinstance(step, str)
    }
    body = SIMPLE[name]
    before = key_of(name, json.dumps(body).encode())
    same = set()
    for path, value in places(body):
        for member in known.keys() - (value if isinstance(value, dict) else known).keys():
            odd = changed(body, (*path, member), known[member], "put")
            try:
                after = key_of(name, json.dumps(odd).encode())
            except BadRequest:
                continue
            if after == before and member not in UNSAID[name] | {"cache_control", "prompt_cache_key"}:
                same.add((path, member))
    assert same == set()


@pytest.mark.parametrize("name", list(BODIES))
@given(random=st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_no_spelling_of_a_body_is_another_key(name: str, random: Random) -> None:
    body = json.dumps(BODIES[name]).encode()
    assert key_of(name, respelled(BODIES[name], random).encode()) == key_of(name, body)


def respelled(value: Any, random: Random) -> str:
    """The same JSON with its keys in another order, other white space, escapes and numbers."""
    space = random.choice(["", " ", "\n\t"])
    if isinstance(value, dict):
        names = list(value)
        random.shuffle(names)
        members = [f"{json.dumps(name)}{space}:{respelled(value[name], random)}" for name in names]
        return "{" + space + f",{space}".join(members) + "}"
    if isinstance(value, list):
        return "[" + f"{space},".join([respelled(item, random) for item in value]) + space + "]"
    if isinstance(value, float):
        return random.choice([repr(value), f"{value:e}", f"{value}0"])
    return json.dumps(value, ensure_ascii=random.random() < 0.5)


# --- spellings ---


def test_dialects_say_the_same() -> None:
    spellings = {
        "chat_completions": [
            {"messages": [["system", "S"], ["user", "Q"]], "max_tokens": 9, "stop": "x", "temperature": 0},
            {
                "messages": [["system", [{"type": "text", "text": "S"}]], ["user", "Q"]],
                "max_completion_tokens": 9,
                "stop": ["x"],
                "temperature": 0.0,
                "stream": True,
                "user": "somebody",
                "stream_options": {"include_usage": True},
            },
        ],
        "messages": [
            {
                "system": "S",
                "messages": [["user", "Q"]],
                "max_tokens": 9,
                "stop_sequences": ["x"],
                "temperature": 0,
            },
        ],
        "cohere_chat": [
            {
                "messages": [["system", "S"], ["user", "Q"]],
                "max_tokens": 9,
                "stop_sequences": ["x"],
                "temperature": 0,
            },
        ],
    }
    keys = set()
    for name, bodies in spellings.items():
        for body in bodies:
            turns: Any = body["messages"]
            messages = [{"role": role, "content": content} for role, content in turns]
            keys.add(key_of(name, json.dumps({**body, "model": "m", "messages": messages}).encode()))
    assert len(keys) == 1


def test_calls_are_known_by_their_place_and_not_by_their_names() -> None:
    def asked(
        first: str, second: str, answers: tuple[str, str], arguments: str = '{"a": 1, "b": 2}'
    ) -> bytes:
        function = {"name": "f", "arguments": arguments}
        calls = [{"id": id, "type": "function", "function": function} for id in (first, second)]
        results = [{"role": "tool", "tool_call_id": id, "content": id[0]} for id in answers]
        turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": calls}, *results]
        return key_of("chat_completions", json.dumps({"model": "m", "messages": turns}).encode())

    before = asked("a1", "b1", ("a1", "b1"))
    assert asked("a2", "b2", ("a2", "b2")) == before
    assert asked("a1", "b1", ("a1", "b1"), '{"b":2,"a":1}') == before
    assert asked("b1", "a1", ("a1", "b1")) != before
    assert asked("a1", "b1", ("b1", "a1")) != before
    assert asked("a1", "b1", ("a1", "b1"), '{"a": 1, "a": 1, "b": 2}') != before


def test_tools_say_the_same_to_openai_and_anthropic() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    openai = {
        "model": "m",
        "max_tokens": 9,
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}],
        "messages": [
            {"role": "user", "content": "Q"},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"city":"x"}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "1", "content": "sunny"},
            {"role": "user", "content": "go"},
        ],
    }
    anthropic = {
        "model": "m",
        "max_tokens": 9,
        "tools": [{"name": "f", "description": "d", "input_schema": schema}],
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "Q", "cache_control": {"type": "ephemeral"}}],
            },
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "z", "name": "f", "input": {"city": "x"}}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "z", "content": "sunny"},
                    {"type": "text", "text": "go"},
                ],
            },
        ],
    }
    left = key_of("chat_completions", json.dumps(openai).encode())
    assert key_of("messages", json.dumps(anthropic).encode()) == left


words = st.text(max_size=12).filter(str.strip)


@st.composite
def conversations(draw: st.DrawFn) -> ChatRequest:
    """What every dialect can say."""
    system: list[Message] = [Message("system", (Text(draw(words)),))] if draw(st.booleans()) else []
    roles: tuple[Role, ...] = ("user", "assistant")
    turns = [Message(roles[i % 2], (Text(draw(words)),)) for i in range(draw(st.sampled_from((1, 3, 5))))]
    return ChatRequest(
        dialect="openai_chat",
        model="m",
        messages=(*system, *turns),
        max_output=draw(st.integers(1, 9)),
        temperature=draw(st.sampled_from((None, 0.0, 0.25, 1.0))),
        top_p=draw(st.sampled_from((None, 0.5))),
    )


@given(request=conversations())
@settings(max_examples=40)
def test_what_any_dialect_writes_and_reads_keeps_its_key(request: ChatRequest) -> None:
    before = key(request)
    for name in DIALECTS:
        written = ENDPOINTS[name].codec.write_request(request, TargetFacts("m"))
        if not written.dropped:
            read = request_of(name, written.body, "m")
            assert key(read, body=written.body) == before, name


@given(one=conversations(), other=conversations())
def test_two_requests_share_a_key_only_if_they_are_one(one: ChatRequest, other: ChatRequest) -> None:
    assert (key(one) == key(other)) == (one == other)
    assert key(one, b"another") != key(one) != key(one, model="another")


def test_numbers_of_any_size_have_keys() -> None:
    request = ChatRequest(dialect="openai_chat", model="m", messages=(Message("user", (Text("Q"),)),))
    seeds = [msgspec.structs.replace(request, seed=seed) for seed in (1, 2**63, 10**40, 10**40 + 1)]
    assert len({key(one) for one in seeds}) == 4
    assert key(msgspec.structs.replace(request, temperature=-0.0)) == key(
        msgspec.structs.replace(request, temperature=0)
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b'{"a":1,"b":[1.0,2e0]}', b' {"b" : [1,2],\n"a":1e0}', True),
        (b'"\\u00e9\\/"', '"é/"'.encode(), True),
        (b"[1,2]", b"[2,1]", False),
        (b"{}", b"[]", False),
        (b"null", b"", False),
        (b"1", b'"1"', False),
        (b"true", b"1", False),
        (b"9007199254740993", b"9007199254740992", False),
        (b'{"a":1,"a":2}', b'{"a":2}', False),
        (b'{"a":NaN}', b'{"a": NaN}', False),
        (b"[1e999]", b"[2e999]", False),
        (b'"\\ud800"', b'"\\ud801"', False),
        (b"{broken", b"{broken ", False),
        (b"[" * 5000 + b"]" * 5000, b"[" * 5001 + b"]" * 5001, False),
    ],
)
def test_json_is_known_by_its_meaning(one: bytes, other: bytes, same: bool) -> None:
    assert (meaning(one) == meaning(other)) is same
    assert meaning(one) == meaning(one)


def test_headers_that_change_answers_are_part_of_the_key() -> None:
    request = ChatRequest(dialect="anthropic", model="m", messages=())
    plain = exact_key(request, b"", "m", body=b"")
    usual = [(b"anthropic-version", b"2023-06-01"), (b"x-client-name", b"me")]
    assert exact_key(request, b"", "m", body=b"", headers=usual) == plain
    beta = exact_key(request, b"", "m", body=b"", headers=[(b"anthropic-beta", b"context-1m")])
    assert exact_key(request, b"", "m", body=b"", headers=[(b"anthropic-beta", b"other")]) != beta != plain
    assert (
        exact_key(request, b"", "m", body=b"", headers=[*usual, (b"anthropic-beta", b"context-1m")]) == beta
    )
    for version, alike in ((b"2026-10-21", True), (b"2023-01-01", False), (b"2027-05-05", False)):
        key = exact_key(request, b"", "m", body=b"", headers=[(b"anthropic-version", version)])
        assert (key == plain) is alike


@pytest.mark.parametrize("name", ["responseSchema", "responseJsonSchema", "response_schema"])
def test_a_schema_that_no_media_type_goes_with_is_another_key(name: str) -> None:
    asked = {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"temperature": 0},
    }
    with_schema = {**asked, "generationConfig": {"temperature": 0, name: {"type": "STRING"}}}
    keys = [key_of("generate_content", json.dumps(one).encode()) for one in (asked, with_schema)]
    assert keys[0] != keys[1]


# --- by meaning ---


@given(request=conversations(), text=words)
def test_the_last_words_alone_are_not_in_the_namespace(request: ChatRequest, text: str) -> None:
    last = Message("user", (Text(text),))
    other = msgspec.structs.replace(request, messages=(*request.messages[:-1], last))
    space = namespace_key(request, b"s", "m", body=b"")
    assert last_text(other) == text
    assert namespace_key(other, b"s", "m", body=b"") == space
    assert len(space) == 16
    warmer = msgspec.structs.replace(request, temperature=0.75)
    longer = msgspec.structs.replace(request, messages=(Message("user", (Text("Q"),)), *request.messages))
    for different in (warmer, longer):
        assert namespace_key(different, b"s", "m", body=b"") != space
    assert namespace_key(request, b"t", "m", body=b"") != space != namespace_key(request, b"s", "n", body=b"")


def test_only_one_text_of_the_user_is_the_last_word() -> None:
    def ending(*messages: Message) -> ChatRequest:
        return ChatRequest(dialect="openai_chat", model="m", messages=messages)

    assert last_text(ending()) is None
    assert last_text(ending(Message("assistant", (Text("a"),)))) is None
    assert last_text(ending(Message("user", (Text("a"), Text("b"))))) is None
    assert last_text(ending(Message("user", ()))) is None


def test_every_field_of_a_request_is_accounted_for() -> None:
    named = [*SCALARS, *READ, *LEFT_OUT]
    assert sorted(named) == sorted(ChatRequest.__struct_fields__)
