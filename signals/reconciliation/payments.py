"""A funding payment, divided among those who held the symbol when it fell due (P1).

Venues pay by position, and theirs is everybody's: each strategy bears its part by the size that it held, the external
part bears its own, which no strategy is charged with. Also where long and short meet in one netted position.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from accounts.brokers.base import Cause, TradeReport
from signals.models import ExternalPosition, ExternalTrade, Fill, Position, RoundTrip
from signals.portfolio import funding, trips
from tradeops.core import money
from tradeops.core.money import EXACT, ZERO, Side

from .cursor import Claim
from .parts import STEP


@dataclass(frozen=True)
class Holder:
    """A strategy's position in one of its round trips, and its size at the payment's time."""

    position: Position
    trip: RoundTrip
    quantity: Decimal


def charge(held: Claim, trade: TradeReport) -> None:
    """Charges each strategy with its part, in the caller's transaction, which makes the payment count once."""
    holders = _holders(held, trade)
    if not holders:
        return
    foreign = _external(held, trade)
    shares = divided(trade.fill.fee, [*(holder.quantity for holder in holders), *([foreign] if foreign else [])])
    for holder, share in zip(holders, shares, strict=False):  # the last one may be nobody's
        funding.charge(holder.position, share, at=trade.fill.at, trip=holder.trip)


def divided(paid: Decimal, held: Sequence[Decimal]) -> list[Decimal]:
    """`paid` by what each holds, the remainder of rounding to the last: together they are it, to the last digit."""
    total = sum(held, ZERO)
    exact = [EXACT.divide(EXACT.multiply(paid, each), total) for each in held[:-1]]
    found = [money.floor_to(share, STEP) for share in exact]
    return [*found, paid - sum(found, ZERO)]


# Strategies --------------------------------------------------------------------------------------------------------


def _holders(held: Claim, trade: TradeReport) -> list[Holder]:
    """In the order in which everybody locks these rows: positions, then round trips."""
    found = Position.objects.filter(account=held.account, symbol=trade.symbol)
    if trade.position_side:
        found = found.filter(side=trade.position_side)
    rows = list(found.select_for_update(of=("self",)).select_related("account").order_by("pk"))
    for row in rows:
        if row.is_open:
            trips.open_of(row)  # there is one now, also of a position from before there were trade records
    at = trade.fill.at
    then = RoundTrip.objects.filter(
        Q(closed_at=None) | Q(closed_at__gt=at), account=held.account, symbol=trade.symbol, opened_at__lte=at
    )
    positions = {(row.strategy_id, row.side): row for row in rows}
    mine = [trip for trip in then.select_for_update().order_by("pk") if (trip.strategy_id, trip.side) in positions]
    later = _fills(held, trade) if mine else []
    sized = [Holder(positions[trip.strategy_id, trip.side], trip, _size(trip, later)) for trip in mine]
    return [holder for holder in sized if holder.quantity > 0]


def _fills(held: Claim, trade: TradeReport) -> list[Fill]:
    """Our own trades of the symbol since."""
    rows = Fill.objects.filter(account=held.account, symbol=trade.symbol, at__gt=trade.fill.at)
    return list(rows.select_related("order"))


def _size(trip: RoundTrip, later: Iterable[Fill]) -> Decimal:
    """What was held then: what is now, with the round trip's trades since undone."""
    enters = Side.BUY if trip.side == Position.Side.LONG else Side.SELL
    size = trip.entered - trip.left
    for fill in later:
        order = fill.order
        if (order.strategy_id, order.position_side) != (trip.strategy_id, trip.side):
            continue
        if trip.closed_at is None or fill.at <= trip.closed_at:
            size += -fill.quantity if fill.side == enters else fill.quantity
    return max(ZERO, min(size, trip.entered))


# Nobody's ----------------------------------------------------------------------------------------------------------


def _external(held: Claim, trade: TradeReport) -> Decimal:
    """How much of it was external then, whichever way: what is now, with the trades since undone."""
    rows = ExternalPosition.objects.filter(account=held.account, symbol=trade.symbol)
    later = _trades(held, trade)
    total = ZERO
    for row in rows:
        signed = row.quantity
        for each in later:
            if row.side in ("", each.position_side):
                change = each.quantity - each.booked
                signed -= change if each.side == Side.BUY else -change
        side = row.side or (Position.Side.LONG if signed > 0 else Position.Side.SHORT)
        if trade.position_side in ("", side):
            total += abs(signed)
    return total


def _trades(held: Claim, trade: TradeReport) -> list[ExternalTrade]:
    """Those since, which the external part has; what was there at first sight had those before it already."""
    if held.baseline_at is None:
        return []
    rows = ExternalTrade.objects.filter(
        account=held.account, symbol=trade.symbol, at__gt=trade.fill.at, recorded_at__gt=held.baseline_at
    )
    return list(rows.exclude(cause=Cause.FUNDING))
