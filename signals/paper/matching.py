"""How the paper venue answers orders and quotes: pure, so that the same inputs always give the same ledger (X10).

A new quote comes first to what rests, oldest first: a limit order is filled at its own price once the other side has
come to it, a stop at the market once the last price has. Then the order that came with the quote takes what is there.
What an entry at the market does not find there it takes from the quotes that follow; an exit at the market takes all at
once, whatever the levels say: nobody is kept in a position for want of a ticker's size (D3).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from accounts.brokers.base import Instrument, Quote, Rejection, ReportStatus, TimeInForce
from signals.models import PaperOrder
from tradeops.core import money
from tradeops.core.money import EXACT, ZERO, OrderType, Side, plain

from . import pieces
from .book import Book
from .pieces import Piece

_CONDITIONAL = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
_STOPS = _CONDITIONAL - {OrderType.TRAILING_STOP}


def place(book: Book, order: PaperOrder, *, quote: Quote | None, instrument: Instrument, at: datetime) -> None:
    """The order's `status` says what became of it: FILLED, OPEN, PARTIALLY_FILLED, CANCELED, EXPIRED or REJECTED."""
    book.new.append(order)
    refusal = _refusal(book, order, quote=quote, instrument=instrument)
    if refusal is not None:
        order.status, (order.code, order.message) = ReportStatus.REJECTED, refusal
        return
    order.status = ReportStatus.OPEN
    if OrderType(order.type) in _CONDITIONAL:
        order.best_price = None if quote is None else quote.last
    elif quote is not None and not _take(book, order, quote=quote, instrument=instrument, at=at):
        return
    _rest(book, order, quote=quote, instrument=instrument)


def come(book: Book, *, quote: Quote, instrument: Instrument, at: datetime) -> None:
    """A quote of the symbol: what rests is matched against it."""
    for order in [row for row in book.orders if row.symbol == instrument.symbol]:
        before = _state(order)
        _meet(book, order, quote=quote, instrument=instrument, at=at)
        if _state(order) != before or order.status not in _RESTS:
            order.updated_at = at
            book.changed.append(order)
        if order.status not in _RESTS:
            book.orders.remove(order)


def _state(order: PaperOrder) -> tuple[object, ...]:
    return order.filled, order.triggered, order.best_price, order.held


_RESTS = frozenset({ReportStatus.OPEN, ReportStatus.PARTIALLY_FILLED})


def cancel(
    book: Book, order: PaperOrder, *, instrument: Instrument, at: datetime, code: str = "", why: str = ""
) -> None:
    """Ends what rests, and gives back what was set aside for it."""
    _end(book, order, ReportStatus.CANCELED, instrument, code=code, message=why)
    order.updated_at = at


# What is asked for -----------------------------------------------------------------------------------------------


def _refusal(book: Book, order: PaperOrder, *, quote: Quote | None, instrument: Instrument) -> tuple[str, str] | None:
    """A code and a sentence; None if the order is taken. Cuts a close down to what there is to close."""
    if quote is None and not _waits_for_one(order):
        return "no_price", "there is no price to fill at"
    if order.closes:
        there = closable(book, order, instrument)
        if there <= 0:
            return Rejection.NOTHING_TO_REDUCE, _nothing(order, instrument)
        if OrderType(order.type) is OrderType.MARKET:
            order.quantity = min(order.quantity, there)
    elif quote is not None and OrderType(order.type) not in _CONDITIONAL:
        short = _short_of(book, order, order.quantity, _worst(book, order, quote), instrument)
        if short:
            return Rejection.INSUFFICIENT_FUNDS, short
    if (
        order.post_only
        and quote is not None
        and pieces.take(order.quantity, side=Side(order.side), quote=quote, slippage_bps=ZERO, limit=order.limit_price)
    ):
        return Rejection.WOULD_TAKE, f"it would have traded at once: {_spread(quote)}"
    return None


def _waits_for_one(order: PaperOrder) -> bool:
    """A stop that protects a position rests until the next quote, whether there is one now or not."""
    return order.closes and OrderType(order.type) in _STOPS


def _nothing(order: PaperOrder, instrument: Instrument) -> str:
    if instrument.settle:
        return f"there is no {'long' if order.side == Side.SELL else 'short'} position in {order.symbol} to reduce"
    return f"there is no {instrument.base} left to sell"


def _spread(quote: Quote) -> str:
    return f"bid {plain(quote.bid)}, ask {plain(quote.ask)}"


