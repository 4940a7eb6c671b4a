"""How endpoints do: for the admin, the API and the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db.models import Q, Sum

from relay.models import Endpoint, EndpointState, HealthCheck, UptimeHour

from . import record

DAY, MONTH = timedelta(hours=24), timedelta(days=30)
_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """`health` is `healthy`, `unhealthy`, `unknown` (never asked, or it has no /health) or `off` (not asked).

    Uptimes are per cent of the checks that could tell, rounded down so that one failure is never 100; None without any.
    `latency_ms` is the last check's, `average_ms` that of the last 24 hours' good ones.
    """

    health: str = "unknown"
    checked_at: datetime | None = None
    latency_ms: int | None = None
    average_ms: int | None = None
    error: str = ""
    uptime_24h: Decimal | None = None
    uptime_30d: Decimal | None = None
    breaker: str = EndpointState.Breaker.CLOSED.value
    breaker_since: datetime | None = None
    failures: int = 0
    probe_at: datetime | None = None


def standings(endpoints: Iterable[Endpoint], *, now: datetime) -> dict[int, Standing]:
    """By endpoint id, in two queries however many there are."""
    rows = {row.pk: row for row in endpoints}
    states = {state.endpoint_id: state for state in EndpointState.objects.filter(endpoint_id__in=list(rows))}
    day, month = (record.hour_of(now - span) for span in (DAY, MONTH))
    within_day = Q(hour__gte=day)
    sums = (
        UptimeHour.objects.filter(endpoint_id__in=list(rows), hour__gte=month)
        .order_by()
        .values("endpoint_id")
        .annotate(
            all_day=Sum("checks", filter=within_day), ok_day=Sum("ok", filter=within_day),
            ms_day=Sum("ms", filter=within_day), all_month=Sum("checks"), ok_month=Sum("ok"),
        )
    )  # fmt: skip
    uptime: dict[int, dict[str, Any]] = {each["endpoint_id"]: dict(each) for each in sums}
    return {pk: _standing(row, states.get(pk), uptime.get(pk, {})) for pk, row in rows.items()}


def _standing(row: Endpoint, state: EndpointState | None, sums: dict[str, Any]) -> Standing:
    ok = sums.get("ok_day")
    known: dict[str, Any] = {
        "uptime_24h": _per_cent(ok, sums.get("all_day")),
        "uptime_30d": _per_cent(sums.get("ok_month"), sums.get("all_month")),
        "average_ms": round((sums.get("ms_day") or 0) / ok) if ok else None,
    }
    if state is None:
        return Standing(health="unknown" if _asked(row) else "off", **known)
    return Standing(
        health={True: "healthy", False: "unhealthy", None: "unknown"}[state.healthy] if _asked(row) else "off",
        checked_at=state.checked_at,
        latency_ms=state.check_ms,
        error=state.check_error,
        breaker=state.breaker,
        breaker_since=state.since,
        failures=state.failures,
        probe_at=state.probe_at,
        **known,
    )


def _asked(row: Endpoint) -> bool:
    return row.active and row.retired_at is None


def _per_cent(ok: int | None, checks: int | None) -> Decimal | None:
    if not checks:
        return None
    return (Decimal(100 * (ok or 0)) / checks).quantize(_HUNDREDTH, rounding=ROUND_DOWN)


def latest_checks(endpoint: Endpoint, *, since: datetime) -> list[HealthCheck]:
    """Oldest first, for a chart."""
    return list(HealthCheck.objects.filter(endpoint=endpoint, at__gte=since).order_by("at"))
