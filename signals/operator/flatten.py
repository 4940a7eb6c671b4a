"""Closing what is open, by a person's word: entries are taken back, positions get a market order that only reduces.

One request makes one set of orders, however often it is sent: the ids come from the request.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from accounts.models import Account
from signals.execution import cancel, orders, room
from signals.models import Order, Position
from signals.pipeline.proposals import mark_quote
from signals.risk import switch
from tradeops.core import events, literal, money, wake
from tradeops.core.errors import Conflict, TradeOpsError
from tradeops.core.events import Event, Level
from tradeops.core.money import ZERO, Side

LIVE = literal.one_of("status", ("PENDING", "SUBMITTED", "OPEN", "PARTIALLY_FILLED", "UNKNOWN"))
# A close that is not through after this is tried again all the same: exits do not expire.
_FOREVER = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be flat: an account, or of it one strategy, one symbol, or both."""

    account: Account
    strategy: str = ""
    symbol: str = ""


@dataclass(frozen=True)
class Closing:
    """One position and what would be sent for it; `under_way` is being closed already."""

    position: Position
    under_way: Decimal

    @property
    def quantity(self) -> Decimal:
        return max(ZERO, self.position.quantity - self.under_way)

    @property
    def side(self) -> Side:
        return Side.SELL if self.position.side == Position.Side.LONG else Side.BUY

    def __str__(self) -> str:
        row = self.position
        said = f"{self.side} {money.plain(self.quantity)} {row.symbol} at market: {row.strategy.slug}'s {row.side} "
        said += f"{money.plain(row.quantity)}"
        return f"{said}, of which {money.plain(self.under_way)} is being closed already" if self.under_way else said


@dataclass(frozen=True)
class Preview:
    """What `flatten` would do now."""

    closings: Sequence[Closing]
    entries: Sequence[Order]
    exits: Sequence[Order] = ()  # limits that rest, which give way to what closes at once

    @property
    def empty(self) -> bool:
        return not self.entries and not any(each.quantity for each in self.closings)


@dataclass
class Result:
    """What was asked for on one account; `problem` says why not all of it."""

    account: Account
    closes: list[Order] = field(default_factory=list)
    cancels: list[Order] = field(default_factory=list)
    taken_back: list[Order] = field(default_factory=list)  # limit exits
    problem: str = ""
    again: bool = False  # this very request was carried out before


def preview(target: Target) -> Preview:
    positions = Position.objects.filter(account=target.account, is_open=True).select_related("strategy")
    live = Order.objects.filter(LIVE, account=target.account).select_related("account", "strategy", "signal")
    if target.strategy:
        positions, live = positions.filter(strategy__slug=target.strategy), live.filter(strategy__slug=target.strategy)
    if target.symbol:
        positions, live = positions.filter(symbol=target.symbol), live.filter(symbol=target.symbol)
    unfinished = [row for row in live.order_by("id") if row.mode != Order.Mode.DRY_RUN]
    closing: dict[tuple[int, str, str], Decimal] = {}
    for row in unfinished:
        if row.intent == Order.Intent.CLOSE and not room.gives_way(row):
            key = (row.strategy_id, row.symbol, row.position_side)
            closing[key] = closing.get(key, ZERO) + (row.sent_quantity or row.quantity) - row.filled_quantity
    return Preview(
        [
            Closing(row, min(row.quantity, closing.get((row.strategy_id, row.symbol, row.side), ZERO)))
            for row in positions.order_by("id")
        ],
        [row for row in unfinished if row.intent == Order.Intent.OPEN],
        [row for row in unfinished if room.gives_way(row) and row.type not in room.STOPS],
    )


def flatten(targets: Sequence[Target], *, request_id: str, by: str, reason: str, now: datetime) -> list[Result]:
    """One account after the other; what goes wrong on one does not keep the others open.

    No network: workers send the orders, at once. `request_id` is 36 characters at most. Entries that fill before their
    cancel arrives are not closed: look again.
    """
    return [_one(target, request_id=request_id, by=by, reason=reason, now=now) for target in targets]


def _one(target: Target, *, request_id: str, by: str, reason: str, now: datetime) -> Result:
    result = Result(target.account)
    known = Order.objects.filter(origin=Order.Origin.MANUAL, origin_id=request_id, account=target.account)
    if known.exists():
        result.closes, result.again = list(known.order_by("leg")), True
        return result
    said = f"flatten by {by}: {reason}"
    found = preview(target)
    for entry in found.entries:
        try:
            result.cancels.append(cancel.ask(entry, reason=said, by=by, now=now))
        except Conflict:
            continue  # it has ended meanwhile
    for resting in found.exits:
        with contextlib.suppress(Conflict):  # as above
            result.taken_back.append(cancel.ask(resting, reason=said, by=by, now=now))
    try:
        with transaction.atomic():
            # No other order of this account is claimed, and nobody flattens it, until these are stored.
            switch.lock(strategies=[], accounts=[target.account.slug])
            if known.exists():
                result.closes, result.again = list(known.order_by("leg")), True
                return result
            result.closes = _store(target, request_id=request_id, said=said, now=now)
            if result.closes or result.cancels or result.taken_back:
                _tell(result, by=by, reason=reason, now=now)
    except TradeOpsError as error:
        result.problem = str(error)
    return result


def _store(target: Target, *, request_id: str, said: str, now: datetime) -> list[Order]:
    wanted = [each for each in preview(target).closings if each.quantity > 0]
    new = [_order(each, target.account, leg, request_id=request_id, now=now) for leg, each in enumerate(wanted)]
    if new:
        orders.store(new, why=said)
        wake.notify()
    return new


def _order(closing: Closing, account: Account, leg: int, *, request_id: str, now: datetime) -> Order:
    position = closing.position
    quote = mark_quote(position)
    return Order(
        client_order_id=orders.client_order_id(
            origin=Order.Origin.MANUAL,
            origin_id=request_id,
            strategy=position.strategy.slug,
            account=account.slug,
            leg=leg,
            attempt=0,
        ),
        origin=Order.Origin.MANUAL,
        origin_id=request_id,
        leg=leg,
        strategy=position.strategy,
        account=account,
        mode=Order.Mode.PAPER if account.is_paper else Order.Mode.LIVE,
        symbol=position.symbol,
        side=closing.side.value,
        position_side=position.side,
        intent=Order.Intent.CLOSE,
        quantity=closing.quantity,
        quote={} if quote is None else orders.quote_to_json(quote),
        created_at=now,
        due_at=now,
        expires_at=now + _FOREVER,
    )


def _tell(result: Result, *, by: str, reason: str, now: datetime) -> None:
    account = result.account
    did = f"{len(result.closes)} positions closed, {len(result.cancels)} entries cancelled"
    if result.taken_back:
        did += f", {len(result.taken_back)} limit exits taken back"
    events.publish(
        Event(
            name="account.flattened",
            at=now,
            level=Level.WARNING,
            title=f"{account.slug} is being flattened by {by} ({reason}): {did}"[:300],
            account=account.slug,
            body={
                "by": by,
                "reason": reason,
                "orders": [row.client_order_id for row in result.closes],
                "cancelled": [row.client_order_id for row in [*result.cancels, *result.taken_back]],
            },
        )
    )
