"""A broker at the seam that does what a test tells it, with its own append-only ledger of what reached it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from accounts.brokers.base import (
    Access,
    BrokerUnknown,
    Capabilities,
    FillReport,
    Instrument,
    OrderReport,
    OrderRequest,
    ReportStatus,
)
from tradeops.core.money import OrderType, Side


class Venue:
    """What the test controls and reads. `answers` are taken one per `place`: an exception to raise, or a report."""

    def __init__(self) -> None:
        self.answers: list[Exception | Callable[[OrderRequest], OrderReport]] = []
        self.received: list[OrderRequest] = []
        self.ledger: dict[str, OrderReport] = {}
        self.fetches: list[str] = []
        self.fetch_error: Exception | None = None
        self.minimum = Decimal("0.001")
        self.cap: Decimal | None = None
        self.before_place: Callable[[OrderRequest], None] | None = None


VENUE = Venue()


def filled(
    request: OrderRequest, *, at: datetime, price: str = "50000", quantity: Decimal | None = None
) -> OrderReport:
    fill = FillReport(
        trade_id=f"t-{request.client_order_id}",
        quantity=quantity or request.quantity,
        price=Decimal(price),
        fee=Decimal(0),
        fee_currency="USDT",
        at=at,
    )
    status = ReportStatus.FILLED if fill.quantity == request.quantity else ReportStatus.PARTIALLY_FILLED
    return OrderReport(
        client_order_id=request.client_order_id,
        venue_order_id=f"v-{request.client_order_id}",
        status=status,
        fills=(fill,),
    )


class ScriptedBroker:
    capabilities = Capabilities(
        markets=frozenset({"spot", "swap"}),
        order_types=frozenset({OrderType.MARKET}),
        sandbox=True,
        send_expiry=True,
        local=True,
    )

    def __init__(self, access: Access) -> None:
        self._access = access

    def instrument(self, symbol: str) -> Instrument:
        base, _, quote = symbol.partition("/")
        return Instrument(
            symbol=symbol, base=base, quote=quote, lot=Decimal("0.001"), tick=Decimal("0.1"), min_quantity=VENUE.minimum
        )

    def max_quantity(self, symbol: str, *, side: Side, price: Decimal) -> Decimal | None:
        return VENUE.cap

    def place(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        if VENUE.before_place:
            VENUE.before_place(request)
        VENUE.received.append(request)
        answer = VENUE.answers.pop(0) if VENUE.answers else (lambda given: filled(given, at=now))
        if isinstance(answer, BrokerUnknown):
            VENUE.ledger.setdefault(request.client_order_id, filled(request, at=now))
            raise answer
        if isinstance(answer, Exception):
            raise answer
        found = answer(request)
        VENUE.ledger[request.client_order_id] = found
        return found

    def preview(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        return replace(filled(request, at=now), fills=(), message=f"would fill {request.quantity}")

    def fetch(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        VENUE.fetches.append(client_order_id)
        if VENUE.fetch_error:
            raise VENUE.fetch_error
        return VENUE.ledger.get(client_order_id)

    def balances(self) -> dict[str, Decimal]:
        return {}
