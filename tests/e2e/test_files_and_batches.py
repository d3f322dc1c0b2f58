"""What providers keep, through the official SDKs: files, batches, uploads, stored responses, message batches."""

from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

import anthropic
import openai
import openai_wire
import pytest
import wire
from fault_server import CLOSE, FaultServer
from gateway_process import ANTHROPIC_KEY, CALLER_KEY, OPENAI_KEY, Gateway
from raw_client import exchange, request

LINES = (
    b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n' * 50 + b"\xff\r\n"
)
FILE = {
    "id": "file-1",
    "object": "file",
    "bytes": len(LINES),
    "created_at": 1,
    "filename": "a.jsonl",
    "purpose": "batch",
    "status": "processed",
}
BATCH = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file-1",
    "completion_window": "24h",
    "status": "validating",
    "created_at": 1,
}
MESSAGE_BATCH = {
    "id": "msgbatch_1",
    "type": "message_batch",
    "processing_status": "ended",
    "request_counts": {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 0, "expired": 0},
    "created_at": "2026-01-01T00:00:00Z",
    "expires_at": "2026-01-02T00:00:00Z",
    "ended_at": "2026-01-01T01:00:00Z",
    "archived_at": None,
    "cancel_initiated_at": None,
    "results_url": "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results",
}
UPLOADED = {
    "id": "file_1",
    "type": "file",
    "filename": "a.pdf",
    "mime_type": "application/pdf",
    "size_bytes": 3,
    "created_at": "2026-01-01T00:00:00Z",
    "downloadable": False,
}


