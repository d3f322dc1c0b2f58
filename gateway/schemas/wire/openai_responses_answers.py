"""Answers of OpenAI's Responses API as JSON, typed: what is read of them, whole and streamed.

Source of the shapes: the types of OpenAI's own SDK (`Response`, `ResponseStreamEvent`). Any further field is accepted.
"""

from msgspec import Raw

from gateway.schemas.wire.common import ABSENT, Wire


class Annotation(Wire):
    type: str | None = None
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class Content(Wire):
    """A part of a message or of a thought; `type` tells which field counts."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None
    logprobs: list[Raw] | None = None


class Item(Wire):
    """Any item of `output`, with the fields of those that have a neutral form."""

    type: str = ""
    id: str | None = None
    content: list[Content] | None = None
    summary: list[Content] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class Details(Wire):
    reason: str | None = None


class Reply(Wire):
    output: list[Raw] | None = None
    id: str | None = None
    object: str | None = None
    model: str | None = None
    created_at: int | float | None = None
    status: str | None = None
    error: Raw = ABSENT
    incomplete_details: Details | None = None
    service_tier: str | None = None
    usage: Raw = ABSENT


class StreamEvent(Wire):
    """Any event of a stream. `message` and `code` are an error event's own fields."""

    type: str | None = None
    response: Reply | None = None
    item: Raw = ABSENT
    item_id: str | None = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: Raw = ABSENT
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    annotation: Raw = ABSENT
    logprobs: list[Raw] | None = None
    error: Raw = ABSENT
    message: str | None = None
    code: str | int | None = None
