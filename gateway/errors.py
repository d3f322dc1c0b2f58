"""The taxonomy of failures: one class per cause, with its HTTP status, its code and whether it may fall back.

A `GatewayError` is what the pipeline catches and a dialect writes. `status` is what the caller gets; `code` is stable,
snake_case and for programs; `message` is for people and never carries a secret. `kind` groups codes for metrics.
"""

from typing import ClassVar


class GatewayError(Exception):
    """A failure with a meaning for the caller.

    `retry_after` is in seconds; `param` names the request's field that is to blame.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    may_fall_back: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after

    @property
    def http_status(self) -> int:
        """The status that the caller gets."""
        return self.status


class InternalError(GatewayError):
    """A defect of the gateway itself."""


# --- the caller's mistakes -------------------------------------------------------------------------------------------


class BadRequest(GatewayError):
    """The request cannot be understood: malformed JSON, a wrong type, a missing field."""

    status = 400
    code = "invalid_request"


class Unauthorized(GatewayError):
    """No credential, or one that the gateway does not know."""

    status = 401
    code = "invalid_api_key"


class Forbidden(GatewayError):
    """A known caller asks for something that it may not use."""

    status = 403
    code = "forbidden"


class UnknownPath(GatewayError):
    """No route has this path."""

    status = 404
    code = "unknown_path"


class UnknownModel(GatewayError):
    """No provider or declared name serves this model."""

    status = 404
    code = "model_not_found"


class MethodNotAllowed(GatewayError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"


class RequestTooLarge(GatewayError):
    """The body exceeds the configured limit, before or after decompression."""

    status = 413
    code = "request_too_large"


class UnsupportedEncoding(GatewayError):
    """A Content-Encoding that the gateway cannot undo."""

    status = 415
    code = "unsupported_content_encoding"


class ClientDisconnected(GatewayError):
    """The caller went away; nobody reads the answer. 499 appears in records and metrics only."""

    status = 499
    code = "client_disconnected"


class UnservedEndpoint(GatewayError):
    """The target's provider offers nothing like this endpoint; another target may."""

    status = 400
    code = "unsupported_endpoint"
    may_fall_back = True


class Lossy(GatewayError):
    """The route is strict, and the target has no place for something that the request says."""

    status = 400
    code = "cannot_be_translated"
    may_fall_back = True

    def __init__(self, provider: str, dropped: tuple[str, ...]) -> None:
        super().__init__(f"{provider!r} has no place for: {', '.join(dropped)}", param=dropped[0])


class Refused(GatewayError):
    """One of the operator's rules refuses the request, in the operator's words and with a status of the operator's."""

    status = 403
    code = "refused_by_rule"

    def __init__(self, message: str, refused_status: int) -> None:
        super().__init__(message)
        self.refused_status = refused_status

    @property
    def http_status(self) -> int:
        return self.refused_status


class LimitExceeded(GatewayError):
    """One of the caller's limits is used up. `headers` are those of the answer that tell how far."""

    status = 429
    code = "rate_limit_exceeded"

    def __init__(self, message: str, retry_after: float | None, headers: list[tuple[bytes, bytes]]) -> None:
        super().__init__(message, retry_after=retry_after)
        self.headers = headers


class BudgetExceeded(GatewayError):
    """One of the caller's budgets has too little left for the request."""

    status = 402
    code = "budget_exceeded"


class NotCached(GatewayError):
    """The caller wants a kept answer only, and there is none (as RFC 9111, 5.2.1.7 has it for `only-if-cached`)."""

    status = 504
    code = "not_cached"


# --- the gateway cannot serve now ------------------------------------------------------------------------------------


class Unavailable(GatewayError):
    """Draining, or out of a bounded resource (connections, queue)."""

    status = 503
    code = "unavailable"


# --- the provider failed ---------------------------------------------------------------------------------------------


class UpstreamError(GatewayError):
    """The provider, or the way to it, failed. `sent` tells whether any byte of an answer had arrived."""

    status = 502
    code = "upstream_error"
    may_fall_back = True


class UpstreamConnectError(UpstreamError):
    """No connection: refused, unreachable, unresolvable, TLS verification failed."""

    code = "upstream_connect_error"


class UpstreamClosed(UpstreamError):
    """The provider closed the connection before its answer was complete."""

    code = "upstream_closed"


class UpstreamProtocolError(UpstreamError):
    """The provider's bytes break HTTP, a size bound, or the dialect."""

    code = "upstream_protocol_error"


class UpstreamTimeout(UpstreamError):
    """The provider was silent for too long. `phase` is connect, first_byte, first_token, idle or total. `sent`: it may
    have had the request."""

    status = 504
    code = "upstream_timeout"

    def __init__(self, message: str, *, phase: str, sent: bool = True) -> None:
        super().__init__(message)
        self.phase = phase
        self.sent = sent and phase != "connect"


class UpstreamPoolTimeout(Unavailable):
    """Every connection to this origin stayed busy for longer than a request may wait."""

    code = "upstream_pool_timeout"
    may_fall_back = True


class TargetBusy(GatewayError):
    """As many requests as may be are under way to the target, and no place became free in time; another may serve."""

    status = 429
    code = "target_busy"
    may_fall_back = True


class NoProviderCredential(Unavailable):
    """A credential that the provider lends for a while cannot be had or renewed now."""

    code = "no_provider_credential"
    may_fall_back = True


class Disagreed(UpstreamError):
    """Asked again, the model did not say again what its predecessor had said before it broke off."""

    code = "answer_disagrees"


class UpstreamStatus(UpstreamError):
    """The provider answered with an error status of its own; status and message are kept for the caller.

    `upstream_code` and `upstream_type` are the provider's own words; `body` is its whole answer, bounded. `passes`
    tells that the body is an error of `dialect` as it stands, so that a caller of that dialect can get its very bytes.
    `headers` are those of the answer that the caller gets.
    """

    code = "upstream_status"

    def __init__(
        self,
        upstream_status: int,
        message: str,
        *,
        upstream_code: str | None = None,
        upstream_type: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        body: bytes = b"",
        content_type: str = "",
        dialect: str = "",
        passes: bool = False,
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        super().__init__(message, param=param, retry_after=retry_after)
        self.upstream_status = upstream_status
        self.upstream_code = upstream_code
        self.upstream_type = upstream_type
        self.body = body
        self.content_type = content_type
        self.dialect = dialect
        self.passes = passes
        self.headers = headers or []

    @property
    def http_status(self) -> int:
        return self.upstream_status
