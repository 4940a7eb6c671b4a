"""Orders that rest: with us and not at the venue, at the venue and not with us."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from accounts.brokers.base import Broker, BrokerError, OrderReport, ReportStatus
from accounts.models import Account
from signals.execution import cancel
from signals.execution.lifecycle import FINAL
from signals.models import Order, VenueDifference
from tradeops.core import clock, literal, logs, money

from . import asking
from .books import report
from .differences import Finding, Name
from .look import Look

logger = logs.get(__name__)
# A venue may show an order late, and polls settle one that is gone (`execution.vanished`): not missed before.
YOUNG = timedelta(seconds=40)
MOST_QUESTIONS = 50
LIVE = frozenset({ReportStatus.OPEN, ReportStatus.PARTIALLY_FILLED})
RESTING = literal.one_of("status", (Order.Status.OPEN.value, Order.Status.PARTIALLY_FILLED.value))
# As `execution.orders.client_order_id` makes them.
OUR_FORM = re.compile(r"[a-z2-7]{32}\Z")


class Compared:
    """What comparing the orders of one look came to.

    `unjudged`: ids that were not looked into this time; `unwanted`: orders that rest there and have ended here.
    """

    def __init__(self) -> None:
        self.findings: dict[Name, Finding] = {}
        self.unjudged: set[str] = set()
        self.unwanted: list[Order] = []
        self.count = 0
        self.changed = False

    def differs(self, symbol: str, reference: str, *, ours: str, venue: str, detail: str) -> None:
        name = Name(VenueDifference.Kind.ORDER, symbol, reference)
        self.findings[name] = Finding(ours, venue, detail)


def compare(account: Account, broker: Broker, look: Look) -> Compared:
    """Uses the network for those that differ; what the venue says is applied, what stays different is found."""
    found = Compared()
    theirs = {each.client_order_id: each for each in look.orders if each.client_order_id}
    ours = {row.client_order_id: row for row in _resting(account)}
    found.count = len(theirs.keys() | ours.keys())
    _only_here(found, broker, {name: row for name, row in ours.items() if name not in theirs}, now=look.began_at)
    _only_there(found, account, broker, {name: each for name, each in theirs.items() if name not in ours})
    return found


def _resting(account: Account) -> list[Order]:
    return list(Order.objects.filter(RESTING, account=account).select_related("account", "strategy", "signal"))


def _only_here(found: Compared, broker: Broker, ours: Mapping[str, Order], *, now: datetime) -> None:
    """It was filled or cancelled meanwhile, or the venue does not know it at all."""
    for number, order in enumerate(ours.values()):
        if number >= MOST_QUESTIONS:
            found.unjudged.add(order.client_order_id)
            continue
        there = asking.fetch(broker, order)
        if there is not None:
            _apply(found, order, there)
        elif order.sent_at is None or order.sent_at < now - YOUNG:
            found.differs(
                order.symbol,
                order.client_order_id,
                ours=order.status,
                venue="not there",
                detail="The venue does not know this order. Look it up at the venue; if it is gone there, cancel it "
                "here.",
            )
        else:
            found.unjudged.add(order.client_order_id)


def _only_there(found: Compared, account: Account, broker: Broker, theirs: Mapping[str, OrderReport]) -> None:
    rows = Order.objects.select_related("account", "strategy", "signal").filter(
        account=account, client_order_id__in=list(theirs)
    )
    ours = {row.client_order_id: row for row in rows}
    for number, (name, there) in enumerate(theirs.items()):
        order = ours.get(name)
        if order is None:
            if OUR_FORM.match(name):
                _nobodys(found, there)
        elif order.status in (Order.Status.SUBMITTED, Order.Status.UNKNOWN) or number >= MOST_QUESTIONS:
            found.unjudged.add(name)  # `execution` is at it
        else:
            _late(found, broker, order, listed=there)


def _late(found: Compared, broker: Broker, order: Order, *, listed: OrderReport) -> None:
    """It rests there although it was put back, or ended, here: adopted if it was to be sent, else nobody wants it."""
    there = asking.fetch(broker, order, unlisted=listed)
    if there is None:
        return
    order = _apply(found, order, there)
    if there.status not in LIVE or order.status not in FINAL:
        return
    found.differs(
        order.symbol,
        order.client_order_id,
        ours=order.status,
        venue=_there(there),
        detail="It rests at the venue although it has ended here. It is being cancelled there; if this stays, cancel "
        "it at the venue by hand.",
    )
    found.unwanted.append(order)


def cancel_unwanted(orders: Iterable[Order]) -> None:
    """After the difference is stored and told: nobody wants an order that has ended here."""
    for order in orders:
        try:
            cancel.send(order, now=clock.now())
        except BrokerError as error:
            logger.warning("an order that ended here still rests there", order=order.client_order_id, error=str(error))


def _nobodys(found: Compared, there: OrderReport) -> None:
    found.differs(
        there.symbol,
        there.client_order_id,
        ours="no such order",
        venue=_there(there),
        detail="It bears an id as the portal makes them, and the books have no such order: were they restored from a "
        "backup, or does a second portal trade on this account? Cancel it at the venue if nobody wants it.",
    )


def _apply(found: Compared, order: Order, there: OrderReport) -> Order:
    before = (order.status, order.filled_quantity)
    order = report(order, there)
    found.changed |= before != (order.status, order.filled_quantity)
    return order


def _there(there: OrderReport) -> str:
    side = f" {there.side}" if there.side else ""
    quantity = f" {money.plain(there.quantity)}" if there.quantity is not None else ""
    return f"{there.status}{side}{quantity}"
