"""Fills of our books beside the venue's list of trades: each must be there, with the same quantity and price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from accounts.brokers.base import FillReport, TradeReport
from accounts.models import Account
from signals.models import Fill, VenueDifference
from tradeops.core.money import plain

from . import parts
from .differences import Finding, Name
from .look import Look

# A venue may list a trade late; and its clock is not ours.
YOUNG = timedelta(seconds=30)
MARGIN = timedelta(seconds=1)


@dataclass(frozen=True)
class Compared:
    """`judged`: (symbol, trade id) of the fills that were looked for."""

    findings: dict[Name, Finding]
    judged: frozenset[tuple[str, str]]


def compare(account: Account, look: Look) -> Compared:
    """Those of the time that the look covers."""
    if not look.able.trades:
        return Compared({}, frozenset())
    there = {(trade.symbol, trade.fill.trade_id): trade for trade in look.trades}
    ours = Fill.objects.filter(account=account, at__gte=look.since + MARGIN, at__lt=look.began_at - YOUNG)
    pairs = [
        (fill, there.get((fill.symbol, fill.trade_id)) or there.get((fill.symbol, parts.whole(fill.trade_id))))
        for fill in ours.select_related("order")
    ]
    found = {name: finding for fill, trade in pairs for name, finding in _compare(fill, trade)}
    return Compared(found, frozenset((fill.symbol, fill.trade_id) for fill, _ in pairs))


def _compare(fill: Fill, trade: TradeReport | None) -> Iterable[tuple[Name, Finding]]:
    name = Name(VenueDifference.Kind.FILL, fill.symbol, fill.trade_id)
    here = _said(fill)
    if trade is None:
        detail = f"The books have this trade of order {fill.order.client_order_id}; the venue does not list it."
        yield name, Finding(here, "not there", detail)
        return
    there = _said(trade.fill)
    # An exit that the venue fired may be booked in part: the rest of it is external.
    same = fill.price == trade.fill.price and (
        fill.quantity == trade.fill.quantity or (fill.order.origin == "exit" and fill.quantity < trade.fill.quantity)
    )
    if not same:
        detail = f"The books and the venue tell this trade of order {fill.order.client_order_id} differently."
        yield name, Finding(here, there, detail)


def _said(fill: Fill | FillReport) -> str:
    return f"{plain(fill.quantity)} at {plain(fill.price)}"
