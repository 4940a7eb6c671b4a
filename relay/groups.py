"""Endpoint groups: their members, who leads, and the one namespace of slugs that they share with endpoints (L3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import BigIntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from relay.delivery import failover
from relay.models import Delivery, Endpoint, EndpointGroup, GroupMember
from tradeops.core import events
from tradeops.core.errors import ConfigurationError, Conflict
from tradeops.core.events import Event


def check_slug(slug: str, *, group: bool) -> None:
    """Raises ConfigurationError: a strategy names endpoints and groups in one list, so no slug may mean both."""
    other, noun = (Endpoint, "an endpoint") if group else (EndpointGroup, "an endpoint group")
    if other._default_manager.filter(slug=slug).exists():
        raise ConfigurationError(clash(slug, noun=noun))


def clash(slug: str, *, noun: str) -> str:
    return f"{slug!r} is {noun} already; endpoints and groups share their names, choose another"


def set_members(*, group: EndpointGroup, slugs: Sequence[str]) -> None:
    """The members in the order of `slugs`, the first leads first. A leader that is no member any more leads no more."""
    endpoints = {row.slug: row for row in Endpoint.objects.filter(slug__in=slugs).defer("secret", "report_secret")}
    GroupMember.objects.filter(group=group).exclude(endpoint__slug__in=slugs).delete()  # a setting, not a ledger
    for position, slug in enumerate(slugs):
        GroupMember.objects.update_or_create(group=group, endpoint=endpoints[slug], defaults={"position": position})
    drop_lost_leader(group)


def drop_lost_leader(group: EndpointGroup) -> None:
    EndpointGroup.objects.filter(pk=group.pk).exclude(members=group.leader_id).update(leader=None)


def with_leader(members: QuerySet[GroupMember]) -> QuerySet[GroupMember]:
    """Adds `leader`, an endpoint's id, to each: who leads its group, by choice or by being the first."""
    first = GroupMember.objects.filter(group=OuterRef("group")).order_by("position", "pk").values("endpoint_id")[:1]
    return members.annotate(leader=Coalesce("group__leader_id", Subquery(first), output_field=BigIntegerField()))


def unsettled(group: EndpointGroup, *, besides: Endpoint) -> QuerySet[Delivery]:
    """What the group has not delivered yet, at other members than `besides`."""
    return Delivery.objects.filter(group=group, status__in=("PENDING", "RETRYING")).exclude(endpoint=besides)


def lead(*, group: EndpointGroup, endpoint: Endpoint, by: str, now: datetime) -> None:
    """Makes a member the leader: from now on the group's messages go to it. Raises Conflict."""
    if group.mode != EndpointGroup.Mode.FAILOVER:
        raise Conflict(f"{group} sends to all of its members; only a failover group has a leader")
    if not group.active or group.retired_at is not None:
        raise Conflict(f"{group} is switched off: switch it on first")
    if not GroupMember.objects.filter(group=group, endpoint=endpoint).exists():
        raise Conflict(f"{endpoint} is no member of {group}")
    if not endpoint.active or endpoint.retired_at is not None:
        raise Conflict(f"{endpoint} is switched off: switch it on first")
    if unsettled(group, besides=endpoint).filter(unknown=True).exists():
        raise Conflict(
            f"another member of {group} may have acted on a message that it has not answered; a second one would "
            "double it. Wait until that is answered or given up"
        )
    with transaction.atomic():
        failover.make_leader(group=group.pk, endpoint=endpoint.pk, now=now)
        events.publish(
            Event(
                name="endpoint.leader",
                at=now,
                level=events.Level.WARNING,
                title=f"{by} made {endpoint} the leader of {group}",
                endpoint=endpoint.slug,
                body={"group": group.slug, "endpoint": endpoint.slug, "by": by},
            )
        )
