"""All that a replay needs, read from this database without a write: configuration, signals, and what was known then.

Sources, endpoints, channels and credentials stay here: a replay asks nobody for proof and tells nobody anything.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core import serializers
from django.db.models import Min, Model, Q

from accounts.models import AccountGroup, AccountGroupMember, Client
from signals.models import (
    AnalysisPlan,
    AnalysisRun,
    Approval,
    Bar,
    Decision,
    MaintenanceWindow,
    MarketDay,
    RiskLimit,
    Strategy,
)
from signals.models.risk import Scope
from signals.pipeline import minds, missing
from tradeops.core.errors import ConfigurationError

from . import asked as asking
from . import known
from .asked import Asked
from .openings import Openings

_DAYS = timedelta(days=20)  # around the time, of exchanges' calendars
_ANALYSES = timedelta(days=7)  # as far back as agents look


def collect(asked: Asked, openings: Openings) -> dict[str, Any]:
    """JSON-ready: `rows` (as Django's Python serializer has them), `analyses`, `signals`, `prices`, `until`, …"""
    strategy = _traded_on_paper(asked.strategy)
    rows: list[Model] = [
        *Client.objects.filter(pk__in={row.client_id for row in openings.rows}),
        *openings.rows,
        *_groups(asked.strategy, openings),
        *_limits(asked.strategy, openings),
        *MaintenanceWindow.objects.filter(_maintained(asked.strategy), ends_at__gt=asked.since),
        *MarketDay.objects.filter(
            date__gte=(asked.since - _DAYS).date(), date__lte=(asked.until + _DAYS).date()
        ),
    ]  # fmt: skip
    found: dict[str, Any] = {
        "strategy": strategy.slug,
        "since": asked.since.isoformat(),
        "until": asked.until.isoformat(),
        "rows": [*_plain(rows), _with_members(strategy, openings)],
        "signals": _signals(asked),
        "prices": known.prices(asked, openings.traded),
        "analyses": [],
    }
    if _looks(asked.strategy):
        found["rows"] += _plain([*_plans(), *Bar.objects.filter(date__lt=asked.until.date())])
        found["analyses"] = _analyses(asked)
    return found


def _plain(rows: Iterable[Model]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = serializers.serialize("python", rows)
    return found


def _traded_on_paper(strategy: Strategy) -> Strategy:
    """It trades whatever its mode is, nobody is asked for a yes, and it is not retired."""
    row = copy.copy(strategy)
    row.mode = strategy.mode if strategy.mode == Strategy.Mode.PAPER else Strategy.Mode.LIVE
    row.approval_seconds, row.retired_at, row.expect_every = None, None, None
    return row


def _with_members(strategy: Strategy, openings: Openings) -> dict[str, Any]:
    [found] = _plain([strategy])
    own = set(strategy.accounts.values_list("pk", flat=True))
    return {
        **found,
        "fields": {
            **found["fields"], "sources": [], "endpoints": [], "endpoint_groups": [],
            "accounts": [pk for pk in openings.linked if pk in own],
        },
    }  # fmt: skip


def _groups(strategy: Strategy, openings: Openings) -> list[Model]:
    groups = AccountGroup.objects.filter(strategies=strategy)
    members = list(AccountGroupMember.objects.filter(group__in=groups, account__in=openings.linked))
    for member in members:
        member.paused = False
    return [*groups, *members]


def _limits(strategy: Strategy, openings: Openings) -> list[RiskLimit]:
    slugs = [row.slug for row in openings.rows]
    mine = Q(scope=Scope.GLOBAL) | Q(scope=Scope.STRATEGY, key=strategy.slug) | Q(scope=Scope.ACCOUNT, key__in=slugs)
    return list(RiskLimit.objects.filter(mine).order_by("pk"))


def _maintained(strategy: Strategy) -> Q:
    """The paper venue's own windows count; those of a venue that is not asked do not."""
    kinds = MaintenanceWindow.Kind
    return Q(kind=kinds.STRATEGY, key=strategy.slug) | Q(kind=kinds.VENUE, key="paper")


def _signals(asked: Asked) -> list[dict[str, Any]]:
    """In the order in which they are to be decided: each when it was decided then, which counts for its age.

    One that a person was asked about, or that was never decided, acts when it was received.
    """
    decided = _first_decided(asked)
    people = set(Approval.objects.filter(strategy=asked.strategy).values_list("signal", flat=True))
    found = []
    for row in asking.signals(asked).order_by("pk").iterator():
        at: datetime = row.received_at if row.pk in people else decided.get(row.pk) or row.received_at
        told = {
            "id": row.public_id, "request_id": row.request_id, "received_at": row.received_at.isoformat(),
            "at": max(at, row.received_at).isoformat(), "data": row.data,
        }  # fmt: skip
        found.append(told)
    return sorted(found, key=lambda one: datetime.fromisoformat(one["at"]))


def _first_decided(asked: Asked) -> dict[int, datetime]:
    """By signal; nothing for one whose only decisions were made because a person asked later.

    Of a decision that was made once more, the row has the time of the last one: it was decided when it was at first.
    """
    rows = Decision.objects.filter(strategy=asked.strategy, signal__in=asking.signals(asked), shadow=False)
    found: dict[int, datetime] = dict(
        rows.exclude(enrichment__has_key=missing.ASKED).values_list("signal").annotate(Min("decided_at"))
    )
    for row in rows.filter(enrichment__has_key=missing.ASKED).iterator():
        at = missing.first_decided_at(row)
        if at is not None:
            found[row.signal_id] = min(at, found.get(row.signal_id, at))
    return found


def _looks(strategy: Strategy) -> bool:
    try:
        return minds.of(strategy).look
    except ConfigurationError:
        return False  # said when its signals are decided


def _plans() -> list[AnalysisPlan]:
    plans = list(AnalysisPlan.objects.all())
    for plan in plans:
        plan.strategy = None
    return plans


def _analyses(asked: Asked) -> list[dict[str, Any]]:
    """Each becomes known when it ended."""
    runs = AnalysisRun.objects.filter(
        status=AnalysisRun.Status.COMPLETED, results__isnull=False,
        finished_at__gte=asked.since - _ANALYSES, finished_at__lt=asked.until,
    ).order_by("finished_at", "pk")  # fmt: skip
    return [{"at": row.finished_at.isoformat(), "row": _plain([row])[0]} for row in runs if row.finished_at]
