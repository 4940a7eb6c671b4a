"""One question to one endpoint: GET /health, over the guarded connections that messages take."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from relay.delivery import request, send
from relay.delivery.endpoints import Receiver
from relay.delivery.transport import Transport

from . import url

# A receiver that takes longer to say that it is well would be too slow for an order.
MOST_SECONDS = 5.0
# It answers, and has nothing to ask, or not for us: that says neither well nor ill of it. `unknown` is no alarm.
NO_HEALTH = {
    401: "it does not let us ask for /health",
    403: "it does not let us ask for /health",
    404: "it has no /health",
    405: "it has no /health",
    501: "it has no /health",
}


@dataclass(frozen=True, kw_only=True)
class Health:
    """What one check found. `ok` is None where the receiver has no /health; `error` says why it is not well."""

    at: datetime
    ok: bool | None
    ms: int
    status_code: int | None = None
    error: str = ""

    @property
    def ended_at(self) -> datetime:
        return self.at + timedelta(milliseconds=self.ms)


async def ask(transport: Transport, receiver: Receiver, *, now: datetime) -> Health:
    """Raises nothing but cancellation. 2xx is well; a redirect is not followed and is not well (L7)."""
    started = time.perf_counter()
    status: int | None = None
    error = ""
    timeout = min(receiver.timeout, MOST_SECONDS)
    try:
        target = url.of(receiver.url)
        limit = aiohttp.ClientTimeout(total=timeout)
        session = transport.session_for(target)
        headers = _headers(receiver.headers)
        async with session.get(target, headers=headers, timeout=limit, allow_redirects=False) as response:
            status = response.status
            size = 0
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > send.READ_BYTES:
                    response.close()
                    break
    except Exception as problem:  # noqa: BLE001 (a receiver's oddity must never end the checks; it is stored and told)
        error = send.explain(problem, timeout=timeout)
    ms = round((time.perf_counter() - started) * 1000)
    ok, why = _judged(status, error)
    return Health(at=now, ok=ok, ms=ms, status_code=status, error=why[:200])


def _judged(status: int | None, error: str) -> tuple[bool | None, str]:
    if error or status is None:  # an answer that breaks off is no answer: a message's would break off too
        return False, error or "no answer came"
    if 200 <= status < 300:
        return True, ""
    if status in NO_HEALTH:
        return None, f"HTTP {status}: {NO_HEALTH[status]}"
    return False, f"HTTP {status}"


def _headers(custom: Mapping[str, Any]) -> dict[str, str]:
    """The endpoint's own headers too: what stands before it may let nobody through without them."""
    allowed = {name: str(value) for name, value in custom.items() if name.strip().lower() not in request.RESERVED}
    return {**allowed, "User-Agent": "TradeOps", "Accept": "application/json", "Accept-Encoding": "identity"}
