"""The two limits of I7: failures by address, and an authenticated source's own."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from tradeops.core import limits
from tradeops.core.errors import Throttled, TradeOpsError, Unavailable
from tradeops.core.network import Address

from .arrival import Arrival
from .entry import Entry
from .sources import Directory, Sender

FAILURES_PER_MINUTE = 10


def charge_failure(*, arrival: Arrival, directory: Directory) -> None:
    """Counts a failed authentication; raises Throttled for the 11th of an address within a minute.

    Only failures come here, so a valid credential always passes, also beside a guesser on the same address, and
    the accepted path pays nothing. TradingView's addresses are many people's and are never limited.
    """
    if directory.is_tradingview(arrival.address):
        return
    over, wait = limits.hit(
        request=arrival.request,
        group="intake-failures",
        value=_neighbourhood(arrival.address),
        per_minute=FAILURES_PER_MINUTE,
    )
    if over:
        raise Throttled("too many failed attempts from your address", code="too_many_failures", retry_after=wait)


def charge_sources(entries: Sequence[Entry], *, directory: Directory) -> list[Entry]:
    """Counts the entries for their sources, one touch of the store for each source; returns those within the limit.

    The others get their error: Throttled, or for TradingView, which sends a message again after a 503 and never
    after a 429, Unavailable.
    """
    by_sender: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.sender.row.rate_limit:
            by_sender.setdefault(entry.sender.row.pk, []).append(entry)
    for group in by_sender.values():
        sender = group[0].sender
        within, wait = limits.hit_many(
            request=group[0].arrival.request,
            group="intake-source",
            value=str(sender.row.pk),
            per_minute=sender.row.rate_limit,
            times=len(group),
        )
        for entry in group[within:]:
            entry.error = _over(entry.arrival, sender, directory, wait=wait)
    return [entry for entry in entries if entry.error is None]


def _over(arrival: Arrival, sender: Sender, directory: Directory, *, wait: int) -> TradeOpsError:
    if sender.tradingview or directory.is_tradingview(arrival.address):
        return Unavailable("the source is over its limit", code="rate_limited")
    return Throttled(f"more than {sender.row.rate_limit} messages within a minute", retry_after=wait)


def _neighbourhood(address: Address | None) -> str:
    """An IPv6 customer has a whole /64 to guess from, so that is what counts as one address."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
