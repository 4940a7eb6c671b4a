"""A trade that no order of ours asked for: written down once, and put to a strategy's account or to nobody's (P1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest

from django.db import transaction

from accounts.brokers.base import Cause, OrderReport, ReportStatus, TradeReport
from accounts.models import Account
from signals.execution import orders
from signals.models import ExternalPosition, ExternalTrade, Fill, Order, OrderStep, Position, SymbolBlock
from signals.portfolio import external_part
from tradeops.core import events, failpoints, money, rows, wake
from tradeops.core.events import Event, Level
from tradeops.core.money import ZERO, Side

from . import books, cursor, parts, payments
from .cursor import Claim
from .look import Key, base_of, key_of

STOPS = frozenset({Cause.STOP_LOSS, Cause.TAKE_PROFIT, Cause.TRAILING})
FORCED = frozenset({Cause.LIQUIDATION, Cause.VENUE})
SAID = {
    Cause.HAND: "a trade made by hand",
    Cause.STOP_LOSS: "a stop loss that the venue fired",
    Cause.TAKE_PROFIT: "a take profit that the venue fired",
    Cause.TRAILING: "a trailing stop that the venue fired",
    Cause.LIQUIDATION: "a liquidation",
    Cause.FUNDING: "a funding payment",
    Cause.VENUE: "a trade by the venue itself",
}


@dataclass(frozen=True)
class Owner:
    """The strategy's position that a trade reduces, and by how much."""

    position: Position
    quantity: Decimal


def take_in(held: Claim, trade: TradeReport, *, hedged: bool, lot: Decimal, now: datetime) -> list[ExternalTrade]:
    """In one transaction: the trade, what it does to positions, and who is told. Nothing = it was there already.

    What the venue forced on several strategies is one row for each of them. `lot` is the symbol's.
    """
    account = held.account
    with transaction.atomic():
        cursor.hold(held, now=now)
        if _known(account, trade):
            return []
        if trade.cause == Cause.FUNDING:
            row = _row(account, trade, now=now)
            payments.charge(held, trade)
            row.save()
            return [row]
        made = [
            _take_in(held, part, owner, hedged=hedged, now=now)
            for part, owner in _parts(account, trade, hedged=hedged, lot=lot)
        ]
        failpoints.reached("reconciliation.before_commit")
    return made


def _take_in(held: Claim, trade: TradeReport, owner: Owner | None, *, hedged: bool, now: datetime) -> ExternalTrade:
    account = held.account
    row = _row(account, trade, now=now)
    if owner is not None:
        row.order, row.booked = _exit_order(account, trade, owner, now=now), owner.quantity
    row.save()
    if owner is not None and row.order is not None:
        _book(row.order, trade, owner)
    _to_external(held, trade, booked=row.booked, hedged=hedged, now=now)
    if trade.cause == Cause.HAND and account.external_trades == Account.ExternalTrades.BLOCK:
        _block(account, row, now=now)
    _tell(account, row, now=now)
    return row


def _known(account: Account, trade: TradeReport) -> bool:
    same = {"account": account, "symbol": trade.symbol, "trade_id__in": parts.names(trade.fill.trade_id)}
    return Fill.objects.filter(**same).exists() or ExternalTrade.objects.filter(**same).exists()


def _row(account: Account, trade: TradeReport, *, now: datetime) -> ExternalTrade:
    fill = trade.fill
    return ExternalTrade(
        account=account,
        trade_id=fill.trade_id,
        symbol=trade.symbol,
        side=trade.side,
        position_side=trade.position_side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        cause=trade.cause,
        venue_order_id=trade.venue_order_id,
        at=fill.at,
        recorded_at=now,
    )


# Whose position ----------------------------------------------------------------------------------------------------


def _reduces(trade: TradeReport) -> str:
    """The side of a position that this trade can reduce; empty where it can only open."""
    closes = "long" if trade.side is Side.SELL else "short"
    return closes if trade.position_side in ("", closes) else ""


