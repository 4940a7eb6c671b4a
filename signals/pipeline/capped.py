"""A size that is a share of what the account has is cut to what the limits leave, instead of being refused (S6).

A size that somebody has named, a quantity or an amount, is never changed behind his back: the rules refuse it. A
group's cap cuts every size.
"""

from __future__ import annotations

from decimal import Decimal

from signals.portfolio.exposure import Book
from signals.risk import gate
from signals.strategies import sizing
from signals.strategies.sizing import NoSize
from tradeops.core import money
from tradeops.core.money import EXACT

from .desk import Desk


def cut(desk: Desk, size: Decimal, *, price: Decimal | None, sells: bool) -> tuple[Decimal, str]:
    """The size that is left, and in words what it was cut by; empty = nothing. Raises NoSize."""
    bounds = [bound for bound in _bounds(desk, price=price, sells=sells) if 0 < bound[0] < size]
    if not bounds:
        return size, ""
    most, why = min(bounds)
    return most, f"the size of {money.plain(size)} is cut to {money.plain(most)} by {why}"


def _bounds(desk: Desk, *, price: Decimal | None, sells: bool) -> list[tuple[Decimal, str]]:
    found: list[tuple[Decimal, str]] = []
    member = desk.look.member
    if member is not None and member.cap is not None:
        if not price:
            raise NoSize(f"the cap of group {member.group} needs a price, and there is none")
        found.append((_worth(member.cap, price), f"the cap of group {member.group}"))
    if desk.case.strategy.sizing_mode not in sizing.PERCENT:
        return found
    if price and (notional := _limit(desk, "max_order_notional")) is not None:
        found.append((_worth(notional, price), "max_order_notional"))
    if (most := _limit(desk, "max_position_size")) is not None:
        found.append((most - _there(desk, sells=sells), "max_position_size"))
    return found


def _there(desk: Desk, *, sells: bool) -> Decimal:
    """What counts for the limit already. A target's size is that of the whole position, so nothing has to be left."""
    instruction = desk.case.opinion.instruction
    if instruction is not None and instruction.target:
        return Decimal(0)
    row = desk.exposure.held(desk.key).get("short" if sells else "long")
    pending = Book(desk.key, desk.exposure).own_pending_quantity()
    return (row.quantity if row else Decimal(0)) + pending


def _worth(amount: Decimal, price: Decimal) -> Decimal:
    return money.kept(EXACT.divide(amount, price))


def _limit(desk: Desk, rule: str) -> Decimal | None:
    """The strictest; the rule itself says what is wrong with one that cannot be read."""
    account = desk.look.account.slug
    limits = gate.limits_for(rule, strategy=desk.case.strategy.slug, account=account)
    return min((Decimal(str(limit.value)) for limit in limits), default=None)
