"""What others read of the relay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Prefetch, Q, QuerySet

from relay.models import Attempt, Delivery, Endpoint, EndpointGroup, GroupMember, Notification
from tradeops.core.configuration import Cached

# Said in these words because SQLite uses the partial index on `signal` only where its condition is repeated.
_HAS_SIGNAL = ~Q(message__signal="")


def deliveries_of(signal_public_id: str) -> QuerySet[Delivery]:
    """A signal's deliveries, oldest first, replays too, with message, endpoint and attempts."""
    attempts = Prefetch("attempts", Attempt.objects.order_by("pk"))
    return (
        Delivery.objects.filter(_HAS_SIGNAL, message__signal=signal_public_id)
        .select_related("message", "endpoint")
        .defer("endpoint__secret")
        .prefetch_related(attempts)
        .order_by("pk")
    )


def notifications_of(signal_public_id: str) -> QuerySet[Notification]:
    """What people were told of a signal, oldest first, with message and channel."""
    found = Notification.objects.filter(_HAS_SIGNAL, message__signal=signal_public_id)
    return found.select_related("message", "channel").order_by("pk")


def summaries(signal_public_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Signal → status → how many of its deliveries, of those that have any; see `summary`.

    Plain SQL: it is asked at each settling, and compiling the query took ten times as long as running it.
    """
    marks = ", ".join(["%s"] * len(signal_public_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.signal, d.message_id, d.group_id, d.endpoint_id, d.status FROM relay_delivery d"  # noqa: S608
            f" JOIN relay_message m ON m.id = d.message_id WHERE m.signal IN ({marks}) AND NOT (m.signal = '')"
            " ORDER BY d.id",
            list(signal_public_ids),
        )
        latest: dict[str, dict[tuple[int, int | None, int], str]] = {}
        for signal, message, group, endpoint, status in cursor.fetchall():
            # A message that a failover group passed on counts once, as what became of it at the last member.
            target = (message, group, 0 if group else endpoint)
            latest.setdefault(signal, {})[target] = status
    return {signal: dict(Counter(targets.values())) for signal, targets in latest.items()}


def summary(signal_public_id: str) -> dict[str, int]:
    """Status → how many of a signal's deliveries; a replay counts instead of what it replays, a group as one."""
    return summaries([signal_public_id]).get(signal_public_id, {})


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How many endpoints a signal was for, a failover group being one; how many have it, and how many were tried in
    vain so far. `open`: not settled yet."""

    endpoints: int = 0
    delivered: int = 0
    failed: int = 0
    open: int = 0


def progress(signal_public_ids: Sequence[str]) -> dict[str, Progress]:
    """By signal, of those that have deliveries; a replay counts instead of what it replays (plain SQL as `summary`)."""
    if not signal_public_ids:
        return {}
    marks = ", ".join(["%s"] * len(signal_public_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.signal, d.message_id, d.endpoint_id, d.group_id, d.status, d.tries FROM relay_delivery d"  # noqa: S608
            f" JOIN relay_message m ON m.id = d.message_id WHERE m.signal IN ({marks}) AND NOT (m.signal = '')"
            " AND d.type = 'signal' ORDER BY d.id",
            list(signal_public_ids),
        )
        found = cursor.fetchall()
    latest = {(signal, message, endpoint): rest for signal, message, endpoint, *rest in found}
    targets: dict[str, dict[tuple[int, str, int], list[tuple[str, int]]]] = {}
    for (signal, message, endpoint), (group, status, tries) in latest.items():
        target = (message, "endpoint", endpoint) if group is None else (message, "group", group)
        targets.setdefault(signal, {}).setdefault(target, []).append((status, tries))
    return {signal: _progress(list(states.values())) for signal, states in targets.items()}


def _progress(targets: list[list[tuple[str, int]]]) -> Progress:
    delivered = failed = undecided = 0
    for states in targets:
        if any(status == Delivery.Status.DELIVERED for status, _ in states):
            delivered += 1
            continue
        status, tries = states[-1]
        failed += status == Delivery.Status.DEAD or tries > 0
        undecided += status != Delivery.Status.DEAD
    return Progress(endpoints=len(targets), delivered=delivered, failed=failed, open=undecided)


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """An endpoint that may report what came of its messages (L5)."""

    endpoint_id: int
    slug: str
    secret: str = field(repr=False)


def _load_reporters() -> dict[str, Reporter]:
    # One that is switched off too: what it has traded before is still a fact.
    rows = Endpoint.objects.filter(retired_at=None).defer("secret")
    return {
        row.slug: Reporter(endpoint_id=row.pk, slug=row.slug, secret=row.report_secret)
        for row in rows
        if row.report_secret
    }


reporters: Cached[dict[str, Reporter]] = Cached(_load_reporters)


def sent_to(*, endpoint_id: int, subject: str) -> Delivery | None:
    """The newest delivery under this id to this endpoint, with its message; None if it never left for there."""
    found = Delivery.objects.filter(subject=subject, endpoint_id=endpoint_id).select_related("message")
    return found.exclude(status=Delivery.Status.DEAD, tries=0).order_by("-pk").first()


def _load() -> dict[int, Endpoint]:
    return {row.pk: row for row in Endpoint.objects.defer("secret").filter(active=True, retired_at=None)}


_active = Cached(_load)


def active_endpoints(ids: Iterable[int]) -> list[Endpoint]:
    """Those of `ids` that are switched on, in the order given; cached, without their secrets. Do not change them."""
    present = _active()
    return [present[pk] for pk in ids if pk in present]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An endpoint that a strategy's message is for now; `group` is the failover group that it leads."""

    endpoint: Endpoint
    group: int | None = None


def targets(*, endpoints: Sequence[int], groups: Sequence[int]) -> list[Choice]:
    """Where a message goes whose strategy names these endpoints and groups (ids), each endpoint once, by slug.

    All members of a `fan_out` group, the leader of a `failover` group. The leader may have changed by the time that
    the message is written: `services.relay` looks again.
    """
    members: dict[int, list[int]] = {}
    for group, endpoint in GroupMember.objects.filter(group__in=groups).values_list("group_id", "endpoint_id"):
        members.setdefault(group, []).append(endpoint)
    chosen: dict[int, int | None] = dict.fromkeys(endpoints)
    for row in EndpointGroup.objects.filter(pk__in=groups, active=True, retired_at=None).order_by("slug"):
        present = members.get(row.pk, [])
        if row.mode == EndpointGroup.Mode.FAN_OUT:
            chosen = {**dict.fromkeys(present), **chosen}
        elif present:
            chosen.setdefault(_leader(row, present), row.pk)
    found = Endpoint.objects.filter(pk__in=list(chosen)).defer("secret", "report_secret").order_by("slug")
    return [Choice(endpoint=row, group=chosen[row.pk]) for row in found]


def _leader(group: EndpointGroup, members: Sequence[int]) -> int:
    """The one that leads, or that will when the first message comes."""
    if group.leader_id is not None and group.leader_id in members:
        return group.leader_id
    usable = set(Endpoint.objects.filter(pk__in=members, active=True, retired_at=None).values_list("pk", flat=True))
    return next((pk for pk in members if pk in usable), members[0])
