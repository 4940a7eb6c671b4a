"""Pre-market analysis for frontends: `GET /results`, `POST /analyze`, and the list of runs (A4)."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Operator
from signals.analysis import results
from signals.models import AnalysisPlan, AnalysisRun
from signals.operator import analysing
from tradeops.core import clock
from tradeops.core.api import ERROR, ReadOnlyViewSet, Schema
from tradeops.core.drf import Moment
from tradeops.core.errors import InvalidPayload

from .analysis_schema import ResultsSerializer

NEW_YORK = "America/New_York"


class RunSerializer(serializers.ModelSerializer[AnalysisRun]):
    run_id = serializers.CharField(source="public_id")
    plan = serializers.CharField(source="plan.slug")
    scheduled_for = Moment(allow_null=True)
    requested_at = Moment()
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)

    class Meta:
        model = AnalysisRun
        fields = (
            "run_id", "plan", "cause", "status", "trading_day", "scheduled_for", "requested_at", "started_at",
            "finished_at", "error",
        )  # fmt: skip


class AnalysisViewSet(ReadOnlyViewSet):
    """Runs of the analysis, newest first, the missed ones too; what one found is at `/results`."""

    serializer_class = RunSerializer
    queryset = AnalysisRun.objects.all()
    lookup_field = "public_id"
    lookup_url_kwarg = "run_id"
    filterset_fields = ["status", "cause", "trading_day"]

    def visible(self, user: Any) -> QuerySet[AnalysisRun]:
        return AnalysisRun.objects.select_related("plan").defer("results")


class Started(serializers.Serializer[Any]):
    run_id = serializers.CharField()
    status = serializers.CharField()


class Asked(serializers.Serializer[Any]):
    plan = serializers.CharField(required=False, help_text="Its slug; may be left out where there is one plan.")


class Results(APIView):
    """What the latest run of a day found."""

    schema = Schema()

    @extend_schema(
        responses=ResultsSerializer,
        parameters=[
            OpenApiParameter("date", OpenApiTypes.DATE, description="A day in New York; today by default."),
            OpenApiParameter("plan", OpenApiTypes.STR, description="A plan's slug; any by default."),
            OpenApiParameter("run", OpenApiTypes.STR, description="One run by its id, whatever its day and plan."),
        ],
    )
    def get(self, request: Request) -> Response:
        if run_id := request.query_params.get("run"):
            return Response(_kept(run_id))
        run = results.latest(day=_day(request.query_params.get("date")), plan=request.query_params.get("plan", ""))
        if run is None:
            raise NotFound("There are no results of that day, or not any more.")
        return Response(run.results)


def _kept(run_id: str) -> Any:
    found = AnalysisRun.objects.filter(public_id=run_id, status=AnalysisRun.Status.COMPLETED, results__isnull=False)
    run = found.first()
    if run is None:
        raise NotFound("There are no results of that run, or not any more.")
    return run.results


_FORBIDDEN = OpenApiResponse(
    ERROR, "Your role is below operator, or the plan's strategy also trades for clients that are not yours."
)


class Analyze(APIView):
    """Runs a plan now; its BUY and SELL become signals where it feeds a strategy. It takes the role operator, and every
    client whose accounts that strategy trades on."""

    schema = Schema()

    @extend_schema(request=Asked, responses={202: Started, 403: _FORBIDDEN, 409: None})
    def post(self, request: Request) -> Response:
        person = cast(Operator, request.user)
        analysing.may(person)
        given = Asked(data=request.data)
        given.is_valid(raise_exception=True)
        run = analysing.ask(_plan(given.validated_data.get("plan", "")), person=person, now=clock.now())
        return Response({"run_id": run.public_id, "status": run.status}, status=202)


def _day(text: str | None) -> date:
    from zoneinfo import ZoneInfo

    if not text:
        return clock.now().astimezone(ZoneInfo(NEW_YORK)).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidPayload("date: write it as YYYY-MM-DD", field="date") from None


def _plan(slug: str) -> AnalysisPlan:
    plans = AnalysisPlan.objects.filter(retired_at=None)
    found = list(plans.filter(slug=slug) if slug else plans[:2])
    if not found:
        raise NotFound("There is no such plan." if slug else "There is no plan to run.")
    if len(found) > 1:
        raise InvalidPayload("plan: there are several; name one", field="plan")
    return found[0]
