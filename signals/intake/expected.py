"""What intake tells the firewall: on whose addresses it counts, and from where valid messages have come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from accounts.firewall.concerns import Concern
from signals.models import Signal
from tradeops.core import network
from tradeops.core.network import Network

from .sources import directory


def senders() -> Iterator[Concern]:
    for sender in directory().by_slug.values():
        if sender.row.active and sender.networks:
            who = "TradingView" if sender.tradingview else "its sender"
            yield Concern(f"{who} (source {sender.row.slug})", sender.networks)


REMEMBERED = timedelta(hours=24)
LOOKED_THROUGH = 5000


def in_good_standing(where: Network, now: datetime) -> bool:
    """Whether one of the latest messages of the last day came from there."""
    latest = Signal.objects.filter(received_at__gte=now - REMEMBERED).order_by("-id")
    addresses = set(latest.values_list("address", flat=True)[:LOOKED_THROUGH]) - {None}
    return any(network.inside(network.parse(str(address)), (where,)) for address in addresses)
