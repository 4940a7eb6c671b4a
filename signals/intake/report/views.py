"""`POST /webhook/execution` (L5): the layers of a webhook, with an endpoint in the place of a source."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from signals.intake import services as intake
from signals.intake.arrival import Arrival
from signals.intake.sources import directory
from signals.intake.views import Webhook
from tradeops.core import limits
from tradeops.core.errors import InvalidPayload, NotAuthenticated, Throttled

from . import read, services, worker
from .authenticate import Proof, authenticate, check_fresh
from .services import Taken


@extend_schema(exclude=True)
class ExecutionReport(Webhook):
    """201 for a new report, 200 for one that was stored before; 404 for what was never sent to the endpoint."""

    def post(self, request: Request, slug: str = "", token: str = "") -> Response:
        intake.let_in(self.arrival)
        return _answer(_take(self.arrival), self.arrival)


def _take(arrival: Arrival) -> Taken:
    """What is wrong with the body is told to nobody who has not proved which endpoint it is."""
    content, problem = _content(arrival)
    proof = _proved(arrival, content)
    _charge(arrival, proof)
    if problem is not None:
        raise problem
    now = arrival.received_at
    report = read.report({**content, "id": proof.report_id or content.get("id")}, now=now)
    check_fresh(proof.sent_at or report.sent_at, now=now)
    if not report.id:
        raise InvalidPayload("is missing: without it a report could not be told from its copy", field="id")
    return worker.run(lambda: services.take(proof.reporter, report, request_id=arrival.request_id, now=now))


def _content(arrival: Arrival) -> tuple[dict[str, Any], InvalidPayload | None]:
    try:
        return read.content(arrival.body), None
    except InvalidPayload as error:
        return {}, error


def _proved(arrival: Arrival, content: dict[str, Any]) -> Proof:
    try:
        return authenticate(arrival, content)
    except NotAuthenticated as error:
        intake.charge(arrival, error, known=directory.kept())
        raise


def _charge(arrival: Arrival, proof: Proof) -> None:
    """A bridge that reports without end must not fill the ledger; what it holds back meanwhile comes later."""
    over, wait = limits.hit(
        request=arrival.request,
        group="bridge-reports",
        value=str(proof.reporter.endpoint_id),
        per_minute=settings.REPORTS_PER_MINUTE,
    )
    if over:
        raise Throttled(f"more than {settings.REPORTS_PER_MINUTE} reports within a minute", retry_after=wait)


def _answer(taken: Taken, arrival: Arrival) -> Response:
    row = taken.row
    return Response(
        {
            "status": "DUPLICATE" if taken.duplicate else "ACCEPTED",
            "id": row.report_id,
            "order": row.subject,
            "result": row.result,
            "request_id": arrival.request_id,
            "processing_time_ms": arrival.milliseconds,
        },
        status=200 if taken.duplicate else 201,
    )
