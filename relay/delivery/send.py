"""One POST, bounded in time and size, told as an `Outcome`; it raises nothing but cancellation."""

from __future__ import annotations

import time
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache

import aiohttp

from tradeops.core import logs

from .outcome import Outcome

logger = logs.get(__name__)
READ_BYTES = 64 * 1024
KEPT_BYTES = 500
# Of the time for a try: a connection that takes longer than this is given up while it is certain that nothing was sent.
CONNECT_SHARE = 0.8
# With these the request was not even begun: resolution, connection, TLS and the address guard come before it.
NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


async def post(
    session: aiohttp.ClientSession, *, url: str, body: bytes, headers: dict[str, str], timeout: float, now: datetime
) -> Outcome:
    """Tries once. The status line decides: a 2xx whose body breaks off or does not end is delivered, with a note."""
    started = time.perf_counter()
    status: int | None = None
    retry_after: float | None = None
    answer, error, reached = b"", "", True
    try:
        data = aiohttp.BytesPayload(body)  # said here, the library need not find out what `body` is
        limit = _limit(timeout)
        async with session.post(url, data=data, headers=headers, timeout=limit, allow_redirects=False) as response:
            status = response.status
            retry_after = _retry_after(response, now=now)
            async for chunk in response.content.iter_any():
                answer += chunk
                if len(answer) > READ_BYTES:
                    error = f"the answer is longer than {READ_BYTES} bytes; the rest was not read"
                    response.close()
                    break
    except Exception as problem:  # noqa: BLE001 (a receiver's oddity must never end the sender; it is stored and told)
        error = explain(problem, timeout=timeout)
        reached = not isinstance(problem, NOT_SENT)
    return Outcome(
        at=now,
        ms=round((time.perf_counter() - started) * 1000),
        status_code=status,
        answer=_printable(answer[:KEPT_BYTES]),
        error=error[:200],
        retry_after=retry_after,
        reached=reached,
    )


@cache
def _limit(timeout: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeout, connect=timeout * CONNECT_SHARE)


def _retry_after(response: aiohttp.ClientResponse, *, now: datetime) -> float | None:
    """Seconds, from a 429 or 503 that gives them or an HTTP date; None where it gives neither."""
    given = response.headers.get("Retry-After", "").strip()
    if response.status not in (429, 503) or not given:
        return None
    if given.isascii() and given.isdecimal():
        return float(given[:9])
    try:
        moment = parsedate_to_datetime(given)
    except (TypeError, ValueError):
        return None
    return max(0.0, (moment - now).total_seconds()) if moment.tzinfo else None


def _printable(raw: bytes) -> str:
    return "".join(character if character.isprintable() else " " for character in raw.decode("utf-8", "replace"))


def explain(problem: Exception, *, timeout: float) -> str:
    """A sentence for people. Never the URL: its query may hold what is nobody's business."""
    if isinstance(problem, aiohttp.ConnectionTimeoutError):
        return f"could not connect within {timeout * CONNECT_SHARE:g} s"
    if isinstance(problem, TimeoutError):
        return f"no complete answer within {timeout:g} s"
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return f"the name {problem.host} could not be resolved"
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        return f"the certificate was not accepted: {problem.certificate_error}"
    if isinstance(problem, aiohttp.ClientConnectorError):
        return f"could not connect: {problem.os_error.strerror or problem.os_error}"
    if isinstance(problem, aiohttp.ServerDisconnectedError):
        return "the connection was closed before an answer came"
    if isinstance(problem, aiohttp.ClientPayloadError | aiohttp.ClientOSError | ConnectionError):
        return "the connection broke off"
    if isinstance(problem, aiohttp.InvalidURL):
        return "the address is not one that can be sent to"
    if isinstance(problem, aiohttp.ClientError):
        return f"the answer was not understood ({type(problem).__name__})"
    logger.warning("a message could not be sent", problem=type(problem).__name__, detail=str(problem))
    return f"could not be sent ({type(problem).__name__}): check the endpoint's headers and address"
