"""Taps: what the gateway reads of answers that pass by bytes, per dialect and endpoint."""

from gateway.dialects.taps.anthropic import AnthropicTap, anthropic_count_facts, anthropic_reply_facts
from gateway.dialects.taps.bedrock import BedrockTap, bedrock_reply_facts
from gateway.dialects.taps.cohere import CohereTap, cohere_reply_facts
from gateway.dialects.taps.gemini import GeminiTap, gemini_choices, gemini_count_facts, gemini_reply_facts
from gateway.dialects.taps.invoked import InvokedEvents, InvokedTap
from gateway.dialects.taps.openai import (
    OpenAIChatTap,
    OpenAICompletionTap,
    openai_embeddings_facts,
    openai_other_facts,
    openai_reply_facts,
)
from gateway.dialects.taps.reply import ReplyFacts
from gateway.dialects.taps.responses import ResponsesTap, responses_reply_facts
from gateway.dialects.taps.stream import StreamTap

__all__ = [
    "AnthropicTap",
    "BedrockTap",
    "CohereTap",
    "GeminiTap",
    "InvokedEvents",
    "InvokedTap",
    "OpenAIChatTap",
    "OpenAICompletionTap",
    "ReplyFacts",
    "ResponsesTap",
    "StreamTap",
    "anthropic_count_facts",
    "anthropic_reply_facts",
    "bedrock_reply_facts",
    "cohere_reply_facts",
    "gemini_choices",
    "gemini_count_facts",
    "gemini_reply_facts",
    "openai_embeddings_facts",
    "openai_other_facts",
    "openai_reply_facts",
    "responses_reply_facts",
]
