"""Why something is lost between two dialects: the words of docs/fidelity.md, by what is lost.

A reason that begins with NOT_YET says that the other side has a place, or that the loss should have a name.
"""

NOT_YET = "Not yet: "
OWN = "Only its own provider knows it."
MODEL = "The provider offers no such setting."
CACHE = "The provider caches by itself, or by other means; its callers cannot mark a place."
HOSTED = "A tool that its own provider runs; the other provider has none that is the same."
PROOF = (
    "Thought that another provider proved or sealed: only its maker can check or open it. "
    "A caller who sends it back to its maker is understood."
)
AT_PROVIDER = "The file lies at another provider; its id means nothing here."

NAMED: dict[str, str] = {
    # how the answer is made
    "n": "The provider makes one answer.",
    "top_k": MODEL,
    "top_p": "The provider takes `temperature` or `top_p`, not both; `temperature` is kept.",
    "temperature": "The model does not think at another temperature than its own.",
    "min_p": MODEL,
    "seed": MODEL,
    "stop": "The Responses API has no stop sequences.",
    "presence_penalty": MODEL,
    "frequency_penalty": MODEL,
    "logit_bias": "It counts tokens of OpenAI's models.",
    "logprobs": "The provider tells no log probabilities.",
    "top_logprobs": "The provider tells none of the likely alternatives.",
    "verbosity": OWN,
    "text.verbosity": OWN,
    "reasoning_effort": "The model knows a budget of thought or none; no effort.",
    "thinking.budget_tokens": "The provider takes an effort; the budget is told as the nearest one.",
    "thinking.display": "The provider shows its thought, or not, as it does for everybody.",
    "prediction": OWN,
    "modalities": "The provider answers in text.",
    "audio": "The provider answers in text.",
    "speed": OWN,
    "service_tier": "The provider has no tier that is the same.",
    "priority": OWN,
    "performanceConfig": OWN,
    "inference_geo": OWN,
    "truncation": OWN,
    "context_management": OWN,
    "safety_mode": OWN,
    "safetySettings": OWN,
    "moderation": OWN,
    "guardrailConfig": OWN,
    "citation_options": OWN,
    "web_search_options": HOSTED,
    "max_tool_calls": "It bounds the tools that OpenAI runs.",
    # who asks, and what is kept
    "user": "The provider takes no name of an end user.",
    "safety_identifier": "The provider takes one name of an end user, or none.",
    "metadata": "The provider keeps no labels with a request.",
    "labels": "The provider keeps no labels with a request.",
    "store": "The provider has no store for answers to be kept in.",
    "container": "A sandbox that lives at Anthropic.",
    # caches
    "cache_control": CACHE,
    "cachedContent": "The content lies at Gemini.",
    "messages.content.cache_control": CACHE,
    "messages.content.cachePoint": CACHE,
    "tools.cache_control": CACHE,
    "prompt_cache_key": CACHE,
    "prompt_cache_options": CACHE,
    "prompt_cache_retention": CACHE,
    # messages
    "messages.name": "Messages carry no name of a speaker.",
    "messages.audio": "The earlier answer lies at OpenAI.",
    "messages.content.audio.file_id": "The earlier answer lies at OpenAI.",
    "messages.content.image_url.detail": "The provider scales images as it likes.",
    "messages.content.image.url": "The provider takes images by their bytes alone.",
    "messages.content.image.file_id": AT_PROVIDER,
    "messages.content.image": "An image in S3, which only Bedrock can read.",
    "messages.content.file": "The provider takes files of plain text alone.",
    "messages.content.document.url": "The provider takes documents by their bytes alone.",
    "messages.content.document.file_id": AT_PROVIDER,
    "messages.content.input_audio": "The provider takes no audio.",
    "messages.content.video": "The provider takes no video.",
    "messages.content.transformations": "How Gemini is to scale or cut the media.",
    "contents.parts.videoMetadata": "How Gemini is to cut the video.",
    "contents.parts.functionResponse.scheduling": "It belongs to Gemini's live sessions.",
    "messages.content.file.filename": "Files that are no text have no name there.",
    "contents.parts.inlineData.displayName": "Pictures and sounds have no name there.",
    "messages.content.context": "Documents carry a title and no further words.",
    "messages.content.citations.enabled": "The provider cannot be asked to cite from this document.",
    "messages.citations": "The provider has no citations in what a model said earlier; its words are kept.",
    "messages.content.documents": "Documents are told as text at the head of the last turn, without their fields.",
    "messages.content.document": "A document among a tool's results is told as text.",
    "messages.content.search_result": "Told as text.",
    "messages.content.searchResult": "Told as text.",
    "messages.content.guardContent": "Told as text, not judged by a guardrail of Bedrock's.",
    "messages.content.is_error": "A tool's result cannot be marked as failed; its words are kept.",
    "messages.content.server_tool_use": HOSTED,
    "messages.content.web_search_tool_result": HOSTED,
    "messages.content.input.web_search_call": HOSTED,
    "messages.content.executableCode": HOSTED,
    "messages.content.codeExecutionResult": HOSTED,
    # thought
    "messages.reasoning": PROOF,
    "messages.reasoning.signature": "It proves or seals thought to its maker alone.",
    # tools
    "parallel_tool_calls": "The provider cannot be told to make one call at a time.",
    "toolConfig": OWN,
    "tools.strict": "The provider has no strict tools, or only for all tools of a request.",
    "tools.custom.format": "A tool of free text becomes a function with one field `input`, without a grammar.",
    "tools.response": OWN,
    "tools.behavior": OWN,
    "tools.input_examples": OWN,
    "tools.defer_loading": OWN,
    "tools.eager_input_streaming": OWN,
    "tools.allowed_callers": OWN,
    "tools.web_search": HOSTED,
    "tools.web_search_20250305": HOSTED,
    "tools.mcp": HOSTED,
    "tools.googleSearch": HOSTED,
    "tools.codeExecution": HOSTED,
    "tools.systemTool": HOSTED,
    # the rest
    "response_format.json_schema.description": "A schema carries no words beside it.",
    "generationConfig.responseModalities": OWN,
    "generationConfig.mediaResolution": OWN,
    "generationConfig.speechConfig": OWN,
    "generationConfig.audioTimestamp": OWN,
    "generationConfig.enableEnhancedCivicAnswers": OWN,
    "additionalModelRequestFields.anthropic_beta": NOT_YET
    + "Anthropic takes it as a header; others have none.",
    "additionalModelResponseFieldPaths": OWN,
    "promptVariables": "They belong to a prompt that is stored at Bedrock.",
}
"""By the names that the codecs give, which are those of `x-gateway-dropped`."""

