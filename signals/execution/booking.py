"""Fills: each is stored once, by the venue's trade id, and booked on its position, in the caller's transaction (P1).

`tradeops.wiring` says who follows what they do to positions: the exits, a layer above this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from accounts import credentials
from accounts.brokers.base import Cause, FillReport
from signals.models import Decision, Fill, Order, Position
from signals.portfolio import ledger, positions
from signals.portfolio.positions import Movement, Trade
from tradeops.core import clock, later, money, rows
from tradeops.core.money import EXACT, ZERO, Side

from . import tell

# Orders with what their new fills did to positions.
Moved = Sequence[tuple[Order, Sequence[Movement]]]
Follower = Callable[[Moved], object]
_followers: list[Follower] = []


def subscribe(follower: Follower) -> None:
    """Called by `tradeops.wiring` only: hears of new fills in their transaction, which it must not leave.

    The orders' rows are locked, and those of the positions, which are written.
    """
    if follower not in _followers:
        _followers.append(follower)


# A trade by what makes it count once: the account's key, the symbol, the venue's trade id.
Traded = tuple[int, str, str]


def known(told: Iterable[tuple[Order, tuple[FillReport, ...]]]) -> Set[Traded]:
    """Those of these fills that are there; the locks of their orders keep others from adding to them."""
    asked = [(order.account_id, order.symbol, fill.trade_id) for order, fills in told for fill in fills]
    if not asked:
        return frozenset()
    where = " OR ".join(["account_id = %s AND symbol = %s AND trade_id = %s"] * len(asked))
    params = [value for trade in asked for value in trade]
    return set(rows.select(Fill, "account_id", "symbol", "trade_id", where=where, params=params))


@dataclass(frozen=True)
class Told:
    """The fills that a report has; `base` is the currency in which a fee changes the position, empty = none does."""

    order: Order
    fills: tuple[FillReport, ...]
    base: str


def take(told: Sequence[Told], *, known: Set[Traded]) -> list[list[FillReport]]:
    """Books the fills that are not `known` yet, and counts them in their orders, whose rows must be locked.

    Of one strategy, account and symbol there may be one order at most. Returns what was new of each. The fills' own
    rows are written at the end of the transaction, with those of other orders.
    """
    new = [_new(one, known) for one in told]
    trades = _trades(list(zip(told, new, strict=True)))
    moved: list[tuple[Order, list[Movement]]] = []
    if any(trades):
        on = ledger.read(trade for some in trades for trade in some)
        for one, found, some in zip(told, new, trades, strict=True):
            if some:
                movements = [movement for trade in some for movement in positions.enter(trade, on)]
                moved.append((one.order, movements))
                _total(one.order, found)
                _tell_what_was_not_held(one, found, movements)
        on.write()
        later.write(_insert, [_fill(one.order, fill) for one, found in zip(told, new, strict=True) for fill in found])
        for follower in _followers:
            follower(moved)
    return new


def _tell_what_was_not_held(told: Told, new: Sequence[FillReport], movements: Sequence[Movement]) -> None:
    if told.base or told.order.intent != Order.Intent.CLOSE:
        return
    beyond = sum((fill.quantity for fill in new), ZERO) - sum((one.quantity for one in movements), ZERO)
    if beyond > 0:
        tell.beyond(told.order, beyond, now=clock.now())


def _new(told: Told, known: Set[Traded]) -> list[FillReport]:
    order = told.order
    fills = {fill.trade_id: fill for fill in told.fills}
    return [fill for name, fill in fills.items() if (order.account_id, order.symbol, name) not in known]


def _fill(order: Order, fill: FillReport) -> Fill:
    return rows.make(
        Fill,
        order_id=order.pk,
        account_id=order.account_id,
        trade_id=fill.trade_id,
        symbol=order.symbol,
        side=order.side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        at=fill.at,
    )


def _insert(made: Sequence[Fill]) -> None:
    """A function of its own: what waits for one goes into one table."""
    rows.insert_all(made)


def _trades(found: Sequence[tuple[Told, Sequence[FillReport]]]) -> list[list[Trade]]:
    variants = _variants([told.order for told, new in found if new])
    return [
        [
            _trade(
                told.order,
                fill,
                base=told.base,
                starts_entry=told.order.filled_quantity == 0 and number == 0,
                variant=variants.get(told.order.pk, ""),
            )
            for number, fill in enumerate(new)
        ]
        for told, new in found
    ]


def _variants(orders: Sequence[Order]) -> dict[int, str]:
    """By order: the side of an experiment whose entry it is; it owns the position until that is flat (S3)."""
    asked = {
        order.pk: order.decision_id
        for order in orders
        if order.intent == Order.Intent.OPEN and order.decision_id is not None
    }
    if not asked:
        return {}
    where = f"id IN ({', '.join(['%s'] * len(asked))})"
    found = dict(rows.select(Decision, "id", "variant", where=where, params=list(asked.values())))
    return {pk: str(found[decision]) for pk, decision in asked.items()}


# As reconciliation names the orders that the venue made by itself.
_CAUSES = {cause.value[:3]: cause.value for cause in Cause}


_TRADES = frozenset({"buy", "sell", "long", "short", "reverse"})


def reason_of(order: Order) -> str:
    """Why it was traded, in a word: what the monitor or the venue closed it for, else where the order came from."""
    if order.origin == Order.Origin.SIGNAL and order.intent == Order.Intent.CLOSE and order.signal is not None:
        return "opposite_signal" if order.signal.action in _TRADES else "signal"
    if order.origin != Order.Origin.EXIT:
        return order.origin
    word, colon, _ = order.origin_id.partition(":")
    return word if colon else _CAUSES.get(order.origin_id[:3], order.origin)


def _trade(order: Order, fill: FillReport, *, base: str, starts_entry: bool, variant: str) -> Trade:
    return Trade(
        strategy_id=order.strategy_id,
        account_id=order.account_id,
        symbol=order.symbol,
        base=base,
        side=Side(order.side),
        position_side=Position.Side(order.position_side),
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        at=fill.at,
        starts_entry=starts_entry and order.intent == Order.Intent.OPEN,
        time_zone=order.account.time_zone,
        reason=reason_of(order),
        signal_id=order.signal_id,
        variant=variant,
        hedges=partial(credentials.hedges, order.account),
    )


def _total(order: Order, new: Sequence[FillReport]) -> None:
    before = order.filled_quantity * (order.average_price or ZERO)
    value = sum((fill.quantity * fill.price for fill in new), before)
    order.filled_quantity += sum((fill.quantity for fill in new), Decimal(0))
    order.average_price = money.kept(EXACT.divide(value, order.filled_quantity))
