"""When a source or a strategy was last heard of: its last stored signal, heartbeats included (I13).

A repeat that is a duplicate is no sign of life: what repeats may be a queue somewhere that is sent again and again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max

from signals.models import Signal, WorkItem
from signals.pipeline.route import CURSOR
from tradeops.core import rows
from tradeops.core.models import Cursor

# The router is behind when a signal has waited longer than this for its strategies.
ROUTED_WITHIN = timedelta(seconds=5)


def of_source(source_id: int) -> datetime | None:
    """By the index on (source, -id): the same cost at a million signals."""
    found = rows.select(Signal, "received_at", where="source_id = %s ORDER BY id DESC LIMIT 1", params=[source_id])
    return found[0][0] if found else None


def last_work_item() -> int:
    found = WorkItem.objects.aggregate(last=Max("pk"))["last"]
    return int(found or 0)


def of_strategies(*, after: int) -> tuple[dict[int, datetime], int]:
    """When those that got work since the item `after` were last heard, and the last item. One router makes the items,
    in one transaction after the other, so none comes in behind the last."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT strategy_id, MAX(signal_id), MAX(id) FROM signals_workitem WHERE id > %s GROUP BY strategy_id",
            [after],
        )
        found = cursor.fetchall()
    times = _received(signal for _, signal, _ in found)
    last = max((item for _, _, item in found), default=after)
    return {strategy: times[signal] for strategy, signal, _ in found}, last


def _received(signals: Iterable[int]) -> dict[int, datetime]:
    return dict(Signal.objects.filter(pk__in=list(signals)).values_list("pk", "received_at"))


def router_is_behind(*, now: datetime) -> bool:
    """Whether stored signals wait for their strategies: then a strategy's silence is the portal's own."""
    position = Cursor.objects.filter(name=CURSOR).values_list("position", flat=True).first() or 0
    oldest = rows.select(Signal, "received_at", where="id > %s ORDER BY id LIMIT 1", params=[position])
    return bool(oldest) and now - oldest[0][0] > ROUTED_WITHIN
