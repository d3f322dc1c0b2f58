"""Writes the turns of Anthropic Messages from the neutral form.

Anthropic's rules, and how they are met: roles come in turns, so neighbours of one role become one; tool results stand
first in the user turn after their calls; no text is empty; the last assistant text does not end in white space; a
system message stands at the top, or, where the model takes them, right after a user turn.
"""

import msgspec
from msgspec import Raw

from gateway.dialects.anthropic.content import ContentWriter
from gateway.dialects.dropped import Dropped
from gateway.schemas.chat import ChatRequest, Message
from gateway.schemas.wire import anthropic as wire

OutBlock = wire.Block | Raw


class Turn(msgspec.Struct):
    role: str
    blocks: list[OutBlock]


class Turns(msgspec.Struct):
    """The system prompt's blocks and the messages."""

    system: list[OutBlock]
    messages: list[Turn]


def write_turns(request: ChatRequest, system_turns: bool, dropped: Dropped) -> Turns:
    """`system_turns`: the model takes system messages between the others."""
    content = ContentWriter(request, dropped)
    turns = Turns([], [])
    waiting: list[OutBlock] = []
    for message in request.messages:
        if message.name and message.role != "tool":
            dropped.add("messages.name")
        if message.role in ("system", "developer"):
            blocks = content.blocks(message.parts)
            (waiting if system_turns and turns.messages else turns.system).extend(blocks)
            continue
        _add(turns, message, content, waiting)
    _settle(turns, waiting)
    turns.system += waiting
    for turn in turns.messages:
        if turn.role == "user" and len(turn.blocks) > 1:
            turn.blocks.sort(key=_after_results)
    _trim_last(turns.messages)
    return turns


def _add(turns: Turns, message: Message, content: ContentWriter, waiting: list[OutBlock]) -> None:
    role = "assistant" if message.role == "assistant" else "user"
    blocks = content.blocks(message.parts)
    if not blocks:
        return
    last = turns.messages[-1] if turns.messages else None
    if last is not None and last.role == role:
        last.blocks += blocks
        return
    if role == "assistant":
        _settle(turns, waiting)
    turns.messages.append(Turn(role, blocks))


def _settle(turns: Turns, waiting: list[OutBlock]) -> None:
    """Puts waiting system text behind a user turn that has just become complete."""
    if waiting and turns.messages and turns.messages[-1].role == "user":
        turns.messages.append(Turn("system", list(waiting)))
        waiting.clear()


def _after_results(block: OutBlock) -> bool:
    return not isinstance(block, wire.ToolResultBlock)


def _trim_last(messages: list[Turn]) -> None:
    if messages and messages[-1].role == "assistant":
        block = messages[-1].blocks[-1]
        if isinstance(block, wire.TextBlock):
            block.text = block.text.rstrip()
