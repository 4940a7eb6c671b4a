"""The answers of I9, exactly."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response

from tradeops.core.errors import Forbidden, InvalidPayload, NotAuthenticated, Throttled, TradeOpsError

from .entry import Outcome
from .respond import Relayed

SILENT = (NotAuthenticated, Forbidden)  # say nothing more than their status


def taken(outcome: Outcome, *, request_id: str, milliseconds: int, relayed: Relayed | None = None) -> Response:
    """201 for a new signal, 200 for one it repeats.

    `relayed` for a sender that waits for the endpoints (L6): 502 if none of them took it.
    """
    status = 200 if outcome.duplicate else 201
    experiment = outcome.experiment
    return Response(
        {
            "status": "DUPLICATE" if outcome.duplicate else "ACCEPTED",
            "signal_id": outcome.signal_id,
            "strategy": outcome.routes[0] if outcome.routes else None,
            "experiment_id": experiment,
            "variant": None if experiment is None else outcome.variants[experiment],
            "request_id": request_id,
            "processing_time_ms": milliseconds,
            **(relayed.fields() if relayed else {}),
        },
        status=relayed.http_status(status) if relayed else status,
    )


def refused(error: TradeOpsError, *, request_id: str) -> Response:
    body: dict[str, Any] = {"status": "REFUSED", "code": error.code}
    if not isinstance(error, SILENT):
        if isinstance(error, InvalidPayload) and error.field:
            body["field"] = error.field
        if str(error):
            body["reason"] = str(error)
    body["request_id"] = request_id
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Throttled) else None
    return Response(body, status=error.http_status, headers=headers)
