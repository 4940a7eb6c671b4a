"""One order from the portal's request to OKX's acknowledgement."""

from __future__ import annotations

from decimal import Decimal

from accounts.brokers.base import (
    Access,
    BrokerError,
    BrokerRejected,
    BrokerUnknown,
    Intended,
    OrderReport,
    OrderRequest,
    Quote,
    Rejection,
    ReportStatus,
)
from tradeops.core import money
from tradeops.core.money import Side

from . import errors, orders, reports
from .account import AccountAtVenue
from .client import Client
from .instruments import Instruments, Traded
from .lookup import Lookup
from .margin import Margin


class Placing:
    def __init__(
        self,
        client: Client,
        access: Access,
        *,
        instruments: Instruments,
        account: AccountAtVenue,
        margin: Margin,
        lookup: Lookup,
    ) -> None:
        self._client = client
        self._access = access
        self._instruments = instruments
        self._account = account
        self._margin = margin
        self._lookup = lookup

    def wire(self, request: OrderRequest) -> tuple[Traded, orders.Wire]:
        """What would be sent. Raises BrokerRejected, BrokerTemporary; nothing has been sent then."""
        traded = self._instruments.get(request.symbol)
        quantity = self._quantity(request, traded)
        setup = self._account.setup()
        return traded, orders.wire(request, traded, setup, margin_mode=self._access.margin_mode, quantity=quantity)

    def _quantity(self, request: OrderRequest, traded: Traded) -> Decimal:
        """A close on spot sells what is free at most: fees taken in coins leave less than was bought (X2)."""
        if not (traded.spot and request.closes and request.side is Side.SELL):
            return request.quantity
        base = traded.instrument.base
        held = self._account.balances(base).get(base)
        free = Decimal(0) if held is None else held.free
        if money.floor_to(min(request.quantity, free), traded.instrument.lot) < traded.instrument.min_quantity:
            raise BrokerRejected(
                f"{money.plain(free)} {base} is free, less than the venue's minimum of"
                f" {money.plain(traded.instrument.min_quantity)}: it was sold already, or rests in other orders",
                code=Rejection.NOTHING_TO_REDUCE,
            )
        return min(request.quantity, free)

    def send(self, request: OrderRequest, traded: Traded, wire: orders.Wire) -> OrderReport:
        """Once. What was acknowledged; what is there already as it is. Raises any BrokerError."""
        try:
            answer = self._client.write(
                wire.path, wire.body, *wire.keys, expires_at=wire.expires_at, expiry_header=not wire.algo
            )
        except BrokerRejected as error:
            self._account.forget(error.code)
            self._margin.forget(error.code)
            if error.venue_code in errors.DUPLICATE:
                return self._already_there(request, traded, error)
            raise
        self._margin.sent(traded, request)
        report = reports.acknowledged(
            answer.first(),
            client_order_id=request.client_order_id,
            symbol=request.symbol,
            side=request.side,
            algo=wire.algo,
            raw=answer.raw,
        )
        if not report.venue_order_id:
            raise BrokerUnknown("OKX acknowledged no order; whether it was accepted is being asked", raw=answer.raw)
        return report

    def _already_there(self, request: OrderRequest, traded: Traded, error: BrokerRejected) -> OrderReport:
        """The id rests there: an earlier send of ours arrived after all."""
        try:
            found = self._lookup.find(request.client_order_id, traded)
        except BrokerError:
            found = None
        if found is None:
            raise BrokerUnknown(str(error), venue_code=error.venue_code, raw=error.raw) from None
        return found

    def preview(self, request: OrderRequest, *, quote: Quote) -> OrderReport:
        """By OKX's instruments, account and funds; nothing is sent that could change anything."""
        traded, wire = self.wire(request)
        self._account.check_market(traded)
        price = request.price or (quote.ask if request.side is Side.BUY else quote.bid)
        if not request.closes:
            self._check_room(request, traded, price)
        sent = f"{wire.body['ordType']} {request.side} {wire.body['sz']} {wire.body['instId']}"
        if wire.rests:
            return previewed(request, ReportStatus.OPEN, message=f"would rest as {sent}")
        return previewed(request, ReportStatus.FILLED, message=f"would fill {sent} at about {money.plain(price)}")

    def _check_room(self, request: OrderRequest, traded: Traded, price: Decimal) -> None:
        intended = Intended(
            quantity=request.quantity, leverage=request.leverage, margin_mode=request.margin_mode
        )  # fmt: skip
        room = self._margin.room(traded, side=request.side, price=price, intended=intended)
        if room < request.quantity:
            text = f"funds allow {money.plain(money.floor_to(room, traded.instrument.lot))} at most"
            raise BrokerRejected(text, code=Rejection.INSUFFICIENT_FUNDS)


def previewed(request: OrderRequest, status: ReportStatus, *, code: str = "", message: str) -> OrderReport:
    return OrderReport(
        client_order_id=request.client_order_id,
        venue_order_id="",
        status=status,
        symbol=request.symbol,
        side=request.side,
        quantity=request.quantity,
        code=code,
        message=message,
    )
