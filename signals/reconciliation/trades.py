"""Trades of the account: ours that are missing here are applied, what nobody here asked for is external (P1).

Each counts once by its venue trade id: as a `Fill`, as an `ExternalTrade`, or, where the venue closed a strategy's
position, as both, one leading to the other; in parts, where it closed several strategies' (`parts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from accounts.brokers.base import Broker, Cause, FillReport, OrderReport, ReportStatus, TradeReport
from accounts.models import Account
from signals.execution.lifecycle import UNSETTLED
from signals.models import ExternalTrade, Fill, Order
from tradeops.core import clock
from tradeops.core.money import ZERO

from . import asking, external, parts
from .books import report
from .cursor import Claim
from .look import Look

# A send that was never answered leaves an order without the venue's id; it is asked after before a trade is foreign.
NAMELESS_FOR = timedelta(days=1)
MOST_QUESTIONS = 50


@dataclass
class Taken:
    """What taking in the trades of one look came to. Trades are read again from `until` on, if it is given."""

    ours: int = 0
    external: int = 0
    until: datetime | None = None

    @property
    def changed(self) -> bool:
        return bool(self.ours or self.external)

    def postpone(self, trade: TradeReport) -> None:
        self.until = trade.fill.at if self.until is None else min(self.until, trade.fill.at)


def take_in(held: Claim, broker: Broker, look: Look) -> Taken:
    """Uses the network for orders whose trades are new; each write is a transaction of its own."""
    taken = Taken()
    new = _unknown(held.account, look.trades)
    # In this order: what made a trade was stored before it was sent, and has the venue's id once it is settled.
    doubtful = _under_way(held.account)
    owners = _owners(held.account, new)
    if _nameless_trades(new, owners):
        owners |= _ask_nameless(held.account, broker, new, owners, now=look.began_at)
        new = _unknown(held.account, new)
    by_order: dict[int, list[TradeReport]] = {}
    for trade in new:
        order = owners.get(_name(trade))
        if order is not None:
            by_order.setdefault(order.pk, []).append(trade)
        elif _may_be_ours(trade, doubtful):
            taken.postpone(trade)
        else:
            lot = asking.lot(broker, trade.symbol) if trade.cause in external.FORCED else ZERO
            external.take_in(held, trade, hedged=look.hedged, lot=lot, now=clock.now())
            taken.external += 1
    rows = {order.pk: order for order in owners.values()}
    for number, (pk, trades) in enumerate(by_order.items()):
        if number >= MOST_QUESTIONS:
            taken.postpone(trades[0])
            continue
        apply_to(rows[pk], broker, trades)
        taken.ours += len(trades)
    return taken


def apply_to(order: Order, broker: Broker, trades: Iterable[TradeReport]) -> Order:
    """The order as the venue has it, with these of its trades, through `execution.apply`."""
    found = asking.fetch(broker, order)
    fills = {trade.fill.trade_id: trade.fill for trade in trades}
    if found is None:
        found = OrderReport(
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            status=_as_it_is(order),
        )
    fills |= {fill.trade_id: fill for fill in found.fills}
    return report(order, replace(found, fills=_in_time(fills.values())))


def _in_time(fills: Iterable[FillReport]) -> tuple[FillReport, ...]:
    return tuple(sorted(fills, key=lambda fill: (fill.at, fill.trade_id)))


def _as_it_is(order: Order) -> ReportStatus:
    """A trade of an order that the venue cannot show: its fill is booked, and the order stays what it is."""
    try:
        return ReportStatus(order.status)
    except ValueError:
        return ReportStatus.PARTIALLY_FILLED


# Whose it is -------------------------------------------------------------------------------------------------------


def _unknown(account: Account, trades: Iterable[TradeReport]) -> list[TradeReport]:
    """Those that are in no ledger yet, in the order of the venue."""
    found = []
    ordered = sorted(trades, key=lambda trade: trade.symbol)
    for symbol, group in groupby(ordered, key=lambda trade: trade.symbol):
        some = {trade.fill.trade_id: trade for trade in group}
        asked = [name for trade_id in some for name in parts.names(trade_id)]
        known = {
            trade_id
            for model in (Fill, ExternalTrade)
            for trade_id in model.objects.filter(account=account, symbol=symbol, trade_id__in=asked).values_list(
                "trade_id", flat=True
            )
        }
        found += [trade for trade_id, trade in some.items() if known.isdisjoint(parts.names(trade_id))]
    return sorted(found, key=lambda trade: trade.fill.at)


def _name(trade: TradeReport) -> tuple[str, str]:
    """How a trade names its order: by our id where the venue tells it, else by the venue's."""
    return ("", trade.client_order_id) if trade.client_order_id else (trade.venue_order_id, "")


