"""Whom intake counts on: the addresses of active sources, so that a firewall rule that keeps them out is noticed."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.firewall.concerns import Concern

from .sources import directory


def senders() -> Iterator[Concern]:
    for sender in directory().by_slug.values():
        if sender.row.active and sender.networks:
            who = "TradingView" if sender.tradingview else "its sender"
            yield Concern(f"{who} (source {sender.row.slug})", sender.networks)
