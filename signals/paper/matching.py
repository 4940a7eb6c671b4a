"""How the paper venue answers an order: pure, so that the same inputs always give the same ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from accounts.brokers.base import Instrument, OrderRequest, ReportStatus
from tradeops.core.money import ZERO, Side, plain


@dataclass(frozen=True)
class Match:
    """`status` is FILLED, REJECTED or EXPIRED; `price` in quote per base, `cost` and `fee` in the quote currency."""

    status: str
    price: Decimal | None = None
    cost: Decimal = ZERO
    quantity: Decimal = ZERO
    fee: Decimal = ZERO
    code: str = ""
    message: str = ""

    @property
    def accepted(self) -> bool:
        return self.status == ReportStatus.FILLED


def match(
    request: OrderRequest, *, instrument: Instrument, free: dict[str, Decimal], fee_bps: Decimal, at: datetime
) -> Match:
    """Fills whole at the far side of the quote, or says why not."""
    if request.send_expires_at is not None and at > request.send_expires_at:
        return Match(ReportStatus.EXPIRED, code="expired", message="the order arrived after its expiry")
    if request.quote is None:
        return Match(ReportStatus.REJECTED, code="no_price", message="there is no price to fill at")
    price = request.quote.ask if request.side is Side.BUY else request.quote.bid
    cost = request.quantity * price
    fee = cost * fee_bps / 10000
    currency, needed = (
        (instrument.quote, cost + fee) if request.side is Side.BUY else (instrument.base, request.quantity)
    )
    available = free.get(currency, ZERO)
    if needed > available:
        return Match(
            ReportStatus.REJECTED,
            code="insufficient_funds",
            message=f"needs {plain(needed)} {currency}; {plain(available)} is free",
        )
    return Match(ReportStatus.FILLED, price=price, cost=cost, quantity=request.quantity, fee=fee)
