"""The paper venue: a broker like any other, with its own books in this database (X1, X10).

Spot and linear contracts (one net position a symbol, cross or isolated margin). Orders are matched against quotes, the
one that comes with an order or those that `rounds` brings; the fee is in the quote or settling currency.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.brokers import demands
from accounts.brokers.base import (
    Access,
    Balance,
    BrokerError,
    BrokerRejected,
    Capabilities,
    Instrument,
    Intended,
    KeyFacts,
    OrderReport,
    OrderRequest,
    Quote,
    Rejection,
    ReportStatus,
    TimeInForce,
    TradeReport,
    Transfer,
    VenuePosition,
)
from accounts.brokers.local import Wanted
from signals.models import PaperOrder, PaperTrade
from tradeops.core import clock
from tradeops.core.money import EXACT, ZERO, OrderType, Side, plain

from . import margin, matching, reports, store, taking
from .book import Book
from .instruments import instrument


class PaperBroker:
    capabilities = Capabilities(
        markets=frozenset({"spot", "swap"}),
        order_types=frozenset(OrderType),
        time_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
        margin_modes=frozenset({"cross", "isolated"}),
        post_only=True,
        leverage=True,
        positions=True,
        trades=True,
        transfers=True,
        send_expiry=True,
        local=True,
    )

    def __init__(self, access: Access) -> None:
        self.access = access

    @property
    def _contracts(self) -> bool:
        return self.access.market != "spot"

    def instrument(self, symbol: str) -> Instrument:
        return instrument(symbol, self.access)

    def max_quantity(
        self, symbol: str, *, side: Side, price: Decimal, intended: Intended | None = None
    ) -> Decimal | None:
        [found] = self.max_quantities([(self, Wanted(symbol, side, price, intended))])
        if isinstance(found, BrokerError):
            raise found
        return found

    @staticmethod
    def max_quantities(asked: Sequence[tuple[PaperBroker, Wanted]]) -> list[Decimal | BrokerError | None]:
        """See `accounts.brokers.local`."""
        books = store.read_all([(broker.access, "") for broker, _ in asked])
        return [broker._most(books[broker.access.account_id], wanted) for broker, wanted in asked]

    def _most(self, book: Book, wanted: Wanted) -> Decimal | BrokerError:
        try:
            found = self.instrument(wanted.symbol)
        except BrokerRejected as error:
            return error
        fee = self.access.fee_bps / 10000
        if found.settle:
            own = None if wanted.intended is None else wanted.intended.leverage
            leverage = own or self.access.leverage or Decimal(1)
            return EXACT.divide(max(ZERO, book.free(found.settle)), wanted.price * (1 / leverage + fee))
        if wanted.side is Side.SELL:
            return max(ZERO, book.free(found.base))
        return EXACT.divide(max(ZERO, book.free(found.quote)), wanted.price * (1 + fee))

    def prepare(self, request: OrderRequest) -> None:
        """Nothing to set; what the paper venue cannot do is refused before the send is claimed."""
        self._check(request)

    def _check(self, request: OrderRequest) -> None:
        demands.check(request, self.capabilities, venue="the paper venue")

    def place(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        [found] = self.place_all([(self, request)], now=now)
        if isinstance(found, BrokerError):
            raise found
        return found

    @staticmethod
    def place_all(
        asked: Sequence[tuple[PaperBroker, OrderRequest]], *, now: datetime
    ) -> list[OrderReport | BrokerError]:
        """See `accounts.brokers.local`."""
        checked = [broker._checked(request) for broker, request in asked]
        wanted = [one for one in checked if isinstance(one, taking.Asked)]
        taken = iter(taking.take(wanted, now=now))
        return [next(taken) if isinstance(one, taking.Asked) else one for one in checked]

    def _checked(self, request: OrderRequest) -> taking.Asked | BrokerRejected:
        try:
            self._check(request)
            return taking.Asked(self.access, request, self._smallest(request))
        except BrokerRejected as error:
            return error

    def preview(self, request: OrderRequest, *, now: datetime) -> OrderReport:
        self._check(request)
        asked = taking.Asked(self.access, request, self._smallest(request))
        order = taking.matched(store.read(self.access, symbol=request.symbol), asked, now)
        status = ReportStatus(order.status)
        said = f"would fill {plain(order.filled)} at {plain(order.price)}" if order.filled else "would rest"
        return OrderReport(
            client_order_id=request.client_order_id,
            venue_order_id="",
            status=status,
            code=order.code,
            message=order.message or said,
        )

    def _smallest(self, request: OrderRequest) -> Instrument:
        found = self.instrument(request.symbol)
        if request.quantity < found.min_quantity:
            raise BrokerRejected(
                f"{plain(request.quantity)} is below the paper venue's minimum of {plain(found.min_quantity)}",
                code=Rejection.BELOW_MINIMUM,
            )
        return found

    def fetch(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        row = store.order(self.access.account_id, client_order_id)
        return None if row is None else reports.order(row, store.trades(row))

    def cancel(self, client_order_id: str, *, symbol: str, now: datetime) -> OrderReport | None:
        with transaction.atomic(savepoint=False):
            store.lock([self.access])
            self._cancel(symbol, {client_order_id}, now=now)
        return self.fetch(client_order_id, symbol=symbol, now=now)

    def cancel_all(self, *, symbol: str = "") -> int:
        now = clock.now()
        with transaction.atomic(savepoint=False):
            store.lock([self.access])
            open_now = [row for row in self._open() if symbol in ("", row.symbol)]
            for each in sorted({row.symbol for row in open_now}):
                self._cancel(each, {row.client_order_id for row in open_now}, now=now)
        return len(open_now)

    def _cancel(self, symbol: str, wanted: set[str], *, now: datetime) -> None:
        book = store.read(self.access, symbol=symbol)
        for order in [row for row in book.orders if row.client_order_id in wanted]:
            matching.cancel(book, order, instrument=self.instrument(symbol), at=now)
            book.changed.append(order)
        store.write([book])

    def _open(self) -> list[PaperOrder]:
        rests = PaperOrder.objects.filter(status__in=["OPEN", "PARTIALLY_FILLED"], account_id=self.access.account_id)
        return list(rests.order_by("id"))

    def open_orders(self, *, symbol: str = "") -> tuple[OrderReport, ...]:
        found = [row for row in self._open() if symbol in ("", row.symbol)]
        return tuple(reports.order(row, store.trades(row)) for row in found)

    def trades(self, *, since: datetime, symbol: str = "") -> tuple[TradeReport, ...]:
        return tuple(sorted(self._trades(since, symbol), key=lambda one: one.fill.at))

    def _trades(self, since: datetime, symbol: str) -> Iterator[TradeReport]:
        found = PaperTrade.objects.filter(account_id=self.access.account_id, at__gte=since).select_related("order")
        for row in (found.filter(order__symbol=symbol) if symbol else found).order_by("at", "id"):
            yield reports.trade(row)
        for move in store.funding(self.access.account_id) if self._contracts else []:
            if move.at >= since and symbol in ("", move.symbol):
                yield reports.funding(move)

    def transfers(self, *, since: datetime) -> tuple[Transfer, ...]:
        moved = store.transfers(self.access.account_id, since=since)
        return tuple(
            Transfer(id=f"move-{row.pk}", currency=row.currency, amount=row.amount, at=row.at) for row in moved
        )

    def positions(self) -> tuple[VenuePosition, ...]:
        book = store.read(self.access)
        return tuple(
            reports.position(row, liquidation=margin.liquidation_price(book, row))
            for row in book.positions.values()
            if row.quantity
        )

    def balances(self) -> dict[str, Balance]:
        book = store.read(self.access)
        return {
            currency: Balance(total=amount, free=min(amount, max(ZERO, book.free(currency))))
            for currency, amount in book.amounts.items()
        }

    def quote(self, symbol: str, *, now: datetime) -> Quote:
        raise BrokerRejected("the paper venue has no prices of its own", code=Rejection.UNSUPPORTED)

    def key(self) -> KeyFacts:
        return KeyFacts(
            read=True,
            trade=True,
            withdraw=False,
            position_mode="one_way",
            account=self.access.slug,
            notes=("a paper account: its books are in this portal and no money is behind it",),
        )
