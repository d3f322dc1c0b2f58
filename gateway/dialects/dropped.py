"""The fields of a request that do not fit into the dialect it is written in.

The codecs name them in one neutral vocabulary, which is OpenAI Chat's where that has a word; `spelled` puts them in the
caller's own words.
"""

from collections.abc import Iterable

MOST = 40
LONGEST = 100
"""Bounds on what is named, because callers choose the names and the names go into a header."""

THOUGHT = "messages.reasoning"
"""Earlier thought that is left out, with what it says."""
PROOF = "messages.reasoning.signature"
"""What proves or seals earlier thought to its maker alone."""
CITED = "messages.citations"
"""The sources of what a model said earlier; its words are kept."""
CITE = "messages.content.citations.enabled"
"""That the answer shall cite a document."""
FILE_NAME = "messages.content.file.filename"


class Dropped:
    """Names, each once, in the order in which they were met."""

    __slots__ = ("_names",)

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._names = dict.fromkeys(names)

    def add(self, name: str) -> None:
        if len(self._names) < MOST:
            self._names[name[:LONGEST]] = None

    def names(self) -> tuple[str, ...]:
        return tuple(self._names)


_CONFIG = "generationConfig."
_THINKING = "generationConfig.thinkingConfig."
_MORE = "additionalModelRequestFields."
_WORDS: dict[str, dict[str, str]] = {
    "openai_chat": {
        PROOF: "messages.reasoning_details",
        CITED: "messages.annotations",
        "thinking.budget_tokens": "reasoning.max_tokens",
        "messages.content.is_error": "messages.is_error",
        "messages.content.image.url": "messages.content.image_url.url",
    },
    "openai_responses": {
        FILE_NAME: "input.content.filename",
        THOUGHT: "input.reasoning",
        PROOF: "input.reasoning.encrypted_content",
        CITED: "input.content.annotations",
        "reasoning_effort": "reasoning.effort",
        "thinking.display": "reasoning.summary",
        "response_format": "text.format",
        "response_format.json_schema.description": "text.format.description",
        "response_format.json_schema.strict": "text.format.strict",
        "tools.custom.format": "tools.format",
        "messages.content.image_url.detail": "input.content.detail",
        "messages.content.image.url": "input.content.image_url",
        "messages.content.image.file_id": "input.content.file_id",
        "messages.content.document.url": "input.content.file_url",
        "messages.content.document.file_id": "input.content.file_id",
    },
    "anthropic": {
        FILE_NAME: "messages.content.title",
        THOUGHT: "messages.content.thinking",
        PROOF: "messages.content.thinking.signature",
        CITED: "messages.content.citations",
        "user": "metadata.user_id",
        "stop": "stop_sequences",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "reasoning_effort": "output_config.effort",
        "response_format": "output_config.format",
        "messages.content.image.url": "messages.content.source.url",
        "messages.content.image.file_id": "messages.content.source.file_id",
        "messages.content.document.url": "messages.content.source.url",
        "messages.content.document.file_id": "messages.content.source.file_id",
    },
    "gemini": {
        FILE_NAME: "contents.parts.inlineData.displayName",
        THOUGHT: "contents.parts.thought",
        PROOF: "contents.parts.thoughtSignature",
        "n": _CONFIG + "candidateCount",
        "max_tokens": _CONFIG + "maxOutputTokens",
        "temperature": _CONFIG + "temperature",
        "top_p": _CONFIG + "topP",
        "top_k": _CONFIG + "topK",
        "seed": _CONFIG + "seed",
        "stop": _CONFIG + "stopSequences",
        "presence_penalty": _CONFIG + "presencePenalty",
        "frequency_penalty": _CONFIG + "frequencyPenalty",
        "logprobs": _CONFIG + "responseLogprobs",
        "top_logprobs": _CONFIG + "logprobs",
        "response_format": _CONFIG + "responseSchema",
        "reasoning_effort": _THINKING + "thinkingLevel",
        "thinking.budget_tokens": _THINKING + "thinkingBudget",
        "thinking.display": _THINKING + "includeThoughts",
        "service_tier": "serviceTier",
        "tool_choice": "toolConfig.functionCallingConfig",
        "messages.content.is_error": "contents.parts.functionResponse.response.error",
        "messages.content.input_audio": "contents.parts.inlineData",
        "messages.content.file": "contents.parts.inlineData",
        "messages.content.image.url": "contents.parts.fileData.fileUri",
        "messages.content.document.url": "contents.parts.fileData.fileUri",
        "messages.content.image.file_id": "contents.parts.fileData.fileUri",
        "messages.content.document.file_id": "contents.parts.fileData.fileUri",
        "messages.content.transformations": "contents.parts.mediaResolution",
    },
    "bedrock": {
        FILE_NAME: "messages.content.document.name",
        THOUGHT: "messages.content.reasoningContent",
        PROOF: "messages.content.reasoningContent.reasoningText.signature",
        CITED: "messages.content.citationsContent.citations",
        CITE: "messages.content.document.citations",
        "max_tokens": "inferenceConfig.maxTokens",
        "temperature": "inferenceConfig.temperature",
        "top_p": "inferenceConfig.topP",
        "top_k": _MORE + "top_k",
        "stop": "inferenceConfig.stopSequences",
        "reasoning_effort": _MORE + "output_config.effort",
        "thinking.budget_tokens": _MORE + "thinking.budget_tokens",
        "thinking.display": _MORE + "thinking.display",
        "response_format": "outputConfig.textFormat",
        "response_format.json_schema.description": "outputConfig.textFormat.structure.jsonSchema.description",
        "metadata": "requestMetadata",
        "service_tier": "serviceTier",
        "tool_choice": "toolConfig.toolChoice",
        "tools.strict": "toolConfig.tools.toolSpec.strict",
        "tools.cache_control": "toolConfig.tools.cachePoint",
        "messages.content.cache_control": "messages.content.cachePoint",
        "messages.content.is_error": "messages.content.toolResult.status",
        "messages.content.context": "messages.content.document.context",
        "messages.content.input_audio": "messages.content.audio",
        "messages.content.file": "messages.content.document",
    },
    "cohere": {
        THOUGHT: "messages.content.thinking",
        PROOF: "messages.content.thinking.signature",
        "top_k": "k",
        "top_p": "p",
        "stop": "stop_sequences",
        "thinking.budget_tokens": "thinking.token_budget",
        "tools.strict": "strict_tools",
    },
}
"""By the caller's dialect: its word for a neutral one, where that is another."""
_PATHS = {
    "openai_responses": (("messages.content.input.", "input."), ("messages.", "input.")),
    "gemini": (("messages.content.", "contents.parts."), ("messages.", "contents.")),
}
"""What stands for the beginning of a path, where no word does."""


def spelled(names: Iterable[str], dialect: str) -> tuple[str, ...]:
    """Neutral names in the words of a caller of `dialect`, each once."""
    return tuple(dict.fromkeys([_spelled(name, dialect) for name in names]))


def _spelled(name: str, dialect: str) -> str:
    """A bound may follow the name of a number: `temperature>1`."""
    stem = name.partition(">")[0].partition("<")[0].partition("[")[0]
    word = _WORDS.get(dialect, {}).get(stem)
    if word is None:
        word = stem
        for neutral, own in _PATHS.get(dialect, ()):
            if stem.startswith(neutral):
                word = own + stem[len(neutral) :]
                break
    return word + name[len(stem) :]


HARMLESS = frozenset(
    word for dialect in ("", *_WORDS) for word in spelled((PROOF, CITED, FILE_NAME), dialect)
)
"""What every other provider would only ignore, and names of files, which every document of Bedrock's has: strict
routes let it go."""


def telling(names: Iterable[str]) -> tuple[str, ...]:
    """Those whose loss may change the answer."""
    return tuple([name for name in names if name not in HARMLESS])
