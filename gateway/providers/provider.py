"""What a vendor is, as data: where it lives, how it is authenticated to, what it serves, and its quirks."""

import msgspec

from gateway.config.model import Setting, Way
from gateway.providers.auth import Auth
from gateway.providers.leases import Grant


class Serving(msgspec.Struct, frozen=True):
    """One endpoint of a vendor, in one dialect, at one path below the base URL.

    `stream_path` is asked for streams where that is another one; `dated_path` replaces `path` where the operator names
    a dated API version; `prefill_path` is where an answer's beginning is gone on with, where that is elsewhere;
    `{model}` in a path is the model's name, percent-encoded. `auth` and `headers` are used instead
    of, and beside, the provider's own. `models` are globs of the models that are served this way; without any all are.

    A vendor that wraps another's dialect `adds` fields to the body (name, text) where the caller did not, `omits` those
    that it has elsewhere, and gets none of the caller's headers in `withholds`; it has some as a list in the body, as
    `lists` says (header, field). `framing` names what is around its answers. `{project}` and other settings of the
    provider may stand in a path.
    """

    endpoint: str
    dialect: str
    path: str
    dated_path: str = ""
    stream_path: str = ""
    prefill_path: str = ""
    auth: Auth | None = None
    headers: tuple[tuple[str, str], ...] = ()
    models: tuple[str, ...] = ()
    adds: tuple[tuple[str, str], ...] = ()
    omits: tuple[str, ...] = ()
    withholds: tuple[str, ...] = ()
    lists: tuple[tuple[str, str], ...] = ()
    framing: str = ""


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
    - `lists_models` tells whether its list of models names what can be asked for, so that it is worth discovering.
    - `keyless` vendors are usable without a key; a configured key is still sent.
    - `settings` are configuration keys of this vendor alone; `api_version` is used by `address`. `own` are those of
      which more is known.
    - `grant` lends credentials where no key is configured, by one of the `ways`.
    - `addresses` give the base URL for a value of the setting `place`: (glob, URL with the value as `{}`).
    - `only_here` are endpoints that servers which imitate the vendor do not have.
    - `prefills` tells how it is asked to go on with an answer's beginning: `turn`, a last turn of the assistant's as it
      is; `prefix`, one that is marked as such, whose text is said again; `thoughtless`, the same of one that thinks
      unless it is told not to; `continue`, by a field beside the messages.
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
    lists_models: bool = True
    keyless: bool = False
    settings: tuple[str, ...] = ()
    own: tuple[Setting, ...] = ()
    grant: Grant | None = None
    ways: tuple[Way, ...] = ()
    place: str = ""
    addresses: tuple[tuple[str, str], ...] = ()
    redundant_suffixes: tuple[str, ...] = ()
    only_here: tuple[str, ...] = ()
    prefills: str = ""

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
OPENAI_INPUT_TOKENS = Serving("input_tokens", "openai_responses", "/responses/input_tokens")
OPENAI_MODERATIONS = Serving("moderations", "openai_chat", "/moderations")
OPENAI_IMAGES = Serving("images_generations", "openai_chat", "/images/generations")
RERANK = Serving("rerank", "openai_chat", "/rerank")
"""Jina's and vLLM's shape: model, query, documents, top_n in; results with index and relevance_score out."""

# The same, where a body is not JSON, and what a provider keeps.
OPENAI_SPEECH = Serving("audio_speech", "openai_chat", "/audio/speech")
OPENAI_TRANSCRIPTIONS = Serving("audio_transcriptions", "openai_chat", "/audio/transcriptions")
OPENAI_TRANSLATIONS = Serving("audio_translations", "openai_chat", "/audio/translations")
OPENAI_AUDIO = (OPENAI_SPEECH, OPENAI_TRANSCRIPTIONS, OPENAI_TRANSLATIONS)
OPENAI_IMAGE_EDITS = (
    Serving("images_edits", "openai_chat", "/images/edits"),
    Serving("images_variations", "openai_chat", "/images/variations"),
)
OPENAI_FILES = (
    Serving("files", "openai_chat", "/files"),
    Serving("batches", "openai_chat", "/batches"),
)
OPENAI_REALTIME = Serving("realtime", "openai_chat", "/realtime")
OPENAI_REALTIME_KEYS = (
    Serving("client_secrets", "openai_chat", "/realtime/client_secrets"),
    Serving("realtime_sessions", "openai_chat", "/realtime/sessions"),
    Serving("transcription_sessions", "openai_chat", "/realtime/transcription_sessions"),
)
"""Keys for a short while, with which a caller's own page opens a session at the provider."""

OPENAI_STORES = (
    *OPENAI_FILES,
    Serving("uploads", "openai_chat", "/uploads"),
    Serving("stored_responses", "openai_responses", "/responses"),
)

OPENAI = (OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_EMBEDDINGS, OPENAI_MODELS)

# The Anthropic dialect, below a base URL without a version. The version header is required by Anthropic
# (https://platform.claude.com/docs/en/api/versioning) and by some that imitate it.
ANTHROPIC_VERSION = (("anthropic-version", "2023-06-01"),)
"""The version that requests are written for, where the caller names none. What 2026-10-21 makes otherwise is only that
it refuses more: sampling parameters, documents right in an assistant's message, citations on a user's text
(https://platform.claude.com/docs/en/api/migration-2026-10-21). Answers and streams are the same. So this one takes all
that callers of any dialect say; no end of it is announced, and imitators know it."""

SAMPLED_VERSIONS = frozenset(("2023-01-01", "2023-06-01"))
SAMPLING = ("temperature", "top_p", "top_k")
"""What Anthropic takes in those versions alone."""

ANTHROPIC_MESSAGES = Serving("messages", "anthropic", "/v1/messages", headers=ANTHROPIC_VERSION)
ANTHROPIC_COUNT_TOKENS = Serving(
    "count_tokens", "anthropic", "/v1/messages/count_tokens", headers=ANTHROPIC_VERSION
)
ANTHROPIC_MODELS = Serving("models", "anthropic", "/v1/models", headers=ANTHROPIC_VERSION)
ANTHROPIC_STORES = (
    Serving("anthropic_files", "anthropic", "/v1/files", headers=ANTHROPIC_VERSION),
    Serving("message_batches", "anthropic", "/v1/messages/batches", headers=ANTHROPIC_VERSION),
)
ANTHROPIC = (ANTHROPIC_MESSAGES, ANTHROPIC_COUNT_TOKENS, ANTHROPIC_MODELS)

# The same beside an OpenAI dialect, below a base URL that already ends in /v1.
V1_MESSAGES = Serving("messages", "anthropic", "/messages", headers=ANTHROPIC_VERSION)
V1_COUNT_TOKENS = Serving("count_tokens", "anthropic", "/messages/count_tokens", headers=ANTHROPIC_VERSION)
