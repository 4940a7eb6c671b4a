"""The receivers and the allowed networks as the sender sees them: cached, in effect within a second of a change."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any

from relay.models import Endpoint, EndpointGroup, GroupMember, PrivateNetwork
from tradeops.core import logs
from tradeops.core.configuration import Cached
from tradeops.core.errors import ConfigurationError
from tradeops.core.network import Network

logger = logs.get(__name__)


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """One endpoint. `closed` says why its deliveries are given up; empty with `active=False` means: hold them."""

    id: int
    slug: str
    url: str
    secret: str = field(repr=False)
    timeout: float
    headers: dict[str, Any]
    symbols: dict[str, Any]
    active: bool
    closed: str = ""
    accepts_dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class Group:
    """A failover group that is in use: its members, who leads first comes first."""

    id: int
    slug: str
    members: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Routing:
    receivers: dict[int, Receiver]
    networks: tuple[Network, ...]
    groups: tuple[Group, ...] = ()


def _load() -> Routing:
    rows = Endpoint.objects.defer("secret", "report_secret")
    return Routing(
        groups=tuple(_groups()),
        receivers={row.pk: _receiver(row) for row in rows},
        networks=tuple(private_networks()),
    )


def _groups() -> list[Group]:
    """Retired ones too: what they have not delivered is still theirs."""
    members: dict[int, list[int]] = {}
    for group, endpoint in GroupMember.objects.order_by("position", "pk").values_list("group_id", "endpoint_id"):
        members.setdefault(group, []).append(endpoint)
    groups = EndpointGroup.objects.filter(mode=EndpointGroup.Mode.FAILOVER).order_by("pk")
    return [Group(id=row.pk, slug=row.slug, members=tuple(members.get(row.pk, ()))) for row in groups]


def private_networks() -> list[Network]:
    return [ipaddress.ip_network(cidr) for cidr in PrivateNetwork.objects.values_list("cidr", flat=True)]


def _receiver(row: Endpoint) -> Receiver:
    if row.retired_at is not None:
        closed = f"{row.slug} was retired"
    elif not row.active and row.disabled_reason:
        closed = f"{row.slug} is disabled: {row.disabled_reason}"
    else:
        closed = ""
    active = row.active and not closed
    return Receiver(
        id=row.pk,
        slug=row.slug,
        url=row.url,
        secret=_secret(row) if active else "",
        timeout=float(row.timeout_seconds),
        headers=row.headers,
        symbols=row.symbols,
        active=active,
        closed=closed,
        accepts_dry_run=row.accepts_dry_run,
    )


def _secret(row: Endpoint) -> str:
    """Read one by one: a secret whose key is lost must not stop the other receivers. Empty if it does not open."""
    try:
        return Endpoint.objects.values_list("secret", flat=True).get(pk=row.pk)
    except ConfigurationError as error:
        logger.error("an endpoint's signing key cannot be opened", endpoint=row.slug, problem=str(error))
        return ""


routing = Cached(_load)
