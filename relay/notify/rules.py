"""Which channels are told of an event, and when: by its name, level, strategy and account (N1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from relay.models import Channel, Notification
from tradeops.core.configuration import Cached
from tradeops.core.events import Event, Level, matches

from . import hours

Held = Notification.Held
# What comes within it is seen together: a storm's first event cannot know that it is one.
SETTLE = timedelta(seconds=1)
FAILING = "channel.failing"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One channel's. `strategies` and `accounts` are slugs; empty is all of them."""

    channel: int
    slug: str
    patterns: tuple[str, ...]
    level: Level
    strategies: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    quiet: hours.Quiet | None = None
    digest_minutes: int = 0
    rate_cap: int = 0
    escalation: bool = False

    def wants(self, event: Event) -> bool:
        return (
            event.level.rank >= self.level.rank
            and any(matches(pattern, event.name) for pattern in self.patterns)
            and self._concerns(event)
        )

    def _concerns(self, event: Event) -> bool:
        """With a list given the event must name one that is in it, and none that is not."""
        if not self.strategies and not self.accounts:
            return True
        named = ((event.strategy, self.strategies), (event.account, self.accounts))
        asked = [(slug, slugs) for slug, slugs in named if slugs]
        return all(not slug or slug in slugs for slug, slugs in asked) and any(slug for slug, _ in asked)

    def when(self, event: Event) -> tuple[datetime, str]:
        """When it is due, and why not at once (`Notification.held`). Criticals wait for nothing."""
        at = event.at
        if event.level is Level.CRITICAL:
            return at, Held.NOT.value
        if self.quiet is not None and (end := self.quiet.ends(at)) is not None:
            return end, Held.QUIET.value
        if self.digest_minutes:
            due = hours.next_digest(at, minutes=self.digest_minutes)
            end = self.quiet.ends(due) if self.quiet is not None else None
            return end or due, Held.DIGEST.value
        return (at + SETTLE if self.rate_cap else at), Held.NOT.value


def of(row: Channel) -> Rule:
    quiet = None
    if row.quiet_from is not None and row.quiet_to is not None and row.quiet_from != row.quiet_to:
        quiet = hours.Quiet(row.quiet_from, row.quiet_to, ZoneInfo(row.time_zone))
    return Rule(
        channel=row.pk,
        slug=row.slug,
        patterns=tuple(row.events),
        level=Level(row.level),
        strategies=frozenset(row.strategies),
        accounts=frozenset(row.accounts),
        quiet=quiet,
        digest_minutes=row.digest_minutes,
        rate_cap=row.rate_cap,
        escalation=row.escalation,
    )


def _load() -> list[Rule]:
    rows = Channel.objects.filter(active=True, retired_at=None).defer("secret").order_by("pk")
    return [of(row) for row in rows]


every = Cached(_load)  # the rules of the active channels: a change is in effect within a second


def rules_for(event: Event) -> list[Rule]:
    """Those of the active channels that want it."""
    wanting = [rule for rule in every() if rule.wants(event)]
    if event.name != FAILING:
        return wanting
    # A channel cannot tell of its own failure; if no rule asks for such news, everybody else gets it.
    failing = event.body.get("channel")
    others = [rule for rule in every() if rule.slug != failing]
    return [rule for rule in wanting if rule.slug != failing] or others
