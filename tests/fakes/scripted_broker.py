"""A broker at the seam that does what a test tells it, with its own append-only ledger of what reached it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from accounts.brokers.base import (
    Access,
    Balance,
    BrokerUnknown,
    Capabilities,
    FillReport,
    Instrument,
    Intended,
    OrderReport,
    OrderRequest,
    ReportStatus,
    TimeInForce,
)
from tradeops.core.money import OrderType, Side


class Venue:
    """What the test controls and reads. `answers` are taken one per `place`: an exception to raise, or a report."""

    def __init__(self) -> None:
        self.answers: list[Exception | Callable[[OrderRequest], OrderReport]] = []
        self.otherwise: Callable[[OrderRequest], OrderReport] | None = None  # when there are no more of them
        self.received: list[OrderRequest] = []
        self.ledger: dict[str, OrderReport] = {}
        self.fetches: list[str] = []
        self.fetch_error: Exception | None = None
        self.minimum = Decimal("0.001")
        self.maximum = Decimal(0)
        self.min_notional = Decimal(0)
        self.instrument_error: Exception | None = None
        self.cap: Decimal | None = None
        self.asked_for_maximum: list[str] = []
        self.before_place: Callable[[OrderRequest], None] | None = None
        self.after_place: Callable[[OrderRequest], None] | None = None
        self.before_fetch: Callable[[str], None] | None = None
        self.prepared: list[OrderRequest] = []
        self.prepare_error: Exception | None = None
        self.deaf = False  # to cancels: they come to nothing
        self.cancels: list[str] = []
        self.cancel_answers: list[Exception | None] = []  # None = does as it is told
        self.listings = 0
        self.list_error: Exception | None = None

    def show(self, client_order_id: str, **changes: object) -> None:
        """From now on the venue says this of an order."""
        self.ledger[client_order_id] = replace(self.ledger[client_order_id], **changes)  # type: ignore[arg-type]


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


def rests(request: OrderRequest) -> OrderReport:
    """Taken, and nothing of it has traded yet."""
    return OrderReport(
        client_order_id=request.client_order_id,
        venue_order_id=f"v-{request.client_order_id}",
        status=ReportStatus.OPEN,
        filled=Decimal(0),
        raw='{"state": "live"}',
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
        if VENUE.instrument_error:
            raise VENUE.instrument_error
        base, _, quote = symbol.partition("/")
        return Instrument(
            symbol=symbol,
            base=base,
            quote=quote.partition(":")[0],
            lot=Decimal("0.001"),
            tick=Decimal("0.1"),
            min_quantity=VENUE.minimum,
            max_quantity=VENUE.maximum,
            min_notional=VENUE.min_notional,
            venue_symbol=symbol.replace("/", "-"),
        )

    def max_quantity(
        self, symbol: str, *, side: Side, price: Decimal, intended: Intended | None = None
    ) -> Decimal | None:
        VENUE.asked_for_maximum.append(symbol)
        return VENUE.cap

    def prepare(self, request: OrderRequest) -> None:
        VENUE.prepared.append(request)
        if VENUE.prepare_error:
            raise VENUE.prepare_error

    def place(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        if VENUE.before_place:
            VENUE.before_place(request)
        VENUE.received.append(request)
        answer = VENUE.answers.pop(0) if VENUE.answers else VENUE.otherwise or (lambda given: filled(given, at=now))
        if isinstance(answer, BrokerUnknown):
            VENUE.ledger.setdefault(request.client_order_id, filled(request, at=now))
        if isinstance(answer, Exception):
            self._after_place(request)
            raise answer
        found = answer(request)
        VENUE.ledger[request.client_order_id] = found
        self._after_place(request)
        return found

    @staticmethod
    def _after_place(request: OrderRequest) -> None:
        if VENUE.after_place:
            VENUE.after_place(request)

    def preview(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        return replace(filled(request, at=now), fills=(), message=f"would fill {request.quantity}")

    def fetch(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        VENUE.fetches.append(client_order_id)
        if VENUE.fetch_error:
            raise VENUE.fetch_error
        found = VENUE.ledger.get(client_order_id)
        if VENUE.before_fetch:
            VENUE.before_fetch(client_order_id)
        return found

    def cancel(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        VENUE.cancels.append(client_order_id)
        if VENUE.deaf:
            raise BrokerUnknown("nobody answers")
        answer = VENUE.cancel_answers.pop(0) if VENUE.cancel_answers else None
        found = VENUE.ledger.get(client_order_id)
        if found is not None and found.status in (ReportStatus.OPEN, ReportStatus.PARTIALLY_FILLED):
            VENUE.show(client_order_id, status=ReportStatus.CANCELED, raw='{"state": "canceled"}')
        if answer is not None:
            raise answer
        return VENUE.ledger.get(client_order_id)

    def open_orders(self, *, symbol: str = "") -> tuple[OrderReport, ...]:
        VENUE.listings += 1
        if VENUE.list_error:
            raise VENUE.list_error
        resting = (ReportStatus.OPEN, ReportStatus.PARTIALLY_FILLED)
        return tuple(replace(row, fills=(), raw="") for row in VENUE.ledger.values() if row.status in resting)

    def balances(self) -> dict[str, Balance]:
        return {}


class FullBroker(ScriptedBroker):
    """Across a network, with everything that a venue can do."""

    capabilities = Capabilities(
        markets=frozenset({"spot", "swap"}),
        order_types=frozenset(OrderType),
        time_in_force=frozenset(TimeInForce),
        margin_modes=frozenset({"cross", "isolated"}),
        sandbox=True,
        post_only=True,
        leverage=True,
        quote_amount=True,
        attached_exits=True,
        send_expiry=True,
    )


class NoExpiryBroker(FullBroker):
    """As Binance: takes an order however late it comes, and an id again once its order is done."""

    capabilities = replace(FullBroker.capabilities, send_expiry=False, reuses_ids=True)
