"""Whether an address may come in. In this order:

1. This machine (loopback) always may: that is the operator's way back in.
2. The most specific network rule in force decides alone: an allow exempts from all that follows.
3. A country rule that denies; a country rule that allows counts instead of the default.
4. The default for those whom no rule names.
5. Temporary bans.

It reads memory only: the rules as the configuration's keeper left them, at most a second old.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from accounts.models import FirewallSettings
from tradeops.core.errors import Forbidden, Throttled, TradeOpsError
from tradeops.core.network import Address

from . import countries
from .book import Book, current, place


def check(*, address: Address | None, country: Callable[[], str], now: datetime) -> None:
    """Raises Forbidden (403), or Throttled (429) with the seconds that a ban still lasts.

    `country` gives what a trusted proxy says, empty if nothing; it is called, and the registries' tables are asked,
    only where there is a country rule. An `address` that could not be read is judged by the default alone.
    """
    book = current.kept()
    if book.idle:
        return
    if error := refusal(book, address=address, country=country, now=now):
        raise error


def refusal(book: Book, *, address: Address | None, country: Callable[[], str], now: datetime) -> TradeOpsError | None:
    """What `check` raises, by this book."""
    if address is None:
        return _by_default(book)
    if address.is_loopback:
        return None
    ruling = book.of_network(address, now)
    if ruling is not None:
        return None if ruling.allow else Forbidden("firewall_network")
    return _by_country(book, address, country, now) or _banned(book, address, now)


def _by_country(book: Book, address: Address, country: Callable[[], str], now: datetime) -> Forbidden | None:
    if not book.countries:
        return _by_default(book)
    ruling = book.of_country(country() or countries.of(address), now)
    if ruling is None:
        return _by_default(book)
    return None if ruling.allow else Forbidden("firewall_country")


def _by_default(book: Book) -> Forbidden | None:
    return None if book.settings.default == FirewallSettings.Default.ALLOW else Forbidden("firewall_default")


def _banned(book: Book, address: Address, now: datetime) -> Throttled | None:
    until = book.bans.get(place(address))
    if until is None or until <= now:
        return None
    seconds = int((until - now).total_seconds()) + 1
    return Throttled(
        "too many failed attempts from your address; it is banned for now", code="banned", retry_after=seconds
    )
