"""Why a piece of an answer has no place in another dialect: the words of docs/fidelity.md, by provider and path."""

from fidelity_reasons import NOT_YET

PLACE = "Where in the text a source is cited; the dialect hangs sources on a part of the text."
PROMPT = "An echo of the request; the caller gets an echo of its own."
HOSTED = "What a tool that the provider runs did; the caller's dialect knows none of that kind."
TELLS = "Only its own provider's callers know it."
TOKENS = "The dialect does not count these tokens apart."
CHANCES = "The dialect has log probabilities in another detail, or none."
MORE = "The dialect has one answer; the request's `n` was named as dropped."

ANSWERS: dict[tuple[str, str], str] = {
    ("openai_chat", "choices"): MORE,
    ("openai_chat", "choices.finish_reason"): "A call of a tool says it, or the answer ends in a refusal.",
    ("openai_chat", "choices.logprobs"): CHANCES,
    ("openai_chat", "choices.logprobs.content.bytes"): CHANCES,
    ("openai_chat", "choices.logprobs.content.top_logprobs"): CHANCES,
    ("openai_chat", "choices.logprobs.content.top_logprobs.bytes"): CHANCES,
    ("openai_chat", "choices.logprobs.refusal"): CHANCES,
    ("openai_chat", "choices.message.annotations.url_citation.end_index"): PLACE,
    ("openai_chat", "choices.message.annotations.url_citation.start_index"): PLACE,
    ("openai_chat", "choices.message.audio.data"): "What was said aloud is told as text.",
    ("openai_chat", "choices.message.audio.expires_at"): TELLS,
    ("openai_chat", "choices.message.audio.id"): TELLS,
    ("openai_chat", "created"): "The dialect does not say when.",
    ("openai_chat", "id"): "The dialect has no id in its body.",
    ("openai_chat", "model"): "The dialect does not say which model answered; `x-gateway-model` does.",
    ("openai_chat", "service_tier"): "The dialect has no such tier, or does not say it.",
    ("openai_chat", "system_fingerprint"): TELLS,
    ("openai_chat", "usage.completion_tokens_details"): TOKENS,
    ("openai_chat", "usage.completion_tokens_details.accepted_prediction_tokens"): TOKENS,
    ("openai_chat", "usage.completion_tokens_details.rejected_prediction_tokens"): TOKENS,
    ("openai_chat", "usage.completion_tokens_details.audio_tokens"): TOKENS,
    ("openai_chat", "usage.prompt_tokens_details.audio_tokens"): TOKENS,
    ("openai_chat", "usage.prompt_tokens_details.cache_write_tokens"): TOKENS,
    ("openai_responses", "created_at"): "The dialect does not say when.",
    ("openai_responses", "id"): "The dialect has no id in its body.",
    ("openai_responses", "model"): "The dialect does not say which model answered; `x-gateway-model` does.",
    ("openai_responses", "output"): HOSTED,
    (
        "openai_responses",
        "output.content.annotations",
    ): "A citation of a file at OpenAI has no place, but with Bedrock, Gemini and Cohere.",
    ("openai_responses", "output.content.annotations.end_index"): PLACE,
    ("openai_responses", "output.content.annotations.start_index"): PLACE,
    ("openai_responses", "output.content.logprobs"): CHANCES,
    ("openai_responses", "output.content.logprobs.bytes"): CHANCES,
    ("openai_responses", "output.content.logprobs.top_logprobs"): CHANCES,
    ("openai_responses", "output.content.logprobs.top_logprobs.bytes"): CHANCES,
    ("openai_responses", "service_tier"): "The dialect has no such tier, or does not say it.",
    ("openai_responses", "usage.input_tokens_details.cache_write_tokens"): TOKENS,
    ("openai_responses", "usage.output_tokens_details"): TOKENS,
    ("anthropic", "container"): TELLS,
    ("anthropic", "content"): HOSTED,
    ("anthropic", "content.caller"): TELLS,
    (
        "anthropic",
        "content.citations",
    ): "A citation of a document without a URL has no place, but with Bedrock, Gemini and Cohere.",
    ("anthropic", "content.citations.cited_text"): "The dialect names a source, not its words.",
    ("anthropic", "content.citations.document_index"): "The dialect names documents, it does not count them.",
    ("anthropic", "content.citations.encrypted_index"): TELLS,
    (
        "anthropic",
        "content.citations.start_char_index",
    ): "The dialect does not say where in its source a quote stands.",
    (
        "anthropic",
        "content.citations.end_char_index",
    ): "The dialect does not say where in its source a quote stands.",
    ("anthropic", "content.citations.file_id"): TELLS,
    ("anthropic", "id"): "The dialect has no id in its body.",
    ("anthropic", "model"): "The dialect does not say which model answered; `x-gateway-model` does.",
    ("anthropic", "stop_reason"): "A call of a tool says it.",
    ("anthropic", "stop_sequence"): "The dialect does not say which stop sequence was met.",
    ("anthropic", "usage.cache_creation"): TOKENS,
    (
        "anthropic",
        "usage.cache_creation.ephemeral_5m_input_tokens",
    ): "What is not written for an hour is for five minutes.",
    ("anthropic", "usage.cache_creation_input_tokens"): "The sum of what `cache_creation` says.",
    ("anthropic", "usage.output_tokens_details"): TOKENS,
    ("anthropic", "usage.server_tool_use"): TOKENS,
    ("anthropic", "usage.service_tier"): "The dialect has no such tier, or does not say it.",
    ("gemini", "candidates"): MORE,
    ("gemini", "candidates.avgLogprobs"): CHANCES,
    ("gemini", "candidates.logprobsResult"): CHANCES,
    ("gemini", "candidates.logprobsResult.chosenCandidates.tokenId"): CHANCES,
    ("gemini", "candidates.logprobsResult.topCandidates"): CHANCES,
    ("gemini", "candidates.logprobsResult.topCandidates.candidates.tokenId"): CHANCES,
    ("gemini", "candidates.citationMetadata.citations.endIndex"): PLACE,
    ("gemini", "candidates.citationMetadata.citations.license"): TELLS,
    ("gemini", "candidates.groundingMetadata.groundingSupports"): PLACE,
    ("gemini", "candidates.groundingMetadata.groundingSupports.confidenceScores"): TELLS,
    ("gemini", "candidates.groundingMetadata.webSearchQueries"): HOSTED,
    (
        "gemini",
        "candidates.content.parts",
    ): "What a tool that Gemini runs did, or an image: only its own callers get images in an answer.",
    ("gemini", "candidates.finishMessage"): TELLS,
    ("gemini", "candidates.safetyRatings"): TELLS,
    ("gemini", "candidates.tokenCount"): "The usage of the whole says it.",
    ("gemini", "candidates.urlContextMetadata"): HOSTED,
    ("gemini", "createTime"): NOT_YET + "others could be told when.",
    ("gemini", "modelVersion"): "The dialect does not say which model answered; `x-gateway-model` does.",
    ("gemini", "promptFeedback"): TELLS,
    ("gemini", "responseId"): "The dialect has no id in its body.",
    ("gemini", "usageMetadata.promptTokensDetails"): TOKENS,
    ("gemini", "usageMetadata.trafficType"): TELLS,
    ("bedrock", "additionalModelResponseFields"): TELLS,
    ("bedrock", "metrics"): TELLS,
    ("bedrock", "output.message.content"): NOT_YET + "an image in an answer.",
    (
        "bedrock",
        "output.message.content.citationsContent.citations",
    ): "A citation of a document without a URL has no place, but with Bedrock, Gemini and Cohere.",
    (
        "bedrock",
        "output.message.content.citationsContent.citations.location",
    ): "The dialect does not say where in its source a quote stands.",
    ("bedrock", "output.message.content.citationsContent.citations.location.web.domain"): "The URL says it.",
    ("bedrock", "output.message.content.citationsContent.citations.source"): TELLS,
    (
        "bedrock",
        "output.message.content.citationsContent.citations.sourceContent",
    ): "The dialect names a source, not its words.",
    ("bedrock", "performanceConfig"): TELLS,
    ("bedrock", "serviceTier"): "The dialect has no such tier, or does not say it.",
    ("bedrock", "stopReason"): "A call of a tool says it.",
    ("bedrock", "trace"): TELLS,
    ("bedrock", "usage.cacheDetails"): TOKENS,
    ("cohere", "finish_reason"): "A call of a tool says it.",
    ("cohere", "id"): "The dialect has no id in its body.",
    ("cohere", "logprobs"): CHANCES,
    ("cohere", "logprobs.token_ids"): CHANCES,
    ("cohere", "message.citations.start"): PLACE,
    ("cohere", "message.citations.end"): PLACE,
    ("cohere", "message.citations.text"): PLACE,
    ("cohere", "message.citations.content_index"): PLACE,
    ("cohere", "message.citations.sources"): "What a tool gave has no URL to be cited by.",
    ("cohere", "message.citations.sources.id"): "The dialect names sources by title and URL.",
    ("cohere", "message.citations.sources.document.id"): "The dialect names sources by title and URL.",
    ("cohere", "message.citations.sources.document.snippet"): "The dialect names a source, not its words.",
    ("cohere", "usage.billed_units.search_units"): TOKENS,
    ("cohere", "usage.tokens"): "Usage is what is billed.",
}
"""By the provider's dialect and the path."""

