"""Times in which a venue, endpoint or strategy is left alone (D7): entries are rejected, exits wait, alerts are muted.

Configuration: every process has them within a second of the commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from accounts.brokers import kinds
from accounts.models import Account
from relay import services as relay
from relay.models import Endpoint
from signals.models import MaintenanceWindow, Order, Strategy
from tradeops.core import clock, configuration, events, wake
from tradeops.core.errors import Conflict, Refused
from tradeops.core.events import Event, Level

Kind = MaintenanceWindow.Kind
# The code of a PENDING exit that waits for the end of a window.
HELD = "maintenance"


def _load() -> list[MaintenanceWindow]:
    return list(MaintenanceWindow.objects.filter(ends_at__gt=clock.now()).order_by("starts_at", "pk"))


def _load_brokers() -> dict[str, str]:
    return dict(Account.objects.values_list("slug", "broker"))


windows = configuration.Cached(_load)  # those that are not over
_brokers = configuration.Cached(_load_brokers)


def window(*things: tuple[str, str], now: datetime) -> MaintenanceWindow | None:
    """The one of these (kind, key) that ends last, of those that are open now."""
    found = [one for one in windows() if one.starts_at <= now < one.ends_at and (one.kind, one.key) in things]
    return max(found, key=lambda one: one.ends_at, default=None)


def until(*things: tuple[str, str], now: datetime) -> datetime | None:
    """When what is held may go: windows that follow each other without a gap are one."""
    at, end = now, None
    while (found := window(*things, now=at)) is not None:
        at = end = found.ends_at
    return end


def of_order(order: Order, *, now: datetime) -> datetime | None:
    """Until when this order waits, for its account's venue or its strategy; None = it may go."""
    if not windows():
        return None
    return until((Kind.VENUE, order.account.broker), (Kind.STRATEGY, order.strategy.slug), now=now)


def describe(found: MaintenanceWindow) -> str:
    """For people: `venue okx until 14:00 UTC (upgrade)`."""
    why = f" ({found.reason})" if found.reason else ""
    return f"{found.kind} {found.key} until {found.ends_at:%Y-%m-%d %H:%M} UTC{why}"


def mutes(event: Event) -> bool:
    """Whether people are not to be told of it now. What a person did, and the windows themselves, are told."""
    if not windows() or event.name.startswith(("maintenance.", "kill_switch.", "approval.")):
        return False
    things = [(Kind.ENDPOINT.value, event.endpoint), (Kind.STRATEGY.value, event.strategy)]
    if event.account:
        things.append((Kind.VENUE.value, _brokers().get(event.account, "")))
    return window(*((kind, key) for kind, key in things if key), now=event.at) is not None


def add(
    *, kind: str, key: str, starts_at: datetime, ends_at: datetime, reason: str, by: str, now: datetime
) -> MaintenanceWindow:
    """Raises Refused for a thing that does not exist, or times that make no window."""
    _check(kind, key)
    if ends_at <= max(starts_at, now):
        raise Refused("it must end after it begins, and later than now", code="bad_window")
    with transaction.atomic():
        row = MaintenanceWindow.objects.create(
            kind=kind, key=key, starts_at=starts_at, ends_at=ends_at, reason=reason[:200], created_by=by[:150]
        )
        configuration.changed()
        _publish("maintenance.planned", f"Maintenance of {kind} {key}, {starts_at:%Y-%m-%d %H:%M} to"
                 f" {ends_at:%Y-%m-%d %H:%M} UTC, by {by}" + (f": {reason}" if reason else ""), row, now)  # fmt: skip
    return row


def end(*, pk: int, by: str, now: datetime) -> MaintenanceWindow:
    """Ends one now, or takes one back that has not begun; what it held goes at once. Raises Conflict if it is over."""
    with transaction.atomic():
        row = MaintenanceWindow.objects.select_for_update(no_key=True).get(pk=pk)
        if row.ends_at <= now:
            raise Conflict("this maintenance is over already")
        row.ends_at = now
        row.starts_at = min(row.starts_at, now - timedelta(microseconds=1))
        row.save(update_fields=["starts_at", "ends_at"])
        configuration.changed()
        # Each is looked at again when it is claimed: another window may hold it.
        waiting = Order.objects.filter(status=Order.Status.PENDING, intent=Order.Intent.CLOSE, due_at__gt=now)
        theirs = {"account__broker": row.key} if row.kind == Kind.VENUE else {"strategy__slug": row.key}
        if row.kind != Kind.ENDPOINT:
            waiting.filter(**theirs).update(due_at=now)
        if row.kind != Kind.VENUE:
            relay.let_go(**{row.kind: row.key}, now=now)
        _publish("maintenance.over", f"Maintenance of {row.kind} {row.key} is over, by {by}", row, now)
        wake.notify()
    return row


def _check(kind: str, key: str) -> None:
    known: dict[str, Iterable[str]] = {
        Kind.VENUE: kinds.kinds(),
        Kind.ENDPOINT: Endpoint.objects.values_list("slug", flat=True),
        Kind.STRATEGY: Strategy.objects.values_list("slug", flat=True),
    }
    if kind not in known:
        raise Refused(f"there is no {kind!r} to maintain; use venue, endpoint or strategy", code="unknown_kind")
    if key not in set(known[kind]):
        raise Refused(f"there is no {kind} {key!r}", code="unknown_target")


def _publish(name: str, title: str, row: MaintenanceWindow, now: datetime) -> None:
    events.publish(
        Event(
            name=name,
            at=now,
            level=Level.WARNING,
            title=title,
            strategy=row.key if row.kind == Kind.STRATEGY else "",
            endpoint=row.key if row.kind == Kind.ENDPOINT else "",
            body={"window": row.pk, "kind": row.kind, "key": row.key, "reason": row.reason},
        )
    )
