"""The common items of a request, decoded in one pass with it: each as the kind of item that it is."""

from gateway.schemas.wire import openai_responses as wire
from gateway.schemas.wire.common import ABSENT

Item = wire.MessageItem | wire.CallItem | wire.OutputItem | wire.ReasoningItem


def known_items(items: list[wire.AnyItem]) -> list[Item] | None:
    """None when one of them is of another kind, or has what its kind has not: that is for the patient reader."""
    known: list[Item] = []
    for item in items:
        found = _known(item)
        if found is None:
            return None
        known.append(found)
    return known


def _known(item: wire.AnyItem) -> Item | None:
    kind = item.type
    if kind == "message" or (kind is None and item.role is not None):
        return _message(item)
    if item.role is not None or item.content is not None or item.phase is not ABSENT:
        return None
    if kind in ("function_call", "custom_tool_call"):
        return _call(item, kind)
    if kind in ("function_call_output", "custom_tool_call_output"):
        return _output(item, kind)
    return _reasoning(item) if kind == "reasoning" else None


def _message(item: wire.AnyItem) -> wire.MessageItem | None:
    if item.role is None or item.content is None or not _no_call(item) or not _no_thought(item):
        return None
    if item.output is not None or item.call_id is not None:
        return None
    return wire.MessageItem(
        role=item.role,
        content=item.content,
        type=item.type,
        id=item.id,
        status=item.status,
        phase=item.phase,
    )


def _call(item: wire.AnyItem, kind: str) -> wire.CallItem | None:
    if item.call_id is None or item.name is None or item.output is not None or not _no_thought(item):
        return None
    return wire.CallItem(
        type=kind,
        call_id=item.call_id,
        name=item.name,
        arguments=item.arguments,
        input=item.input,
        id=item.id,
        status=item.status,
        caller=item.caller,
        namespace=item.namespace,
    )


def _output(item: wire.AnyItem, kind: str) -> wire.OutputItem | None:
    if item.call_id is None or item.output is None or not _no_thought(item):
        return None
    if item.name is not None or item.arguments is not None or item.input is not None:
        return None
    return wire.OutputItem(
        type=kind,
        call_id=item.call_id,
        output=item.output,
        id=item.id,
        status=item.status,
        caller=item.caller,
        namespace=item.namespace,
    )


def _reasoning(item: wire.AnyItem) -> wire.ReasoningItem | None:
    """Its id and status are text, where other items only carry them."""
    if not _no_call(item) or item.output is not None or item.call_id is not None:
        return None
    identity, status = bytes(item.id), bytes(item.status)
    if b"\\" in identity or identity[:1] not in (b"", b'"') or status[:1] not in (b"", b'"'):
        return None
    return wire.ReasoningItem(
        type="reasoning",
        id=identity[1:-1].decode(),
        summary=item.summary,
        encrypted_content=item.encrypted_content,
    )


def _no_call(item: wire.AnyItem) -> bool:
    return (
        item.name is None
        and item.arguments is None
        and item.input is None
        and item.caller is ABSENT
        and item.namespace is ABSENT
    )


def _no_thought(item: wire.AnyItem) -> bool:
    return item.summary is None and item.encrypted_content is None
