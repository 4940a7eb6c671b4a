"""Which channels are told of an event: by its name and its level (N1)."""

from __future__ import annotations

from dataclasses import dataclass

from relay.models import Channel
from tradeops.core.configuration import Cached
from tradeops.core.events import Event, Level, matches


@dataclass(frozen=True, kw_only=True)
class Rule:
    channel: int
    patterns: tuple[str, ...]
    level: Level

    def wants(self, event: Event) -> bool:
        return event.level.rank >= self.level.rank and any(matches(pattern, event.name) for pattern in self.patterns)


def _load() -> list[Rule]:
    rows = Channel.objects.filter(active=True, retired_at=None).order_by("pk")
    return [Rule(channel=row.pk, patterns=tuple(row.events), level=Level(row.level)) for row in rows]


_rules = Cached(_load)


def channels_for(event: Event) -> list[int]:
    """Ids of the active channels that want it. Cached: a change of channels is in effect within a second."""
    return [rule.channel for rule in _rules() if rule.wants(event)]