SAYS_NOTHING: dict[str, frozenset[str]] = {
    "openai_chat": frozenset(
        [
            "object",
            "choices.index",
            "choices.message.role",
            "choices.message.annotations.type",
            "choices.message.tool_calls.type",
            "choices.message.refusal",
            "usage.prompt_tokens",
            "usage.total_tokens",
        ]
    ),
    "openai_responses": frozenset(
        [
            "object",
            "background",
            "error",
            "output.summary.type",
            "output.content.type",
            "output.id",
            "output.status",
            "output.role",
            "output.content.annotations.type",
            "usage.total_tokens",
        ]
    ),
    "anthropic": frozenset(["role", "content.citations.type"]),
    "gemini": frozenset(
        [
            "candidates.content.role",
            "candidates.citationMetadata.citations.startIndex",
            "candidates.groundingMetadata.groundingSupports.segment.startIndex",
            "candidates.groundingMetadata.groundingSupports.segment.text",
            "candidates.index",
            "candidates.finishReason",
            "usageMetadata.totalTokenCount",
        ]
    ),
    "bedrock": frozenset(["output.message.role", "usage.totalTokens"]),
    "cohere": frozenset(
        [
            "message.role",
            "message.tool_calls.type",
            "message.content.type",
            "message.citations.type",
            "message.citations.sources.type",
        ]
    ),
}
"""What says nothing that is not said anyway: a tag, an index, a sum."""

ECHOES = frozenset(
    [
        "instructions",
        "max_output_tokens",
        "parallel_tool_calls",
        "previous_response_id",
        "reasoning",
        "store",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_p",
        "truncation",
        "user",
        "metadata",
    ]
)
"""What an answer of the Responses API repeats of its request: the caller of that dialect gets its own request's."""
