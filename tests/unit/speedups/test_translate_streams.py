"""A stream is read the same by shapes and by the codecs alone: whole goldens, and pieces of every spelling."""

import importlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import translation_samples as samples
from gateway._speedups.sse import EventReader
from gateway.dialects.codec import StreamReader
from gateway.dialects.endpoints import ENDPOINTS
from gateway.errors import GatewayError

GOLDENS = sorted((Path(__file__).parents[2] / "golden" / "dialects").rglob("stream.sse"))
SHAPED = {"chat_completions": "openai_chat", "generate_content": "gemini", "cohere_chat": "cohere"}


class Never:
    """A shape that fits nothing."""

    def match(self, _data: bytes) -> None:
        return None


def read(reader: StreamReader, events: list[tuple[str, bytes]]) -> list[Any]:
    """The neutral events, up to the failure and its class and words."""
    found: list[Any] = []
    try:
        for name, data in events:
            found += reader.read(name, data)
        found += reader.end()
    except GatewayError as error:
        found.append((type(error), str(error)))
    return found


def compare(endpoint: str, events: list[tuple[str, bytes]]) -> None:
    shaped = read(ENDPOINTS[endpoint].codec.reader(), events)
    with pytest.MonkeyPatch.context() as patch:
        module = importlib.import_module(f"gateway.dialects.{SHAPED[endpoint]}.reader")
        patch.setattr(module, "_PIECE", Never())
        assert shaped == read(ENDPOINTS[endpoint].codec.reader(), events)


def events_of(stream: bytes) -> list[tuple[str, bytes]]:
    return [(event.name, event.data) for event in EventReader().feed(stream)]


@pytest.mark.parametrize("endpoint", SHAPED)
def test_goldens_are_read_the_same(endpoint: str) -> None:
    assert len(GOLDENS) > 10
    for golden in GOLDENS:
        compare(endpoint, events_of(golden.read_bytes()))


@pytest.mark.parametrize("endpoint", SHAPED)
def test_the_usual_events_fit(endpoint: str) -> None:
    module = importlib.import_module(f"gateway.dialects.{SHAPED[endpoint]}.reader")
    ((_, data),) = events_of(samples.text_event(ENDPOINTS[endpoint]).event)
    assert module._PIECE.match(data) is not None


leaves = (
    st.none() | st.integers(0, 3) | st.sampled_from(["", "text", "é\n😀", "a", '{"a":1}', [], {}, 2.5, -1])
)
counts = st.dictionaries(
    st.sampled_from(["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"]),
    st.integers(0, 9),
) | st.just({"promptTokenCount": 5, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}]})
functions = st.dictionaries(st.sampled_from(["name", "arguments"]), leaves)
PIECES: dict[str, st.SearchStrategy[Any]] = {
    "chat_completions": st.fixed_dictionaries(
        {
            "choices": st.lists(
                st.fixed_dictionaries(
                    {
                        "delta": st.fixed_dictionaries(
                            {},
                            optional={
                                "content": leaves,
                                "refusal": leaves,
                                "reasoning": leaves,
                                "role": leaves,
                                "tool_calls": st.lists(
                                    st.fixed_dictionaries(
                                        {"function": functions},
                                        optional={"index": st.integers(0, 1), "id": leaves, "type": leaves},
                                    ),
                                    max_size=2,
                                ),
                            },
                        )
                    },
                    optional={"index": leaves, "finish_reason": st.sampled_from([None, "stop", ""])},
                ),
                max_size=2,
            )
        },
        optional={"usage": st.none() | st.just({"prompt_tokens": 3}), "id": leaves, "odd": leaves},
    ),
    "generate_content": st.fixed_dictionaries(
        {
            "candidates": st.lists(
                st.fixed_dictionaries(
                    {
                        "content": st.fixed_dictionaries(
                            {"role": st.just("model")},
                            optional={
                                "parts": st.lists(
                                    st.fixed_dictionaries(
                                        {"text": st.text(max_size=3)},
                                        optional={
                                            "thought": st.booleans(),
                                            "thoughtSignature": st.just("c2ln"),
                                        },
                                    ),
                                    max_size=2,
                                )
                            },
                        )
                    },
                    optional={
                        "index": st.integers(0, 1) | st.none(),
                        "finishReason": st.sampled_from([None, "STOP"]),
                        "safetyRatings": st.none() | st.just([1]),
                    },
                ),
                max_size=2,
            )
        },
        optional={"usageMetadata": counts, "modelVersion": st.just("m"), "odd": leaves},
    ),
    "cohere_chat": st.fixed_dictionaries(
        {"type": st.sampled_from(["content-start", "content-delta", "tool-call-start", "tool-call-delta"])},
        optional={
            "index": st.integers(0, 1) | st.none(),
            "delta": st.fixed_dictionaries(
                {
                    "message": st.fixed_dictionaries(
                        {},
                        optional={
                            "content": st.dictionaries(st.sampled_from(["text", "type", "thinking"]), leaves),
                            "tool_calls": st.fixed_dictionaries({"function": functions}),
                            "tool_plan": leaves,
                        },
                    )
                }
            ),
            "logprobs": st.none() | st.just({"text": "a", "logprobs": [0.5]}),
        },
    ),
}


@pytest.mark.parametrize("endpoint", SHAPED)
def test_pieces_are_read_the_same(endpoint: str) -> None:
    opening = [
        *events_of(samples.text_event(ENDPOINTS[endpoint]).opening),
        *events_of(samples.arguments_event(ENDPOINTS[endpoint]).opening)[1:],
    ]

    @settings(max_examples=150, deadline=None)
    @given(st.lists(PIECES[endpoint], max_size=4))
    def check(pieces: list[Any]) -> None:
        compare(endpoint, [*opening, *[("", msgspec.json.encode(piece)) for piece in pieces]])

    check()