def _parts(
    account: Account, trade: TradeReport, *, hedged: bool, lot: Decimal
) -> list[tuple[TradeReport, Owner | None]]:
    """The trade with the one strategy whose position it reduced; with none; or in parts, with one each.

    What the venue forces (a liquidation, auto-deleveraging) it forces on everything that is held: each strategy bears
    it by what it holds.
    """
    side = _reduces(trade)
    if not side:
        return [(trade, None)]
    found = Position.objects.filter(account=account, symbol=trade.symbol, side=side, is_open=True)
    open_rows = list(found.select_for_update(of=("self",)).select_related("strategy").order_by("pk"))
    if trade.cause not in FORCED or trade.parent_client_order_id or len(open_rows) < 2:
        return [(trade, _owner(account, trade, open_rows, side=side, hedged=hedged))]
    sizes = parts.divided(trade.fill.quantity, [row.quantity for row in open_rows], lot=lot)
    shares = [Owner(row, size) for row, size in zip(open_rows, sizes, strict=True) if size]
    made = parts.of(trade, [share.quantity for share in shares])
    return list(zip_longest(made, shares))


def _owner(account: Account, trade: TradeReport, open_rows: list[Position], *, side: str, hedged: bool) -> Owner | None:
    """The one strategy whose position this trade surely reduced, and how much of it."""
    if trade.parent_client_order_id:
        parent = Order.objects.filter(account=account, client_order_id=trade.parent_client_order_id).first()
        if parent is not None:
            return _of([row for row in open_rows if row.strategy_id == parent.strategy_id], trade)
    if trade.cause in STOPS:
        shared = _external_on(account, trade.symbol, side, hedged=hedged)
        return None if shared else _of(open_rows, trade)
    if trade.cause in FORCED or account.external_trades == Account.ExternalTrades.ADOPT:
        return _of(open_rows, trade)
    return None


def _of(found: list[Position], trade: TradeReport) -> Owner | None:
    if len(found) != 1:
        return None
    return Owner(found[0], min(found[0].quantity, trade.fill.quantity))


def _external_on(account: Account, symbol: str, side: str, *, hedged: bool) -> bool:
    """Whether somebody else holds the same side of it: a stop may have been meant for that."""
    spot = account.market == Account.Market.SPOT
    key = key_of(symbol, side, spot=spot, hedged=hedged)
    quantity = books.read(account, hedged=hedged).external.get(key, ZERO)
    return quantity > 0 if side == "long" else quantity < 0


# What it does ------------------------------------------------------------------------------------------------------


def _exit_order(account: Account, trade: TradeReport, owner: Owner, *, now: datetime) -> Order:
    """The order row under which the strategy's part is booked: one for each order of the venue's and strategy."""
    origin_id = _origin(account, trade)
    strategy = owner.position.strategy
    name = orders.client_order_id(
        origin=Order.Origin.EXIT, origin_id=origin_id, strategy=strategy.slug, account=account.slug, leg=0, attempt=0
    )
    known = Order.objects.filter(client_order_id=name).first()
    if known is not None:
        known.quantity += owner.quantity
        known.sent_quantity = known.quantity
        known.save(update_fields=["quantity", "sent_quantity"])
        return known
    order = Order(
        client_order_id=name,
        venue_order_id=trade.venue_order_id,
        origin=Order.Origin.EXIT,
        origin_id=origin_id,
        strategy=strategy,
        account=account,
        mode=Order.Mode.LIVE,
        symbol=trade.symbol,
        side=trade.side,
        position_side=owner.position.side,
        intent=Order.Intent.CLOSE,
        quantity=owner.quantity,
        sent_quantity=owner.quantity,
        status=Order.Status.SUBMITTED,
        created_at=now,
        sent_at=trade.fill.at,
        due_at=now,
        expires_at=now,
    )
    rows.insert(order)
    rows.insert(OrderStep(order=order, step="found", at=now, detail=f"{SAID[trade.cause]}: nothing was sent by us"))
    return order


