"""The paper venue's books of one account, as far as one order or quote needs them. Pure: `store` reads and writes them.

Spot moves coins. A contract (`BTC/USDT:USDT`, linear) is one net position per symbol; its profits, fees and funding
are settled in its own currency, and a margin of value ÷ leverage is set aside for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from accounts.brokers.base import Instrument
from signals.models import PaperMove, PaperOrder, PaperPosition, PaperTrade
from tradeops.core import money, rows
from tradeops.core.money import EXACT, ZERO, Side

from .pieces import Piece


@dataclass(kw_only=True)
class Book:
    """`amounts` and `held` by currency; `positions` by symbol; `orders` that rest, oldest first, of the symbols that it
    was read for.

    What was made or changed since it was read is in `trades`, `moves`, `new`, `changed` and `touched`.
    """

    account_id: int
    fee_bps: Decimal = ZERO
    slippage_bps: Decimal = ZERO
    amounts: dict[str, Decimal] = field(default_factory=dict)
    held: dict[str, Decimal] = field(default_factory=dict)
    positions: dict[str, PaperPosition] = field(default_factory=dict)
    orders: list[PaperOrder] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)  # id(order) → trades that it has had before
    trades: list[PaperTrade] = field(default_factory=list)
    moves: list[PaperMove] = field(default_factory=list)
    new: list[PaperOrder] = field(default_factory=list)
    changed: list[PaperOrder] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)  # currencies
    moved: set[str] = field(default_factory=set)  # symbols whose position is to be written

    # Money ----------------------------------------------------------------------------------------------------------

    def amount(self, currency: str) -> Decimal:
        return self.amounts.get(currency, ZERO)

    def free(self, currency: str) -> Decimal:
        """What an order may use: not set aside, not margin, less what open contracts have lost so far."""
        margin = sum((row.margin for row in self._settled_in(currency)), ZERO)
        lost = sum(
            (min(ZERO, unrealised(row)) for row in self._settled_in(currency) if row.margin_mode == "cross"), ZERO
        )
        return self.amount(currency) - self.held.get(currency, ZERO) - margin + lost

    def _settled_in(self, currency: str) -> Iterable[PaperPosition]:
        return (row for row in self.positions.values() if row.quantity and row.symbol.endswith(f":{currency}"))

    def add(self, currency: str, amount: Decimal) -> None:
        self.amounts[currency] = self.amount(currency) + amount
        self.touched.add(currency)

    def hold(self, order: PaperOrder, currency: str, amount: Decimal) -> None:
        """Sets money aside for an order, in place of what was set aside for it before."""
        self.held[currency] = self.held.get(currency, ZERO) - order.held + amount
        order.held = amount
        self.touched.add(currency)

    # Contracts ------------------------------------------------------------------------------------------------------

    def position(self, symbol: str) -> PaperPosition:
        if symbol not in self.positions:
            self.positions[symbol] = rows.make(PaperPosition, account_id=self.account_id, symbol=symbol)
        return self.positions[symbol]

    def net(self, symbol: str) -> Decimal:
        """Base units; negative = short."""
        return self.positions[symbol].quantity if symbol in self.positions else ZERO

    # Trades ---------------------------------------------------------------------------------------------------------

    def trade(self, order: PaperOrder, piece: Piece, instrument: Instrument, at: datetime) -> None:
        """One piece of an order: booked, and counted in the order."""
        side = Side(order.side)
        cost = EXACT.multiply(piece.quantity, piece.price)
        fee = money.kept(EXACT.multiply(cost, self.fee_bps / 10000))
        if instrument.settle:
            self._settle(order, piece, instrument, fee, at)
        else:
            sign = 1 if side is Side.BUY else -1
            self.add(instrument.base, piece.quantity * sign)
            self.add(instrument.quote, -cost * sign - fee)
        value = order.filled * (order.price or ZERO) + cost
        order.filled += piece.quantity
        order.price = money.kept(EXACT.divide(value, order.filled))
        order.fee += fee
        order.fee_currency = instrument.settle or instrument.quote
        self._number(order, piece, fee, at)

    def _number(self, order: PaperOrder, piece: Piece, fee: Decimal, at: datetime) -> None:
        number = self.numbers[id(order)] = self.numbers.get(id(order), 0) + 1
        trade = rows.make(
            PaperTrade,
            account_id=self.account_id,
            number=number,
            quantity=piece.quantity,
            price=piece.price,
            fee=fee,
            fee_currency=order.fee_currency,
            at=at,
        )
        trade.order = order
        self.trades.append(trade)

    def _settle(self, order: PaperOrder, piece: Piece, instrument: Instrument, fee: Decimal, at: datetime) -> None:
        row = self.position(order.symbol)
        change = piece.quantity if order.side == Side.BUY else -piece.quantity
        before, profit = row.quantity, ZERO
        if before * change < 0:
            closed = min(abs(before), abs(change))
            sign = 1 if before > 0 else -1
            profit = money.kept(EXACT.multiply((piece.price - (row.average_price or ZERO)) * sign, closed))
        row.quantity = before + change
        row.average_price = _average(before, row.average_price, change, piece.price)
        if before * row.quantity <= 0:  # new, flat, or turned round
            row.leverage, row.margin_mode = order.leverage or row.leverage, order.margin_mode or row.margin_mode
            row.funded_at = at
        row.mark_price = piece.price
        self.margin(row)
        row.updated_at = at
        self.moved.add(row.symbol)
        self.add(instrument.settle, profit - fee)

    def margin(self, row: PaperPosition) -> None:
        """The initial margin: value at the average price ÷ leverage."""
        value = EXACT.multiply(abs(row.quantity), row.average_price or ZERO)
        row.margin = money.kept(EXACT.divide(value, row.leverage or Decimal(1)))


def _average(before: Decimal, average: Decimal | None, change: Decimal, price: Decimal) -> Decimal | None:
    after = before + change
    if after == 0:
        return None
    if before * change < 0:
        return average if before * after > 0 else price  # a rest of what was, or turned round
    return money.kept(EXACT.divide(before * (average or ZERO) + change * price, after))


def unrealised(row: PaperPosition) -> Decimal:
    """At the last mark, in the settling currency."""
    if not row.quantity or row.mark_price is None or row.average_price is None:
        return ZERO
    return money.kept(EXACT.multiply(row.mark_price - row.average_price, row.quantity))
