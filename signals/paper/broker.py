"""The paper venue: a broker like any other, with its own books in this database (X1, X10 in part).

Spot, market orders, filled whole at the quote's far side (ask for a buy, bid for a sell), fee in the quote currency.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.brokers.base import (
    Access,
    BrokerRejected,
    Capabilities,
    FillReport,
    Instrument,
    OrderReport,
    OrderRequest,
    ReportStatus,
)
from signals.models import PaperOrder
from tradeops.core import clock, rows
from tradeops.core.money import EXACT, OrderType, Side

from . import ledger
from .matching import Match, match

LOT = Decimal("0.00000001")
TICK = Decimal("0.00000001")


class PaperBroker:
    capabilities = Capabilities(
        markets=frozenset({"spot"}), order_types=frozenset({OrderType.MARKET}), send_expiry=True, local=True
    )

    def __init__(self, access: Access) -> None:
        self._access = access

    def instrument(self, symbol: str) -> Instrument:
        base, slash, quote = symbol.partition("/")
        if not slash:
            quote = self._only_currency(symbol)
        if not base or not quote:
            raise BrokerRejected(
                f"{symbol} is not a symbol of the paper venue; write it as BASE/QUOTE", code="unknown_instrument"
            )
        return Instrument(symbol=symbol, base=base, quote=quote, lot=LOT, tick=TICK, min_quantity=LOT)

    def _only_currency(self, symbol: str) -> str:
        """A share has no quote in its name: it is quoted in the one currency that the account was opened with."""
        currencies = [currency for currency in self._access.initial_balances if currency != symbol]
        return currencies[0] if len(currencies) == 1 else ""

    def max_quantity(self, symbol: str, *, side: Side, price: Decimal) -> Decimal | None:
        instrument = self.instrument(symbol)
        free = ledger.balances(self._access)
        if side is Side.SELL:
            return free.get(instrument.base, Decimal(0))
        cost = price * (1 + self._access.fee_bps / 10000)
        return EXACT.divide(free.get(instrument.quote, Decimal(0)), cost)

    def place(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        instrument = self.instrument(request.symbol)
        with transaction.atomic():
            ledger.lock(self._access)
            known = PaperOrder.objects.filter(
                account_id=self._access.account_id, client_order_id=request.client_order_id
            ).first()
            if known is not None:
                return _report(known)
            # The venue judges expiry by its own clock: a caller that slept since it looked is refused.
            at = max(now, clock.now())
            free = ledger.balances(self._access)
            found = self._match(request, instrument, free, at)
            if found.accepted:
                ledger.settle(self._access, instrument=instrument, side=request.side, found=found, free=free)
            paper_order = PaperOrder(
                account_id=self._access.account_id,
                client_order_id=request.client_order_id,
                symbol=request.symbol,
                side=request.side,
                quantity=request.quantity,
                status=found.status,
                price=found.price,
                fee=found.fee,
                fee_currency=instrument.quote if found.accepted else "",
                code=found.code,
                message=found.message,
                at=at,
            )
            rows.insert(paper_order)
        return _report(paper_order)

    def preview(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        found = self._match(request, self.instrument(request.symbol), ledger.balances(self._access), now)
        message = found.message or f"would fill {request.quantity} at {found.price}"
        return OrderReport(
            client_order_id=request.client_order_id,
            venue_order_id="",
            status=ReportStatus(found.status),
            code=found.code,
            message=message,
        )

    def _match(self, request: OrderRequest, instrument: Instrument, free: dict[str, Decimal], at: datetime) -> Match:
        return match(request, instrument=instrument, free=free, fee_bps=self._access.fee_bps, at=at)

    def fetch(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        row = PaperOrder.objects.filter(account_id=self._access.account_id, client_order_id=client_order_id).first()
        return None if row is None else _report(row)

    def balances(self) -> dict[str, Decimal]:
        return ledger.balances(self._access)


def _report(row: PaperOrder) -> OrderReport:
    fills: tuple[FillReport, ...] = ()
    if row.status == ReportStatus.FILLED and row.price is not None:
        fills = (
            FillReport(
                trade_id=f"paper-{row.pk}",
                quantity=row.quantity,
                price=row.price,
                fee=row.fee,
                fee_currency=row.fee_currency,
                at=row.at,
            ),
        )
    return OrderReport(
        client_order_id=row.client_order_id,
        venue_order_id=f"paper-{row.pk}",
        status=ReportStatus(row.status),
        fills=fills,
        code=row.code,
        message=row.message,
    )
