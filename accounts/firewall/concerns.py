"""What others know of an address: that they count on it, as on TradingView's, or that they have good news from it.

This app does not know of sources; the composition root connects who does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from tradeops.core.network import Network

from . import verdict
from .book import Book


@dataclass(frozen=True)
class Concern:
    """`who` is for people: "TradingView (source tv)"."""

    who: str
    networks: tuple[Network, ...]


Provider = Callable[[], Iterable[Concern]]
Voucher = Callable[[Network, datetime], bool]
_providers: list[Provider] = []
_vouchers: list[Voucher] = []


def connect(provider: Provider, voucher: Voucher) -> None:
    """Called by `tradeops.wiring` only. `voucher` says whether a network is in good standing at a time."""
    if provider not in _providers:
        _providers.append(provider)
    if voucher not in _vouchers:
        _vouchers.append(voucher)


def spared(network: str, *, now: datetime) -> bool:
    """Whether somebody vouches for an address that is about to be banned."""
    wanted = ipaddress.ip_network(network)
    return any(voucher(wanted, now) for voucher in _vouchers)


def kept_out(book: Book, *, now: datetime) -> list[str]:
    """A sentence for each whose addresses the rules refuse. A network is judged by its first address."""
    found = []
    for concern in (concern for provider in _providers for concern in provider()):
        refused = [
            str(network)
            for network in concern.networks
            if verdict.refusal(book, address=network.network_address, country=str, now=now)
        ]
        if refused:
            listed = ", ".join(refused[:5]) + (" …" if len(refused) > 5 else "")
            found.append(f"The firewall keeps {concern.who} out: {listed}. Those signals are lost.")
    return found
