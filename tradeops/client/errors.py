"""What can go wrong, by what a program does next. No error holds a password or a token.

ClientError
├── Unauthorised   the password or token is wrong, or no longer good
├── Forbidden      the portal keeps this address out, or this person may not
├── NotFound       there is no such thing, or it is not yours to see
├── EventsGone     events after the place that was given are not kept any more: some were missed
├── FillsGone      the portal has not reached the place that was given among the fills: a backup was restored
├── NotPaper       a real account was given where a paper account is wanted
├── Refused        any other 4xx: the request makes no sense to the portal
├── Closed         the client was closed while it waited
└── (passing: asking again may help, and what follows the portal does so by itself)
    ├── Busy         503, with `retry_after` where the portal says
    │   └── RateLimited  429
    ├── ServerFailed any other 5xx
    ├── Unreachable  no connection, no answer in time, an answer cut off
    └── BadAnswer    an answer that is not the API's: something else may stand at that address
"""

from __future__ import annotations


class ClientError(Exception):
    """`passing`: asking again may help."""

    passing = False


class Unauthorised(ClientError):
    pass


class Forbidden(ClientError):
    pass


class NotFound(ClientError):
    pass


class EventsGone(ClientError):
    pass


class FillsGone(ClientError):
    pass


class NotPaper(ClientError):
    pass


class Closed(ClientError):
    pass


class Refused(ClientError):
    """`code` is the portal's word for it; `status` the HTTP status."""

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Busy(ClientError):
    """`retry_after` in seconds; None where the portal does not say."""

    passing = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(Busy):
    pass


class ServerFailed(ClientError):
    passing = True

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(ClientError):
    passing = True


class BadAnswer(ClientError):
    passing = True