def closable(book: Book, order: PaperOrder, instrument: Instrument) -> Decimal:
    if instrument.settle:
        net = book.net(order.symbol)
        return max(ZERO, net if order.side == Side.SELL else -net)
    return book.free(instrument.base) if order.side == Side.SELL else ZERO


def _worst(book: Book, order: PaperOrder, quote: Quote) -> Decimal:
    """The highest price that a buy may come to pay (for contracts: that is counted, for a sell, too)."""
    found = pieces.take(
        order.quantity, side=Side(order.side), quote=quote, slippage_bps=book.slippage_bps, limit=order.limit_price
    )
    cost = sum((EXACT.multiply(piece.quantity, piece.price) for piece in found), ZERO)
    rest = order.quantity - sum((piece.quantity for piece in found), ZERO)
    reference = order.limit_price or (found[-1].price if found else quote.last)
    return EXACT.divide(cost + rest * reference, order.quantity)


def _short_of(book: Book, order: PaperOrder, quantity: Decimal, price: Decimal, instrument: Instrument) -> str:
    """A sentence if the account cannot pay for opening so much; empty if it can."""
    currency, needed = needs(book, order, quantity, price, instrument)
    available = book.free(currency) + order.held
    if needed <= available:
        return ""
    return f"needs {plain(money.kept(needed))} {currency}; {plain(available)} is free"


def needs(
    book: Book, order: PaperOrder, quantity: Decimal, price: Decimal, instrument: Instrument
) -> tuple[str, Decimal]:
    """What an order uses up of which currency: the price and fee, the coins, or the margin of what it adds."""
    cost = EXACT.multiply(quantity, price)
    fee = EXACT.multiply(cost, book.fee_bps / 10000)
    if instrument.settle:
        net = book.net(order.symbol)
        signed = quantity if order.side == Side.BUY else -quantity
        added = max(ZERO, abs(net + signed) - abs(net))
        leverage = order.leverage or Decimal(1)
        return instrument.settle, EXACT.divide(EXACT.multiply(added, price), leverage) + fee
    if order.side == Side.BUY:
        return instrument.quote, cost + fee
    return instrument.base, quantity


# What happens to it ----------------------------------------------------------------------------------------------


def _take(book: Book, order: PaperOrder, *, quote: Quote, instrument: Instrument, at: datetime) -> bool:
    """Takes what is there; whether a rest of it is to rest."""
    found = pieces.take(
        order.quantity - order.filled,
        side=Side(order.side),
        quote=quote,
        slippage_bps=book.slippage_bps,
        limit=order.limit_price,
        to_the_end=order.closes and order.limit_price is None,
    )
    whole = sum((piece.quantity for piece in found), ZERO) == order.quantity - order.filled
    if order.time_in_force == TimeInForce.FOK and not whole:
        _end(book, order, ReportStatus.CANCELED, instrument, message="it could not be filled whole at once")
        return False
    _trade(book, order, found, instrument=instrument, at=at)
    if whole:
        _end(book, order, ReportStatus.FILLED, instrument)
    elif order.time_in_force == TimeInForce.IOC:
        _end(book, order, ReportStatus.CANCELED, instrument, message="what could not be filled at once is cancelled")
    return order.status in _RESTS


def _trade(book: Book, order: PaperOrder, found: list[Piece], *, instrument: Instrument, at: datetime) -> None:
    for piece in found:
        book.trade(order, piece, instrument, at)
    if found:
        order.status = ReportStatus.PARTIALLY_FILLED


def _rest(book: Book, order: PaperOrder, *, quote: Quote | None, instrument: Instrument) -> None:
    """It rests, and what it would open with is set aside; a close sets nothing aside."""
    if not order.closes:
        assert quote is not None
        _set_aside(book, order, quote=quote, instrument=instrument)
    if order.status in _RESTS:
        book.orders.append(order)


def _set_aside(book: Book, order: PaperOrder, *, quote: Quote, instrument: Instrument) -> None:
    """What the rest of an entry would open with; without it the order ends."""
    price = order.limit_price or _waits_at(order, quote)
    currency, needed = needs(book, order, order.quantity - order.filled, price, instrument)
    if needed > book.free(currency) + order.held:
        message = f"needs {plain(money.kept(needed))} {currency}; {plain(book.free(currency))} is free"
        status = ReportStatus.CANCELED if order.filled else ReportStatus.REJECTED
        _end(book, order, status, instrument, code=Rejection.INSUFFICIENT_FUNDS, message=message)
        return
    book.hold(order, currency, money.kept(needed))


def _waits_at(order: PaperOrder, quote: Quote) -> Decimal:
    if _takes_at_market(order):
        return pieces.far_side(quote, Side(order.side))[0]
    return order.stop_price or quote.last


