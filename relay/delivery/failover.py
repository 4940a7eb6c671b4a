"""Who leads a failover group, and what happens to its messages when that changes (L3).

A group has one leader: the first member, by position, that is switched on and whose breaker is closed. It stays the
leader until its breaker is open (or it is switched off) and nothing that it was sent is in flight or unknown: a try
that was cut off, or answered by a 5xx, may have been acted on, and the same order must not reach a second terminal.
Then what it has not taken goes to the next member, in the order it had, under the same ids. Until then the group
waits, and a person is told; what is unknown ends when the leader takes it, or with its own deadline. There is no
way back by itself: the new leader knows of the open orders.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from relay.models import Delivery, EndpointGroup
from tradeops.core import configuration, events, rows, wake
from tradeops.core.events import Level

from . import breaker, endpoints, state
from .endpoints import Group, Receiver, Routing
from .undelivered import UNDELIVERED

_NAMES = ("id", "leader_id", "stuck_since")


def look(*, routing: Routing, now: datetime) -> int:
    """Gives each group the leader that it should have now. Returns how many changed theirs."""
    if not routing.groups:
        return 0
    ids = [group.id for group in routing.groups]
    found = rows.select(EndpointGroup, *_NAMES, where=f"id IN ({', '.join(['%s'] * len(ids))})", params=ids)
    known = {pk: (leader, stuck) for pk, leader, stuck in found}
    states = breaker.read({member for group in routing.groups for member in group.members})
    changed = 0
    for group in routing.groups:
        leader, stuck = known.get(group.id, (None, None))
        if stuck is not None or leader is None or _lost(leader, group, routing.receivers, states):
            changed += _look(group, routing.receivers, now=now)
    return changed


def leaders(groups: Collection[int]) -> dict[int, Receiver]:
    """Group → the endpoint that its next message is for; without those that have no members. Call in a transaction.

    The groups' rows stay locked: until the caller's messages are there, nobody changes a leader.
    """
    if not groups:
        return {}
    routing = endpoints.routing()
    found = {group.id: _leader(group, routing.receivers) for group in routing.groups if group.id in groups}
    return {group: routing.receivers[endpoint] for group, endpoint in found.items() if endpoint is not None}


def _leader(group: Group, receivers: Mapping[int, Receiver]) -> int | None:
    present, _ = _locked(group)
    if present is not None and present in group.members:
        return present
    first = _first(group, receivers, breaker.read(group.members))
    if first is not None:
        _lead(group, first)
    return first


def _locked(group: Group) -> tuple[int | None, datetime | None]:
    [(_, present, stuck)] = rows.select(EndpointGroup, *_NAMES, where="id = %s", params=[group.id], lock=True)
    return present, stuck


def _usable(endpoint: int, receivers: Mapping[int, Receiver], states: Mapping[int, breaker.State]) -> bool:
    receiver = receivers.get(endpoint)
    return receiver is not None and receiver.active and states.get(endpoint, breaker.NEW).breaker == breaker.CLOSED


def _lost(endpoint: int, group: Group, receivers: Mapping[int, Receiver], states: Mapping[int, breaker.State]) -> bool:
    """Whether another should lead. While a probe is on its way it may still turn out well."""
    receiver = receivers.get(endpoint)
    if endpoint not in group.members or receiver is None or not receiver.active:
        return True
    return states.get(endpoint, breaker.NEW).breaker == breaker.OPEN


def _first(group: Group, receivers: Mapping[int, Receiver], states: Mapping[int, breaker.State]) -> int | None:
    """The first usable member; where there is none, the first that is switched on, else the first."""
    tests: tuple[Callable[[int], bool], ...] = (
        lambda member: _usable(member, receivers, states),
        lambda member: member in receivers and receivers[member].active,
        lambda member: True,
    )
    return next((member for test in tests for member in group.members if test(member)), None)


def _look(group: Group, receivers: Mapping[int, Receiver], *, now: datetime) -> bool:
    with transaction.atomic():
        present, stuck = _locked(group)
        states = breaker.read(group.members)
        if present is not None and not _lost(present, group, receivers, states):
            _unstick(group, stuck)
            return False
        others = Group(id=group.id, slug=group.slug, members=tuple(each for each in group.members if each != present))
        to = _first(others, receivers, states)
        if to is None or (present is not None and not _usable(to, receivers, states)):
            return False  # all are ill: the messages wait where they are
        if present is not None and _held_up(group, present, receivers, stuck=stuck, now=now):
            return False
        hand_over(group=group, to=to, receivers=receivers, now=now)
        if present is not None:
            _tell(group, present, to, receivers, now=now)
    return True


def _held_up(
    group: Group, present: int, receivers: Mapping[int, Receiver], *, stuck: datetime | None, now: datetime
) -> bool:
    """Whether the leader still has something in flight, or may have acted on something. The latter is told, once."""
    held = Delivery.objects.filter(UNDELIVERED, group_id=group.id, endpoint_id=present)
    unknown = held.filter(Q(unknown=True) | Q(lease_until__lte=now)).count()
    if not unknown:
        return held.filter(lease_until__gt=now).exists()
    if stuck is None:
        EndpointGroup.objects.filter(pk=group.id).update(stuck_since=now)
        slug = _slug(present, receivers)
        title = (
            f"{group.slug} stays with {slug}, which is down: it may have acted on {unknown} message(s) that it did not"
            " answer. Look at its terminal. It goes on when that is taken or given up; if the terminal is lost for"
            f" good, retire {slug}."
        )
        _publish("endpoint.group_stuck", Level.CRITICAL, title, group, slug, now=now)
    return True


def hand_over(*, group: Group, to: int, receivers: Mapping[int, Receiver], now: datetime) -> int:
    """Makes `to` the leader and passes on to it, in order, what nobody holds and no one may have acted on.

    Call it in a transaction. The rest stays where it is until it is settled, and its lanes wait for it. Returns how
    many were passed on.
    """
    _locked(group)
    _lead(group, to)
    EndpointGroup.objects.filter(pk=group.id).update(stuck_since=None)
    open_ones = Delivery.objects.filter(UNDELIVERED, group_id=group.id, unknown=False, expires_at__gt=now)
    free = open_ones.exclude(endpoint_id=to).filter(lease_until=None).select_for_update(no_key=True, of=("self",))
    found = list(free.select_related("message").order_by("pk"))
    done = state.write([_passed_on(row, to=to, receivers=receivers, now=now) for row in found])
    accepts = receivers[to].accepts_dry_run
    rows.insert_all([_again(row, to=to, now=now) for row in found if row.pk in done and (accepts or not row.dry_run)])
    wake.notify(wake.RELAY)
    return len(done)


def make_leader(*, group: int, endpoint: int, now: datetime) -> int:
    """An operator's choice, of a member: as `hand_over`. Call it in a transaction."""
    routing = endpoints.routing()
    found = next(each for each in routing.groups if each.id == group)
    return hand_over(group=found, to=endpoint, receivers=routing.receivers, now=now)


