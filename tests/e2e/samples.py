"""What callers say in many tests: turns, tools, images, in either dialect's spelling."""

from typing import Any

HELLO: Any = [{"role": "user", "content": "hello wörld 🙂"}]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PIXEL = f"data:image/png;base64,{PNG}"

CITY: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NOTHING: Any = {"type": "object", "properties": {}}

OPENAI_TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "description": "Of a city", "parameters": CITY}},
    {"type": "function", "function": {"name": "time", "parameters": NOTHING}},
]
ANTHROPIC_TOOLS: Any = [
    {"name": "weather", "description": "Of a city", "input_schema": CITY},
    {"name": "time", "input_schema": NOTHING},
]

# Parallel calls: identity, name, arguments.
WEATHER_INPUT = {"city": "Genève", "days": 3}
CALLS = (("call_1", "weather", '{"city": "Genève", "days": 3}'), ("call_2", "time", "{}"))


def text_of(content: Any) -> str:
    """The text of a string or of text blocks: both spellings are right."""
    return content if isinstance(content, str) else "".join(block["text"] for block in content)
