"""Translations to and from Bedrock, and botocore's own model of Converse to judge them by."""

import json
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.eventstream import EventStream
from botocore.parsers import EventStreamJSONParser, RestJSONParser
from botocore.validate import ParamValidator
from journeys import CODECS as OTHERS
from journeys import CREATED

from gateway._speedups.eventstream import MessageReader, frame
from gateway.dialects import bedrock
from gateway.dialects.codec import TargetFacts

MODEL = "us.anthropic.claude-sonnet-4-6-v1:0"
FACTS = TargetFacts(MODEL, max_output=64000)
CODECS: dict[str, Any] = {**OTHERS, "bedrock": bedrock}
SERVICE = botocore.session.Session().get_service_model("bedrock-runtime")
CONVERSE = SERVICE.operation_model("Converse")
CONVERSE_STREAM = SERVICE.operation_model("ConverseStream")


def check_request(body: dict[str, Any], model: str = MODEL) -> None:
    """Botocore takes it as the parameters of converse()."""
    check(CONVERSE.input_shape, {"modelId": model, **body})


def check(shape: Any, value: Any) -> None:
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()


def parse_reply(body: bytes) -> dict[str, Any]:
    """The answer as boto3 gives it."""
    response = {"body": body, "headers": {}, "status_code": 200}
    parsed: dict[str, Any] = RestJSONParser().parse(response, CONVERSE.output_shape)
    del parsed["ResponseMetadata"]
    check(CONVERSE.output_shape, parsed)
    return parsed


class _Raw:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        yield from (self._data[at : at + 7] for at in range(0, len(self._data), 7))


def parse_stream(data: bytes) -> list[dict[str, Any]]:
    """The events as boto3 gives them; raises botocore's EventStreamError for an exception among them."""
    shape = CONVERSE_STREAM.output_shape.members["stream"]
    events = list(EventStream(_Raw(data), shape, EventStreamJSONParser(), "ConverseStream"))
    for event in events:
        [(name, value)] = event.items()
        check(shape.members[name], value)
    return events


def framed(text: str) -> list[tuple[str, bytes]]:
    """(type, payload) of each line of a readable stream."""
    pairs = [line.partition(" ")[::2] for line in text.splitlines() if line]
    return [(name, payload.encode()) for name, payload in pairs]


def binary(pairs: list[tuple[str, bytes]]) -> bytes:
    return b"".join([frame(name, payload) for name, payload in pairs])


def readable(data: bytes) -> str:
    """The inverse of `framed`, of binary messages."""
    reader = MessageReader()
    messages = reader.feed(data)
    assert reader.pending == 0
    return "".join([f"{message.name} {message.data.decode()}\n" for message in messages])


def from_bedrock(target: Any, request: Any, pairs: list[tuple[str, bytes]], model: str = MODEL) -> bytes:
    """What the caller of `target` gets for Bedrock's events, which travel as binary messages."""
    reader, writer = bedrock.reader(model), target.writer(request, created=CREATED)
    out = []
    for message in bedrock.messages().feed(binary(pairs)):
        out += [writer.write(event) for event in reader.read(message.name, message.data)]
    out += [writer.write(event) for event in reader.end()]
    return b"".join(out)


def join_bedrock(data: bytes) -> dict[str, Any]:
    """The message that a client puts together; checks that blocks come one at a time."""
    content: list[Any] = []
    result: dict[str, Any] = {"content": content}
    pieces: dict[int, str] = {}
    open_block = None
    for event in parse_stream(data):
        [(name, value)] = event.items()
        if name in ("contentBlockStart", "contentBlockDelta"):
            index = value["contentBlockIndex"]
            if index != open_block:
                assert open_block is None
                assert index == len(content)
                open_block = index
                content.append(json.loads(json.dumps(value.get("start", {}))))
            if name == "contentBlockDelta":
                _join(content, index, value["delta"], pieces)
        elif name == "contentBlockStop":
            assert value["contentBlockIndex"] == open_block
            open_block = None
        elif name in ("messageStop", "metadata"):
            result.update(value)
    for index, block in enumerate(content):
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(pieces.get(index) or "{}")
    return result


def _join(content: list[Any], index: int, delta: dict[str, Any], pieces: dict[int, str]) -> None:
    block = content[index]
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        pieces[index] = pieces.get(index, "") + delta["toolUse"]["input"]
    elif "citation" in delta:
        content[index] = {
            "citationsContent": {
                "content": [{"text": block["text"]}],
                "citations": [delta["citation"]],
            }
        }
    else:
        thought = delta["reasoningContent"]
        if "redactedContent" in thought:
            block["reasoningContent"] = thought
            return
        known = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
        known["text"] += thought.get("text", "")
        if "signature" in thought:
            known["signature"] = thought["signature"]
