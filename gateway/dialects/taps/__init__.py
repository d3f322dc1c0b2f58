"""Taps: what the gateway reads of answers that pass by bytes, per dialect and endpoint."""

from gateway.dialects.taps.anthropic import AnthropicTap, anthropic_count_facts, anthropic_reply_facts
from gateway.dialects.taps.openai import (
    OpenAIChatTap,
    OpenAICompletionTap,
    openai_embeddings_facts,
    openai_other_facts,
    openai_reply_facts,
)
from gateway.dialects.taps.reply import ReplyFacts
from gateway.dialects.taps.stream import StreamTap

__all__ = [
    "AnthropicTap",
    "OpenAIChatTap",
    "OpenAICompletionTap",
    "ReplyFacts",
    "StreamTap",
    "anthropic_count_facts",
    "anthropic_reply_facts",
    "openai_embeddings_facts",
    "openai_other_facts",
    "openai_reply_facts",
]