def _origin(account: Account, trade: TradeReport) -> str:
    """36 characters for the venue's order, or for the trade where it has none.

    And for its side: our order has one, whatever a venue trades under one id.
    """
    name = f"{account.pk}\x1f{trade.symbol}\x1f{trade.venue_order_id or trade.fill.trade_id}\x1f{trade.side}"
    return f"{trade.cause[:3]}-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _book(order: Order, trade: TradeReport, owner: Owner) -> None:
    part = replace(trade.fill, quantity=owner.quantity, fee=parts.fee_of(trade, owner.quantity))
    found = OrderReport(
        client_order_id=order.client_order_id,
        venue_order_id=trade.venue_order_id,
        status=ReportStatus.FILLED,
        fills=(part,),
        code=str(trade.cause),
        message=f"{SAID[trade.cause]} closed it",
    )
    books.report(order, found)


def _to_external(held: Claim, trade: TradeReport, *, booked: Decimal, hedged: bool, now: datetime) -> None:
    """What no strategy's position took changes the external part, where its beginning is known."""
    account, fill = held.account, trade.fill
    sign = 1 if trade.side is Side.BUY else -1
    change = (fill.quantity - booked) * sign
    spot = account.market == Account.Market.SPOT
    if spot and fill.fee_currency == base_of(trade.symbol):
        change -= fill.fee
    side = trade.position_side or ("long" if trade.side is Side.BUY else "short")
    key = key_of(trade.symbol, side, spot=spot, hedged=hedged)
    if change and _begun(held, key, spot=spot):
        external_part.add(account=account.pk, symbol=key.symbol, side=key.side, change=change, at=now)


def _begun(held: Claim, key: Key, *, spot: bool) -> bool:
    """Before first sight there is nothing to add to: what is there then will be the beginning."""
    if not spot and held.baseline_at is not None:
        return True
    return ExternalPosition.objects.filter(account=held.account, symbol=key.symbol).exists()


def _block(account: Account, row: ExternalTrade, *, now: datetime) -> None:
    new = SymbolBlock(account=account, symbol=row.symbol, trade=row, since=now)
    SymbolBlock.objects.bulk_create([new], ignore_conflicts=True)
    wake.notify()


# Who is told -------------------------------------------------------------------------------------------------------


def _tell(account: Account, row: ExternalTrade, *, now: datetime) -> None:
    cause = Cause(row.cause)
    title = f"{SAID[cause].capitalize()} on {account.slug}: {_what(row)}. {_meaning(account, row)}"
    events.publish(
        Event(
            name="reconciliation.external",
            at=now,
            level=_level(account, row),
            title=title[:300],
            account=account.slug,
            strategy=row.order.strategy.slug if row.order else "",
            symbol=row.symbol,
            body={
                "cause": row.cause,
                "side": row.side,
                "quantity": money.plain(row.quantity),
                "price": money.plain(row.price),
                "booked": money.plain(row.booked),
                "trade_id": row.trade_id,
            },
        )
    )


def _what(row: ExternalTrade) -> str:
    verb = "bought" if row.side == Side.BUY else "sold"
    return f"{verb} {money.plain(row.quantity)} {row.symbol} at {money.plain(row.price)}"


def _meaning(account: Account, row: ExternalTrade) -> str:
    if row.order is not None:
        rest = row.quantity - row.booked
        beyond = f"; {money.plain(rest)} of it is external" if rest else ""
        return f"It closed {money.plain(row.booked)} of {row.order.strategy.slug}'s position{beyond}"
    if row.cause == Cause.HAND and account.external_trades == Account.ExternalTrades.BLOCK:
        return "No entries there until a person has looked: External trades, Lift the block"
    return "It belongs to no strategy: positions of strategies stay as they are"


def _level(account: Account, row: ExternalTrade) -> Level:
    if row.cause in FORCED or (row.cause != Cause.HAND and row.order is None):
        return Level.CRITICAL
    if row.cause == Cause.HAND:
        blocks = account.external_trades == Account.ExternalTrades.BLOCK
        return Level.CRITICAL if blocks else Level.WARNING
    return Level.INFO