def _owners(account: Account, trades: Iterable[TradeReport]) -> dict[tuple[str, str], Order]:
    """Our orders that these trades belong to, by name; not those that book an exit of the venue's."""
    ours = {trade.client_order_id for trade in trades if trade.client_order_id}
    theirs = {trade.venue_order_id for trade in trades if not trade.client_order_id and trade.venue_order_id}
    rows = Order.objects.select_related("account", "strategy", "signal").filter(account=account)
    found: dict[tuple[str, str], Order] = {}
    if ours:
        found |= {("", row.client_order_id): row for row in rows.filter(client_order_id__in=ours)}
    if theirs:
        exits = rows.filter(venue_order_id__in=theirs).exclude(pk__in=_fired(account, theirs))
        found |= {(row.venue_order_id, ""): row for row in exits}
    return found


def _fired(account: Account, venue_ids: set[str]) -> list[int]:
    """Orders of the venue's own making: a further trade of theirs is booked as the first was."""
    rows = ExternalTrade.objects.filter(account=account, order__venue_order_id__in=venue_ids, order__account=account)
    return list(rows.values_list("order_id", flat=True))


def _nameless_trades(trades: Iterable[TradeReport], owners: dict[tuple[str, str], Order]) -> bool:
    return any(not trade.client_order_id and _name(trade) not in owners for trade in trades)


def _ask_nameless(
    account: Account,
    broker: Broker,
    trades: Iterable[TradeReport],
    owners: dict[tuple[str, str], Order],
    *,
    now: datetime,
) -> dict[tuple[str, str], Order]:
    """Orders that were sent and never got the venue's id, on symbols with a trade that bears none of ours.

    A late arrival on a venue that does not tell client ids with its trades; asked once it is settled here.
    """
    symbols = {trade.symbol for trade in trades if not trade.client_order_id and _name(trade) not in owners}
    sent = Order.objects.filter(
        account=account, venue_order_id="", symbol__in=symbols, sent_at__isnull=False,
        created_at__gte=now - NAMELESS_FOR,
    ).exclude(status__in=(Order.Status.SUBMITTED, Order.Status.UNKNOWN))  # fmt: skip
    found = {}
    for order in sent.select_related("account", "strategy", "signal").order_by("id")[:MOST_QUESTIONS]:
        there = asking.fetch(broker, order)
        if there is not None:
            order = report(order, there)
            found[there.venue_order_id, ""] = order
    return found


def _under_way(account: Account) -> set[tuple[str, str]]:
    """(symbol, side) of orders that may be at the venue without our knowing their name there."""
    found = Order.objects.filter(UNSETTLED, account=account, venue_order_id="", sent_at__isnull=False)
    return set(found.values_list("symbol", "side"))


def _may_be_ours(trade: TradeReport, doubtful: set[tuple[str, str]]) -> bool:
    """Then it is looked at again when that order is settled."""
    if trade.client_order_id or trade.cause != Cause.HAND:
        return False
    return (trade.symbol, str(trade.side)) in doubtful
