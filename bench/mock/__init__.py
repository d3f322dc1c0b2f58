"""Mock providers that answer as OpenAI, Anthropic, Gemini, Bedrock and Cohere do, fast enough never to be the
bottleneck."""

from bench.mock.behaviour import Behaviour, BehaviourError, parse_behaviour
from bench.mock.server import Mock, Stats, start_mock
from bench.mock.wire import Seen

__all__ = ["Behaviour", "BehaviourError", "Mock", "Seen", "Stats", "parse_behaviour", "start_mock"]
