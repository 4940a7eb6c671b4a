"""The errors that cross a module boundary, and what a caller does next.

TradeOpsError
├── ConfigurationError   the operator's settings or file are wrong; nothing was started
├── Refused              a request was understood and turned down (4xx)
│   ├── NotAuthenticated 401
│   ├── Forbidden        403
│   ├── TooLarge         413
│   ├── Throttled        429, with `retry_after` seconds
│   └── InvalidPayload   400, names the field
├── Conflict             409, the thing is not in a state that allows this
└── Unavailable          503, try again; nothing was stored
"""

from __future__ import annotations


class TradeOpsError(Exception):
    """`code` is for programs, the message for people; `permanent` says whether trying again can help."""

    code = "error"
    permanent = True
    http_status = 500

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class ConfigurationError(TradeOpsError):
    code = "configuration"


class Refused(TradeOpsError):
    code = "refused"
    http_status = 400


class NotAuthenticated(Refused):
    code = "unauthorized"
    http_status = 401


class Forbidden(Refused):
    code = "forbidden"
    http_status = 403


class TooLarge(Refused):
    code = "too_large"
    http_status = 413


class Throttled(Refused):
    code = "rate_limited"
    http_status = 429
    permanent = False

    def __init__(self, message: str = "", *, retry_after: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = max(1, retry_after)


class InvalidPayload(Refused):
    code = "invalid_payload"

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


class Conflict(TradeOpsError):
    code = "conflict"
    http_status = 409


class Unavailable(TradeOpsError):
    code = "unavailable"
    http_status = 503
    permanent = False
