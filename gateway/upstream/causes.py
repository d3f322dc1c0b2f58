"""Why a try failed: one cause for whatever a provider, or the way to it, did.

A cause is decided by the kind of failure, the status and the provider's own code or type. Words of a message decide
only where a provider gives no other sign: a prompt that is too long (Anthropic, Gemini, Bedrock and most servers of
open models answer a bare 400), a bad key at Gemini, an empty account, a filtered prompt.
"""

import re
from enum import StrEnum

from gateway.errors import (
    GatewayError,
    NoProviderCredential,
    TargetBusy,
    UpstreamClosed,
    UpstreamConnectError,
    UpstreamPoolTimeout,
    UpstreamProtocolError,
    UpstreamStatus,
    UpstreamTimeout,
)


class Cause(StrEnum):
    """What went wrong; a small, closed set, for rules, records and metrics."""

    CONNECT = "connect"
    CLOSED = "closed"
    PROTOCOL = "protocol"
    TIMEOUT_CONNECT = "timeout_connect"
    TIMEOUT_FIRST_BYTE = "timeout_first_byte"
    TIMEOUT_FIRST_TOKEN = "timeout_first_token"  # noqa: S105 - a token of text
    TIMEOUT_IDLE = "timeout_idle"
    TIMEOUT_TOTAL = "timeout_total"
    BUSY = "busy"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXHAUSTED = "quota_exhausted"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    REQUEST_TIMEOUT = "request_timeout"
    CONFLICT = "conflict"
    CREDENTIAL = "credential"
    NOT_FOUND = "not_found"
    CONTEXT_LENGTH = "context_length"
    CONTENT_POLICY = "content_policy"
    TOO_LARGE = "too_large"
    BAD_REQUEST = "bad_request"
    UNABLE = "unable"
    OWN = "own"


def cause_of(error: GatewayError) -> Cause:
    """The cause of a failed try. UNABLE is a target that cannot serve such a request, OWN everything that no provider
    is to blame for."""
    if isinstance(error, UpstreamStatus):
        return _cause_of_status(error)
    if isinstance(error, UpstreamTimeout):
        return Cause(f"timeout_{error.phase}")
    for kind, cause in _KINDS:
        if isinstance(error, kind):
            return cause
    return Cause.UNABLE if error.may_fall_back else Cause.OWN


_KINDS: tuple[tuple[type[GatewayError], Cause], ...] = (
    (UpstreamConnectError, Cause.CONNECT),
    (UpstreamClosed, Cause.CLOSED),
    (UpstreamProtocolError, Cause.PROTOCOL),
    (UpstreamPoolTimeout, Cause.BUSY),
    (TargetBusy, Cause.BUSY),
    (NoProviderCredential, Cause.CREDENTIAL),
)


def _cause_of_status(error: UpstreamStatus) -> Cause:
    status = error.upstream_status
    for word in (error.upstream_code, error.upstream_type):
        cause = _WORDS.get(word.lower()) if word else None
        if cause is not None:
            return cause
    if status in (400, 403, 413, 422):
        cause = _read(error.message)
        if cause is not None:
            return cause
    if status in _STATUS:
        return _STATUS[status]
    return Cause.SERVER_ERROR if status >= 500 else Cause.BAD_REQUEST


def _read(message: str) -> Cause | None:
    """What a message says where the status says nothing."""
    if _TOO_LONG.search(message):
        return Cause.CONTEXT_LENGTH
    if _BAD_KEY.search(message):
        return Cause.CREDENTIAL
    if _FILTERED.search(message):
        return Cause.CONTENT_POLICY
    return Cause.QUOTA_EXHAUSTED if _UNPAID.search(message) else None


_STATUS = {
    401: Cause.CREDENTIAL,
    402: Cause.QUOTA_EXHAUSTED,
    403: Cause.CREDENTIAL,
    404: Cause.NOT_FOUND,
    408: Cause.REQUEST_TIMEOUT,
    409: Cause.CONFLICT,
    413: Cause.TOO_LARGE,
    424: Cause.SERVER_ERROR,  # Bedrock: the model failed while it answered
    425: Cause.CONFLICT,
    429: Cause.RATE_LIMITED,
    498: Cause.OVERLOADED,  # Groq: no capacity in the flexible tier
    503: Cause.OVERLOADED,
    529: Cause.OVERLOADED,  # Anthropic
}

