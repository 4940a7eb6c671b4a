"""Addresses that somebody else counts on, such as TradingView's: nobody is refused for them, but it is said.

This app does not know of sources; the composition root connects who does.
"""

from __future__ import annotations

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
_providers: list[Provider] = []


def connect(provider: Provider) -> None:
    """Called by `tradeops.wiring` only."""
    if provider not in _providers:
        _providers.append(provider)


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
