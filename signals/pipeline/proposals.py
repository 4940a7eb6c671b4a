"""What decisions for accounts and endpoints have in common: age, mode, and what a broker is asked for."""

from __future__ import annotations

from datetime import datetime

from accounts.brokers import registry
from accounts.brokers.base import Quote
from accounts.models import Account
from signals.models import Position, Strategy
from signals.receive import Alert
from signals.risk.base import FAIL, PASS, Verdict
from signals.strategies.symbols import Mapped
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import OrderType

from .gather import Case


def born(case: Case) -> datetime:
    """When age begins: the sender's timestamp, else the arrival; a clock that runs ahead gains nothing (I12)."""
    return min(case.alert.sent_at or case.signal.received_at, case.signal.received_at)


def age(case: Case, now: datetime) -> float:
    return max(0.0, (now - born(case)).total_seconds())


def mode(case: Case) -> Verdict:
    """A strategy that is off, or retired, decides nothing; its signals still say so."""
    strategy = case.strategy
    if strategy.retired_at is not None:
        return Verdict("mode", FAIL, "retired", "not off", f"strategy {strategy.slug} is retired")
    if strategy.mode == Strategy.Mode.OFF:
        return Verdict("mode", FAIL, "off", "not off", f"strategy {strategy.slug} is off")
    return Verdict("mode", PASS, "dry_run" if case.dry_run else strategy.mode, "not off")


def beyond(alert: Alert, account: Account, mapped: Mapped | None) -> str:
    """What the message asks for and the account's broker does not declare; empty = nothing."""
    try:
        able = registry.capabilities(account.broker)
    except ConfigurationError as error:
        return str(error)
    if alert.order_type not in {str(kind) for kind in able.order_types}:
        return f"{alert.order_type} orders"
    if account.market not in able.markets:
        return f"the {account.market} market"
    wanted = alert.market or (mapped.market if mapped else "")
    if wanted and wanted != account.market:
        return f"the {wanted} market (the account trades {account.market})"
    held_back = [name for name in ("stop_loss", "take_profit", "trailing_stop") if getattr(alert, name)]
    # An entry that is meant to have a stop is not opened without one.
    return f"{', '.join(held_back)} with an entry" if held_back and OrderType.STOP not in able.order_types else ""


def mark_quote(position: Position) -> Quote | None:
    """The position's last mark as a quote, with its own time; None if it was never marked."""
    price, at = position.mark_price, position.marked_at
    if price is None or at is None:
        return None
    return Quote(symbol=position.symbol, bid=price, ask=price, last=price, at=at, source="last mark")
