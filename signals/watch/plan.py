"""Who is watched: sources and strategies in use that have `expect_every`, and TradingView alerts that end (I13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from signals.models import Source, Strategy
from tradeops.core.configuration import Cached

Kind = Literal["source", "strategy"]
Key = tuple[Kind, int]


@dataclass(frozen=True)
class Watched:
    kind: Kind
    pk: int
    slug: str
    expect_every: timedelta

    @property
    def key(self) -> Key:
        return self.kind, self.pk

    @property
    def name(self) -> str:
        return f"{self.kind.capitalize()} {self.slug}"


@dataclass(frozen=True)
class Ending:
    """A strategy whose TradingView alert ends on a day, UTC."""

    pk: int
    slug: str
    on: date


@dataclass(frozen=True)
class Plan:
    watched: tuple[Watched, ...]
    ending: tuple[Ending, ...]


def _load() -> Plan:
    """What is switched off or retired is nobody's worry."""
    sources = Source.objects.filter(active=True, retired_at=None, expect_every__isnull=False).order_by("slug")
    running = Strategy.objects.filter(retired_at=None).exclude(mode=Strategy.Mode.OFF).order_by("slug")
    found: list[Watched] = []
    for pk, slug, seconds in sources.values_list("pk", "slug", "expect_every"):
        found.append(Watched("source", pk, slug, timedelta(seconds=seconds or 0)))
    for pk, slug, seconds in running.filter(expect_every__isnull=False).values_list("pk", "slug", "expect_every"):
        found.append(Watched("strategy", pk, slug, timedelta(seconds=seconds or 0)))
    ending = running.filter(alert_expires_on__isnull=False).values_list("pk", "slug", "alert_expires_on")
    return Plan(tuple(found), tuple(Ending(pk, slug, on) for pk, slug, on in ending if on is not None))


plan: Cached[Plan] = Cached(_load)
