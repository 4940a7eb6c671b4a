"""Which strategies a message is for (S2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from signals.models import Strategy
from signals.receive import Alert
from tradeops.core.configuration import Cached

from . import symbols


@dataclass(frozen=True)
class _Candidate:
    slug: str
    on: bool
    tickers: frozenset[str]


def routes(*, source_id: int, alert: Alert, now: datetime) -> list[str]:
    """The slugs of the strategies that this source feeds and the message is for, in alphabetical order.

    A message that names its strategy goes there alone, also if it is off: its decision then says so. Any other
    goes to those not off whose symbol map has the ticker, with its exchange prefix or without.
    """
    candidates = _by_source().get(source_id, ())
    if alert.strategy:
        return [one.slug for one in candidates if one.slug == alert.strategy]
    names = set(symbols.candidates(alert.symbol))
    return [one.slug for one in candidates if one.on and names & one.tickers]


def _load() -> Mapping[int, tuple[_Candidate, ...]]:
    found: dict[int, tuple[_Candidate, ...]] = {}
    for row in Strategy.objects.filter(retired_at=None).order_by("slug").prefetch_related("sources"):
        candidate = _Candidate(row.slug, row.mode != Strategy.Mode.OFF, frozenset(map(str.upper, row.symbols)))
        for source in row.sources.all():
            found[source.pk] = (*found.get(source.pk, ()), candidate)
    return found


_by_source: Cached[Mapping[int, tuple[_Candidate, ...]]] = Cached(_load)