def _takes_at_market(order: PaperOrder) -> bool:
    """Whether it takes whatever the next quote gives: the rest of a market order, or of a stop that has fired."""
    return order.limit_price is None and (order.triggered or OrderType(order.type) is OrderType.MARKET)


def _meet(book: Book, order: PaperOrder, *, quote: Quote, instrument: Instrument, at: datetime) -> None:
    kind = OrderType(order.type)
    if kind in _CONDITIONAL and not order.triggered:
        if not _is_triggered(order, quote.last):
            return
        order.triggered = True
        if not _may_still(book, order, quote, instrument):
            return
    if _takes_at_market(order):
        _go_on(book, order, quote=quote, instrument=instrument, at=at)
        return
    there = _at_its_price(order, quote)
    if not there or not _may_still(book, order, quote, instrument):
        return
    assert order.limit_price is not None
    quantity = min(order.quantity - order.filled, there)
    share = EXACT.divide(quantity, order.quantity - order.filled)
    book.hold(order, _currency(order, instrument), money.kept(order.held * (1 - share)))
    _trade(book, order, [Piece(quantity, order.limit_price)], instrument=instrument, at=at)
    if order.filled >= order.quantity:
        _end(book, order, ReportStatus.FILLED, instrument)


def _go_on(book: Book, order: PaperOrder, *, quote: Quote, instrument: Instrument, at: datetime) -> None:
    if not _may_still(book, order, quote, instrument):
        return
    _release(book, order, instrument)
    rests = _take(book, order, quote=quote, instrument=instrument, at=at)
    if rests and not order.closes:
        _set_aside(book, order, quote=quote, instrument=instrument)


def _at_its_price(order: PaperOrder, quote: Quote) -> Decimal:
    """How much the other side offers at the order's limit. Once it has gone through that, whoever was there has had
    to take the whole order on the way: the size is of a price beyond."""
    best, size = pieces.far_side(quote, Side(order.side))
    assert order.limit_price is not None
    if best == order.limit_price and size is not None:
        return size
    reached = best <= order.limit_price if order.side == Side.BUY else best >= order.limit_price
    return order.quantity if reached else ZERO


def _is_triggered(order: PaperOrder, last: Decimal) -> bool:
    sells = order.side == Side.SELL
    if OrderType(order.type) is not OrderType.TRAILING_STOP:
        assert order.stop_price is not None
        return last <= order.stop_price if sells else last >= order.stop_price
    if order.limit_price is not None:  # where it is armed
        if (last < order.limit_price) if sells else (last > order.limit_price):
            return False
        order.limit_price, order.best_price = None, last
    assert order.trailing is not None
    best = order.best_price or last
    order.best_price = max(best, last) if sells else min(best, last)
    distance = EXACT.multiply(order.best_price, order.trailing)
    return last <= order.best_price - distance if sells else last >= order.best_price + distance


def _may_still(book: Book, order: PaperOrder, quote: Quote, instrument: Instrument) -> bool:
    """A close is cut down to what is left to close; an entry ends if it cannot be paid for any more."""
    left = order.quantity - order.filled
    if order.closes:
        there = closable(book, order, instrument)
        if there <= 0:
            _end(book, order, ReportStatus.CANCELED, instrument, code=Rejection.NOTHING_TO_REDUCE,
                 message=_nothing(order, instrument))  # fmt: skip
            return False
        order.quantity = order.filled + min(left, there)
        return True
    short = _short_of(book, order, left, order.limit_price or _dearest(book, order, quote), instrument)
    if short:
        _end(book, order, ReportStatus.CANCELED, instrument, code=Rejection.INSUFFICIENT_FUNDS, message=short)
    return not short


def _dearest(book: Book, order: PaperOrder, quote: Quote) -> Decimal:
    """The last of what it would take at this quote."""
    side = Side(order.side)
    left = order.quantity - order.filled
    found = pieces.take(left, side=side, quote=quote, slippage_bps=book.slippage_bps, limit=None)
    return found[-1].price if found else pieces.far_side(quote, side)[0]


def _currency(order: PaperOrder, instrument: Instrument) -> str:
    return instrument.settle or (instrument.quote if order.side == Side.BUY else instrument.base)


def _release(book: Book, order: PaperOrder, instrument: Instrument) -> None:
    if order.held:
        book.hold(order, _currency(order, instrument), ZERO)


def _end(
    book: Book, order: PaperOrder, status: str, instrument: Instrument, *, code: str = "", message: str = ""
) -> None:
    _release(book, order, instrument)
    order.status, order.code, order.message = status, code, message
