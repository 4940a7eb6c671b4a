"""The one price of each instrument: bid and ask stand a tick around the last trade unless they are set."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from .instruments import Listing


@dataclass(frozen=True)
class Price:
    last: Decimal
    bid: Decimal
    ask: Decimal

    def far_side(self, side: str) -> Decimal:
        """What a market order of this side gets."""
        return self.ask if side == "buy" else self.bid


class Prices:
    def __init__(self, listings: dict[str, Listing]) -> None:
        self._listings = listings
        self._prices = {name: self._around(listing.price, listing) for name, listing in listings.items()}

    def of(self, inst_id: str) -> Price:
        return self._prices[inst_id]

    def set(self, inst_id: str, last: Decimal, *, bid: Decimal | None = None, ask: Decimal | None = None) -> None:
        price = self._around(last, self._listings[inst_id])
        self._prices[inst_id] = Price(last, bid or price.bid, ask or price.ask)

    @staticmethod
    def _around(last: Decimal, listing: Listing) -> Price:
        return Price(last, last - listing.tick, last + listing.tick)
