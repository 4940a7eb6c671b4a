"""A broker at the seam that needs keys and tells what a test says of them and of the account's holdings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from accounts.brokers.base import (
    Access,
    Balance,
    BrokerTemporary,
    Capabilities,
    KeyFacts,
    Quote,
    Transfer,
    VenuePosition,
)
from tradeops.core.money import OrderType

T = TypeVar("T")
GOOD = KeyFacts(read=True, trade=True, withdraw=False, ip_bound=True, position_mode="one_way", account="uid 7")


@dataclass
class Venue:
    """What the test controls and reads. `facts`, `balances` and `positions` are raised where they are exceptions."""

    facts: KeyFacts | Exception = GOOD
    balances: dict[str, Balance] | Exception = field(default_factory=dict)
    positions: tuple[VenuePosition, ...] | Exception = ()
    prices: dict[str, Decimal] = field(default_factory=dict)
    transfers: Any = ()  # tuples of Transfer, one for each time it is asked, the last for good; or an error
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    while_asked: Callable[[], object] | None = None


VENUE = Venue()


def reset() -> Venue:
    VENUE.__init__()  # type: ignore[misc]
    return VENUE


class KeyedBroker:
    capabilities = Capabilities(
        markets=frozenset({"spot", "swap"}),
        order_types=frozenset({OrderType.MARKET}),
        margin_modes=frozenset({"cross", "isolated"}),
        sandbox=True,
        leverage=True,
        positions=True,
        prices=True,
        credentials=("api_key", "secret", "passphrase"),
        optional_credentials=("sub_account",),
        hosts=("venue.test", "sandbox.venue.test"),
    )

    def __init__(self, access: Access) -> None:
        self._access = access

    def _ask(self, what: str) -> None:
        VENUE.asked.append((self._access.slug, what, dict(self._access.credentials)))
        if VENUE.while_asked:
            VENUE.while_asked()

    def key(self) -> KeyFacts:
        self._ask("key")
        return _given(VENUE.facts)

    def balances(self) -> dict[str, Balance]:
        self._ask("balances")
        return _given(VENUE.balances)

    def positions(self) -> tuple[VenuePosition, ...]:
        self._ask("positions")
        return _given(VENUE.positions)

    def quote(self, symbol: str, *, now: datetime) -> Quote:
        if symbol not in VENUE.prices:
            raise BrokerTemporary(f"no price of {symbol}")
        price = VENUE.prices[symbol]
        return Quote(symbol=symbol, bid=price, ask=price, last=price, at=now, source="keyed")


class BankingBroker(KeyedBroker):
    """One whose venue lists transfers."""

    capabilities = replace(KeyedBroker.capabilities, transfers=True)

    def transfers(self, *, since: datetime) -> tuple[Transfer, ...]:
        self._ask("transfers")
        given = VENUE.transfers
        if isinstance(given, list):
            given = given.pop(0) if len(given) > 1 else given[0]
        return tuple(one for one in _given(given) if one.at >= since)


def _given(value: T | Exception) -> T:
    if isinstance(value, Exception):
        raise value
    return value