def _passed_on(row: Delivery, *, to: int, receivers: Mapping[int, Receiver], now: datetime) -> state.Change:
    endpoint, other = _slug(row.endpoint_id, receivers), _slug(to, receivers)
    last = row.attempts.order_by("-pk").first()
    why = (last.error or f"HTTP {last.status_code}") if last else f"{endpoint} is no longer the leader"
    reason = f"passed on to {other}: {why}"
    if row.dry_run and not receivers[to].accepts_dry_run:
        reason = f"{other} leads now and does not accept dry runs"
    return state.dead(row, endpoint=endpoint, reason=reason, at=now, level=Level.INFO)


def _again(row: Delivery, *, to: int, now: datetime) -> Delivery:
    return Delivery(
        message_id=row.message_id,
        endpoint_id=to,
        group_id=row.group_id,
        type=row.type,
        subject=row.subject,
        lane=row.lane,
        reduces=row.reduces,
        dry_run=row.dry_run,
        replay_of_id=row.replay_of_id,
        created_at=row.created_at,
        due_at=now,
        expires_at=row.expires_at,
    )


def _lead(group: Group, endpoint: int) -> None:
    """Told to every process: decisions name the endpoint that they are for."""
    EndpointGroup.objects.filter(pk=group.id).update(leader=endpoint)
    configuration.changed()


def _unstick(group: Group, stuck: datetime | None) -> None:
    if stuck is not None:
        EndpointGroup.objects.filter(pk=group.id).update(stuck_since=None)


def _slug(endpoint: int, receivers: Mapping[int, Receiver]) -> str:
    return receivers[endpoint].slug if endpoint in receivers else str(endpoint)


def _tell(group: Group, old: int, new: int, receivers: Mapping[int, Receiver], *, now: datetime) -> None:
    before, after = _slug(old, receivers), _slug(new, receivers)
    title = f"{group.slug} is led by {after} now: {before} is down. It stays so until somebody changes it."
    _publish("endpoint.leader", Level.CRITICAL, title, group, after, now=now)


def _publish(name: str, level: Level, title: str, group: Group, endpoint: str, *, now: datetime) -> None:
    body = {"group": group.slug, "endpoint": endpoint}
    events.publish(events.Event(name=name, at=now, level=level, title=title[:300], endpoint=endpoint, body=body))