_WORDS = {
    # OpenAI and those that follow it: https://developers.openai.com/api/docs/guides/error-codes
    "context_length_exceeded": Cause.CONTEXT_LENGTH,
    "insufficient_quota": Cause.QUOTA_EXHAUSTED,
    "billing_hard_limit_reached": Cause.QUOTA_EXHAUSTED,
    "billing_not_active": Cause.QUOTA_EXHAUSTED,
    "rate_limit_exceeded": Cause.RATE_LIMITED,
    "content_policy_violation": Cause.CONTENT_POLICY,
    "moderation_blocked": Cause.CONTENT_POLICY,
    "invalid_api_key": Cause.CREDENTIAL,
    "account_deactivated": Cause.CREDENTIAL,
    "model_not_found": Cause.NOT_FOUND,
    "server_is_overloaded": Cause.OVERLOADED,
    # Azure: https://learn.microsoft.com/en-us/azure/foundry/openai/concepts/content-filter
    "content_filter": Cause.CONTENT_POLICY,
    "deploymentnotfound": Cause.NOT_FOUND,
    # Anthropic: https://platform.claude.com/docs/en/api/errors
    "billing_error": Cause.QUOTA_EXHAUSTED,
    "authentication_error": Cause.CREDENTIAL,
    "permission_error": Cause.CREDENTIAL,
    "not_found_error": Cause.NOT_FOUND,
    "rate_limit_error": Cause.RATE_LIMITED,
    "overloaded_error": Cause.OVERLOADED,
    "api_error": Cause.SERVER_ERROR,
    "timeout_error": Cause.REQUEST_TIMEOUT,
    # Gemini and Vertex: https://ai.google.dev/gemini-api/docs/troubleshooting
    "resource_exhausted": Cause.RATE_LIMITED,
    "unauthenticated": Cause.CREDENTIAL,
    "permission_denied": Cause.CREDENTIAL,
    "unavailable": Cause.OVERLOADED,
    # Bedrock: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    "throttlingexception": Cause.RATE_LIMITED,
    "servicequotaexceededexception": Cause.QUOTA_EXHAUSTED,
    "accessdeniedexception": Cause.CREDENTIAL,
    "unrecognizedclientexception": Cause.CREDENTIAL,
    "expiredtokenexception": Cause.CREDENTIAL,
    "modelnotreadyexception": Cause.OVERLOADED,
    "serviceunavailableexception": Cause.OVERLOADED,
    "modeltimeoutexception": Cause.REQUEST_TIMEOUT,
    "modelerrorexception": Cause.SERVER_ERROR,
    "modelstreamerrorexception": Cause.SERVER_ERROR,
    "internalserverexception": Cause.SERVER_ERROR,
    "resourcenotfoundexception": Cause.NOT_FOUND,
    # llama.cpp's server, Qwen (DashScope), Moonshot, DeepSeek
    "exceed_context_size_error": Cause.CONTEXT_LENGTH,
    "data_inspection_failed": Cause.CONTENT_POLICY,
    "datainspectionfailed": Cause.CONTENT_POLICY,
    "arrearage": Cause.QUOTA_EXHAUSTED,
    "exceeded_current_quota_error": Cause.QUOTA_EXHAUSTED,
    "rate_limit_reached_error": Cause.RATE_LIMITED,
    "engine_overloaded_error": Cause.OVERLOADED,
    "insufficient_balance": Cause.QUOTA_EXHAUSTED,
}

_TOO_LONG = re.compile(
    r"prompt is too long|input is too long|too many (?:input )?tokens|context (?:length|window|limit|size)|"
    r"(?:exceeds?|exceeded|over) the (?:model'?s )?max(?:imum)? (?:context|number of (?:input )?tokens|input)|"
    r"token count[^.]{0,80}exceeds|maximum context|too large for model",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(r"api key (?:not valid|expired|not found)|invalid api[ -]key", re.IGNORECASE)
_FILTERED = re.compile(r"content (?:management )?policy|content filter|flagged (?:as|by|for)", re.IGNORECASE)
_UNPAID = re.compile(r"credit balance is too low|insufficient (?:balance|credit|funds|quota)", re.IGNORECASE)
