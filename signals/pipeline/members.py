"""An account's part in a group of the strategy's: its share of the size, its pause, its start (S7).

What only reduces is never held back by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from accounts import groups
from accounts.models import Account
from signals.models import Order, Position
from signals.risk.base import FAIL, PASS, Verdict
from signals.strategies.actions import Leg, Plan
from tradeops.core import money
from tradeops.core.money import EXACT

from .desk import Desk
from .gather import Case
from .plans import Member

_CLOCKS_DIFFER = timedelta(minutes=5)


def scaled(desk: Desk, size: Decimal) -> Decimal:
    member = desk.look.member
    return size if member is None else money.kept(EXACT.multiply(size, member.multiplier))


def verdicts(desk: Desk, plan: Plan) -> list[Verdict]:
    """What the group says of an entry; nothing outside of groups, and of what only reduces."""
    member = desk.look.member
    opens = next((leg for leg in plan.legs if leg.intent == "open"), None)
    if member is None or opens is None:
        return []
    account = desk.look.account.slug
    if member.paused:
        why = f"{account} is paused in group {member.group}: no entries, exits pass"
        return [Verdict("group", FAIL, "paused", "not paused", why)]
    if member.next_flat and (others := _holding(desk, opens)) and not _begun(desk, member):
        why = f"{account} begins in group {member.group} when the strategy is flat; {others} is {opens.position_side}"
        return [Verdict("group", FAIL, opens.position_side, "flat", why)]
    return [Verdict("group", PASS, member.group, f"× {money.plain(member.multiplier)}")]


def _holding(desk: Desk, opens: Leg) -> str:
    """Another account that is in the very position which this one would enter, whether it is asked now or not."""
    mapped, strategy = desk.case.mapped, desk.case.strategy.pk
    symbols = {desk.key.symbol, *([mapped.symbol, *(one.symbol for one in mapped.accounts.values())] if mapped else [])}
    for row in desk.exposure.positions:
        other = row.strategy_id == strategy and row.account_id != desk.key.account
        if other and row.symbol in symbols and row.side == opens.position_side:
            return str(Account.objects.values_list("slug", flat=True).get(pk=row.account_id))
    return ""


def _begun(desk: Desk, member: Member) -> bool:
    """Whether it has taken part in this symbol: its position there is younger than its beginning in the group."""
    if member.started_at is None:
        return False
    key = desk.key
    own = Position.objects.filter(strategy=key.strategy, account=key.account, symbol=key.symbol)
    # A venue's clock says when it filled, ours when it began.
    return own.filter(updated_at__gte=member.started_at - _CLOCKS_DIFFER).exists()


def begin(case: Case, orders: Iterable[Order], *, now: datetime) -> None:
    """Those that waited for the strategy to be flat take part from their first entry on (deciding transaction)."""
    entered = {order.account_id for order in orders if order.intent == Order.Intent.OPEN}
    waited = [
        look.member.pk for look in case.outlooks if look.member and look.member.waits and look.account.pk in entered
    ]
    if waited:
        groups.begin(waited, now=now)
