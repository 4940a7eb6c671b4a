"""The webhook endpoints (I1): thin DRF views that parse once and leave out what a sender has no use for."""

from __future__ import annotations

from typing import Any

from django.db import Error as DatabaseError
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tradeops.core import clock, logs
from tradeops.core.errors import Refused, TradeOpsError, Unavailable

from . import answers, arrival, request_log, respond, services
from .arrival import Arrival

logger = logs.get(__name__)


class _WrongMethod(Refused):
    code = "method_not_allowed"
    http_status = 405


class _Plain(APIView):
    """No content negotiation, login, permission or throttle of DRF's: a sender's headers cannot turn it away."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type


@extend_schema(exclude=True)
class Webhook(_Plain):
    """POST one message; answers as I4 and I9 say."""

    http_method_names = ["post"]
    arrival: Arrival

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        http = request._request
        self.arrival = Arrival(
            request=http,
            request_id=http.request_id,  # type: ignore[attr-defined]
            received_at=clock.now(),
            slug=kwargs.get("slug", ""),
            url_token=kwargs.get("token", ""),
            address=arrival.client_address(http),
        )

    def post(self, request: Request, slug: str = "", token: str = "") -> Response:
        outcome = services.accept(self.arrival)
        relayed = respond.outcome(outcome.signal_id) if respond.awaits(self.arrival.sender) else None
        return answers.taken(
            outcome,
            request_id=self.arrival.request_id,
            milliseconds=self.arrival.milliseconds,
            relayed=relayed,
        )

    def handle_exception(self, exc: Exception) -> Response:
        error = _in_our_terms(exc)
        if error is None:
            raise exc
        request_log.record(self.arrival, error)
        return answers.refused(error, request_id=self.arrival.request_id)


def _in_our_terms(exc: Exception) -> TradeOpsError | None:
    """None for a bug, which the outermost layer turns into a 500 and a log line."""
    if isinstance(exc, DatabaseError):
        logger.error("a message was not stored: the database does not answer", error=str(exc))
        return Unavailable("the database does not answer; nothing was stored, send it again")
    if isinstance(exc, MethodNotAllowed):
        return _WrongMethod("messages are sent with POST")
    return exc if isinstance(exc, TradeOpsError) else None


@extend_schema(exclude=True)
class Reachable(_Plain):
    """GET: for a person or a monitor that wants to know whether webhooks get through to here."""

    http_method_names = ["get", "head"]

    def get(self, request: Request) -> Response:
        return Response(
            {
                "status": "ok",
                "message": "Webhooks reach this server. Send alerts with POST.",
                "timestamp": clock.iso_ms(clock.now()),
            }
        )

    def handle_exception(self, exc: Exception) -> Response:
        if not isinstance(exc, MethodNotAllowed):
            raise exc
        request_id: str = self.request._request.request_id  # type: ignore[attr-defined]
        return answers.refused(_WrongMethod("this address answers to GET"), request_id=request_id)