@pytest.fixture
def client(media_gateway: Gateway, openai_upstream: FaultServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{media_gateway.url}/v1", api_key=CALLER_KEY, max_retries=0) as one:
        yield one


@pytest.fixture(params=["", "/anthropic"])
def claude(
    media_gateway: Gateway,
    anthropic_upstream: FaultServer,
    request: pytest.FixtureRequest,
) -> Iterator[anthropic.Anthropic]:
    url = media_gateway.url + request.param
    with anthropic.Anthropic(base_url=url, api_key=CALLER_KEY, max_retries=0) as one:
        yield one


def ask(gateway: Gateway, method: str, path: str, **headers: Any) -> Any:
    names = {"authorization": f"Bearer {CALLER_KEY}", **headers}
    return exchange(gateway.port, request(method, path, None, names), method)


# --- OpenAI's ---


def test_a_file_is_uploaded_byte_for_byte(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(FILE))
    assert client.files.create(file=("a.jsonl", LINES), purpose="batch").id == "file-1"
    seen = openai_upstream.only
    assert seen.request_line == b"POST /v1/files HTTP/1.1"
    assert LINES in seen.body
    assert (seen.header("content-type") or "").startswith("multipart/form-data; boundary=")
    assert seen.header("authorization") == f"Bearer {OPENAI_KEY}"
    assert CALLER_KEY.encode() not in seen.head


def test_files_are_listed_read_and_deleted(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(
        wire.as_json({"object": "list", "data": [FILE], "has_more": False}),
        wire.as_json(FILE),
        wire.whole(LINES, content_type="application/octet-stream"),
        wire.as_json({"id": "file-1", "object": "file", "deleted": True}),
    )
    assert [file.id for file in client.files.list(purpose="batch", limit=3)] == ["file-1"]
    assert client.files.retrieve("file-1").filename == "a.jsonl"
    assert client.files.content("file-1").read() == LINES
    assert client.files.delete("file-1").deleted
    assert [seen.request_line for seen in openai_upstream.seen] == [
        b"GET /v1/files?limit=3&purpose=batch HTTP/1.1",
        b"GET /v1/files/file-1 HTTP/1.1",
        b"GET /v1/files/file-1/content HTTP/1.1",
        b"DELETE /v1/files/file-1 HTTP/1.1",
    ]


def test_batches(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(
        wire.as_json(BATCH),
        wire.as_json(BATCH),
        wire.as_json({"object": "list", "data": [BATCH], "has_more": False}),
        wire.as_json({**BATCH, "status": "cancelling"}),
    )
    made = client.batches.create(
        input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert client.batches.retrieve(made.id).status == "validating"
    assert [batch.id for batch in client.batches.list(limit=1)] == ["batch_1"]
    assert client.batches.cancel("batch_1").status == "cancelling"
    assert [seen.path for seen in openai_upstream.seen] == [
        "/v1/batches",
        "/v1/batches/batch_1",
        "/v1/batches?limit=1",
        "/v1/batches/batch_1/cancel",
    ]


def test_uploads_in_parts(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    part = {"id": "part_1", "object": "upload.part", "created_at": 1, "upload_id": "upload_1"}
    openai_upstream.script(wire.as_json(part))
    assert client.uploads.parts.create("upload_1", data=LINES).id == "part_1"
    assert openai_upstream.only.path == "/v1/uploads/upload_1/parts"
    assert LINES in openai_upstream.only.body


def test_stored_responses(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    response = {"id": "resp_1", "object": "response", "status": "completed", "output": []}
    openai_upstream.script(
        wire.as_json(response),
        wire.as_json({"object": "list", "data": [], "has_more": False}),
        wire.as_json({**response, "status": "cancelled"}),
        wire.as_json({"id": "resp_1", "object": "response", "deleted": True}),
    )
    assert client.responses.retrieve("resp_1").status == "completed"
    assert list(client.responses.input_items.list("resp_1")) == []
    assert client.responses.cancel("resp_1").status == "cancelled"
    client.responses.delete("resp_1")
    assert [seen.request_line.rpartition(b" ")[0] for seen in openai_upstream.seen] == [
        b"GET /v1/responses/resp_1",
        b"GET /v1/responses/resp_1/input_items",
        b"POST /v1/responses/resp_1/cancel",
        b"DELETE /v1/responses/resp_1",
    ]


def test_a_providers_refusal_keeps_its_words(client: openai.OpenAI, openai_upstream: FaultServer) -> None:
    openai_upstream.script(wire.as_json(openai_wire.error("no such file", "invalid_request_error"), 404))
    with pytest.raises(openai.NotFoundError, match="no such file"):
        client.files.retrieve("file-none")


def test_a_page_instead_of_an_answer_is_told_in_the_dialect(
    client: openai.OpenAI, openai_upstream: FaultServer
) -> None:
    page = b"<html><title>Bad gateway</title></html>"
    openai_upstream.script(wire.whole(page, 502, content_type="text/html"))
    with pytest.raises(openai.InternalServerError, match="HTML page: Bad gateway"):
        client.files.retrieve("file-1")


def test_a_download_that_breaks_off_is_not_ended_cleanly(
    media_gateway: Gateway, openai_upstream: FaultServer
) -> None:
    head = wire.head(content_type="application/octet-stream", content_length="1000")
    openai_upstream.script([head, b"x" * 10, CLOSE])
    try:
        reply = ask(media_gateway, "GET", "/v1/files/file-1/content")
    except (ConnectionError, HTTPException):
        return
    assert not reply.complete


# --- whose they are ---


def test_several_keepers_are_told_apart(start_gateway: Any, openai_upstream: FaultServer) -> None:
    providers = {
        "openai": {"base_url": f"{openai_upstream.url}/v1", "keys": [OPENAI_KEY]},
        "groq": {"base_url": f"{openai_upstream.url}/groq/v1", "keys": [OPENAI_KEY]},
        "my-vllm": {"type": "openai", "base_url": f"{openai_upstream.url}/vllm/v1"},
    }
    gateway = start_gateway(providers=providers, models={})
    openai_upstream.script(wire.as_json(FILE))
    for headers, query in (
        ({}, ""),
        ({"x-gateway-provider": "my-vllm"}, ""),
        ({}, "?provider=nobody"),
    ):
        reply = ask(gateway, "GET", "/v1/files/file-1" + query, **headers)
        assert reply.status == 400
        assert reply.json()["error"]["message"].endswith(": groq, openai")
    assert openai_upstream.seen == []
    assert ask(gateway, "GET", "/v1/files/f", **{"x-gateway-provider": "groq"}).status == 200
    assert ask(gateway, "GET", "/v1/files?limit=2&provide%72=groq&order=asc").status == 200
    assert ask(gateway, "GET", "/openai/v1/files?provider=openai").status == 200
    assert [seen.path for seen in openai_upstream.seen] == [
        "/groq/v1/files/f",
        "/groq/v1/files?limit=2&order=asc",
        "/v1/files",
    ]
    assert ask(gateway, "GET", "/v1/messages/batches").status == 400
    gateway.stop()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/files/../secret", 404),
        ("GET", "/v1/files/%2e%2e/secret", 404),
        ("GET", "/v1/files/a%2f..%2fb", 404),
        ("PUT", "/v1/files/file-1", 405),
        ("GET", "/v1/responses", 405),
        ("GET", "/v1/filesystem", 404),
    ],
)
def test_what_is_not_kept_is_not_asked_for(
    media_gateway: Gateway, openai_upstream: FaultServer, method: str, path: str, status: int
) -> None:
    assert ask(media_gateway, method, path).status == status
    assert openai_upstream.seen == []


def test_without_a_key_nothing_is_kept(media_gateway: Gateway, openai_upstream: FaultServer) -> None:
    assert media_gateway.get("/v1/files").status == 401
    assert openai_upstream.seen == []


# --- Anthropic's ---


def test_anthropics_files(claude: anthropic.Anthropic, anthropic_upstream: FaultServer) -> None:
    anthropic_upstream.script(
        wire.as_json(UPLOADED),
        wire.as_json({"data": [UPLOADED], "has_more": False, "first_id": None, "last_id": None}),
        wire.whole(b"%PDF\x00", content_type="application/pdf"),
        wire.as_json({"id": "file_1", "type": "file_deleted"}),
    )
    beta = {"anthropic-beta": "files-api-2025-04-14"}
    kind = ("a.pdf", b"%PDF\x00", "application/pdf")
    assert claude.beta.files.upload(file=kind, extra_headers=beta).id == "file_1"
    assert [file.id for file in claude.beta.files.list()] == ["file_1"]
    assert claude.beta.files.download("file_1").read() == b"%PDF\x00"
    assert claude.beta.files.delete("file_1").id == "file_1"
    first = anthropic_upstream.seen[0]
    assert b"%PDF\x00" in first.body
    assert first.header("x-api-key") == ANTHROPIC_KEY
    assert first.header("anthropic-version")  # the SDK says which
    assert first.header("anthropic-beta") == "files-api-2025-04-14"
    assert [seen.path.partition("?")[0] for seen in anthropic_upstream.seen] == [
        "/v1/files",
        "/v1/files",
        "/v1/files/file_1/content",
        "/v1/files/file_1",
    ]


def test_message_batches_and_their_results(
    claude: anthropic.Anthropic, anthropic_upstream: FaultServer
) -> None:
    line = b'{"custom_id":"1","result":{"type":"canceled"}}\n'
    anthropic_upstream.script(
        wire.as_json(MESSAGE_BATCH),
        wire.as_json({"data": [MESSAGE_BATCH], "has_more": False, "first_id": None, "last_id": None}),
        wire.as_json({**MESSAGE_BATCH, "processing_status": "canceling"}),
        wire.as_json(MESSAGE_BATCH),
        wire.whole(line, content_type="application/x-jsonl"),
    )
    made = claude.messages.batches.create(
        requests=[
            {
                "custom_id": "1",
                "params": {
                    "model": "claude-haiku-4-5",
                    "max_tokens": 5,
                    "messages": [{"role": "user", "content": "hi"}],
                },
            }
        ]
    )
    assert [batch.id for batch in claude.messages.batches.list()] == [made.id]
    assert claude.messages.batches.cancel(made.id).processing_status == "canceling"
    results = list(claude.messages.batches.results(made.id))  # the SDK follows `results_url`
    assert [result.custom_id for result in results] == ["1"]
    assert [seen.path for seen in anthropic_upstream.seen][1:] == [
        "/v1/messages/batches",
        "/v1/messages/batches/msgbatch_1/cancel",
        "/v1/messages/batches/msgbatch_1",
        "/v1/messages/batches/msgbatch_1/results",
    ]
    assert anthropic_upstream.seen[0].json()["requests"][0]["params"]["model"] == "claude-haiku-4-5"


def test_anthropics_refusal_is_in_anthropics_words(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="'nobody' has none"):
        claude.messages.batches.retrieve("msgbatch_1", extra_headers={"x-gateway-provider": "nobody"})