BETWEEN: dict[tuple[str, str, str], str] = {
    ("gemini", "openai_chat", "store"): NOT_YET + "OpenAI can keep answers too.",
    ("gemini", "openai_responses", "store"): NOT_YET + "OpenAI can keep answers too.",
    (
        "bedrock",
        "openai_chat",
        "metadata",
    ): "OpenAI keeps labels with answers that it stores, and is told to store none.",
    ("bedrock", "gemini", "messages.content.video"): NOT_YET + "Gemini takes video.",
    ("anthropic", "bedrock", "messages.content.search_result"): NOT_YET
    + "Bedrock has search results; told as text.",
    ("bedrock", "anthropic", "messages.content.searchResult"): NOT_YET
    + "Anthropic has search results; told as text.",
    ("bedrock", "anthropic", "messages.content.cachePoint"): NOT_YET
    + "a mark after a part that is told as text.",
    ("openai_chat", "gemini", "messages.content.image_url.detail"): NOT_YET
    + "a `mediaResolution` could say it.",
    ("openai_responses", "gemini", "messages.content.image_url.detail"): NOT_YET
    + "a `mediaResolution` could say it.",
    ("cohere", "gemini", "messages.content.image_url.detail"): NOT_YET + "a `mediaResolution` could say it.",
}
"""By caller, provider and name, where the reason is another one than between others."""

