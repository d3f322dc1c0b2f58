"""What the main vendors' models can do, by family of names, where no provider's list says it.

Sources: https://platform.claude.com/docs/en/about-claude/models/overview and …/build-with-claude/structured-outputs;
https://developers.openai.com/api/docs/models (one page per model); https://ai.google.dev/gemini-api/docs/models;
https://docs.cohere.com/docs/models; https://docs.mistral.ai/getting-started/models; https://api-docs.deepseek.com;
https://docs.x.ai/developers/models. What these do not say is left unknown.
"""

import re

from gateway.providers.facts import UNKNOWN, Abilities

_TEXT_ONLY = Abilities(vision=False, audio=False, pdf=False)
_NOTHING = Abilities(False, False, False, False, False, False)
_CLAUDE_3 = Abilities(vision=True, audio=False, tools=True, json_schema=False, reasoning=False)
_CLAUDE_THINKING = Abilities(vision=True, audio=False, pdf=True, tools=True, reasoning=True)
_CLAUDE = Abilities(vision=True, audio=False, pdf=True, tools=True, json_schema=True, reasoning=True)
_GPT = Abilities(vision=True, audio=False, pdf=True, tools=True, json_schema=True, reasoning=False)
_GPT_REASONING = Abilities(vision=True, audio=False, pdf=True, tools=True, json_schema=True, reasoning=True)
_GEMINI = Abilities(vision=True, audio=True, pdf=True, tools=True, json_schema=True, reasoning=False)
_GEMINI_REASONING = Abilities(vision=True, audio=True, pdf=True, tools=True, json_schema=True, reasoning=True)
_COMMAND = Abilities(vision=False, audio=False, tools=True, json_schema=True, reasoning=False)

# The first pattern that fits the beginning of a name counts, so the narrower stand before the wider.
_FAMILIES: tuple[tuple[str, Abilities], ...] = (
    (r"claude-(2|v|instant)", Abilities(False, False, False, False, False, False)),
    (r"claude-3-(opus|sonnet|haiku)", Abilities(True, False, None, True, False, False)),
    (r"claude-3-5-", _CLAUDE_3),
    (r"claude-3-7-", _CLAUDE_THINKING),
    (r"claude-(opus|sonnet)-4(-0)?(-20\d{6})?$", _CLAUDE_THINKING),
    (r"claude-(opus|sonnet|haiku)-(4-[5-9]|[5-9])", _CLAUDE),
    (r"claude-opus-4-1", _CLAUDE),
    (r"claude-", Abilities(vision=True, tools=True)),
    # OpenAI
    (r"gpt-4o(-mini)?-(transcribe|tts)", Abilities(tools=False, json_schema=False, reasoning=False)),
    (r"(gpt-4o(-mini)?|gpt)-(audio|realtime|search|image)", UNKNOWN),
    (r"(gpt-4o|chatgpt-4o|gpt-4\.1|gpt-4\.5)", _GPT),
    (r"gpt-4-(turbo|vision|1106-vision)", Abilities(True, False, False, True, False, False)),
    (r"gpt-(4|3\.5)(-|$)", Abilities(False, False, False, None, False, False)),
    (r"gpt-5(\.\d)?-chat", Abilities(vision=True, audio=False, reasoning=False)),
    (r"gpt-5", _GPT_REASONING),
    (r"gpt-oss", Abilities(False, False, False, True, None, True)),
    (r"(o1-mini|o1-preview)", Abilities(False, False, False, False, False, True)),
    (r"o3-mini", Abilities(False, False, False, True, True, True)),
    (r"(o1|o3|o4-mini)(-pro)?(-20\d\d-\d\d-\d\d)?$", _GPT_REASONING),
    (r"(text-embedding-|text-moderation|omni-moderation|whisper|tts-|dall-e)", Abilities(tools=False)),
    # Google
    (r"(gemini-embedding|text-embedding|embedding-)", _NOTHING),
    (r"gemini-.*-(tts|live|native-audio|image)", UNKNOWN),
    (r"gemini-1\.5", _GEMINI),
    (r"gemini-2\.0-flash(-lite|-00\d|-lite-00\d)?$", _GEMINI),
    (r"gemini-(2\.5|3)", _GEMINI_REASONING),
    (r"gemini-(flash|flash-lite|pro)-latest", _GEMINI_REASONING),
    # Cohere
    (
        r"command-a-vision",
        Abilities(vision=True, audio=False, tools=False, json_schema=True, reasoning=False),
    ),
    (
        r"command-a-reasoning",
        Abilities(vision=False, audio=False, tools=True, json_schema=True, reasoning=True),
    ),
    (r"command-a-translate", Abilities(vision=False, audio=False, tools=False, reasoning=False)),
    (r"command-(a|r|r-plus|r7b)(-|$)", _COMMAND),
    # Others: only what their own documents say of the whole family
    (r"magistral-", Abilities(tools=True, json_schema=True, reasoning=True)),
    (r"pixtral-", Abilities(vision=True, audio=False, tools=True, json_schema=True, reasoning=False)),
    (r"(mistral-large|mistral-medium|mistral-small|ministral)-", Abilities(tools=True, json_schema=True)),
    (r"deepseek-reasoner", _TEXT_ONLY.over(Abilities(reasoning=True))),
    (r"deepseek-chat", _TEXT_ONLY.over(Abilities(tools=True, reasoning=False))),
    (r"grok-4", Abilities(tools=True, json_schema=True)),
)
_COMPILED = tuple((re.compile(pattern), abilities) for pattern, abilities in _FAMILIES)
_NAME = re.compile(
    r"(?:^|[/.@:])((?:claude-|gpt-|chatgpt-|o[134](?:-|$)|gemini-|command-|magistral-|pixtral-|mi(?:ni)?stral-"
    r"|deepseek-|grok-|text-|omni-|whisper|tts-|dall-e|embedding-).*)"
)


def abilities_of(model: str) -> Abilities:
    """What the family of this name can do. Names may carry a vendor's prefix, and dots for dashes in Claude's."""
    found = _NAME.search(model.lower())
    if found is None:
        return UNKNOWN
    name = found.group(1)
    if name.startswith("claude-"):
        name = name.replace(".", "-")
    return next((abilities for pattern, abilities in _COMPILED if pattern.match(name)), UNKNOWN)
