"""What a vendor is, as data: where it lives, how it is authenticated to, what it serves, and its quirks."""

import msgspec

from gateway.providers.auth import Auth


class Serving(msgspec.Struct, frozen=True):
    """One endpoint of a vendor, in one dialect, at one path below the base URL.

    `stream_path` is asked for streams where that is another one; `dated_path` replaces `path` where the operator names
    a dated API version; `{model}` in a path is the model's name, percent-encoded. `auth` and `headers` are used instead
    of, and beside, the provider's own. `models` are globs of the models that are served this way; without any all are.
    """

    endpoint: str
    dialect: str
    path: str
    dated_path: str = ""
    stream_path: str = ""
    auth: Auth | None = None
    headers: tuple[tuple[str, str], ...] = ()
    models: tuple[str, ...] = ()


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor.

    - `base_url` is what the vendor's own SDK takes; empty where the operator must give it.
    - `docs` is the vendor's document that the rest was read from.
    - `base_url_env` names the environment variable that the vendor's SDK reads the base URL from.
    - `price_id` is the vendor's name in the price table; empty where nothing is known.
    - `drops` are top-level request fields that the vendor refuses: taken out, and named to the caller.
    - `accepts` are fields that it takes beyond its dialect, so that a translation need not drop them: see
      `gateway.dialects.codec.TargetFacts`.
    - `renames` are fields that it knows by another name: (ours, its).
    - `max_tokens_field` is how it calls the bound on the answer in the OpenAI dialect.
    - `stream_usage` tells whether it takes `stream_options.include_usage`; otherwise it sends usage unasked.
    - `keyless` vendors are usable without a key; a configured key is still sent.
    - `settings` are configuration keys of this vendor alone; `api_version` is used by `address`.
    - `only_here` are endpoints that servers which imitate the vendor do not have.
    - `redundant_suffixes` may end an operator's base URL though the servings' paths begin with them.
    """

    name: str
    auth: Auth
    serves: tuple[Serving, ...]
    docs: str
    base_url: str = ""
    base_url_env: str = ""
    price_id: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    max_tokens_field: str = "max_tokens"
    stream_usage: bool = True
    keyless: bool = False
    settings: tuple[str, ...] = ()
    redundant_suffixes: tuple[str, ...] = ()
    only_here: tuple[str, ...] = ()

    @property
    def env(self) -> tuple[str, ...]:
        """The environment variables that hold a key, most usual first."""
        return self.auth.env

    def serving(self, endpoint: str, dialect: str = "") -> Serving | None:
        """How `endpoint` is served in `dialect` (any, when empty; `openai` stands for its whole family)."""
        for serving in self.serves:
            if serving.endpoint == endpoint and _same_family(serving.dialect, dialect):
                return serving
        return None

    def auth_for(self, serving: Serving) -> Auth:
        """The scheme that `serving` is called with."""
        return serving.auth or self.auth

    def headers_for(self, serving: Serving) -> tuple[tuple[str, str], ...]:
        """The fixed headers that `serving` wants beside the credential."""
        return self.headers + serving.headers


def _same_family(served: str, wanted: str) -> bool:
    return not wanted or served.partition("_")[0] == wanted.partition("_")[0]


# The OpenAI dialect, below a base URL that ends in the API's version.
OPENAI_CHAT = Serving("chat_completions", "openai_chat", "/chat/completions")
OPENAI_COMPLETIONS = Serving("completions", "openai_chat", "/completions")
OPENAI_EMBEDDINGS = Serving("embeddings", "openai_chat", "/embeddings")
OPENAI_MODELS = Serving("models", "openai_chat", "/models")
OPENAI_RESPONSES = Serving("responses", "openai_responses", "/responses")
OPENAI_MODERATIONS = Serving("moderations", "openai_chat", "/moderations")
OPENAI_IMAGES = Serving("images_generations", "openai_chat", "/images/generations")
RERANK = Serving("rerank", "openai_chat", "/rerank")
"""Cohere's shape: model, query, documents, top_n in; results with index and relevance_score out."""

OPENAI = (OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_EMBEDDINGS, OPENAI_MODELS)

# The Anthropic dialect, below a base URL without a version. The version header is required by Anthropic
# (https://platform.claude.com/docs/en/api/versioning) and by some that imitate it.
ANTHROPIC_VERSION = (("anthropic-version", "2023-06-01"),)
ANTHROPIC_MESSAGES = Serving("messages", "anthropic", "/v1/messages", headers=ANTHROPIC_VERSION)
ANTHROPIC_COUNT_TOKENS = Serving(
    "count_tokens", "anthropic", "/v1/messages/count_tokens", headers=ANTHROPIC_VERSION
)
ANTHROPIC_MODELS = Serving("models", "anthropic", "/v1/models", headers=ANTHROPIC_VERSION)
ANTHROPIC = (ANTHROPIC_MESSAGES, ANTHROPIC_COUNT_TOKENS, ANTHROPIC_MODELS)

# The same beside an OpenAI dialect, below a base URL that already ends in /v1.
V1_MESSAGES = Serving("messages", "anthropic", "/messages", headers=ANTHROPIC_VERSION)
V1_COUNT_TOKENS = Serving("count_tokens", "anthropic", "/messages/count_tokens", headers=ANTHROPIC_VERSION)