UNNAMED: dict[tuple[str, str], str] = {
    ("anthropic", "messages.content.citations"): "It asks to cite from a document, which is lost as a whole.",
    ("openai_chat", "messages.tool_calls.extra_content"): "Named with the rest of the thought.",
    (
        "openai_responses",
        "reasoning.effort",
    ): "More than medium is thought without a bound, as Cohere has it.",
    ("anthropic", "output_config.effort"): "More than medium is thought without a bound, as Cohere has it.",
    ("anthropic", "service_tier"): "The standard tier is the only one of Cohere's.",
    ("anthropic", "system.cache_control.ttl"): "OpenAI decides how long it caches.",
    (
        "anthropic",
        "messages.content.caller",
    ): "It says who may call a tool; the caller's own code, here as ever.",
    ("bedrock", "messages.content.searchResult.citations"): "The search result is told as text.",
    ("bedrock", "system.guardContent.text.qualifiers"): "The guarded text is told as text.",
    (
        "bedrock",
        "messages.content.citationsContent.citations.source",
    ): "Cohere's sources have a title and a URL.",
    (
        "bedrock",
        "messages.content.citationsContent.citations.location",
    ): "Cohere's sources have a title and a URL.",
    ("anthropic", "messages.content.citations.type"): "Cohere's sources have a title and a URL.",
    ("anthropic", "messages.content.citations.document_index"): "Cohere's sources have a title and a URL.",
    ("anthropic", "messages.content.citations.start_char_index"): "Cohere's sources have a title and a URL.",
    ("anthropic", "messages.content.citations.end_char_index"): "Cohere's sources have a title and a URL.",
}
"""By the caller's dialect and the path: what is left out without being named."""

SAYS_NOTHING: dict[str, frozenset[str]] = {
    "openai_chat": frozenset(
        [
            "messages.annotations.type",
            "messages.reasoning_details.type",
            "messages.reasoning_details.index",
            "messages.reasoning_details.format",
            "messages.tool_calls.type",
            "stream",
            "stream_options",
            "tool_choice.type",
            "tool_choice.allowed_tools.tools.type",
            "tools.type",
            "tools.custom.format.type",
            "response_format.json_schema.name",
            "response_format.json_schema.strict",
        ]
    ),
    "openai_responses": frozenset(
        [
            "input.type",
            "input.id",
            "input.status",
            "input.content.detail",
            "input.output.detail",
            "input.summary.type",
            "input.content.annotations.type",
            "background",
            "include",
            "stream",
            "stream_options",
            "tool_choice.tools",
            "tool_choice.tools.type",
            "text.format.name",
            "text.format.strict",
            "reasoning.summary",
        ]
    ),
    "anthropic": frozenset(
        [
            "messages.content.source.media_type",
            "messages.content.content.type",
            "messages.content.content.source.media_type",
            "messages.content.cache_control",
            "stream",
            "thinking",
            "thinking.display",
            "tools",
        ]
    ),
    "gemini": frozenset(
        [
            "contents.role",
            "contents.parts.functionCall.args",
            "contents.parts.functionResponse.name",
            "contents.parts.fileData.mimeType",
            "contents.parts.inlineData.mimeType",
            "contents.parts.mediaResolution",
            "generationConfig.thinkingConfig.includeThoughts",
            "tools.functionDeclarations.parameters.propertyOrdering",
            "tools.functionDeclarations.parameters.type",
            "toolConfig.functionCallingConfig.allowedFunctionNames",
        ]
    ),
    "bedrock": frozenset(
        [
            "modelId",
            "system.cachePoint.type",
            "toolConfig.tools.cachePoint.type",
            "messages.content.document.format",
            "messages.content.toolUse.input",
            "messages.content.toolResult.content.document.format",
            "messages.content.toolResult.status",
            "outputConfig.textFormat.structure.jsonSchema.name",
            "toolConfig.tools",
        ]
    ),
    "cohere": frozenset(
        ["messages.tool_calls.type", "messages.tool_calls.function.arguments", "tools.type", "stream"]
    ),
}
"""By the caller's dialect: what says nothing that is not said anyway (a tag, a default, a name for a schema), or what
is told in other words."""
