"""The real boto3 client on a loopback server that answers in the codec's bytes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from bedrock_journeys import MODEL
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from gateway.dialects import bedrock
from gateway.errors import UpstreamStatus
from gateway.schemas.chat import Choice, Reasoning, Reply, SealedReasoning, Text, ToolCall
from gateway.schemas.events import Ended, Finished, Started, TextDelta, ToolDelta, ToolStarted, Used
from gateway.schemas.usage import Usage

FAILURE = UpstreamStatus(429, "too many tokens, wait")
USAGE = Usage(10, 5, cached=4)
PARTS = (
    Reasoning("hm", "sig", format="anthropic-claude-v1"),
    SealedReasoning("c2VhbGVk"),
    Text("yo"),
    ToolCall("t1", "f", '{"a": 1}'),
)
EVENTS = (
    Started(),
    TextDelta(0, "yo"),
    ToolStarted(1, "t1", "f"),
    ToolDelta(1, '{"a":'),
    ToolDelta(1, "1}"),
    Finished("tool_calls"),
    Used(USAGE),
    Ended(),
)


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...

    def do_POST(self) -> None:
        _, _, model, action = self.path.split("/")
        body = self.rfile.read(int(self.headers["content-length"]))
        request = bedrock.read_request(body, unquote(model), action == "converse-stream")
        said = request.messages[-1].parts[0]
        assert isinstance(said, Text)
        if said.text == "fail":
            headers = {bedrock.ERROR_HEADER.decode(): bedrock.error_type(FAILURE)}
            self._answer(FAILURE.http_status, bedrock.write_error(FAILURE), "application/json", headers)
        elif request.stream:
            writer = bedrock.writer(request)
            events = EVENTS[:2] if said.text == "break" else EVENTS
            out = b"".join([writer.write(event) for event in events])
            out += writer.error(FAILURE) if said.text == "break" else b""
            self._answer(200, out, bedrock.STREAM_TYPE.decode())
        else:
            reply = Reply(dialect="x", id="", model="", choices=(Choice(PARTS, "tool_calls"),), usage=USAGE)
            self._answer(200, bedrock.write_reply(reply), "application/json")

    def _answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "content-type": kind,
            "content-length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    yield made
    made.close()
    server.shutdown()
    thread.join()
    server.server_close()


def ask(text: str) -> dict[str, Any]:
    return {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": text}]}]}


def test_boto3_reads_a_whole_answer_and_sends_it_back(client: Any) -> None:
    answer = client.converse(**ask("hi"))
    message = answer["output"]["message"]
    assert answer["stopReason"] == "tool_use"
    assert answer["usage"]["inputTokens"] == 6
    assert answer["usage"]["cacheReadInputTokens"] == 4
    assert message["content"][1]["reasoningContent"]["redactedContent"] == b"sealed"
    assert message["content"][3]["toolUse"]["input"] == {"a": 1}
    turns = [*ask("hi")["messages"], message, *ask("go on")["messages"]]
    assert client.converse(modelId=MODEL, messages=turns)["output"]["message"] == message


def test_boto3_reads_a_stream(client: Any) -> None:
    events = list(client.converse_stream(**ask("hi"))["stream"])
    assert [next(iter(event)) for event in events] == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockStop",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    pieces = [event["contentBlockDelta"]["delta"]["toolUse"]["input"] for event in events[4:6]]
    assert json.loads("".join(pieces)) == {"a": 1}


def test_boto3_raises_errors_whole_and_streamed(client: Any) -> None:
    for call in (client.converse, client.converse_stream):
        with pytest.raises(client.exceptions.ThrottlingException, match="too many tokens"):
            call(**ask("fail"))
    assert issubclass(client.exceptions.ThrottlingException, ClientError)
    stream = client.converse_stream(**ask("break"))["stream"]
    with pytest.raises(EventStreamError, match="too many tokens"):
        list(stream)
